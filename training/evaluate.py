"""How a model version does on labelled sentences: figures, and a page that shows them."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.progress import track

from claimstance import Prediction, Predictor
from claimstance.labels import SENTIMENTS, STANCES
from training import metrics
from training.metrics import Scores, Targets
from training.records import Record

HEADS = {"stance": STANCES, "sentiment": SENTIMENTS}
SMALLEST_SLICE = 20
"""A slice of fewer sentences says too little to be reported."""

_BATCH = 512


def predict(predictor: Predictor, texts: Sequence[str], told: str) -> list[Prediction]:
    """Return one prediction per sentence, in order, with a progress bar that says `told`."""
    starts = range(0, len(texts), _BATCH)
    return [
        prediction
        for start in track(starts, told, transient=True)
        for prediction in predictor.predict(texts[start : start + _BATCH])
    ]


def scores_of(predictions: Sequence[Prediction], head: str) -> Scores:
    """Return one head's probabilities, shape (sentences, 3)."""
    return np.array([list(getattr(p, f"{head}_scores").values()) for p in predictions])


def targets_of(records: Sequence[Record], head: str) -> Targets:
    """Return the index of each record's label, -1 without one."""
    labels = list(HEADS[head])
    values = [getattr(record, head) for record in records]
    return np.array([-1 if value is None else labels.index(value) for value in values], np.int64)


def figures(
    records: Sequence[Record], predictions: Sequence[Prediction], slices: bool = True
) -> dict[str, Any]:
    """Return the figures of `metrics.report` per head, the confident share, and slices.

    `confident` gives the share of confident predictions (`coverage`) and how many of those are
    right (`accuracy`). `slices` maps column, then value, to sentences, accuracy, and the mean F1
    of the labels that occur there.
    """
    result: dict[str, Any] = {}
    confident = np.array([p.confident for p in predictions])
    for head, labels in HEADS.items():
        targets = targets_of(records, head)
        known = targets >= 0
        if not known.any():
            continue
        scores = scores_of(predictions, head)
        result[head] = metrics.report(scores[known], targets[known], labels)
        sure = known & confident
        result[head]["confident"] = {
            "coverage": float(sure.sum() / known.sum()),
            "accuracy": float((scores[sure].argmax(1) == targets[sure]).mean())
            if sure.any()
            else None,
        }
        if slices:
            result[head]["slices"] = _slices(records, scores, targets)
    return result


def stance_errors(records: Sequence[Record], predictions: Sequence[Prediction]) -> dict[str, Any]:
    """Return what stances turned out to be, by label given and score: `levels` and `counts`.

    A scored archive's shares are corrected with it (`claimstance/report/prevalence.py`). Counted
    are public sentences where there are any, because written ones are clearer than what archives
    hold.
    """
    real = [index for index, record in enumerate(records) if record.public]
    chosen = real or list(range(len(records)))
    targets = targets_of(records, "stance")[chosen]
    scores = scores_of(predictions, "stance")[chosen]
    counts = metrics.errors_by_score(scores[targets >= 0], targets[targets >= 0])
    return {"levels": list(metrics.LEVELS), "counts": counts}


def _slices(records: Sequence[Record], scores: Scores, targets: Targets) -> dict[str, Any]:
    rows: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, record in enumerate(records):
        if targets[index] >= 0:
            for column, value in record.slices.items():
                rows[column][value].append(index)
    result: dict[str, Any] = {}
    for column, values in sorted(rows.items()):
        shown = {
            value: {
                "sentences": len(chosen),
                "macro_f1": metrics.macro_f1_present(targets[chosen], scores[chosen].argmax(1)),
                "accuracy": float((scores[chosen].argmax(1) == targets[chosen]).mean()),
            }
            for value, chosen in sorted(values.items())
            if len(chosen) >= SMALLEST_SLICE
        }
        if shown:
            result[column] = shown
    return result


def distance(
    records: Sequence[Record], predictions: Sequence[Prediction], full: dict[str, Scores]
) -> dict[str, Any]:
    """Return how far predictions are from the full-precision model's probabilities `full`.

    Per head: `labels_changed` (share), `largest_probability_change`, and `macro_f1_change`
    (served minus full precision) on the records' labels.
    """
    result: dict[str, Any] = {}
    for head in HEADS:
        served = scores_of(predictions, head)
        targets = targets_of(records, head)
        known = targets >= 0
        f1 = [
            metrics.macro_f1(targets[known], s[known].argmax(1)) if known.any() else 0.0
            for s in (served, full[head])
        ]
        result[head] = {
            "labels_changed": float((served.argmax(1) != full[head].argmax(1)).mean()),
            "largest_probability_change": float(np.abs(served - full[head]).max()),
            "macro_f1_change": f1[0] - f1[1],
        }
    return result
