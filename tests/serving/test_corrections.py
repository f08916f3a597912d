"""Corrections on their way to the store: a store that hangs hangs nothing else."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from claimstance import Stance
from claimstance.errors import Overloaded
from claimstance.feedback import Correction, Store
from serving.corrections import MAX_WAITING, Corrections

REEF = Correction("The reef is ours.", Stance.FIRM, None)


class Held(Store):
    """A real store that can be held up."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        inner = Store.open()

        @contextmanager
        def connect() -> Iterator[object]:
            self.gate.wait(10)
            with inner._writing() as connection:
                yield connection

        super().__init__(connect, connect, "?")


def test_a_store_that_hangs_fills_up_and_then_refuses_without_holding_up_the_loop() -> None:
    async def run() -> None:
        store = Held()
        corrections = Corrections(store)
        waiting = [asyncio.create_task(corrections.keep(REEF)) for _ in range(MAX_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await corrections.keep(REEF)
        assert not any(task.done() for task in waiting)
        store.gate.set()
        kept = await asyncio.gather(*waiting)
        assert len({each.id for each in kept}) == MAX_WAITING
        await corrections.keep(REEF)
        corrections.close()

    asyncio.run(run())
    assert Store.open().count() == MAX_WAITING + 1


def test_a_client_that_leaves_takes_no_correction_with_it() -> None:
    async def run() -> None:
        store = Held()
        corrections = Corrections(store)
        task = asyncio.create_task(corrections.keep(REEF))
        await asyncio.sleep(0.05)
        task.cancel()
        store.gate.set()
        corrections.close()

    asyncio.run(run())
    assert Store.open().count() == 1
