"""The sentences that every candidate is given, tokenised already."""

import random
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks import texts
from benchmarks.engines.batches import Ids
from claimstance.labels import SENTIMENTS, STANCES
from claimstance.predictor import Predictor
from training import corpus
from training.evaluate import targets_of
from training.records import Record

SETTING = 3_000
"""Sentences set aside for setting up an int8 graph; none of them is measured on."""


@dataclass(frozen=True)
class Labelled:
    """Labelled sentences: ids, and per head the index of each one's label, -1 without one."""

    ids: list[Ids]
    targets: dict[str, npt.NDArray[np.int64]]


@dataclass(frozen=True)
class Sentences:
    """What is measured on and what is not.

    `archive` and `dev` are measured on: real text, and the corpus's dev part. `setting` is for
    calibrating and ranking layers: half of it other documents of the archive, half the corpus's
    training part. No sentence is in two of them.
    """

    archive: list[Ids]
    dev: Labelled
    setting: list[Ids]

    def part(self, count: int) -> "Sentences":
        """Return the first `count` of what is measured on; the rest as it is."""
        targets = {head: values[:count] for head, values in self.dev.targets.items()}
        return replace(
            self, archive=self.archive[:count], dev=Labelled(self.dev.ids[:count], targets)
        )


def real(archive: Path | None, count: int, version: Path) -> list[Ids]:
    """Return `count` distinct sentences of an archive, or of those written for the project.

    Raises:
        DocumentUnreadable, InvalidInput: the archive cannot be read.
        ModelNotFound, ModelInvalid: there is no such version, or it is damaged.
    """
    predictor = Predictor(version, 1)
    # Some occur more than once.
    found = texts.sentences(texts.load(archive), 2 * count)
    return list(dict.fromkeys(item.ids for item in predictor.encode(found)))[:count]


def load(archive: Path | None, count: int, version: Path) -> Sentences:
    """Return `count` distinct sentences of an archive, the corpus's dev part, and others.

    Without an archive the first are of what was written for the project, which the corpus's
    training part holds too.

    Raises:
        DocumentUnreadable, InvalidInput: the archive or the corpus cannot be read.
        ModelNotFound, ModelInvalid: there is no such version, or it is damaged.
    """
    predictor = Predictor(version, 1)

    def encode(found: list[str]) -> list[Ids]:
        return [item.ids for item in predictor.encode(found)]

    whole = corpus.load([], with_project=True)
    dev = whole.part("dev")
    labelled = encode([record.text for record in dev])
    found = texts.sentences(texts.load(archive), count + SETTING // 2)
    held = set(labelled)
    real = [ids for ids in dict.fromkeys(encode(found)) if ids not in held]
    measured = real[:count] if len(real) > count else real[: len(real) // 2]
    training = random.Random(0).sample(whole.part("train"), SETTING // 2)
    held |= set(measured)
    # Archive and corpus take turns, so that any first part of these is half of each.
    others = _alternate(real[len(measured) :], encode([record.text for record in training]))
    setting = [ids for ids in dict.fromkeys(others) if ids not in held]
    return Sentences(measured, Labelled(labelled, _targets(dev)), setting)


def _alternate(first: list[Ids], second: list[Ids]) -> list[Ids]:
    pairs = [ids for pair in zip(first, second, strict=False) for ids in pair]
    return pairs + first[len(second) :] + second[len(first) :]


def _targets(records: list[Record]) -> dict[str, npt.NDArray[np.int64]]:
    return {head: targets_of(records, head) for head in ("stance", "sentiment")}


LABELS = {"stance": len(STANCES), "sentiment": len(SENTIMENTS)}
"""How many labels each head has."""
