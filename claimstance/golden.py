"""Golden sentences: probabilities that a version must give wherever it is loaded."""

from pathlib import Path

from claimstance import bundle
from claimstance.errors import ModelInvalid
from claimstance.predictor import Predictor, graph_of

TOLERANCE = 0.05
"""Largest difference allowed to a stored probability. The stored ones are computed in float32;
bfloat16 moved a probability by at most 0.04 on 687 real sentences (docs/design.md). What an int8
graph moved one by when it was made comes on top."""

MEAN_TOLERANCE = 0.02
"""Largest mean difference of all stored probabilities: what is wrong throughout moves most."""


def check(folder: Path) -> None:
    """Predict the golden sentences of the version in `folder` and compare.

    Raises:
        ModelInvalid: a probability differs by more than `TOLERANCE` and `where` names the line, or
            they all differ by more than `MEAN_TOLERANCE` on average.
    """
    golden = bundle.read_golden(folder)
    predictor = Predictor(folder)
    predictions = predictor.predict([item["text"] for item in golden])
    allowed = TOLERANCE
    if predictor.model.int8 and graph_of(predictor.model) == bundle.QUANTISED:
        allowed += predictor.model.int8.largest_probability_change
    differences = []
    for number, (item, prediction) in enumerate(zip(golden, predictions, strict=True), 1):
        actual = prediction.to_dict()
        for head in ("stance_scores", "sentiment_scores"):
            moved = [abs(actual[head][label] - item[head][label]) for label in item[head]]
            differences += moved
            worst = max(moved)
            if worst > allowed:
                raise ModelInvalid(
                    f"{head} differ by {worst:.3f} from what this version must give",
                    f"{folder / bundle.GOLDEN} line {number}",
                )
    mean = sum(differences) / max(1, len(differences))
    if mean > MEAN_TOLERANCE:
        raise ModelInvalid(
            f"scores differ by {mean:.3f} on average from what this version must give",
            str(folder / bundle.GOLDEN),
        )
