"""The queue in front of the predictor: order, fairness, limits, cancellation, failures."""

import asyncio
import gc
import threading
import weakref
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import pytest

from claimstance import Prediction, Predictor
from claimstance.errors import InvalidInput, Overloaded
from claimstance.predictor import Encoded
from serving.batcher import Batcher

T = TypeVar("T")


class Watched(Predictor):
    """A real predictor that notes its batches, and can be held up or made to fail."""

    def __init__(self, predictor: Predictor) -> None:
        self.__dict__.update(predictor.__dict__)
        self.batches: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.failure: Exception | None = None

    def run(self, encoded: Sequence[Encoded]) -> list[Prediction]:
        """Note the batch, wait, fail or predict."""
        self.gate.wait(10)
        self.batches.append(len(encoded))
        if self.failure:
            raise self.failure
        return super().run(encoded)


@pytest.fixture
def watched(released: Predictor) -> Watched:
    return Watched(released)


def go(batcher: Batcher, coroutine: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(coroutine)
    finally:
        batcher.close()


def numbered(count: int, word: str = "case") -> list[str]:
    return [f"The ministry spoke about {word} number {n}." for n in range(count)]


def test_answers_are_those_of_the_predictor_in_order(watched: Watched) -> None:
    batcher = Batcher(1000)
    sentences = numbered(40)
    answers = go(batcher, batcher.predict(watched, sentences))
    expected = watched.predict(sentences)
    assert [a.stance for a in answers] == [e.stance for e in expected]
    for answer, right in zip(answers, expected, strict=True):
        assert answer.stance_scores == pytest.approx(right.stance_scores, abs=1e-3)


def test_requests_that_wait_are_computed_together(watched: Watched) -> None:
    batcher = Batcher(1000)

    async def several() -> None:
        watched.gate.clear()
        tasks = [asyncio.create_task(batcher.predict(watched, [text])) for text in numbered(20)]
        await asyncio.sleep(0.3)
        watched.gate.set()
        for (answer,) in await asyncio.gather(*tasks):
            assert answer.stance

    go(batcher, several())
    assert len(watched.batches) <= 3
    assert sum(watched.batches) == 20


def test_a_long_list_does_not_hold_up_a_short_one(watched: Watched) -> None:
    batcher = Batcher(100_000)
    finished: list[str] = []

    async def one(name: str, sentences: list[str]) -> None:
        await batcher.predict(watched, sentences)
        finished.append(name)

    async def both() -> None:
        watched.gate.clear()
        long = asyncio.create_task(one("long", numbered(1000)))
        await asyncio.sleep(0.2)
        short = asyncio.create_task(one("short", ["The reef is ours."]))
        await asyncio.sleep(0.1)
        watched.gate.set()
        await asyncio.gather(long, short)

    go(batcher, both())
    assert finished == ["short", "long"]


def test_a_full_queue_refuses_and_recovers(watched: Watched) -> None:
    batcher = Batcher(10)

    async def overfill() -> None:
        watched.gate.clear()
        waiting = asyncio.create_task(batcher.predict(watched, numbered(10)))
        await asyncio.sleep(0.1)
        with pytest.raises(Overloaded):
            await batcher.predict(watched, ["One more."])
        watched.gate.set()
        assert len(await waiting) == 10
        assert len(await batcher.predict(watched, numbered(10))) == 10

    go(batcher, overfill())


def test_what_is_computed_of_a_long_list_makes_room_for_others(watched: Watched) -> None:
    batcher = Batcher(3000)

    async def both() -> None:
        long = asyncio.create_task(batcher.predict(watched, numbered(3000)))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            batcher.admit(1)
        while len(watched.batches) < 2:
            await asyncio.sleep(0.01)
        assert len(await batcher.predict(watched, ["The reef is ours."])) == 1
        assert not long.done()
        await long
        batcher.admit(3000)
        assert not batcher.busy

    go(batcher, both())


def test_who_leaves_while_its_sentences_are_computed_is_counted_out_once(watched: Watched) -> None:
    batcher = Batcher(500)

    async def leave() -> None:
        watched.gate.clear()
        left = asyncio.create_task(batcher.predict(watched, numbered(500)))
        await asyncio.sleep(0.2)
        left.cancel()
        await asyncio.sleep(0)
        watched.gate.set()
        assert len(await batcher.predict(watched, ["Last."])) == 1
        batcher.admit(500)
        with pytest.raises(Overloaded):
            batcher.admit(501)

    go(batcher, leave())


def test_a_bad_sentence_fails_its_own_request_only(watched: Watched) -> None:
    batcher = Batcher(100)

    async def mixed() -> Any:
        return await asyncio.gather(
            batcher.predict(watched, ["Good."]),
            batcher.predict(watched, ["Good.", " "]),
            return_exceptions=True,
        )

    good, bad = go(batcher, mixed())
    assert len(good) == 1
    assert isinstance(bad, InvalidInput)
    assert bad.where == "sentences[1]"


def test_a_cancelled_request_is_not_computed(watched: Watched) -> None:
    batcher = Batcher(100_000)

    async def cancel() -> None:
        watched.gate.clear()
        first = asyncio.create_task(batcher.predict(watched, ["First."]))
        await asyncio.sleep(0.1)
        dropped = asyncio.create_task(batcher.predict(watched, numbered(500)))
        await asyncio.sleep(0.2)
        dropped.cancel()
        await asyncio.sleep(0)
        watched.gate.set()
        await first
        assert len(await batcher.predict(watched, ["Last."])) == 1

    go(batcher, cancel())
    assert sum(watched.batches) == 2


def test_a_broken_engine_fails_the_request_and_the_next_one_works(watched: Watched) -> None:
    batcher = Batcher(100)

    async def broken() -> None:
        watched.failure = RuntimeError("no engine")
        with pytest.raises(RuntimeError, match="no engine"):
            await batcher.predict(watched, ["A sentence."])
        watched.failure = None
        assert len(await batcher.predict(watched, ["A sentence."])) == 1

    go(batcher, broken())


def test_predictors_share_no_batch_and_take_turns(watched: Watched, released: Predictor) -> None:
    batcher = Batcher(100_000)
    other = Watched(released)
    finished: list[str] = []

    async def one(name: str, predictor: Watched, sentences: list[str]) -> None:
        await batcher.predict(predictor, sentences)
        finished.append(name)

    async def both() -> None:
        watched.gate.clear()
        long = asyncio.create_task(one("long", watched, numbered(1000)))
        await asyncio.sleep(0.2)
        short = asyncio.create_task(one("short", other, numbered(10)))
        await asyncio.sleep(0.1)
        watched.gate.set()
        await asyncio.gather(long, short)

    go(batcher, both())
    assert finished == ["short", "long"]
    assert sum(watched.batches) == 1000
    assert sum(other.batches) == 10


def test_what_is_done_with_holds_no_predictor(released: Predictor) -> None:
    batcher = Batcher(100)

    async def once() -> weakref.ref[Watched]:
        predictor = Watched(released)
        await batcher.predict(predictor, ["The reef is ours."])
        return weakref.ref(predictor)

    async def both() -> None:
        gone = await once()
        await asyncio.sleep(0.1)
        gc.collect()
        assert gone() is None
        assert not batcher.busy

    go(batcher, both())
