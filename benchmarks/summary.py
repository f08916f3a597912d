"""What many runs come to: medians, ranges, ratios within a round, percentiles."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some values, and the least and greatest of them."""

    median: float
    least: float
    greatest: float


def spread(values: Sequence[float]) -> Spread:
    """Return the median and range of `values`, of which there must be one at least."""
    return Spread(median(values), min(values), max(values))


def ratios(values: Sequence[float], reference: Sequence[float]) -> Spread:
    """Return the spread of each round's value over the same round's reference.

    A machine that slows down for a while slows both, so their ratio is steadier than either.
    """
    return spread([value / base for value, base in zip(values, reference, strict=True)])


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of `values`, from 0 to 1, do not exceed."""
    return float(np.quantile(values, share, method="higher"))
