"""The first stage of the archive cascade: a small network that learns what the encoder says.

A convolution over token embeddings, its largest and mean values, two heads: a hundredth of the
encoder's work. It learns the encoder's calibrated probabilities (distillation, Hinton et al. 2015)
of sentences as archives hold them, most of which have nothing to do with a claim.
"""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from rich.progress import track
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from claimstance import Predictor, bundle
from claimstance.bundle import Certificate, Manifest, Screen
from claimstance.labels import SENTIMENTS, STANCES
from claimstance.predictor import Encoded, Labels
from claimstance.screen import Cascade
from claimstance.screen import Screen as FirstStage
from training import certify, evaluate, export, loop
from training.certify import Said
from training.records import Record
from training.unlabelled import Part, Sentence

SIZES: dict[Part, int] = {"choose": 10_000, "certify": 20_000}
"""Sentences that thresholds are chosen and certified on."""

WIDTH, FILTERS, SPAN = 128, 256, 5
"""Numbers of an embedding, of filters, and tokens that a filter sees."""

HIDDEN = 128
DROPOUT = 0.1
SPREAD = 0.3
"""Standard deviation of the embeddings at the start."""

EPOCHS = 8
BATCH = 128
RATE = 2e-3

STEP = 2_000
"""Sentences that the encoder is given at once."""


