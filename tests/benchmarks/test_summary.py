"""Medians, ratios within a round, percentiles."""

import pytest

from benchmarks.summary import Spread, percentile, ratios, spread


def test_a_spread_is_the_median_and_the_range() -> None:
    assert spread([5.0, 1.0, 3.0]) == Spread(3.0, 1.0, 5.0)
    assert spread([4.0, 2.0]) == Spread(3.0, 2.0, 4.0)


def test_ratios_are_taken_within_a_round_so_that_a_slow_round_does_not_count() -> None:
    assert ratios([20.0, 2.0, 40.0], [10.0, 1.0, 20.0]) == Spread(2.0, 2.0, 2.0)


def test_rounds_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratios([1.0, 2.0], [1.0])


def test_a_percentile_is_a_value_that_occurred() -> None:
    values = [float(number) for number in range(1, 101)]
    assert percentile(values, 0.99) == 100.0
    assert percentile(values, 0.5) == 51.0
    assert percentile([7.0], 0.99) == 7.0
