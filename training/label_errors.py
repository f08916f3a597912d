"""Labels that are likely wrong, by confident learning (Northcutt et al. 2021)."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from cleanlab.filter import find_label_issues

from claimstance import Prediction
from training import evaluate
from training.records import Record

HALF_SURE = 0.5
"""The model's score of the one sentence that every label is given beside the file's own. What the
model is sure of on average is what accuses a label, and a label that the file never gives has no
average: without this, a file whose every sentence of one label is called another were faultless."""


@dataclass(frozen=True)
class Suspect:
    """A label that is likely wrong: the record's index, the label, and what the model thinks.

    `score` is the model's probability of its own `guess`, in [0, 1].
    """

    index: int
    label: str
    guess: str
    score: float


def suspects(
    records: Sequence[Record], predictions: Sequence[Prediction], head: str
) -> list[Suspect]:
    """Return the labels of one head that are likely wrong, the likeliest first.

    A label is suspect where the model is surer of another than it is on average of that other's
    own sentences; so a model that is often unsure accuses little. How many are named estimates
    how many are wrong.

    Args:
        records: labelled sentences; those without a label of this head are passed over.
        predictions: one for each, of a model that has not learnt these labels.
        head: `stance` or `sentiment`.
    """
    names = list(evaluate.HEADS[head])
    targets = evaluate.targets_of(records, head)
    rows = [index for index, target in enumerate(targets) if target >= 0]
    if not rows:
        return []
    scores = evaluate.scores_of([predictions[row] for row in rows], head)
    size = len(names)
    beside = np.full((size, size), (1 - HALF_SURE) / (size - 1))
    np.fill_diagonal(beside, HALF_SURE)
    with warnings.catch_warnings():
        # It says that a label given once cannot be judged; only the sentence beside has such a one.
        warnings.filterwarnings("ignore", "May not flag all label issues", UserWarning)
        ranked = find_label_issues(
            np.concatenate([targets[rows], np.arange(size)]),
            np.concatenate([scores, beside]),
            return_indices_ranked_by="normalized_margin",
            n_jobs=1,
        )
    return [
        Suspect(
            rows[i],
            str(names[targets[rows[i]]]),
            str(names[scores[i].argmax()]),
            float(scores[i].max()),
        )
        for i in ranked
        if i < len(rows)
    ]
