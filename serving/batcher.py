"""Sentences of many requests, computed together: a small bounded queue in front of a predictor."""

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from claimstance import Prediction, Predictor
from claimstance.errors import Overloaded
from claimstance.predictor import BATCH_TOKENS, Encoded


@dataclass(slots=True, eq=False)
class _Job:
    """A request: its sentences still waiting, its predictions in order, and who awaits them."""

    count: int
    waiting: deque[Encoded]
    done: asyncio.Future[list[Prediction]]
    predictions: list[Prediction] = field(default_factory=list)


class Batcher:
    """Runs a predictor on one thread, batch after batch, while requests queue.

    An idle batcher computes at once; a busy one fills its next batch from all waiting requests
    in turn, so a long list does not hold up short ones. A cancelled request's remaining
    sentences are dropped.

    Args:
        predictor: what computes; used by one thread at a time.
        max_waiting: sentences that may wait; more are refused.
    """

    def __init__(self, predictor: Predictor, max_waiting: int) -> None:
        self._predictor = predictor
        self._max_waiting = max_waiting
        self._waiting = 0
        self._jobs: deque[_Job] = deque()
        self._compute = ThreadPoolExecutor(1, "predict")
        self._encode = ThreadPoolExecutor(1, "encode")
        self._runner: asyncio.Task[None] | None = None

    async def predict(self, sentences: Sequence[str]) -> list[Prediction]:
        """Return one prediction per sentence, in the same order.

        Raises:
            InvalidInput: a sentence holds nothing to read; `where` names it.
            Overloaded: too many sentences are waiting already.
        """
        count = len(sentences)
        if self._waiting + count > self._max_waiting:
            raise Overloaded("too many sentences are waiting; try again in a moment")
        loop = asyncio.get_running_loop()
        self._waiting += count
        try:
            encoded = await loop.run_in_executor(self._encode, self._predictor.encode, sentences)
            job = _Job(count, deque(encoded), loop.create_future())
            self._jobs.append(job)
            if self._runner is None:
                self._runner = asyncio.create_task(self._run())
            return await job.done
        finally:
            self._waiting -= count

    def close(self) -> None:
        """Stop the threads once they have finished what they are computing."""
        self._encode.shutdown()
        self._compute.shutdown()

    async def _run(self) -> None:
        """Compute batches until nothing waits."""
        loop = asyncio.get_running_loop()
        while batch := self._next_batch():
            try:
                predictions = await loop.run_in_executor(
                    self._compute, self._predictor.run, [item for _, item in batch]
                )
            except Exception as error:  # a broken engine must fail its requests, not hang them
                for job, _ in batch:
                    if not job.done.done():
                        job.done.set_exception(error)
                continue
            for (job, _), prediction in zip(batch, predictions, strict=True):
                job.predictions.append(prediction)
                if len(job.predictions) == job.count and not job.done.done():
                    job.done.set_result(job.predictions)
        self._runner = None

    def _next_batch(self) -> list[tuple[_Job, Encoded]]:
        """Take one sentence from each waiting request in turn until the token budget is full."""
        batch: list[tuple[_Job, Encoded]] = []
        longest = 0
        while self._jobs:
            job = self._jobs[0]
            if job.done.done():  # cancelled, or failed with an earlier batch
                self._jobs.popleft()
                continue
            longest = max(longest, len(job.waiting[0].ids))
            if batch and longest * (len(batch) + 1) > BATCH_TOKENS:
                break
            batch.append((job, job.waiting.popleft()))
            self._jobs.rotate(-1)
            if not job.waiting:
                self._jobs.remove(job)
        return batch
