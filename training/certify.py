"""From where the first stage may answer: thresholds found, and certified by a finite-sample test.

Along one line of ever looser thresholds, found on other sentences, those are taken that are the
last to pass on the certifying sentences before the first that fails. Testing in a fixed order
keeps the confidence whatever the number of thresholds (fixed-sequence testing; Angelopoulos et
al. 2021, "Learn then test"). Each requirement is a one-sided binomial test at 95 % (Clopper and
Pearson 1934), and all must pass together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

from claimstance import screen
from claimstance.bundle import Bound, Certificate
from claimstance.labels import STANCES, Stance
from claimstance.predictor import Scores

CONFIDENCE = 0.95

CHANGED = 0.005
"""Share of all labels of a head that may differ from the encoder's."""

MISSED = 0.01
"""Share of the encoder's firm and conciliatory sentences that may be answered without it."""

WORTH = 0.05
"""Share of sentences that a first stage must answer to be worth its own time."""

STEPS = np.arange(1, 101) / 50
"""Thresholds are tried at these multiples of what is allowed."""

HIGHEST = 0.49
"""Chance of a stance above which the first stage's own label might not be neutral."""

NEUTRAL = STANCES.index(Stance.NEUTRAL)

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Said:
    """What both stages say of the same sentences.

    `stance` and `sentiment` are the first stage's scores, (sentences, 3); `takes` tells which of
    them the encoder calls firm or conciliatory, `differs` where its sentiment is another.
    """

    stance: Scores
    sentiment: Scores
    takes: Flags
    differs: Flags


def certify(
    choosing: Said, certifying: Said, stance_only: bool, sources: dict[str, int]
) -> Certificate | None:
    """Return the loosest certified thresholds, None where they let too little be answered.

    Args:
        choosing: sentences to find thresholds on.
        certifying: sentences to certify them on; none that either stage was trained on.
        stance_only: whether only the stance counts, and sentiment is not answered.
        sources: of the certifying sentences.
    """
    found = None
    for thresholds in line(choosing, stance_only):
        tried = certificate(*thresholds, certifying, stance_only, sources)
        if not passes(tried):
            break
        found = tried
    return found if found and found.answered >= WORTH else None


def passes(certificate: Certificate) -> bool:
    """Tell whether all that is required of a first stage is certified."""
    changed = [certificate.stance_changed, certificate.sentiment_changed]
    return certificate.missed.at_most <= MISSED and all(
        bound.at_most <= CHANGED for bound in changed if bound
    )


def bound(flags: Flags) -> Bound:
    """Return how many of `flags` are set, and the most of such that are likely to be."""
    observed, of = int(flags.sum()), len(flags)
    most = beta.ppf(CONFIDENCE, observed + 1, of - observed) if observed < of else 1.0
    return Bound(observed=observed, of=of, at_most=float(most))


def line(said: Said, stance_only: bool) -> list[tuple[float, float]]:
    """Return ever looser thresholds: chance of a stance at most, score of sentiment at least.

    At each step the first is as loose as what may be missed, times the step, lets it on `said`;
    the second likewise for sentiments that differ, given the first.
    """
    chance = 1 - said.stance[:, NEUTRAL]
    sure = said.sentiment.max(1)
    found = []
    highest, least = 0.0, 0.0 if stance_only else 1.0
    for step in STEPS:
        at_most = _loosest(chance, said.takes, step * MISSED * said.takes.sum(), 0.0)
        highest = max(highest, min(at_most, HIGHEST))
        if not stance_only:
            wrong = said.differs & (chance <= highest)
            from_ = -_loosest(-sure, wrong, step * CHANGED * len(wrong), -1.0)
            least = min(least, max(0.0, from_))
        found.append((highest, least))
    return found


def _loosest(
    values: npt.NDArray[np.float64], wrong: Flags, allowed: float, tightest: float
) -> float:
    """Return the threshold up to which `allowed` sentences are wrong, between two if need be.

    From `tightest` for none on, so that the line begins where next to nothing is answered: where it
    began at the first wrong sentence, chance could put that so far that nothing was certified.
    """
    worst = np.sort(values[wrong])
    if allowed > len(worst):
        return np.inf
    return float(np.interp(allowed, np.arange(len(worst) + 1), [tightest, *worst]))


def certificate(
    stance_at_most: float,
    sentiment_from: float,
    said: Said,
    stance_only: bool,
    sources: dict[str, int],
) -> Certificate:
    """Return what becomes of `said` at the given thresholds, with bounds."""
    answered = screen.answered(said.stance, said.sentiment, stance_at_most, sentiment_from)
    return Certificate(
        stance_at_most=stance_at_most,
        sentiment_from=sentiment_from,
        sentences=sources,
        answered=float(answered.mean()),
        missed=bound(answered[said.takes]),
        stance_changed=bound(answered & said.takes),
        sentiment_changed=None if stance_only else bound(answered & said.differs),
        stance_errors={},
    )


def sources(documents: Sequence[str]) -> dict[str, int]:
    """Return sentences by source, of documents named source and file."""
    names = [document.split("/")[0] for document in documents]
    return {name: names.count(name) for name in sorted(set(names))}
