"""The BentoML service: `bentoml serve serving.service:ClaimstanceService`."""

import asyncio
import gc
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

# BentoML sends usage data unless told not to before it is imported.
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")

import bentoml
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from claimstance import (
    SENTIMENTS,
    STANCES,
    Prediction,
    Predictor,
    Sentiment,
    Stance,
    documents,
    occlusion,
)
from claimstance.errors import ClaimstanceError, InvalidInput, LimitExceeded
from claimstance.feedback import Correction, Store
from claimstance.text import Span
from serving import errors, metrics, openapi, page, schemas, visit
from serving.access import Access
from serving.batcher import Batcher
from serving.corrections import Corrections
from serving.gate import READABLE, WRITABLE, Gate
from serving.models import Models
from serving.settings import hosts, insecure, limits, shadow, workers
from serving.shadow import Shadow
from serving.tracing import traces

LIMITS = limits()
SHADOW = shadow()
# What cannot be is told at the start, not by each request.
hosts()
insecure()

SPLITTING = 2
"""Threads that split documents: a short one need not wait for a long one."""


async def _describe(request: Request) -> Response:
    """Answer `GET /model`."""
    models: Models = request.app.state.models
    return JSONResponse(_description(models).model_dump())


async def _document(_: Request) -> Response:
    """Answer `GET /docs.json`."""
    return JSONResponse(openapi.document(LIMITS))


routes = [Route("/model", _describe), Route("/docs.json", _document)]
site = Starlette(routes=[*page.ROUTES, *routes])


class _Service(bentoml.Service):
    """BentoML's service behind one more layer: its request metrics label every path there is.

    Its middleware lies outside any that can be added, so unknown paths become one before it.
    """

    def to_asgi(self, is_main: bool = True) -> ASGIApp:
        """Return the application that a worker serves."""
        app = super().to_asgi(is_main)

        async def with_known_paths(scope: Scope, receive: Receive, send: Send) -> None:
            if scope.get("path", "/") not in {*READABLE, *WRITABLE}:
                scope = {**scope, "path": "/unknown"}
            await app(scope, receive, send)

        return with_known_paths


