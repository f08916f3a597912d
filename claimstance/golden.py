"""Golden sentences: probabilities that a version must give wherever it is loaded."""

from pathlib import Path

from claimstance import bundle
from claimstance.errors import ModelInvalid
from claimstance.predictor import Predictor

TOLERANCE = 0.05
"""Largest difference allowed to a stored probability. The stored ones are computed in float32;
bfloat16 moved a probability by at most 0.04 on 687 real sentences (docs/design.md). What an int8
graph moved one by when it was made comes on top."""


def check(folder: Path) -> None:
    """Predict the golden sentences of the version in `folder` and compare.

    Raises:
        ModelInvalid: a probability differs by more than `TOLERANCE`; `where` names the line.
    """
    golden = bundle.read_golden(folder)
    predictor = Predictor(folder)
    predictions = predictor.predict([item["text"] for item in golden])
    allowed = TOLERANCE
    if predictor.model.int8 and predictor.precision == "int8":
        allowed += predictor.model.int8.largest_probability_change
    for number, (item, prediction) in enumerate(zip(golden, predictions, strict=True), 1):
        actual = prediction.to_dict()
        for head in ("stance_scores", "sentiment_scores"):
            worst = max(abs(actual[head][label] - item[head][label]) for label in item[head])
            if worst > allowed:
                raise ModelInvalid(
                    f"{head} differ by {worst:.3f} from what this version must give",
                    f"{folder / bundle.GOLDEN} line {number}",
                )
