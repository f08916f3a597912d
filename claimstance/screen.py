"""The archive cascade: a cheap first stage answers where that is certified, the encoder the rest.

The first stage is a small graph of the model version that reads the same token ids. Most sentences
of most archives have nothing to do with a claim; it says `neutral` of those that are surely so, and
passes the rest on. How often its answers differ from the encoder's is certified when the version is
made (`training/certify.py`) and stands in the manifest.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from claimstance import bundle
from claimstance.bundle import Certificate, Manifest
from claimstance.engine import Engine
from claimstance.labels import STANCES, Stance
from claimstance.predictor import Ids, Predictor, Scores, run_batches, softmax

STAGES = ("screen", "encoder")
"""The stages, as a scored archive's column `stage` spells them."""


class Screen:
    """A version's first stage.

    Computes in float32 everywhere, so that a sentence is answered or passed on whatever its
    neighbours and whatever the processor.

    Raises:
        ModelInvalid: its files are damaged.
    """

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        self._engine = Engine(folder / bundle.SCREEN, threads, exact=True)

    def scores(self, distinct: list[Ids]) -> tuple[Scores, Scores]:
        """Return stance and sentiment scores of sentences sorted by length."""
        stance, sentiment = run_batches(self._engine, distinct)
        return softmax(stance, 1.0), softmax(sentiment, 1.0)


class Cascade(Predictor):
    """A predictor whose first stage answers what it is certified for.

    Args:
        folder: of a model version that has `certificate`.
        certificate: from where the first stage answers.
        threads: processor threads to use; all when None.
    """

    def __init__(self, folder: Path, certificate: Certificate, threads: int | None = None) -> None:
        super().__init__(folder, threads)
        bundle.check_files(folder, self.model, bundle.SCREENING)
        self._screen = Screen(folder, threads)
        self._certificate = certificate

    def _compute(self, distinct: list[Ids]) -> tuple[Scores, Scores, npt.NDArray[np.bool_]]:
        stance, sentiment = self._screen.scores(distinct)
        rule = self._certificate
        screened = answered(stance, sentiment, rule.stance_at_most, rule.sentiment_from)
        passed = np.flatnonzero(~screened)
        stance[passed], sentiment[passed], _ = super()._compute([distinct[i] for i in passed])
        return stance, sentiment, screened


def answered(
    stance: Scores, sentiment: Scores, stance_at_most: float, sentiment_from: float
) -> npt.NDArray[np.bool_]:
    """Tell which sentences the first stage answers, given its scores of them.

    Those whose chance of a stance is at most `stance_at_most` and whose sentiment's score is at
    least `sentiment_from`.
    """
    chance = 1 - stance[:, STANCES.index(Stance.NEUTRAL)]
    return np.asarray((chance <= stance_at_most) & (sentiment.max(1) >= sentiment_from))


def certificate(manifest: Manifest, stance_only: bool) -> Certificate | None:
    """Return what a version's first stage is certified by, None where it is not.

    Args:
        manifest: the version's.
        stance_only: whether stance is all that is asked.
    """
    if manifest.screen is None:
        return None
    return manifest.screen.stance if stance_only else manifest.screen.both
