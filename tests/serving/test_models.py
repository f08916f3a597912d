"""Which predictors there are: what is loaded, shared, and given back."""

import asyncio
import gc
import shutil
import weakref
from pathlib import Path

import pytest

from claimstance import bundle, registry
from claimstance.errors import ModelNotFound
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
