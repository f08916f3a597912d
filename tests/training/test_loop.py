"""The loss: labels by head, what is unlabelled left out, disagreement by its shares."""

from pathlib import Path

import pytest
import torch
from torch import nn

from claimstance.labels import STANCES
from training import loop, network, settings
from training.loop import IGNORED, Example

IDS = [2, 7, 5, 3]


@pytest.fixture(scope="module")
def net(tiny_encoder: Path) -> network.Network:
    return network.pretrained(str(tiny_encoder), dropout=0.0).network.eval()


def loss(net: network.Network, *batch: Example, smoothing: float = 0.0) -> float:
    weight = torch.tensor([0.5, 2.0, 1.0])
    losses = {
        head: nn.CrossEntropyLoss(
            weight=weight, ignore_index=IGNORED, label_smoothing=smoothing, reduction="sum"
        )
        for head in ("stance", "sentiment")
    }
    with torch.no_grad():
        return float(loop._loss(net, batch, losses, 0.5, torch.device("cpu")))


def voted(*shares: float) -> Example:
    return Example(IDS, IGNORED, IGNORED, {"stance": shares})


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_votes_that_all_agree_are_a_label(net: network.Network, smoothing: float) -> None:
    for label in range(len(STANCES)):
        shares = [float(label == other) for other in range(len(STANCES))]
        said = loss(net, Example(IDS, label, IGNORED), smoothing=smoothing)
        assert loss(net, voted(*shares), smoothing=smoothing) == pytest.approx(said, rel=1e-4)


def test_votes_count_by_their_share(net: network.Network) -> None:
    firm, neutral = (loss(net, Example(IDS, label, IGNORED)) for label in (0, 2))
    assert loss(net, voted(0.75, 0, 0.25)) == pytest.approx(0.75 * firm + 0.25 * neutral, rel=1e-4)


def test_a_label_beside_votes_counts_only_where_there_are_none(net: network.Network) -> None:
    label = Example(IDS, 1, IGNORED)
    shared = Example(IDS, 0, IGNORED, {"stance": (0.75, 0.0, 0.25)})
    mean = (loss(net, label) + loss(net, voted(0.75, 0, 0.25))) / 2
    assert loss(net, label, shared) == pytest.approx(mean, rel=1e-4)


def test_what_has_no_label_is_left_out(net: network.Network) -> None:
    assert loss(net, Example(IDS, IGNORED, IGNORED)) == 0
    one = Example(IDS, 1, IGNORED)
    assert loss(net, one, Example(IDS, IGNORED, IGNORED)) == pytest.approx(loss(net, one))


def trained(encoder: Path, recipe: Path, **changed: float) -> torch.Tensor:
    """Return all weights, in a row, after training on a few examples."""
    order = loop.seed_everything(0)
    net = network.pretrained(str(encoder), dropout=0.0).network
    examples = [Example(IDS, label, label) for label in (0, 1, 2)] * 3
    settled = settings.load(recipe).model_copy(update={"epochs": 1, **changed})
    loop.train(net, examples, settled, order, lambda _: "")
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def test_small_data_alone_is_trained_at_a_share_of_the_rates(
    tiny_encoder: Path, tiny_recipe: Path
) -> None:
    rates = {"learning_rate": 2.5e-3, "head_learning_rate": 2.5e-3}  # half of the recipe's
    small = trained(tiny_encoder, tiny_recipe, min_steps=6, small_rate=0.5)
    assert torch.equal(
        small, trained(tiny_encoder, tiny_recipe, min_steps=6, **rates, small_rate=1)
    )
    assert not torch.equal(small, trained(tiny_encoder, tiny_recipe, min_steps=6, small_rate=1))
    enough = trained(tiny_encoder, tiny_recipe, min_steps=0, small_rate=0.5)
    assert torch.equal(enough, trained(tiny_encoder, tiny_recipe, min_steps=0, small_rate=1))
