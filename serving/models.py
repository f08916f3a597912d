"""Which predictors there are: the version in production, the last candidate, the shadow."""

import asyncio
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Literal

from claimstance import Predictor, bundle, registry
from claimstance.errors import ModelInvalid, ModelNotFound, Overloaded
from serving import metrics

SECONDS = 1.0
"""Between two looks at the journal."""

UNKNOWN = "?"
"""What `refused` is where a journal that cannot be read names the version."""

_log = logging.getLogger(__name__)

Role = Literal["production", "candidate", "shadow"]

_Stamp = frozenset[tuple[str, int, int, int]]
"""What differs once a version's files have changed."""


class Models:
    """The predictors of one worker; one version is loaded at a time, on a thread of its own.

    No candidate queues: production waits for one load at most. A candidate that was found to be
    damaged is not tried again before its files change.

    A request takes its predictor once and keeps it to its end, so a swap of `production` reaches
    the requests that come after it. A predictor's memory goes with the last request that has it.

    Where the version in production cannot be loaded at the start, the last one before it that can
    be answers, the released one at the latest: an answer that says by which version it is serves
    better than none. `refused` is then the name of the version that ought to answer, as it is
    after a promotion that was refused; `/model`, a metric and the log say so.

    Args:
        shadow: the name of the version to load as the shadow, if any.

    Raises:
        ModelNotFound, ModelInvalid: as `Predictor.load`, if no version can be loaded.
    """

    def __init__(self, shadow: str | None = None) -> None:
        self._stamp = registry.stamp()
        self.refused: str | None = None
        self.production = self._first()
        self.shadow: Predictor | None = None
        self._candidate: Predictor | None = None
        self._shadow = shadow
        self._loading = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "load")
        self._asked: tuple[str, asyncio.Task[Predictor]] | None = None
        self._damaged: dict[str, tuple[_Stamp, str]] = {}
        metrics.production(self.production.model)
        self._tell()

    async def get(self, name: str | None) -> Predictor:
        """Return the version called `name` (or tagged so), the one in production for None.

        A version other than production and the shadow takes the place of the last candidate.

        Raises:
            ModelNotFound: there is no such version.
            ModelInvalid: it does not verify.
            Overloaded: another version is being loaded.
        """
        if name is None:
            return self.production
        version = name.removeprefix(f"{bundle.NAME}:")
        if found := self._loaded(version):
            return found
        try:
            # A wrong name costs the last candidate nothing. What is loaded is kept, even where the
            # request that asked for it ran out of time.
            return await asyncio.shield(self._begin(version, registry.find(version)))
        except (ModelNotFound, ModelInvalid) as error:
            # Where it lies on this machine is not for the client.
            raise type(error)(error.message, "model") from error

    def close(self) -> None:
        """Stop the thread once it has finished what it is loading."""
        self._thread.shutdown()

    async def watch(self) -> None:
        """Load the shadow, then keep to what the registry says is in production, for good."""
        if self._shadow is not None:
            try:
                self.shadow = await self._load(self._shadow, "shadow")
            except Exception as error:
                _log.error("there is no shadow: %s", error)
        while True:
            await asyncio.sleep(SECONDS)
            try:
                await self.follow()
            except Exception as error:
                self.refused = _promoted() or UNKNOWN
                self._tell()
                _log.error(
                    "the version now in production is refused: %s; %s goes on answering",
                    error,
                    self.production.model.tag,
                )

    async def follow(self) -> None:
        """Swap production for what the registry says, if that has changed since the last look.

        Raises:
            Exception: whatever kept it from being found, loaded or verified; nothing was swapped,
                and nothing will be before the registry changes again.
        """
        stamp = registry.stamp()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        before = self.production
        try:
            found = bundle.read_manifest(registry.find())
        except Exception:
            metrics.LOAD_FAILURES.labels("production").inc()
            raise
        self.production = await self._load(found.version, "production")
        if self.production is self._candidate:
            self._candidate = None
        self.refused = None
        metrics.production(self.production.model, before.model)
        self._tell()
        if self.production is not before:
            _log.warning("%s answers instead of %s", self.production.model.tag, before.model.tag)

    def _first(self) -> Predictor:
        """Return the version in production, or the last one before it that can be loaded."""
        try:
            return _warm(Predictor.load())
        except Exception as error:
            metrics.LOAD_FAILURES.labels("production").inc()
            _log.error("the version in production cannot be loaded: %s", error)
            self.refused = _promoted() or UNKNOWN
        for folder in _fallbacks():
            try:
                found = _warm(Predictor(folder))
            except Exception as error:
                _log.error("nor can the one before: %s", error)
            else:
                _log.error("%s answers in its place", found.model.tag)
                return found
        raise ModelNotFound("no version can be loaded; `claimstance models verify` tells why")

    def _tell(self) -> None:
        metrics.PRODUCTION_REFUSED.set(self.refused is not None)

    def _loaded(self, version: str) -> Predictor | None:
        """Return the predictor of a version that is in memory already."""
        for predictor in (self.production, self.shadow, self._candidate):
            if predictor is not None and predictor.model.version == version:
                return predictor
        return None

    def _begin(self, version: str, folder: Path) -> asyncio.Task[Predictor]:
        """Return the loading of a candidate, begun now unless it is in hand.

        Raises:
            ModelInvalid: it did not verify, and its files are as they were.
            Overloaded: another version is being loaded.
        """
        if self._asked is not None and self._asked[0] == version:
            return self._asked[1]
        stamp = _stamp(folder)
        found, message = self._damaged.get(version, (None, ""))
        if found == stamp:
            raise ModelInvalid(message)
        if self._asked is not None or self._loading.locked():
            raise Overloaded("another version is being loaded; try again in a moment")
        task = asyncio.create_task(self._try(version, stamp))
        task.add_done_callback(self._tried)
        self._asked = version, task
        return task

    async def _try(self, version: str, stamp: _Stamp) -> Predictor:
        try:
            return await self._load(version, "candidate")
        except ModelInvalid as error:
            self._damaged[version] = stamp, error.message
            raise

    def _tried(self, _: asyncio.Task[Predictor]) -> None:
        self._asked = None

    async def _load(self, version: str, role: Role) -> Predictor:
        """Return a version, verified and loaded unless it is in memory by now.

        Raises:
            Exception: whatever keeps it from that, counted and logged.
        """
        async with self._loading:
            if found := self._loaded(version):
                return found
            if role == "candidate":
                self._candidate = None  # its memory, before the next one's
            try:
                loaded = await asyncio.get_running_loop().run_in_executor(
                    self._thread, _verified, version
                )
            except Exception as error:
                metrics.LOAD_FAILURES.labels(role).inc()
                _log.error("%s cannot be the %s: %s", version, role, error)
                raise
            if role == "candidate":
                self._candidate = loaded
            return loaded


def _promoted() -> str | None:
    """Return the name of the version in production, None where the journal does not tell."""
    with suppress(Exception):
        return registry.production()
    return None


def _fallbacks() -> Iterator[Path]:
    """Yield the folders of the versions once in production, the last one first; the released."""
    with suppress(Exception):
        for version in dict.fromkeys(event.version for event in registry.history()[::-1]):
            with suppress(ModelNotFound):
                yield registry.find(version)
    yield bundle.released()


def _stamp(folder: Path) -> _Stamp:
    found = ((path.name, path.stat()) for path in folder.iterdir())
    return frozenset((name, s.st_ino, s.st_size, s.st_ctime_ns) for name, s in found)


def _verified(version: str) -> Predictor:
    registry.verify(version)
    return _warm(Predictor.load(version))


def _warm(predictor: Predictor) -> Predictor:
    predictor.predict(["The first sentence pays for what is set up on first use."])
    return predictor
