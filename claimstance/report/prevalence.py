"""Shares of labels, corrected for the classifier's known errors.

A raw share of a classifier's labels is biased: where one in fifty of the neutral sentences is
called firm, an archive without a firm sentence shows two per cent of them. A version carries what
its labels turned out to be on held-out sentences: counts by the label it gave, by the level of its
score, and by the true label, the confusion matrix parted by score. An archive's sentences are
counted by label and level alike, and each cell is dealt to the true labels as it was there
(post-stratification). That holds where a sentence of a given label and score is as often wrong in
the archive as it was on the held-out ones; an archive full of plainly neutral text, whose scores
are high, does not spoil it, as it would the inverse of one overall matrix (Forman 2008).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from claimstance.bundle import Certificate, Manifest

DRAWS = 1000
Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of the labels in their order, each in [0, 1].

    As predicted, corrected, and the 2.5 % and 97.5 % points of the corrected.
    """

    raw: Array
    corrected: Array
    low: Array
    high: Array


class Correction:
    """Corrects shares by what labels and scores turned out to be on held-out sentences.

    The intervals carry what is not known of the error rates, each cell's drawn from its Dirichlet
    posterior under Jeffreys' prior, and the chance of how the archive's own sentences fell.

    Args:
        levels: where the levels of the score begin, rising, the first at 0.
        counts: held-out sentences, shape (labels given, levels, true labels).
    """

    def __init__(self, levels: Sequence[float], counts: npt.ArrayLike) -> None:
        self.levels = tuple(levels)
        known = np.asarray(counts, float)
        self.sentences = int(known.sum())
        self._chance = np.random.default_rng(0)
        self._rates = (known + 0.5) / (known + 0.5).sum(-1, keepdims=True)
        drawn = self._chance.standard_gamma(known + 0.5, (DRAWS, *known.shape))
        self._drawn = drawn / drawn.sum(-1, keepdims=True)

    @classmethod
    def of(cls, manifest: Manifest, screened: Certificate | None = None) -> "Correction":
        """Return the correction that a version carries; one without levels for early versions.

        Args:
            manifest: the version's.
            screened: by what its first stage answered, where it did: then the errors are those
                of both stages together.
        """
        errors = screened.stance_errors if screened else manifest.metrics.get("stance_errors")
        if errors:
            return cls(errors["levels"], errors["counts"])
        confusion = manifest.metrics["test"]["stance"]["confusion"]
        return cls([0.0], np.transpose(confusion)[:, None, :])

    def shares(self, counts: npt.ArrayLike) -> Shares:
        """Return the shares of labels in a set of sentences, at least one.

        Args:
            counts: its sentences, shape (labels given, levels).
        """
        given = np.asarray(counts, int)
        total = given.sum()
        raw = given.sum(1) / total
        corrected = np.einsum("gl,glt->t", given / total, self._rates)
        fallen = self._chance.multinomial(given, self._drawn).sum((1, 2)) / total
        low, high = np.quantile(fallen, [0.025, 0.975], axis=0)
        return Shares(raw, corrected, np.minimum(low, corrected), np.maximum(high, corrected))
