"""Corrections on their way to the store, off the event loop and few at a time."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from claimstance.errors import Overloaded
from claimstance.feedback import Correction, Kept, Store

THREADS = 4
MAX_WAITING = 20
"""Corrections in hand at once: a database that times out answers them within a request's time."""


class Corrections:
    """Keeps corrections on threads of their own, so that a store that hangs hangs nothing else."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting = 0
        self._threads = ThreadPoolExecutor(THREADS, "feedback")

    async def keep(self, correction: Correction) -> Kept:
        """Keep a correction; raises what `Store.keep` raises.

        Raises:
            Overloaded: too many corrections are waiting already.
        """
        if self._waiting >= MAX_WAITING:
            raise Overloaded("too many corrections are waiting; try again in a moment")
        self._waiting += 1
        kept = asyncio.get_running_loop().run_in_executor(
            self._threads, self._store.keep, correction
        )
        # Counted until it is done, not until the client has left.
        kept.add_done_callback(self._one_less)
        return await asyncio.shield(kept)

    def close(self) -> None:
        """Stop the threads once they have finished what they are keeping."""
        self._threads.shutdown()

    def _one_less(self, _: asyncio.Future[Kept]) -> None:
        self._waiting -= 1
