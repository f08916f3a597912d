"""Figures checked against values worked out by hand, and calibration against made-up truth."""

import numpy as np
import pytest

from training import calibration, metrics


def scores(*rows: tuple[float, float, float]) -> metrics.Scores:
    return np.array(rows)


def test_macro_f1_is_over_the_classes_that_occur() -> None:
    targets = np.array([0, 0, 1, 1])
    # class 0: precision 1, recall 1/2; class 1: precision 2/3, recall 1
    assert metrics.macro_f1(targets, np.array([0, 1, 1, 1])) == pytest.approx((2 / 3 + 4 / 5) / 2)
    # a class that is only predicted has 0
    assert metrics.macro_f1(targets, np.array([0, 0, 1, 2])) == pytest.approx((1 + 2 / 3 + 0) / 3)


def test_all_right_is_one_where_a_class_is_absent() -> None:
    given = scores((0.9, 0.1, 0.0), (0.9, 0.1, 0.0), (0.1, 0.9, 0.0))
    figures = metrics.report(given, np.array([0, 0, 1]), ("a", "b", "c"))
    assert figures["macro_f1"] == 1.0
    assert figures["macro_f1_interval"][1] == 1.0


def test_report() -> None:
    figures = metrics.report(
        scores((0.9, 0.1, 0.0), (0.2, 0.7, 0.1), (0.6, 0.2, 0.2), (0.1, 0.1, 0.8)),
        np.array([0, 1, 1, 2]),
        ("a", "b", "c"),
    )
    assert figures["confusion"] == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]
    assert figures["accuracy"] == 0.75
    assert figures["per_class"]["b"] == {
        "precision": 1.0,
        "recall": 0.5,
        "f1": pytest.approx(2 / 3),
        "support": 2,
    }
    low, high = figures["macro_f1_interval"]
    assert 0 <= low <= figures["macro_f1"] <= high <= 1


def test_calibration_error_by_hand() -> None:
    # Two predictions at 0.8, one of them right; one at 0.6, right: 2/3 * 0.3 + 1/3 * 0.4
    given = scores((0.8, 0.1, 0.1), (0.8, 0.1, 0.1), (0.6, 0.2, 0.2))
    assert metrics.calibration_error(given, np.array([0, 1, 0])) == pytest.approx(1 / 3)


def drawn(temperature: float) -> tuple[calibration.Logits, metrics.Targets]:
    """Return logits, and targets drawn from their softmax at `temperature`."""
    chance = np.random.default_rng(0)
    logits = chance.normal(0, 3, (20_000, 3)).astype(np.float32)
    truth = calibration.probabilities(logits, temperature)
    targets = (truth.cumsum(1) > chance.random((20_000, 1))).argmax(1)
    return logits, targets


@pytest.mark.parametrize("true", [0.5, 1.0, 2.5])
def test_the_temperature_is_found(true: float) -> None:
    logits, targets = drawn(true)
    found = calibration.temperature(logits, targets)
    assert found == pytest.approx(true, rel=0.05)
    assert metrics.calibration_error(calibration.probabilities(logits, found), targets) < 0.02


def test_without_targets_the_temperature_is_one() -> None:
    assert calibration.temperature(np.zeros((0, 3), np.float32), np.zeros(0, np.int64)) == 1.0


def test_thresholds_reach_the_precision_asked_for() -> None:
    logits, targets = drawn(1.0)
    given = calibration.probabilities(logits, 1.0)
    levels = calibration.thresholds(given, targets, 0.9)
    predicted = given.argmax(1)
    for label, level in enumerate(levels):
        sure = (predicted == label) & (given[:, label] >= level)
        assert (targets[sure] == label).mean() >= 0.9
        assert sure.sum() > 100


def test_a_label_that_is_never_sure_enough_is_never_confident() -> None:
    given = scores((0.9, 0.1, 0.0), (0.8, 0.2, 0.0))
    assert calibration.thresholds(given, np.array([1, 1]), 0.9)[0] == 1.0


def test_a_slice_without_a_class_is_not_marked_down_for_it() -> None:
    targets = np.array([2, 2, 2, 0])
    assert metrics.macro_f1_present(targets, targets) == 1.0
    predicted = np.array([2, 2, 1, 0])
    assert metrics.macro_f1_present(targets, predicted) == pytest.approx((4 / 5 + 1) / 2)


def test_errors_are_counted_by_label_given_score_and_truth() -> None:
    scores = np.array([[0.97, 0.02, 0.01], [0.97, 0.02, 0.01], [0.1, 0.55, 0.35]])
    counts = np.array(metrics.errors_by_score(scores, np.array([0, 2, 1])))
    assert counts.sum() == 3
    level = metrics.LEVELS.index(0.95)
    assert counts[0, level].tolist() == [1, 0, 1]
    assert counts[1, metrics.LEVELS.index(0.5)].tolist() == [0, 1, 0]
