"""Sentences of many requests, computed together: the one bounded queue in front of predictors."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from claimstance import Prediction, Predictor
from claimstance.errors import Overloaded
from claimstance.predictor import BATCH_TOKENS, Encoded
from serving import metrics
from serving.tracing import traces


@dataclass(slots=True, eq=False)
class _Job:
    """A request: its sentences still waiting, its predictions in order, and who awaits them.

    `since` and `began` are when it was handed over and when its first sentence was computed.
    """

    count: int
    since: float
    done: asyncio.Future[list[Prediction]]
    waiting: deque[Encoded] = field(default_factory=deque)
    predictions: list[Prediction] = field(default_factory=list)
    began: float | None = None


_Batch = list[tuple[_Job, Encoded]]


class Batcher:
    """Runs predictors on one thread, batch after batch, while requests queue.

    An idle batcher computes at once; a busy one fills its next batch from all waiting requests
    in turn, so a long list does not hold up short ones. A batch is of one predictor, a request
    too; predictors that have requests waiting take turns. A cancelled request's remaining
    sentences are dropped.

    Args:
        max_waiting: sentences of all requests that may be neither computed nor given up; a
            request that would make them more is refused whole.
    """

    def __init__(self, max_waiting: int) -> None:
        self._max_waiting = max_waiting
        self._waiting = 0
        self._queues: dict[Predictor, deque[_Job]] = {}
        self._compute = ThreadPoolExecutor(1, "predict")
        self._encode = ThreadPoolExecutor(1, "encode")
        self._runner: asyncio.Task[None] | None = None
        self._traces = traces()

    @property
    def busy(self) -> bool:
        """Whether any sentence waits or is being computed."""
        return self._waiting > 0

    def admit(self, count: int) -> None:
        """See whether `count` sentences can wait, as `predict` does.

        Raises:
            Overloaded: too many sentences are waiting already.
        """
        if self._waiting + count > self._max_waiting:
            raise Overloaded("too many sentences are waiting; try again in a moment")

    async def predict(self, predictor: Predictor, sentences: Sequence[str]) -> list[Prediction]:
        """Return one prediction per sentence, in the same order, all of them by `predictor`.

        Raises:
            InvalidInput: a sentence holds nothing to read; `where` names it.
            Overloaded: too many sentences are waiting already.
        """
        since = time.perf_counter()
        count = len(sentences)
        self.admit(count)
        loop = asyncio.get_running_loop()
        job = _Job(count, since, loop.create_future())
        self._waiting += count
        try:
            encoded = await loop.run_in_executor(self._encode, predictor.encode, sentences)
            job.waiting.extend(encoded)
            self._queues.setdefault(predictor, deque()).append(job)
            if self._runner is None:
                self._runner = asyncio.create_task(self._run())
            try:
                return await job.done
            finally:
                self._traces.computed(predictor.model.tag, encoded, since, job.began)
        finally:
            self._waiting -= count - len(job.predictions)

    def close(self) -> None:
        """Stop the threads once they have finished what they are computing."""
        self._encode.shutdown()
        self._compute.shutdown()

    async def _run(self) -> None:
        """Compute batches until nothing waits."""
        loop = asyncio.get_running_loop()
        while self._queues:
            predictor, batch = self._next_batch()
            if not batch:
                continue
            began = time.perf_counter()
            try:
                predictions = await loop.run_in_executor(
                    self._compute, predictor.run, [item for _, item in batch]
                )
            except Exception as error:  # a broken engine must fail its requests, not hang them
                for job, _ in batch:
                    if not job.done.done():
                        job.done.set_exception(error)
                continue
            metrics.COMPUTE_SECONDS.observe(time.perf_counter() - began)
            metrics.BATCH_SENTENCES.observe(len(batch))
            for (job, _), prediction in zip(batch, predictions, strict=True):
                if job.done.done():  # given up: `predict` no longer counts what was left of it
                    continue
                job.predictions.append(prediction)
                self._waiting -= 1
                if len(job.predictions) == job.count:
                    job.done.set_result(job.predictions)
        self._runner = None

    def _next_batch(self) -> tuple[Predictor, _Batch]:
        """Return the next batch, of the predictor whose turn it is; empty if all were cancelled."""
        predictor = next(iter(self._queues))
        jobs = self._queues.pop(predictor)
        batch = _take(jobs)
        if jobs:
            self._queues[predictor] = jobs  # behind the others
        return predictor, batch


def _take(jobs: deque[_Job]) -> _Batch:
    """Take one sentence from each waiting request in turn until the token budget is full."""
    batch: _Batch = []
    tokens = 0
    while jobs:
        job = jobs[0]
        if job.done.done():  # cancelled, or failed with an earlier batch
            jobs.popleft()
            continue
        tokens += len(job.waiting[0].ids)
        if batch and tokens > BATCH_TOKENS:
            break
        if job.began is None:
            job.began = time.perf_counter()
            metrics.QUEUE_SECONDS.observe(job.began - job.since)
        batch.append((job, job.waiting.popleft()))
        jobs.rotate(-1)
        if not job.waiting:
            jobs.remove(job)
    return batch
