"""Which words a prediction rests on, by occlusion: leave one out and predict again.

The measure is exact for what it asks, the sentence without that one word, and no more than that:
of two words that say the same, neither weighs much, because the other is still there.
"""

import re
from collections.abc import Sequence

from claimstance.predictor import Prediction
from claimstance.text import Span

_WORD = re.compile(r"\w(?:\S*\w)?")


def words(sentence: str) -> list[Span]:
    """Return the places of a sentence's words in order, without punctuation at their ends."""
    return [Span(*match.span()) for match in _WORD.finditer(sentence)]


def without(sentence: str, word: Span) -> str:
    """Return the sentence with one word left out."""
    return sentence[: word.start] + sentence[word.end :]


def changes(whole: Prediction, occluded: Sequence[Prediction]) -> list[float]:
    """Return how the score of the stance predicted for the whole sentence changes, in [-1, 1].

    Args:
        whole: the prediction for the sentence as it is.
        occluded: the predictions without each word, in the words' order.

    Returns:
        One change per word, in the same order: below 0 where leaving the word out lowers the
        score, so that the word speaks for the stance; above 0 where it speaks against it.
    """
    score = whole.stance_scores[whole.stance]
    return [each.stance_scores[whole.stance] - score for each in occluded]
