"""A second opinion on sentences: what a bag of words, learnt from the same labels, would say."""

from collections.abc import Sequence

import numpy as np

from claimstance.labels import STANCES
from claimstance.text import normalize
from training import baselines, evaluate
from training.metrics import Scores
from training.records import Record


class Opinion:
    """A bag-of-words model of the stance: cheap, and wrong in other places than an encoder is.

    Args:
        records: labelled sentences, of two stances at least.
    """

    def __init__(self, records: Sequence[Record]) -> None:
        known = [record for record in records if record.stance]
        self._model = baselines.bag_of_words()
        self._model.fit(
            [normalize(record.text) for record in known], evaluate.targets_of(known, "stance")
        )

    def scores(self, texts: Sequence[str]) -> Scores:
        """Return the probability of each stance for `texts`, shape (texts, 3)."""
        scores = np.zeros((len(texts), len(STANCES)))
        found = self._model.predict_proba([normalize(text) for text in texts])
        scores[:, self._model.classes_] = found
        return scores
