"""The archive cascade: a cheap first stage answers where that is certified, the encoder the rest.

The first stage is a small graph of the model version that reads the same token ids. Most sentences
of most archives have nothing to do with a claim; it says `neutral` of those that are surely so, and
passes the rest on. How often its answers differ from the encoder's is certified when the version is
made (`training/certify.py`) and stands in the manifest.
"""

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Reading:
    """How a job has a model version read.

    Attributes:
        exhaustive: that the encoder reads every sentence.
        stance_only: no sentiment.
    """

    exhaustive: bool = False
    stance_only: bool = False


BOTH_LABELS = Reading()


def load(folder: Path, reading: Reading, threads: int | None = None) -> Predictor:
    """Return a predictor of the version in `folder`, with its first stage where that may answer.

    Raises:
        ModelNotFound: there is no such version.
        ModelInvalid: its files do not fit its manifest or this release.
    """
    found = certificate(bundle.read_manifest(folder), reading)
    return Cascade(folder, found, threads) if found else Predictor(folder, threads)


def certificate(manifest: Manifest, reading: Reading) -> Certificate | None:
    """Return by what a version's first stage may answer, None where it may not."""
    if manifest.screen is None or reading.exhaustive:
        return None
    return manifest.screen.stance if reading.stance_only else manifest.screen.both


def told(manifest: Manifest, reading: Reading) -> str:
    """Say what a version's first stage does in a job, and what is certified of it, or why not."""
    found = certificate(manifest, reading)
    if reading.exhaustive:
        return "off, as asked: the encoder reads every sentence"
    if manifest.screen is None:
        return f"off: {manifest.tag} has no certified first stage"
    if found is None:
        other = "both labels together" if reading.stance_only else "stances (--stance-only)"
        return f"off: that of {manifest.tag} is certified for {other} alone"
    changed = f"{found.stance_changed.at_most:.2%} of stances"
    if found.sentiment_changed:
        changed += f" and {found.sentiment_changed.at_most:.2%} of sentiments"
    return (
        f"on: at most {changed} differ from the encoder's, and at least "
        f"{1 - found.missed.at_most:.1%} of its firm and conciliatory sentences are kept (95 % "
        f"confidence, on {sum(found.sentences.values())} held-out sentences of "
        f"{', '.join(found.sentences)})"
    )
