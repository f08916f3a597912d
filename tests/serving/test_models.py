"""Which predictors there are: what is loaded, shared, and given back."""

import asyncio
import gc
import shutil
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from claimstance import bundle, registry
from claimstance.errors import ModelInvalid, ModelNotFound, Overloaded
from serving.models import Models

RELEASED = bundle.read_manifest(bundle.released()).version


@pytest.fixture(autouse=True)
def versions(store: Path, tiny_version: Path) -> None:
    """The tiny version in the store, under two names."""
    registry.add(tiny_version)
    twin = store / "models" / bundle.NAME / "twin"
    shutil.copytree(tiny_version, twin)
    manifest = bundle.read_manifest(twin).model_copy(update={"version": "twin"})
    bundle.write_manifest(twin, manifest)


def test_one_candidate_is_kept_and_the_one_before_given_back() -> None:
    async def ask() -> None:
        models = Models()
        first = weakref.ref(await models.get("tiny"))
        assert await models.get("claimstance:tiny") is first()
        with pytest.raises(ModelNotFound):
            await models.get("unheard-of")
        assert await models.get("tiny") is first()
        second = await models.get("twin")
        gc.collect()
        assert first() is None
        assert await models.get("twin") is second

    asyncio.run(ask())


def test_asked_for_many_times_at_once_a_candidate_is_loaded_once() -> None:
    async def ask() -> None:
        models = Models()
        found = await asyncio.gather(*(models.get("tiny") for _ in range(10)))
        assert len(set(map(id, found))) == 1

    asyncio.run(ask())


def test_production_is_swapped_once_and_the_one_before_given_back() -> None:
    async def switch() -> None:
        models = Models()
        before = weakref.ref(models.production)
        await models.follow()
        assert models.production is before()
        registry.promote("tiny", force=True)
        await models.follow()
        gc.collect()
        assert models.production.model.version == "tiny"
        assert before() is None
        assert await models.get(None) is models.production
        assert await models.get("tiny") is models.production

    asyncio.run(switch())


def test_a_candidate_that_is_promoted_is_not_loaded_again() -> None:
    async def switch() -> None:
        models = Models()
        candidate = await models.get("tiny")
        registry.promote("tiny", force=True)
        await models.follow()
        assert models.production is candidate

    asyncio.run(switch())


def test_without_a_journal_the_released_version_answers_again(store: Path) -> None:
    async def switch() -> None:
        registry.promote("tiny", force=True)
        models = Models()
        assert models.production.model.version == "tiny"
        (store / "claimstance" / "production.jsonl").unlink()
        await models.follow()
        assert models.production.model.version == RELEASED

    asyncio.run(switch())


def test_a_candidate_is_kept_though_who_asked_has_left() -> None:
    async def ask() -> None:
        models = Models()
        asking = asyncio.create_task(models.get("tiny"))
        await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        first, second = await asyncio.gather(models.get("tiny"), models.get("tiny"))
        assert first is second

    asyncio.run(ask())


def test_while_one_candidate_is_loaded_another_is_refused_and_does_not_queue() -> None:
    async def ask() -> None:
        models = Models()
        asking = asyncio.create_task(models.get("tiny"))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await models.get("twin")
        assert (await asking).model.version == "tiny"
        assert (await models.get("twin")).model.version == "twin"

    asyncio.run(ask())


def test_a_version_is_loaded_though_all_common_threads_are_taken() -> None:
    async def ask() -> None:
        models = Models()
        freed = threading.Event()
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        loop.run_in_executor(None, freed.wait)
        try:
            async with asyncio.timeout(60):
                assert (await models.get("tiny")).model.version == "tiny"
        finally:
            freed.set()

    asyncio.run(ask())


def test_a_damaged_candidate_is_not_tried_again_before_its_files_change(store: Path) -> None:
    def failures() -> float | None:
        labels = {"role": "candidate"}
        return REGISTRY.get_sample_value("claimstance_load_failures_total", labels)

    async def ask() -> None:
        models = Models()
        for _ in range(2):
            with pytest.raises(ModelInvalid) as refused:
                await models.get("tiny")
            assert refused.value.where == "model"
            tried.append(failures())
        graph.write_bytes(right)
        assert (await models.get("tiny")).model.version == "tiny"

    graph = store / "models" / bundle.NAME / "tiny" / bundle.GRAPH_WEIGHTS
    right = graph.read_bytes()
    damage(store, "tiny")
    tried = [failures()]
    asyncio.run(ask())
    assert tried[1] == (tried[0] or 0) + 1
    assert tried[2] == tried[1]


def damage(store: Path, version: str) -> None:
    graph = store / "models" / bundle.NAME / version / bundle.GRAPH_WEIGHTS
    graph.write_bytes(graph.read_bytes()[:-1] + b"?")


def test_a_damaged_version_in_production_gives_way_to_the_last_that_can_be_loaded(
    store: Path,
) -> None:
    async def mend(models: Models) -> None:
        registry.rollback()
        await models.follow()

    registry.promote("tiny", force=True)
    registry.promote("twin", force=True)
    damage(store, "twin")
    models = Models()
    assert (models.production.model.version, models.refused) == ("tiny", "twin")
    assert REGISTRY.get_sample_value("claimstance_production_refused") == 1
    asyncio.run(mend(models))
    assert (models.production.model.version, models.refused) == ("tiny", None)
    assert REGISTRY.get_sample_value("claimstance_production_refused") == 0
    damage(store, "tiny")
    assert Models().production.model.version == RELEASED


@pytest.mark.parametrize(
    ("line", "refused"),
    [('{"version": 5}\n', "?"), ("\xff", "?"), ("{}\n", "?"), ("", None)],
)
def test_a_journal_that_cannot_be_read_leaves_the_released_version(
    line: str, refused: str | None, store: Path
) -> None:
    registry.promote("tiny", force=True)
    journal = store / "claimstance" / "production.jsonl"
    journal.write_bytes(line.encode("latin-1"))
    models = Models()
    assert (models.production.model.version, models.refused) == (RELEASED, refused)
