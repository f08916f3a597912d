"""What a candidate does to the labels: against float32, against the truth, and by company."""

from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.engines import candidates, graphs
from benchmarks.engines.batches import CORE, Ids
from benchmarks.engines.candidates import Run
from benchmarks.engines.sentences import LABELS, Sentences
from benchmarks.progress import Steps
from claimstance import bundle
from claimstance.predictor import Scores, softmax
from training.metrics import macro_f1

PROBES = 100
"""Sentences whose scores are compared alone and in company."""

COMPANY = (2, 7)
"""Sentences of the batches that a probe is put in, besides as many as a batch may hold."""

HEADS = tuple(LABELS)
BOTH = dict[str, Scores]


def measure(version: Path, folder: Path, found: Sentences, threads: int) -> dict[str, Any]:
    """Run every candidate, and return what came of it.

    Per candidate and text (`archive`, `dev`): labels changed per head (`changed`), `mean` and
    `largest` change of a stance probability, for `dev` macro-F1 per head; and per candidate
    `company`, the largest change of a probability by what shares the batch.
    """
    chances = _Chances(version)
    every = list(dict.fromkeys(found.archive + found.dev.ids))
    place = {ids: row for row, ids in enumerate(every)}
    rows = {
        "archive": [place[ids] for ids in found.archive],
        "dev": [place[ids] for ids in found.dev.ids],
    }
    sensitivity = graphs.costs(folder)
    with Steps(1 + len(candidates.ALL)) as steps:
        steps.begin(candidates.REFERENCE.name)
        reference = chances.of(candidates.REFERENCE.open(version, folder, threads), every)
        told: dict[str, Any] = {}
        for candidate in candidates.ALL:
            steps.begin(candidate.name)
            run = candidate.open(version, folder, threads)
            scores = chances.of(run, every)
            told[candidate.name] = {
                text: _compare(scores, reference, chosen) for text, chosen in rows.items()
            }
            told[candidate.name]["dev"]["macro_f1"] = _f1(scores, rows["dev"], found)
            told[candidate.name]["company"] = chances.company(run, every)
    return {
        "candidates": told,
        "reference_f1": _f1(reference, rows["dev"], found),
        "sentences": {text: len(chosen) for text, chosen in rows.items()},
        "stances": {
            text: np.bincount(reference["stance"][chosen].argmax(1), minlength=3).tolist()
            for text, chosen in rows.items()
        },
        "sensitivity": sensitivity,
        "setting": len(found.setting),
    }


class _Chances:
    """Runs a candidate and gives the version's calibrated probabilities."""

    def __init__(self, version: Path) -> None:
        manifest = bundle.read_manifest(version)
        self._temperatures = [getattr(manifest, head).temperature for head in HEADS]

    def of(self, run: Run, sentences: list[Ids]) -> BOTH:
        """Return each head's probabilities in the order of `sentences`, batched as in the core."""
        order = sorted(range(len(sentences)), key=lambda row: (len(sentences[row]), sentences[row]))
        parts = [self._both(run(*batch)) for batch in CORE.cut(sentences)]
        scores = {}
        for head in HEADS:
            ordered = np.concatenate([part[head] for part in parts])
            scores[head] = np.empty_like(ordered)
            scores[head][order] = ordered
        return scores

    def company(self, run: Run, sentences: list[Ids]) -> float:
        """Return the largest change of a probability by who else is in a sentence's batch.

        All sentences of a batch have one padded length, as in the core.
        """
        random = Random(0)
        peers: dict[int, list[Ids]] = {}
        for ids in sentences:
            peers.setdefault(CORE.length(ids), []).append(ids)
        largest = 0.0
        for probe in random.sample(sentences, min(PROBES, len(sentences))):
            others = [ids for ids in peers[CORE.length(probe)] if ids != probe]
            alone = self._find(run, probe, [])
            for size in (*COMPANY, CORE.tokens // CORE.length(probe)):
                beside = random.sample(others, min(size - 1, len(others)))
                change = self._find(run, probe, beside) - alone
                largest = max(largest, float(np.abs(change).max()))
        return largest

    def _find(self, run: Run, probe: Ids, beside: list[Ids]) -> npt.NDArray[np.float64]:
        ids, mask = CORE.cut([probe, *beside])[0]
        row = next(i for i in range(len(ids)) if tuple(ids[i][mask[i] == 1]) == probe)
        both = self._both(run(ids, mask))
        return np.concatenate([both[head][row] for head in HEADS])

    def _both(self, logits: tuple[Any, Any]) -> BOTH:
        return {
            head: softmax(values, temperature)
            for head, values, temperature in zip(HEADS, logits, self._temperatures, strict=True)
        }


def _compare(scores: BOTH, reference: BOTH, rows: list[int]) -> dict[str, Any]:
    change = np.abs(scores["stance"][rows] - reference["stance"][rows])
    return {
        "changed": {
            head: int((scores[head][rows].argmax(1) != reference[head][rows].argmax(1)).sum())
            for head in HEADS
        },
        "mean": float(change.mean()),
        "largest": float(change.max()),
    }


def _f1(scores: BOTH, rows: list[int], found: Sentences) -> dict[str, float]:
    figures = {}
    for head in LABELS:
        targets = found.dev.targets[head]
        known = targets >= 0
        predicted = scores[head][rows].argmax(1)
        figures[head] = macro_f1(targets[known], predicted[known])
    return figures
