"""How good predictions are: F1, confusion, calibration, with bootstrap intervals."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support

Scores = npt.NDArray[np.float64]
Targets = npt.NDArray[np.int64]

BINS = 15
"""Bins of the calibration error, as in Guo et al. 2017."""

DRAWS = 2_000
"""Resamplings behind an interval."""


def report(scores: Scores, targets: Targets, labels: Sequence[str]) -> dict[str, Any]:
    """Return one head's figures.

    Args:
        scores: probabilities, shape (sentences, labels).
        targets: index of the true label, shape (sentences,).
        labels: the label names in index order.

    Returns:
        `sentences`, `macro_f1` (over the labels that occur) with `macro_f1_interval` (95 %),
        `accuracy`,
        `calibration_error`, `per_class` (precision, recall, f1, support), `confusion`, rows true
        and columns predicted, and the curves `reliability` and `risk_coverage`.
    """
    every = list(range(len(labels)))
    predicted = scores.argmax(1)
    precision, recall, f1, support = precision_recall_fscore_support(
        targets, predicted, labels=every, zero_division=0
    )
    confusion = confusion_matrix(targets, predicted, labels=every)
    return {
        "sentences": len(targets),
        "macro_f1": macro_f1(targets, predicted),
        "macro_f1_interval": interval(confusion),
        "accuracy": float((predicted == targets).mean()),
        "calibration_error": calibration_error(scores, targets),
        "per_class": {
            str(label): {
                "precision": float(precision[i]),
                "recall": float(recall[i]),
                "f1": float(f1[i]),
                "support": int(support[i]),
            }
            for i, label in enumerate(labels)
        },
        "confusion": confusion.tolist(),
        "reliability": reliability(scores, targets),
        "risk_coverage": risk_coverage(scores, targets),
    }


LEVELS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
"""Where the levels of a score begin, by which a version's errors are counted: finer where most
sentences of an archive lie."""


def errors_by_score(scores: Scores, targets: Targets) -> list[list[list[int]]]:
    """Return counts by predicted label, level of its score (`LEVELS`), and true label."""
    counts = np.zeros((scores.shape[1], len(LEVELS), scores.shape[1]), int)
    level = np.searchsorted(LEVELS, scores.max(1), side="right") - 1
    np.add.at(counts, (scores.argmax(1), level, targets), 1)
    return [[[int(n) for n in row] for row in rows] for rows in counts]


def macro_f1(targets: Targets, predicted: Targets) -> float:
    """Return the unweighted mean F1 of the classes that occur in either, in [0, 1]."""
    return float(f1_score(targets, predicted, average="macro", zero_division=0))


def macro_f1_present(targets: Targets, predicted: Targets) -> float:
    """Return the mean F1 of the classes that occur in `targets`, in [0, 1].

    For a slice that lacks a class, which a single prediction of it would bring into `macro_f1`
    with 0.
    """
    present = np.unique(targets)
    return float(f1_score(targets, predicted, labels=present, average="macro", zero_division=0))


def calibration_error(scores: Scores, targets: Targets) -> float:
    """Return the expected calibration error, in [0, 1] (Naeini et al. 2015).

    It is the mean gap between the top score and how often it is right, over `BINS` bins of
    equal width.
    """
    return sum(
        abs(row["score"] - row["right"]) * row["sentences"] / len(targets)
        for row in reliability(scores, targets)
    )


def reliability(scores: Scores, targets: Targets) -> list[dict[str, float]]:
    """Return the reliability diagram's points, one for each bin of equal width that is not empty.

    Each has the mean top score (`score`), the share of those predictions that are right
    (`right`) and their number (`sentences`), lowest scores first.
    """
    top = scores.max(1)
    right = scores.argmax(1) == targets
    bins = np.minimum((top * BINS).astype(int), BINS - 1)
    return [
        {
            "score": float(top[bins == b].mean()),
            "right": float(right[bins == b].mean()),
            "sentences": int((bins == b).sum()),
        }
        for b in np.unique(bins)
    ]


def risk_coverage(scores: Scores, targets: Targets) -> list[dict[str, float]]:
    """Return how often the surest predictions are wrong, for each tenth of the sentences.

    `coverage` is the share answered, surest first; `risk` the share of those that are wrong
    (El-Yaniv and Wiener 2010).
    """
    order = np.argsort(-scores.max(1), kind="stable")
    wrong = (scores.argmax(1) != targets)[order]
    points = []
    for tenth in range(1, 11):
        answered = max(1, round(len(targets) * tenth / 10))
        points.append({"coverage": tenth / 10, "risk": float(wrong[:answered].mean())})
    return points


def interval(confusion: npt.NDArray[np.int64]) -> list[float]:
    """Return the 2.5 % and 97.5 % points of macro-F1 over resampled sentences.

    A percentile bootstrap (Efron and Tibshirani 1993); resampling sentences is drawing how many
    fall into each cell of the confusion matrix, shape (labels, labels), rows true. Labels that
    occur in it neither as true nor as predicted are no part of the mean, as in `macro_f1`.
    """
    total = int(confusion.sum())
    if not total:
        return [0.0, 0.0]
    occurs = np.flatnonzero(confusion.sum(0) + confusion.sum(1))
    confusion = confusion[np.ix_(occurs, occurs)]
    counts = np.random.default_rng(0).multinomial(total, confusion.ravel() / total, DRAWS)
    low, high = np.quantile(macro_f1_of(counts.reshape(DRAWS, *confusion.shape)), [0.025, 0.975])
    return [float(low), float(high)]


def macro_f1_of(confusions: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return macro-F1 over all labels of confusions, shape (draws, labels, labels), rows true."""
    right = np.diagonal(confusions, axis1=1, axis2=2)
    both = confusions.sum(1) + confusions.sum(2)
    return np.asarray((2 * right / np.maximum(both, 1)).mean(1))