# The gate's times come first: BentoML's timeout answers in a shape of its own and cannot be off.
@bentoml.service(
    name="claimstance",
    workers=workers(),
    traffic={"timeout": LIMITS.max_body_seconds + LIMITS.max_answer_seconds + 10},
    logging={"access": {"enabled": False}},
    # BentoML makes a span of every request though nobody asks for traces; serving.tracing does.
    tracing={"excluded_urls": ".*"},
    service_class=_Service,
)
@bentoml.asgi_app(site, path="/")
class ClaimstanceService:
    """Labels sentences by their stance on sovereignty claims and by sentiment."""

    def __init__(self) -> None:
        self.models = Models(SHADOW.version)
        self.batcher = Batcher(LIMITS.max_waiting)
        self.splitting = ThreadPoolExecutor(SPLITTING, "split")
        self.shadow = Shadow(self.models, self.batcher, SHADOW.share)
        self.corrections = Corrections(Store.open())
        site.state.models = self.models
        # What is loaded stays; without this the collector's walks over it make the slow tail.
        gc.collect()
        gc.freeze()

    @bentoml.on_startup
    async def watch(self) -> None:
        """Begin to follow what is in production."""
        self.watching = asyncio.create_task(self.models.watch())

    @bentoml.on_shutdown
    def close(self) -> None:
        """Let the batch, the corrections and the loading in hand finish."""
        self.watching.cancel()
        self.splitting.shutdown()
        self.models.close()
        self.batcher.close()
        self.corrections.close()
        traces().close()

    @bentoml.api(route="/classify")
    async def classify(
        self, sentences: list[str], model: str | None = None
    ) -> schemas.ClassifyResponse:
        """Classify sentences: one prediction per sentence, in the order sent.

        `model`, the name or tag of a version, has that one answer instead of the one in
        production. It is loaded on first use, which takes seconds, and the last one is kept.
        """
        try:
            predictor = await self.models.get(model)
            predictions = await self._predict(predictor, sentences)
        except ClaimstanceError as error:
            return _refused(error)
        answer = {"model": predictor.model.tag, "predictions": [p.to_dict() for p in predictions]}
        if model is not None:
            metrics.CANDIDATE.inc(len(predictions))
            return _answer(answer)
        return self._labelled(answer, predictor, sentences, predictions)

    @bentoml.api(route="/analyze")
    async def analyze(self, text: str) -> schemas.AnalyzeResponse:
        """Split a document into sentences and classify each, with offsets into the text as sent."""
        # Splitting a large document must hold up neither other requests nor a promotion.
        loop = asyncio.get_running_loop()
        document, spans = await loop.run_in_executor(self.splitting, _split, text)
        try:
            if not spans:
                raise InvalidInput("holds no sentence", "text")
            if len(spans) > LIMITS.max_document_sentences:
                raise LimitExceeded(
                    f"has {len(spans)} sentences, at most {LIMITS.max_document_sentences} are "
                    "taken at once; send it in parts",
                    "text",
                )
            predictor = self.models.production
            sentences = [text[s.start : s.end] for s in spans]
            predictions = await self._predict(predictor, sentences)
        except ClaimstanceError as error:
            return _refused(error)
        answer = {
            "model": predictor.model.tag,
            "metadata": document.metadata,
            "sentences": [
                {"start": span.start, "end": span.end, "text": sentence, **p.to_dict()}
                for span, sentence, p in zip(spans, sentences, predictions, strict=True)
            ],
            "summary": _summary(predictions),
        }
        return self._labelled(answer, predictor, sentences, predictions)

    @bentoml.api(route="/explain")
    async def explain(self, sentence: str) -> schemas.ExplainResponse:
        """Weigh a sentence's words by occlusion.

        Per word, in order: how the score of the predicted stance changes when that one word is
        left out. Below 0, the word speaks for the stance.
        """
        words = occlusion.words(sentence)
        try:
            if len(words) < 2:
                raise InvalidInput("needs two words or more to leave one out", "sentence")
            if len(words) > LIMITS.max_explained_words:
                raise LimitExceeded(
                    f"has {len(words)} words, at most {LIMITS.max_explained_words} are weighed",
                    "sentence",
                )
            occluded = [occlusion.without(sentence, word) for word in words]
            predictor = self.models.production
            whole, *rest = await self._predict(predictor, [sentence, *occluded])
        except ClaimstanceError as error:
            return _refused(error)
        return _answer(
            {
                "model": predictor.model.tag,
                "method": "occlusion",
                "stance": whole.stance,
                "score": whole.stance_scores[whole.stance],
                "truncated": whole.truncated,
                "words": [
                    {"start": w.start, "end": w.end, "text": sentence[w.start : w.end], "change": c}
                    for w, c in zip(words, occlusion.changes(whole, rest), strict=True)
                ],
            }
        )

    @bentoml.api(route="/feedback")
    async def feedback(
        self,
        text: str,
        stance: Stance | None = None,
        sentiment: Sentiment | None = None,
        prediction: schemas.SentencePrediction | None = None,
        model: str | None = None,
    ) -> schemas.FeedbackResponse:
        """Keep a correction of a sentence's labels; answered with 201 once it is on the disk."""
        shown = None if prediction is None else prediction.model_dump(mode="json")
        correction = Correction(text, stance, sentiment, shown, model, visit.current().key)
        try:
            kept = await self.corrections.keep(correction)
        except ClaimstanceError as error:
            return _refused(error)
        metrics.corrected(stance, sentiment)
        return _answer({"id": kept.id, "time": kept.time}, HTTPStatus.CREATED)

    async def _predict(self, predictor: Predictor, sentences: Sequence[str]) -> list[Prediction]:
        """Have sentences computed, charged to the caller once they are let in."""
        self.batcher.admit(len(sentences))
        visit.current().spend(len(sentences))
        return await self.batcher.predict(predictor, sentences)

    def _labelled(
        self,
        answer: dict[str, Any],
        by: Predictor,
        sentences: list[str],
        predictions: list[Prediction],
    ) -> Any:
        """Count what is answered, and offer it to the shadow once it has been sent."""
        metrics.labelled(predictions)
        return _answer(answer, after=BackgroundTask(self.shadow.offer, by, sentences, predictions))


def _split(text: str) -> tuple[documents.Document, list[Span]]:
    document = documents.parse(text)
    return document, document.sentences()


def _answer(
    body: dict[str, Any],
    status: HTTPStatus = HTTPStatus.OK,
    after: BackgroundTask | None = None,
) -> Any:
    """Return the JSON response itself, which BentoML passes through.

    Validating thousands of our own predictions would cost more than making them; the documented
    schema stays the annotated one, and a test holds the responses to it.
    """
    return JSONResponse(body, status, background=after)


def _refused(error: ClaimstanceError) -> Any:
    return errors.response(error)


def _summary(predictions: list[Prediction]) -> dict[str, Any]:
    """Count the labels of a document."""
    total = len(predictions)

    def count(labels: Iterable[str], given: Counter[str]) -> dict[str, Any]:
        return {str(x): {"count": given[x], "share": given[x] / total} for x in labels}

    return {
        "sentences": total,
        "stance": count(STANCES, Counter(p.stance for p in predictions)),
        "sentiment": count(SENTIMENTS, Counter(p.sentiment for p in predictions)),
    }


def _description(models: Models) -> schemas.ModelResponse:
    predictor = models.production
    model = predictor.model
    return schemas.ModelResponse(
        model=model.tag,
        refused=models.refused,
        version=model.version,
        created=model.created,
        precision=predictor.precision,
        max_tokens=model.max_tokens,
        stance=schemas.HeadDescription(
            labels=list(model.stance.labels), thresholds=model.stance.thresholds
        ),
        sentiment=schemas.HeadDescription(
            labels=list(model.sentiment.labels), thresholds=model.sentiment.thresholds
        ),
        limits=LIMITS,
        corpus_fingerprint=model.corpus.fingerprint,
        metrics=model.metrics,
    )


ClaimstanceService.add_asgi_middleware(Access)  # type: ignore[attr-defined]
ClaimstanceService.add_asgi_middleware(Gate, limits=LIMITS)  # type: ignore[attr-defined]
