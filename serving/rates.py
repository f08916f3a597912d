"""How many sentences a minute one caller may have computed."""

import math
import time
from collections import OrderedDict
from ipaddress import IPv6Address, ip_address

from claimstance.errors import RateExceeded

MAX_CALLERS = 10_000
"""Callers remembered at once; the one not seen for longest is forgotten first."""


class Rates:
    """A token bucket per caller, one token a sentence.

    A bucket holds a minute's worth. A request is let in while it holds anything, and what the
    request costs is taken out then, below zero if need be: so a list longer than a minute's
    worth can be sent at all, and is paid for by waiting.

    Args:
        rate: sentences a minute.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def spend(self, caller: str, sentences: int) -> None:
        """Take `sentences` tokens; with 0, only see whether there are any.

        Raises:
            RateExceeded: the bucket is empty; `retry_after` tells for how long.
        """
        now = time.monotonic()
        level, then = self._buckets.pop(caller, (self._rate, now))
        level = min(self._rate, level + (now - then) * self._rate / 60)
        empty = level <= 0
        self._buckets[caller] = (level if empty else level - sentences, now)
        if len(self._buckets) > MAX_CALLERS:
            self._buckets.popitem(last=False)
        if empty:
            raise RateExceeded(
                f"more than {self._rate} sentences a minute",
                retry_after=math.floor(-level * 60 / self._rate) + 1,
            )


def network(address: str) -> str:
    """Return what stands for a client's address: itself, or its /64, which one host can fill."""
    try:
        parsed = ip_address(address)
    except ValueError:  # a Unix socket has none
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(IPv6Address(int(parsed) >> 64 << 64))
    return address
