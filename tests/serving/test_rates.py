"""Sentences a minute: what is let in, for how long what is not has to wait, and for whom."""

import time

import pytest

from claimstance.errors import RateExceeded
from serving import rates
from serving.rates import Rates, network


class Clock:
    """A clock that only a test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_a_minutes_worth_is_let_in_at_once_and_the_rest_as_time_passes(clock: Clock) -> None:
    buckets = Rates(60)
    for _ in range(60):
        buckets.spend("a", 1)
    with pytest.raises(RateExceeded) as refused:
        buckets.spend("a", 1)
    assert refused.value.retry_after == 1
    clock.now += 1
    buckets.spend("a", 1)
    with pytest.raises(RateExceeded):
        buckets.spend("a", 0)


def test_a_list_longer_than_a_minutes_worth_is_let_in_and_paid_for_by_waiting(
    clock: Clock,
) -> None:
    buckets = Rates(60)
    buckets.spend("a", 180)
    with pytest.raises(RateExceeded) as refused:
        buckets.spend("a", 0)
    assert refused.value.retry_after == 121
    clock.now += 120
    with pytest.raises(RateExceeded):
        buckets.spend("a", 0)
    clock.now += 1
    buckets.spend("a", 0)


def test_what_is_refused_costs_nothing_and_waiting_saves_up_no_more_than_a_minute(
    clock: Clock,
) -> None:
    buckets = Rates(60)
    buckets.spend("a", 60)
    for _ in range(100):
        with pytest.raises(RateExceeded):
            buckets.spend("a", 10)
    clock.now += 3600
    buckets.spend("a", 60)
    with pytest.raises(RateExceeded):
        buckets.spend("a", 1)


def test_callers_do_not_pay_for_each_other(clock: Clock) -> None:
    buckets = Rates(10)
    buckets.spend("a", 10)
    buckets.spend("b", 10)
    with pytest.raises(RateExceeded):
        buckets.spend("a", 1)


def test_callers_are_not_remembered_without_end(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "MAX_CALLERS", 3)
    buckets = Rates(10)
    for caller in ("old", "b", "c", "d"):
        buckets.spend(caller, 10)
    buckets.spend("old", 1)  # forgotten, and so let in
    for caller in ("c", "d"):
        with pytest.raises(RateExceeded):
            buckets.spend(caller, 1)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("", "", True),
        ("unheard of", "unheard of", True),
    ],
)
def test_a_host_with_a_whole_network_is_one_caller(one: str, other: str, same: bool) -> None:
    assert (network(one) == network(other)) is same
