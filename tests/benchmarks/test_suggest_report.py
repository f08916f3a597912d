"""What the simulation's page says of its curves."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import suggest_report

FACTS = {
    **{"start": 1000, "step": 200, "pool": 8000, "dev": 1400},
    **{"shares": "7% are firm", "min_steps": 300, "max_tokens": 128},
}
KEPT = {
    "facts": FACTS,
    "machine": "2 cores",
    "seconds": 5400.0,
    "curves": {
        "frozen": {
            "random": [[0.50, 0.52, 0.54, 0.56, 0.58], [0.50, 0.54, 0.56, 0.58, 0.60]],
            "suggest": [[0.50, 0.55, 0.58, 0.60, 0.61], [0.50, 0.57, 0.58, 0.60, 0.61]],
        }
    },
}


def test_where_a_curve_reaches_a_value() -> None:
    curve = np.array([0.5, 0.6, 0.6, 0.8])
    assert suggest_report.reached(curve, 0.4) == 0
    assert suggest_report.reached(curve, 0.55) == pytest.approx(0.5)
    assert suggest_report.reached(curve, 0.7) == pytest.approx(2.5)
    assert suggest_report.reached(curve, 0.9) is None


def test_the_interval_is_student_s() -> None:
    mean, half = suggest_report.interval(np.array([1.0, 2.0, 3.0]))
    assert mean == 2.0
    assert half == pytest.approx(4.3027 / 3**0.5, rel=1e-4)


def test_the_page_compares_within_seeds(tmp_path: Path) -> None:
    text = suggest_report.render(KEPT, {"frozen": "linear head"})
    # Half of 800 labels reach 0.58; the mean of the random curves does between 600 and 800.
    assert "with 400 labels (0.580) takes about 700 at random" in text
    assert "| suggest, minus random |  | +0.030 ± 0.000 | +0.030 ± 0.127 |" in text
    suggest_report.draw(KEPT, {"frozen": "linear head"}, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
