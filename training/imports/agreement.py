"""How well annotators agreed on labels."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from sklearn.metrics import cohen_kappa_score


def kappa(pairs: list[list[Any]]) -> str:
    """Return Cohen's kappa (1960), or a dash where both gave one and the same label throughout."""
    if len({label for pair in pairs for label in pair}) < 2:
        return "-"
    return f"{cohen_kappa_score([a for a, _ in pairs], [b for _, b in pairs]):.2f}"


def between(head: str, units: Sequence[Mapping[str, Hashable]]) -> list[str]:
    """Return a line about how well annotators agreed, none where no two labelled the same.

    Args:
        head: what the labels are of.
        units: for each sentence, its label by annotator; any may be missing.
    """
    shared = [unit for unit in units if len(unit) > 1]
    if not shared:
        return []
    who = sorted({name for unit in shared for name in unit})
    agreed = sum(len(set(unit.values())) == 1 for unit in shared) / len(shared)
    if len(who) == 2:
        figure = f"Cohen's kappa {kappa([[unit[name] for name in who] for unit in shared])}"
    else:
        value = alpha([list(unit.values()) for unit in shared])
        figure = f"Krippendorff's alpha {'-' if value is None else f'{value:.2f}'}"
    return [f"{head}: {figure}, all agreed on {agreed:.1%} of {len(shared)} sentences"]


def alpha(units: Sequence[Sequence[Hashable]]) -> float | None:
    """Return Krippendorff's alpha for nominal labels, at most 1, 0 at chance.

    It is one minus the disagreement observed over that expected, from the coincidences of
    labels within units (Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability"), so
    that any annotator may lack any unit. None where nothing could differ: no unit has two
    labels, or all labels are one.

    Args:
        units: for each sentence, the labels it was given, in any order.
    """
    observed = 0.0
    totals: Counter[Hashable] = Counter()
    for labels in units:
        size = len(labels)
        if size < 2:
            continue
        counts = Counter(labels)
        totals += counts
        observed += sum(n * (size - n) for n in counts.values()) / (size - 1)
    every = sum(totals.values())
    expected = sum(n * (every - n) for n in totals.values())
    return None if not expected else 1 - observed * (every - 1) / expected
