"""Shadow mode: a candidate scores a share of the traffic after it was answered, unseen."""

import asyncio
import logging
import random
from collections.abc import Sequence

from claimstance import Prediction, Predictor
from serving import metrics
from serving.batcher import Batcher
from serving.models import Models

AT_ONCE = 16
"""Sentences that the shadow computes before it looks again whether somebody waits."""

_log = logging.getLogger(__name__)


class Shadow:
    """Compares the shadow with what was answered, one request at a time, only while it is idle.

    Args:
        models: where the shadow is, once it is loaded.
        batcher: what computes.
        share: share of the requests to score, 0 to 1.
    """

    def __init__(self, models: Models, batcher: Batcher, share: float) -> None:
        self._models = models
        self._batcher = batcher
        self._share = share
        self._task: asyncio.Task[None] | None = None

    async def offer(
        self, by: Predictor, sentences: Sequence[str], given: Sequence[Prediction]
    ) -> None:
        """Begin to score what `by` has answered, if chance says so and nobody waits."""
        shadow = self._models.shadow
        if shadow is None or shadow is by or random.random() >= self._share:
            return
        if self._task is not None and not self._task.done():
            metrics.SHADOW_DROPPED.inc(len(sentences))
            return
        self._task = asyncio.create_task(self._score(shadow, sentences, given))

    async def _score(
        self, shadow: Predictor, sentences: Sequence[str], given: Sequence[Prediction]
    ) -> None:
        done = 0
        try:
            while done < len(sentences) and not self._batcher.busy:
                part = slice(done, done + AT_ONCE)
                predictions = await self._batcher.predict(shadow, sentences[part])
                metrics.disagreements(given[part], predictions)
                done += len(predictions)
        except Exception as error:
            _log.error("the shadow fails: %s", error)
        metrics.SHADOW_DROPPED.inc(len(sentences) - done)
