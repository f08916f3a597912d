"""What is known of the request in hand, for the log, the rates and the store of corrections."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

_CURRENT: ContextVar["Visit"] = ContextVar("visit")


def _free(_: int) -> None:
    """Charge nothing, where no rate is set."""


@dataclass(slots=True)
class Visit:
    """One request: its id, what it asks for, the name of its key, and what it has had so far.

    `method` and `path` are None where the service has none of that name. `charge` counts sentences
    against the caller's rate; `status` is that of the response once it has begun, `sent` the bytes
    of its body.
    """

    id: str
    method: str | None = None
    path: str | None = None
    key: str | None = None
    charge: Callable[[int], None] = _free
    sentences: int = 0
    status: int | None = None
    sent: int = 0

    def spend(self, sentences: int) -> None:
        """Count sentences that are about to be computed.

        Raises:
            RateExceeded: the caller has used up its rate.
        """
        self.charge(sentences)
        self.sentences += sentences


def begin(visit: Visit) -> None:
    """Make `visit` the one of this task and of those that it starts."""
    _CURRENT.set(visit)


def current() -> Visit:
    """Return the request that the calling task works for."""
    return _CURRENT.get()
