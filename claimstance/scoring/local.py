"""The local engine: worker processes, each with the model loaded once."""

import json
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Self

from claimstance import screen
from claimstance.errors import ClaimstanceError, JobFailed
from claimstance.scoring.plan import Unit
from claimstance.scoring.unit import How, Result, UnitScorer

THREADS = 1
"""Threads of a worker: reading, splitting and tokenising are one thread's work and leave the
others idle meanwhile, so more workers beat more threads as long as memory allows."""

PATIENCE = 3
"""How often a unit may kill its worker before the job gives up."""

Task = tuple[int, Unit]
"""A unit and its place in the plan."""


def cores() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0))


@dataclass
class _Attempt:
    """A unit on its way.

    `document` is the one being read, `suspect` the one that a worker died of before, `skip`
    those that are not read again, and why; `deaths` counts workers lost since the last of them.
    """

    index: int
    unit: Unit
    deaths: int = 0
    document: int | None = None
    suspect: int | None = None
    skip: dict[int, str] = field(default_factory=dict)


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    attempt: _Attempt | None = None


class Crew:
    """Worker processes that score units; a context, at whose end they are gone.

    A worker that dies is replaced and its unit done again. A document that two workers died of
    is rejected.

    Args:
        folder: the job's.
        version: the folder of the model version.
        how: how texts become rows.
        count: how many workers.
    """

    def __init__(self, folder: Path, version: Path, how: How, count: int) -> None:
        self._arguments = (str(folder), str(version), how)
        self._count = count
        self._workers: list[_Worker] = []
        self._again: deque[_Attempt] = deque()
        # A fresh interpreter: a copy of this one would share its threads' locks.
        self._context = multiprocessing.get_context("spawn")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join()

    def score(self, tasks: Iterator[Task]) -> Iterator[Result]:
        """Score units; yield what became of each, as they are done.

        Raises:
            JobFailed: a unit cannot be written, or kills worker after worker.
        """
        while True:
            idle = [worker for worker in self._workers if worker.attempt is None]
            while (idle or len(self._workers) < self._count) and (attempt := self._next(tasks)):
                worker = idle.pop() if idle else self._hire()
                worker.attempt = attempt
                order = [attempt.index, attempt.unit.to_json(), list(attempt.skip.items())]
                with suppress(OSError):  # it has died; that shows below
                    worker.pipe.send_bytes(json.dumps(order).encode())
            busy = [worker for worker in self._workers if worker.attempt]
            if not busy:
                return
            for pipe in wait([worker.pipe for worker in busy]):
                worker = next(worker for worker in busy if worker.pipe is pipe)
                result = self._hear(worker)
                if result is not None:
                    worker.attempt = None
                    yield result

    def _next(self, tasks: Iterator[Task]) -> _Attempt | None:
        if self._again:
            return self._again.popleft()
        task = next(tasks, None)
        return _Attempt(*task) if task else None

    def _hire(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_work, args=(theirs, *self._arguments), daemon=True, name="claimstance scorer"
        )
        process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _hear(self, worker: _Worker) -> Result | None:
        """Take a worker's message: a document begun, a unit done, or its death."""
        attempt = worker.attempt
        assert attempt is not None
        try:
            kind, value = json.loads(worker.pipe.recv_bytes())
        except (EOFError, OSError):
            self._bury(worker, attempt)
            return None
        if kind == "failed":
            raise JobFailed(*value)
        if kind == "result":
            return Result.from_json(value)
        attempt.document = value
        return None

    def _bury(self, worker: _Worker, attempt: _Attempt) -> None:
        """Do a dead worker's unit again; a document that two died of is not read again."""
        worker.process.join()
        self._workers.remove(worker)
        cause = _cause(worker.process.exitcode)
        attempt.deaths += 1
        suspect = attempt.document
        # One that is passed over already cannot be got past: reading its row is what kills.
        if suspect is not None and suspect == attempt.suspect and suspect not in attempt.skip:
            attempt.skip[suspect] = f"the process that read it was {cause}, twice"
            attempt.deaths = 0
        elif attempt.deaths >= PATIENCE:
            raise JobFailed(
                f"a worker was {cause}, the {attempt.deaths}. one lost on unit {attempt.index}; "
                "what is done stays, and the same command goes on",
                attempt.unit.pieces[0].name,
            )
        attempt.suspect, attempt.document = attempt.document, None
        self._again.append(attempt)


def _cause(code: int | None) -> str:
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"ended with status {code}"


def _work(pipe: Connection, folder: str, version: str, how: How) -> None:
    """Be a worker: score units as they come, until the pipe or the process above is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process above decides
    threading.Thread(target=_follow_parent, daemon=True).start()

    def tell(kind: str, value: Any) -> None:
        pipe.send_bytes(json.dumps([kind, value]).encode())

    try:
        predictor = screen.load(Path(version), how.reading, THREADS)
        scorer = UnitScorer(predictor, Path(folder), how, lambda n: tell("document", n))
        while True:
            index, unit, skip = json.loads(pipe.recv_bytes())
            tell("result", scorer.score(index, Unit.from_json(unit), dict(skip)).to_json())
    except EOFError:
        return
    except ClaimstanceError as error:
        tell("failed", [error.message, error.where])
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        tell(
            "failed",
            [
                f"a shard cannot be written ({reason}); what is done stays, and the same command "
                "goes on once it can",
                folder,
            ],
        )


def _follow_parent() -> None:
    """End this process as soon as the one above has ended, however it did."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
