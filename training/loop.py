"""The training loop: batches of similar length, two losses, layer-wise rates, a progress bar."""

import ctypes
import os
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import tokenizers
import torch
import transformers
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from claimstance.labels import SENTIMENTS, STANCES
from training.network import Network
from training.settings import Settings

IGNORED = -100
"""The target of a head without a label: left out of the loss."""

BUCKET = 32
"""Batches drawn together and sorted by length, so that little is spent on padding."""

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
"""Of mallopt(3)."""

AVERAGE_EVERY = 4
"""Steps between two weights that are averaged: neighbours hardly differ, and each costs a walk
over all of them."""


@dataclass(frozen=True, slots=True)
class Example:
    """A sentence ready for training: token ids, and each head's label or `IGNORED`.

    `shares` has each label's share of the votes for a head that annotators disagreed on.
    """

    ids: list[int]
    stance: int
    sentiment: int
    shares: dict[str, tuple[float, ...]] = field(default_factory=dict)


def device() -> torch.device:
    """Return the GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def seed_everything(seed: int) -> random.Random:
    """Fix every source of chance and return the one that orders batches."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # else a GPU's products vary
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Filling every new tensor costs a third of the time and hides no chance here.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    return random.Random(seed)


def train(
    network: Network,
    examples: Sequence[Example],
    settings: Settings,
    order: random.Random,
    after_epoch: Callable[[int], str],
) -> None:
    """Train `network` in place.

    Args:
        network: what to train; moved to the device of `device()`.
        examples: the training sentences.
        settings: the recipe.
        order: the source of chance for the order of batches.
        after_epoch: called with the number of each epoch done, from 1; returns what to print.
    """
    place = device()
    network.to(place)
    _keep_memory()
    per_epoch = -(-len(examples) // settings.batch_size)
    epochs = max(settings.epochs, -(-settings.min_steps // per_epoch))
    steps = epochs * per_epoch
    peak = settings.small_rate if epochs > settings.epochs else 1.0
    optimizer = torch.optim.AdamW(_groups(network, settings), fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: peak * _rate(step, steps, settings.warmup)
    )
    weights = {
        "stance": _class_weights([e.stance for e in examples], len(STANCES), settings),
        "sentiment": _class_weights([e.sentiment for e in examples], len(SENTIMENTS), settings),
    }
    losses = {
        name: nn.CrossEntropyLoss(
            weight=weight.to(place),
            ignore_index=IGNORED,
            label_smoothing=settings.label_smoothing,
            reduction="sum",
        )
        for name, weight in weights.items()
    }
    average = _Average(network, steps - round(settings.average * steps))
    columns = (
        TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} steps, loss {task.fields[loss]:.3f},"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with Progress(*columns, transient=True) as progress:
        progress.console.print(described(place, network))
        bar = progress.add_task("", total=steps, epoch=1, epochs=epochs, loss=float("nan"))
        running = 0.0
        step = 0
        for epoch in range(1, epochs + 1):
            network.train()
            for batch in _batches(examples, settings.batch_size, order):
                loss = _loss(network, batch, losses, settings.sentiment_weight, place)
                loss.backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
                step += 1
                average.update(step)
                running = loss.item() if step == 1 else 0.95 * running + 0.05 * loss.item()
                progress.update(bar, advance=1, epoch=epoch, loss=running)
            progress.console.print(
                f"epoch {epoch}/{epochs}: loss {running:.3f}{after_epoch(epoch)}"
            )
    average.apply()


def logits(
    network: Network, ids: Sequence[list[int]], batch_size: int = 64
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return stance and sentiment logits in full precision, each (sentences, 3), in order."""
    place = device()
    network.to(place).eval()
    stance = np.zeros((len(ids), len(STANCES)), np.float32)
    sentiment = np.zeros((len(ids), len(SENTIMENTS)), np.float32)
    by_length = sorted(range(len(ids)), key=lambda index: len(ids[index]))
    with torch.inference_mode():
        for start in range(0, len(ids), batch_size):
            chosen = by_length[start : start + batch_size]
            output = network(*pad([ids[index] for index in chosen], place))
            stance[chosen] = output["stance"].float().cpu().numpy()
            sentiment[chosen] = output["sentiment"].float().cpu().numpy()
    return stance, sentiment


def pad(ids: Sequence[list[int]], place: torch.device) -> tuple[Tensor, Tensor]:
    """Return right-padded ids and their mask, each (sentences, longest)."""
    longest = max(map(len, ids))
    padded = torch.zeros(len(ids), longest, dtype=torch.long)
    mask = torch.zeros(len(ids), longest, dtype=torch.long)
    for row, sentence in enumerate(ids):
        padded[row, : len(sentence)] = torch.tensor(sentence)
        mask[row, : len(sentence)] = 1
    return padded.to(place), mask.to(place)


def _keep_memory() -> None:
    """Have the C library keep what is freed, where it can be told to.

    Else the gradients' pages are handed back and asked for anew in every step, a seventh of its
    time on a CPU.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(_M_MMAP_MAX, 0)
        libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


def _loss(
    network: Network,
    batch: Sequence[Example],
    losses: dict[str, nn.CrossEntropyLoss],
    sentiment_weight: float,
    place: torch.device,
) -> Tensor:
    """Return the batch's loss: each head's mean over the sentences it has labels for.

    Where annotators disagreed, all their labels count by their share (Uma et al. 2021).
    """
    ids, mask = pad([example.ids for example in batch], place)
    with mixed_precision(place, network):
        output = network(ids, mask)
    total = torch.zeros((), device=place)
    for name, weight in (("stance", 1.0), ("sentiment", sentiment_weight)):
        targets = torch.tensor([getattr(example, name) for example in batch], device=place)
        logits = output[name].float()
        voted = [row for row, example in enumerate(batch) if name in example.shares]
        targets[voted] = IGNORED
        counted = int((targets != IGNORED).sum()) + len(voted)
        if not counted:
            continue
        loss = losses[name](logits, targets)
        if voted:
            shares = torch.tensor([batch[row].shares[name] for row in voted], device=place)
            loss = loss + losses[name](logits[voted], shares)
        total = total + weight * loss / counted
    return total


def mixed_precision(place: torch.device, network: Network) -> AbstractContextManager[object]:
    """Compute in bfloat16 where the device is fast at it and the network right in it."""
    enabled = _fast_in_half(place) and network.mixed
    return torch.autocast(place.type, torch.bfloat16, enabled=enabled)


def described(place: torch.device, network: Network) -> str:
    """Return on what is trained and in which number type, in words."""
    if not _fast_in_half(place):
        how = "float32"
    elif not network.mixed:
        how = "float32, because this encoder is not right in bfloat16"
    else:
        how = "mixed precision (bfloat16)"
    return f"training on {_name(place)} in {how}"


def made_with(network: Network) -> dict[str, str]:
    """Return what a trained network's weights depend on beside data, recipe and code."""
    place = device()
    return {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "tokenizers": tokenizers.__version__,
        "device": _name(place),
        "threads": str(torch.get_num_threads()),
        "numbers": "bfloat16" if _fast_in_half(place) and network.mixed else "float32",
    }


def _name(place: torch.device) -> str:
    if place.type == "cuda":
        return torch.cuda.get_device_name(place)
    return f"the CPU ({torch.backends.cpu.get_cpu_capability()})"


def _fast_in_half(place: torch.device) -> bool:
    if place.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # Where only emulated, it is many times slower than float32.
    has = torch.cpu.get_capabilities()
    return bool(has.get("avx512_bf16") or has.get("amx_bf16"))


def _batches(
    examples: Sequence[Example], size: int, order: random.Random
) -> Iterator[list[Example]]:
    """Yield shuffled batches whose sentences are of similar length."""
    shuffled = order.sample(examples, len(examples))
    batches = []
    for start in range(0, len(shuffled), size * BUCKET):
        bucket = sorted(shuffled[start : start + size * BUCKET], key=lambda e: len(e.ids))
        batches += [bucket[i : i + size] for i in range(0, len(bucket), size)]
    order.shuffle(batches)
    yield from batches


def _class_weights(targets: Sequence[int], classes: int, settings: Settings) -> Tensor:
    """Return a weight per class: its inverse frequency to the power of `class_balance`.

    Scaled so that the weights average to 1 over the sentences.
    """
    counts = np.bincount([t for t in targets if t != IGNORED], minlength=classes).astype(float)
    if counts.sum() == 0:
        return torch.ones(classes)
    raw = np.where(counts > 0, counts.clip(min=1) ** -settings.class_balance, 0)
    return torch.tensor(raw * counts.sum() / (raw * counts).sum(), dtype=torch.float32)


def _rate(step: int, steps: int, warmup: float) -> float:
    """Return the share of the peak rate at `step`: a linear rise, then a linear fall to 0."""
    rise = max(1, round(warmup * steps))
    return (step + 1) / rise if step < rise else (steps - step) / max(1, steps - rise)


def _groups(network: Network, settings: Settings) -> list[dict[str, object]]:
    """Return the optimizer's parameter groups.

    Rates fall from the heads down to the embeddings (discriminative fine-tuning, Howard and
    Ruder 2018); biases and norms do not decay.
    """
    depth = 1 + max((_layer(name) for name, _ in network.named_parameters()), default=0)
    # Few groups of many parameters: the fused step is called once for each.
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if name.startswith("encoder."):
            rate = settings.learning_rate * settings.layer_decay ** (depth - 1 - _layer(name))
        else:
            rate = settings.head_learning_rate
        decay = settings.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((rate, decay), []).append(parameter)
    return [
        {"params": parameters, "lr": rate, "weight_decay": decay}
        for (rate, decay), parameters in groups.items()
    ]


def _layer(name: str) -> int:
    """Return a parameter's depth: 0 for embeddings, then 1, 2, ... up the encoder's layers."""
    steps = name.split(".")
    return next((int(step) + 1 for step in steps if step.isdecimal()), 0)


class _Average:
    """The mean of the weights over the last steps (Izmailov et al. 2018)."""

    def __init__(self, network: Network, first: int) -> None:
        self._network = network
        self._first = first
        self._count = 0
        self._mean: list[Tensor] = []

    def update(self, step: int) -> None:
        """Take in the weights after `step`, once averaging has begun."""
        if step <= self._first or (step - self._first) % AVERAGE_EVERY:
            return
        self._count += 1
        current = [p.detach() for p in self._network.parameters()]
        if not self._mean:
            self._mean = [p.clone() for p in current]
        for mean, value in zip(self._mean, current, strict=True):
            mean += (value - mean) / self._count

    def apply(self) -> None:
        """Put the mean into the network, if there is one."""
        with torch.no_grad():
            if self._mean:
                for parameter, mean in zip(self._network.parameters(), self._mean, strict=True):
                    parameter.copy_(mean)
