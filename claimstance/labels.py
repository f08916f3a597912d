"""What can be said of a sentence: the two label sets, spelled and ordered here and nowhere else."""

from enum import StrEnum


class Stance(StrEnum):
    """The stance a sentence takes on a sovereignty claim; `data/codebook.md` defines each."""

    FIRM = "firm"
    CONCILIATORY = "conciliatory"
    NEUTRAL = "neutral"


class Sentiment(StrEnum):
    """The tone of a sentence's own words, whatever its stance."""

    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    POSITIVE = "positive"


STANCES = tuple(Stance)
"""Stances in the order of the model's first head."""

SENTIMENTS = tuple(Sentiment)
"""Sentiments in the order of the model's second head."""