class Small(nn.Module):
    """The first stage's network; inputs and outputs as those of `training.network.Network`.

    Args:
        embeddings: the encoder's token embeddings, (tokens, size): it starts from their main
            directions.
    """

    def __init__(self, embeddings: Tensor) -> None:
        super().__init__()
        weights = _main(embeddings)
        width = weights.shape[1]
        self.embeddings = nn.Embedding(len(weights), width, _weight=weights)
        self.filters = nn.Conv1d(width, FILTERS, SPAN, padding=SPAN // 2)
        self.hidden = nn.Linear(2 * FILTERS, HIDDEN)
        self.stance = nn.Linear(HIDDEN, len(STANCES))
        self.sentiment = nn.Linear(HIDDEN, len(SENTIMENTS))
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Return logits by head name, each (sentences, 3), for ids and mask (sentences, tokens)."""
        mask = attention_mask[..., None].to(self.hidden.weight.dtype)
        # Padding is nought before the filters and after, so that it changes nothing.
        tokens = self.dropout(self.embeddings(input_ids)) * mask
        seen = torch.relu(self.filters(tokens.transpose(1, 2))).transpose(1, 2) * mask
        pooled = torch.cat([seen.amax(1), seen.sum(1) / mask.sum(1)], 1)
        hidden = self.dropout(torch.relu(self.hidden(self.dropout(pooled))))
        return {"stance": self.stance(hidden), "sentiment": self.sentiment(hidden)}


def _main(embeddings: Tensor) -> Tensor:
    """Return the main directions of token embeddings, (tokens, `WIDTH` at most), centred."""
    centred = embeddings.detach().float() - embeddings.detach().float().mean(0)
    _, directions = torch.linalg.eigh(centred.T @ centred)
    found: Tensor = centred @ directions.flip(1)[:, :WIDTH]
    return found * (SPREAD / found.std())


def make(
    folder: Path,
    manifest: Manifest,
    embeddings: Tensor,
    sentences: dict[Part, list[Sentence]],
    labelled: Sequence[Record],
    seed: int,
    parent: Path | None = None,
) -> Manifest:
    """Give the version in `folder` a certified first stage, and write its files there.

    One that learns anew, where there is something to learn from; that of `parent` otherwise, where
    it has one that can be certified for this encoder too.

    Args:
        folder: of a version that is whole but for its first stage.
        manifest: the version's.
        embeddings: the encoder's token embeddings, (tokens, size).
        sentences: of archives, by what they are for; none to learn from where nothing is to be
            learnt anew.
        labelled: held-out sentences whose true stances tell the errors of both stages together.
        seed: everything random follows from it.
        parent: the folder of the version that this one started from.

    Returns:
        The manifest with what is certified, written; where nothing could be certified, with why
        not in its metrics, and no files of a first stage.
    """
    if certify.bound(np.zeros(len(sentences["certify"]), bool)).at_most > certify.CHANGED:
        return none(manifest, "too few sentences of archives were at hand to certify one")
    trial = _Trial(folder, sentences)
    found = None
    why = "none was to be learnt"
    if sentences["train"]:
        network = Small(embeddings)
        _train(network, *trial.shown("train"), seed)
        export.export(network, folder / bundle.SCREEN)
        found = trial.certified(len(sentences["train"]))
        why = "what it learnt differs too much from the encoder to be certified"
    elif parent:
        before = bundle.read_manifest(parent)
        why = f"{before.tag}, which it started from, has none, and none was to be learnt anew"
        if before.screen:
            for name in bundle.SCREENING:
                bundle.copy_file(parent / name, folder / name)
            found = trial.certified(before.screen.learnt_from)
            why = (
                f"that of {before.tag}, which it started from, cannot be certified for this "
                "encoder, and none was to be learnt anew"
            )
    if found is None:
        for name in bundle.SCREENING:
            (folder / name).unlink(missing_ok=True)
        return none(manifest, why)
    manifest = manifest.model_copy(update={"screen": found})
    bundle.write_manifest(folder, manifest)
    errors = {
        name: _with_errors(folder, certificate, labelled)
        for name, certificate in (("both", found.both), ("stance", found.stance))
    }
    manifest = manifest.model_copy(update={"screen": found.model_copy(update=errors)})
    bundle.write_manifest(folder, manifest)
    return manifest


class _Trial:
    """The encoder of the version in `folder` on archive sentences, and first stages against it."""

    def __init__(self, folder: Path, sentences: dict[Part, list[Sentence]]) -> None:
        self._folder = folder
        self._sentences = sentences
        self._predictor = Predictor(folder)

    def shown(self, part: Part) -> tuple[list[Encoded], Labels]:
        """Return the sentences of a part, and what the encoder says of them."""
        rows = self._predictor.encode([sentence.text for sentence in self._sentences[part]])
        return rows, _label(self._predictor, rows)

    @cached_property
    def _judging(self) -> list[tuple[list[Encoded], Labels]]:
        return [self.shown("choose"), self.shown("certify")]

    def certified(self, learnt_from: int) -> Screen | None:
        """Return what the first stage in the folder is certified for, None if for nothing."""
        first = FirstStage(self._folder)
        choosing, certifying = (_both(first, *judging) for judging in self._judging)
        where = certify.sources([sentence.document for sentence in self._sentences["certify"]])
        found = Screen(
            learnt_from=learnt_from,
            both=certify.certify(choosing, certifying, False, where),
            stance=certify.certify(choosing, certifying, True, where),
        )
        return found if found.both or found.stance else None


def none(manifest: Manifest, why: str) -> Manifest:
    """Return the manifest of a version without a first stage, which tells why."""
    return manifest.model_copy(update={"metrics": manifest.metrics | {"no_screen": why}})


def _label(predictor: Predictor, rows: Sequence[Encoded]) -> Labels:
    """Return what the encoder says, with a bar, for it takes minutes."""
    starts = range(0, len(rows), STEP)
    parts = [
        predictor.label(rows[start : start + STEP])
        for start in track(starts, "the encoder shows the first stage", transient=True)
    ]
    names = [field.name for field in fields(Labels)]
    return Labels(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _train(network: Small, rows: Sequence[Encoded], said: Labels, seed: int) -> None:
    """Let the network learn the encoder's probabilities of `rows`."""
    torch.manual_seed(seed)
    chance = np.random.default_rng(seed)
    targets = {
        "stance": torch.tensor(said.stance_scores, dtype=torch.float32),
        "sentiment": torch.tensor(said.sentiment_scores, dtype=torch.float32),
    }
    steps = EPOCHS * -(-len(rows) // BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), RATE, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RATE, steps, pct_start=0.1, anneal_strategy="linear"
    )
    network.train()
    batches = _batches([len(row.ids) for row in rows], chance)
    for batch in track(batches, "the first stage learns", steps, transient=True):
        output = network(*loop.pad([list(rows[i].ids) for i in batch], torch.device("cpu")))
        loss = sum(
            (cross_entropy(output[head], target[batch]) for head, target in targets.items()),
            torch.zeros(()),
        )
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    network.eval()


def _batches(lengths: Sequence[int], chance: np.random.Generator) -> Iterator[list[int]]:
    """Yield the rows of `EPOCHS` epochs in batches of like length, in a shuffled order."""
    sizes = np.array(lengths)
    for _ in range(EPOCHS):
        order = chance.permutation(len(sizes))
        batches: list[list[int]] = []
        for start in range(0, len(order), BATCH * loop.BUCKET):
            bucket = order[start : start + BATCH * loop.BUCKET]
            bucket = bucket[np.argsort(sizes[bucket], kind="stable")]
            batches += [bucket[i : i + BATCH].tolist() for i in range(0, len(bucket), BATCH)]
        for index in chance.permutation(len(batches)):
            yield batches[index]


def _both(first: FirstStage, rows: Sequence[Encoded], said: Labels) -> Said:
    """Return what the first stage and the encoder say of `rows`."""
    order = sorted(range(len(rows)), key=lambda index: len(rows[index].ids))
    stance, sentiment = first.scores([rows[index].ids for index in order])
    return Said(
        stance=stance,
        sentiment=sentiment,
        takes=said.stance[order] != certify.NEUTRAL,
        differs=said.sentiment[order] != sentiment.argmax(1),
    )


def _with_errors(
    folder: Path, certificate: Certificate | None, labelled: Sequence[Record]
) -> Certificate | None:
    """Return `certificate` with what the stances of both stages turned out to be."""
    if certificate is None:
        return None
    predictions = Cascade(folder, certificate).predict([record.text for record in labelled])
    errors = evaluate.stance_errors(labelled, predictions)
    return certificate.model_copy(update={"stance_errors": errors})
