"""The shadow: it scores what was answered, gives way, and disturbs nobody."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from claimstance import Prediction, Predictor
from claimstance.predictor import Encoded
from serving.batcher import Batcher
from serving.models import Models
from serving.shadow import Shadow

SENTENCES = [f"The ministry spoke about case number {n}." for n in range(40)]


class Broken(Predictor):
    """A predictor that cannot compute."""

    def __init__(self, predictor: Predictor) -> None:
        self.__dict__.update(predictor.__dict__)

    def run(self, encoded: Sequence[Encoded]) -> list[Prediction]:
        """Fail."""
        raise RuntimeError("no engine")


def told() -> tuple[float, float, float]:
    """Return sentences scored, dropped, and sentiments that differ, since the process began."""
    scored = REGISTRY.get_sample_value("claimstance_shadow_sentences_total")
    dropped = REGISTRY.get_sample_value("claimstance_shadow_dropped_total")
    differ = REGISTRY.get_sample_value(
        "claimstance_shadow_disagreements_total", {"head": "sentiment"}
    )
    return scored or 0, dropped or 0, differ or 0


@pytest.fixture(scope="module")
def tiny(tiny_version: Path) -> Predictor:
    return Predictor(tiny_version)


def offered(
    released: Predictor, tiny: Predictor | None, *, share: float = 1, times: int = 1, busy: int = 0
) -> tuple[float, float, float]:
    """Return what was told of offering answers to the shadow `tiny`."""

    async def offer() -> None:
        batcher = Batcher(10_000)
        models = Models()
        models.shadow = tiny
        shadow = Shadow(models, batcher, share)
        given = await batcher.predict(released, SENTENCES)
        work = [asyncio.create_task(batcher.predict(released, SENTENCES)) for _ in range(busy)]
        await asyncio.sleep(0)
        for _ in range(times):
            await shadow.offer(released, SENTENCES, given)
        await asyncio.gather(*work)
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
        batcher.close()

    before = told()
    asyncio.run(offer())
    after = told()
    return after[0] - before[0], after[1] - before[1], after[2] - before[2]


def test_what_was_answered_is_scored_and_compared(released: Predictor, tiny: Predictor) -> None:
    theirs = [p.sentiment for p in tiny.predict(SENTENCES)]
    differ = sum(p.sentiment != t for p, t in zip(released.predict(SENTENCES), theirs, strict=True))
    assert differ
    assert offered(released, tiny) == (40, 0, differ)


def test_a_shadow_like_production_never_differs(released: Predictor) -> None:
    twin = Predictor.__new__(Predictor)
    twin.__dict__.update(released.__dict__)
    assert offered(released, twin) == (40, 0, 0)


def test_nothing_is_scored_by_chance_or_by_the_version_that_answered(
    released: Predictor, tiny: Predictor
) -> None:
    assert offered(released, tiny, share=0) == (0, 0, 0)
    assert offered(released, released) == (0, 0, 0)
    assert offered(released, None) == (0, 0, 0)


def test_while_somebody_waits_the_shadow_drops_what_it_was_given(
    released: Predictor, tiny: Predictor
) -> None:
    assert offered(released, tiny, busy=2) == (0, 40, 0)


def test_one_request_is_scored_at_a_time(released: Predictor, tiny: Predictor) -> None:
    scored, dropped, _ = offered(released, tiny, times=3)
    assert (scored, dropped) == (40, 80)


def test_a_shadow_that_fails_is_told_and_disturbs_nobody(
    released: Predictor, tiny: Predictor, caplog: pytest.LogCaptureFixture
) -> None:
    assert offered(released, Broken(tiny)) == (0, 40, 0)
    assert "no engine" in caplog.text
    assert SENTENCES[0] not in caplog.text
