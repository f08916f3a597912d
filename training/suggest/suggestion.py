"""A sentence worth labelling, and why it was chosen."""

from dataclasses import dataclass
from enum import StrEnum


class Why(StrEnum):
    """Why a sentence was chosen; `RANDOM` ones alone stand for the archive as it is."""

    RANDOM = "random"
    UNCERTAIN = "uncertain"
    DISAGREEMENT = "disagreement"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A sentence to label, where it stands, and what the model guesses.

    `id` follows from the sentence alone, so that the same sentence has it in every run. `start`
    and `end` are characters of the document's text; `row` its row in a row file, None where the
    file is the document. Scores are the guesses' calibrated probabilities, in [0, 1].
    """

    id: str
    text: str
    why: Why
    stance: str
    stance_score: float
    sentiment: str
    sentiment_score: float
    model: str
    document: str
    source: str
    row: int | None
    sentence: int
    start: int
    end: int
