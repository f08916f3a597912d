"""Labels that are likely wrong, by confident learning (Northcutt et al. 2021)."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from cleanlab.filter import find_label_issues

from claimstance import Prediction
from training import evaluate
from training.records import Record


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
    how many are wrong. A label that is given once, or alone, is not judged.

    Args:
        records: labelled sentences; those without a label of this head are passed over.
        predictions: one for each, of a model that has not learnt these labels.
        head: `stance` or `sentiment`.
    """
    names = list(evaluate.HEADS[head])
    targets = evaluate.targets_of(records, head)
    rows = [index for index, target in enumerate(targets) if target >= 0]
    if len(set(targets[rows])) < 2:
        return []
    scores = evaluate.scores_of([predictions[row] for row in rows], head)
    with warnings.catch_warnings():
        # It says that a label given once cannot be judged, which is in `suspects`' own words.
        warnings.filterwarnings("ignore", "May not flag all label issues", UserWarning)
        ranked = find_label_issues(
            targets[rows], scores, return_indices_ranked_by="normalized_margin", n_jobs=1
        )
    return [
        Suspect(
            rows[i],
            str(names[targets[rows[i]]]),
            str(names[scores[i].argmax()]),
            float(scores[i].max()),
        )
        for i in ranked
    ]
