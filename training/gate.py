"""What a version must show before it may replace the one in production."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from claimstance import golden
from claimstance.errors import ModelInvalid

MARGIN = 0.02
"""Macro-F1 that a challenger may lie behind on the locked test set, with 95 % confidence. Two
equally good versions differ by about 0.01 on its two thousand sentences by chance alone."""

CLASS_FLOOR = 0.04
"""F1 that no single label may lose."""

CALIBRATION_CEILING = 0.05
"""Largest expected calibration error."""


@dataclass(frozen=True, slots=True)
class Check:
    """One condition: its name, whether it holds, and what was found, in plain words."""

    name: str
    passed: bool
    found: str

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def judge(comparison: dict[str, Any], challenger: Path) -> list[Check]:
    """Return the conditions for `challenger`'s promotion, by what `comparing.compare` found."""
    test = comparison["sets"]["test"]
    checks = []
    for head in ("stance", "sentiment"):
        figures = test[head]
        new, old = figures["macro_f1"]
        checks.append(
            Check(
                f"{head} not worse",
                figures["at_least"] >= -MARGIN,
                f"macro-F1 {new:.3f} against {old:.3f}; with 95 % confidence at most "
                f"{max(0.0, -figures['at_least']):.3f} worse ({MARGIN:.2f} allowed)",
            )
        )
        label, (f1, before) = min(
            figures["per_class"].items(), key=lambda item: item[1][0] - item[1][1]
        )
        checks.append(
            Check(
                f"no {head} label down",
                f1 >= before - CLASS_FLOOR,
                f"the worst is {label}: F1 {f1:.3f} against {before:.3f} ({CLASS_FLOOR:.2f} may "
                "be lost)",
            )
        )
        error = figures["calibration_error"][0]
        checks.append(
            Check(
                f"{head} scores believable",
                error <= CALIBRATION_CEILING,
                f"expected calibration error {error:.3f} (at most {CALIBRATION_CEILING:.2f})",
            )
        )
    return [*checks, _unmistakable(comparison["golden"]), _served(challenger)]


def _unmistakable(found: dict[str, Any]) -> Check:
    """Nothing that the champion gets right of what nobody would dispute may be lost."""
    told = [f"{flip['text']!r} is now {flip['challenger']}" for flip in found["lost"]]
    none = f"no label of {found['sentences']} unmistakable sentences is lost"
    return Check("golden sentences right", not told, "; ".join(told) or none)


def _served(folder: Path) -> Check:
    """Where it is served, a version must give the scores that training saw."""
    try:
        golden.check(folder)
    except ModelInvalid as error:
        return Check("served as trained", False, error.message)
    return Check("served as trained", True, "all stored scores as stored")
