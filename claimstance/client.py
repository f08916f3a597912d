"""Clients of a running service, for any number of sentences: `Client`, `AsyncClient` for asyncio.

They need `pip install 'claimstance[client]'`. Both split what they are given into requests within
the service's limits, keep the order, and try again where trying again can help: when the service
cannot be reached, is too busy or a rate is used up. Errors are those of `claimstance.errors`.

    with Client("https://stance.example.org", key=key) as client:
        predictions = client.classify(sentences)
"""

import asyncio
import random
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Generator, Iterable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from itertools import count
from threading import Event
from types import TracebackType
from typing import Any, Self

from claimstance import exchange
from claimstance.errors import (
    ClaimstanceError,
    InvalidInput,
    NotInstalled,
    RateExceeded,
    ServiceFailed,
)
from claimstance.exchange import Analysis, Part, Parts
from claimstance.feedback import Kept
from claimstance.labels import Sentiment, Stance
from claimstance.predictor import Prediction

try:
    import httpx
except ImportError as error:
    raise NotInstalled("needs `pip install 'claimstance[client]'`", __name__) from error

URL = "http://127.0.0.1:3000"
"""Where a service started as the README says is found."""

BATCH = 200
"""Sentences in one request, unless the service takes fewer."""

IN_FLIGHT = 4
"""Requests waiting for an answer at once."""

_AGAIN = {429, 502, 503}
"""Statuses after which the same request may succeed; 502 is a proxy's that finds nobody."""

_FIRST_WAIT, _LONGEST_WAIT = 0.2, 10.0
"""Seconds of the waits between attempts: up to the first, doubled each time up to the other."""

_PATIENCE = 120
"""Seconds that a service may ask to wait; where it asks for more, its error is raised at once."""

_ERRORS = {error.code: error for error in ClaimstanceError.__subclasses__()}


class Client:
    """A client whose methods wait for the answer; may be used by several threads.

    Args:
        url: where the service is.
        key: an API key, where it asks for one.
        attempts: how often a request is tried in all, with growing pauses between.
        timeout: seconds that one attempt may take to connect, and may stand still.

    Raises:
        InvalidInput: `url` is no address, or `key` cannot be a key.
    """

    def __init__(
        self, url: str = URL, *, key: str | None = None, attempts: int = 6, timeout: float = 60
    ) -> None:
        self._attempts = attempts
        self._http = httpx.Client(**_settings(url, key, timeout))
        self._limits: dict[str, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def model(self) -> dict[str, Any]:
        """Return what the service says of the version that answers, and of its limits."""
        return exchange.read(dict[str, Any], self._ask("GET", "/model"))

    def classify(self, sentences: Iterable[str], *, model: str | None = None) -> list[Prediction]:
        """Return one prediction per sentence, in the same order.

        Args:
            sentences: any number of them.
            model: the name or tag of a version to ask instead of the one in production.

        Raises:
            InvalidInput: a sentence holds nothing to read; `where` names it.
            LimitExceeded: a sentence is too long; `where` names it.
            ModelNotFound: the service has no version `model`.
            ServiceFailed: the service cannot be reached, or not understood.
            ClaimstanceError: whatever else the service refuses with.
        """
        return list(self.stream(sentences, model=model))

    def stream(
        self, sentences: Iterable[str], *, model: str | None = None, batch: int = BATCH
    ) -> Generator[Prediction, None, None]:
        """Yield the predictions of sentences that need not all be there at once, in order.

        At most `IN_FLIGHT` requests of at most `batch` sentences are open; no more are read from
        `sentences` than those need. Raises what `classify` raises, after the predictions before.
        """
        parts = Parts(sentences, self._known_limits(), batch, model)
        pool = ThreadPoolExecutor(IN_FLIGHT, "claimstance")
        ended = Event()
        waiting: deque[Future[list[Prediction]]] = deque()
        try:
            for sentence in sentences:
                if part := parts.add(sentence):
                    waiting.append(pool.submit(self._classify, part, ended))
                if len(waiting) == IN_FLIGHT:
                    yield from waiting.popleft().result()
            if part := parts.rest():
                waiting.append(pool.submit(self._classify, part, ended))
            while waiting:
                yield from waiting.popleft().result()
        finally:
            ended.set()  # or a thread that waits to try again would keep the program from ending
            pool.shutdown(wait=False, cancel_futures=True)

    def analyze(self, text: str) -> Analysis:
        """Return a document's sentences with their predictions; raises what `classify` raises."""
        return exchange.read(Analysis, self._ask("POST", "/analyze", exchange.document(text)))

    def feedback(
        self,
        text: str,
        *,
        stance: Stance | None = None,
        sentiment: Sentiment | None = None,
        prediction: Prediction | None = None,
        model: str | None = None,
    ) -> Kept:
        """Have a correction kept: the labels of `text` that are right, one or both.

        `prediction` is what was predicted, `model` the tag of the version that did. After a broken
        connection a correction is sent again, and may then be kept twice, which harms nothing: the
        last one of a sentence holds.

        Raises:
            InvalidInput: it corrects nothing, or its text cannot be stored.
            FeedbackUnavailable: the store cannot be used now.
            ServiceFailed: the service cannot be reached, or not understood.
        """
        body = exchange.correction(text, stance, sentiment, prediction, model)
        return exchange.read(Kept, self._ask("POST", "/feedback", body))

    def _known_limits(self) -> dict[str, int]:
        if self._limits is None:
            self._limits = self.model()["limits"]
        return self._limits

    def _classify(self, part: Part, ended: Event) -> list[Prediction]:
        try:
            return exchange.predictions(part, self._ask("POST", "/classify", part.body, ended))
        except ClaimstanceError as error:
            raise exchange.in_place(error, part) from error

    def _ask(
        self, method: str, path: str, body: bytes | None = None, ended: Event | None = None
    ) -> bytes:
        """Return the body of a successful answer, after as many attempts as may be.

        Raises:
            CancelledError: `ended` is set, so that nobody waits for the answer any more.
        """
        ended = ended or Event()
        outcome: httpx.Response | httpx.RequestError
        for attempt in count(1):
            try:
                outcome = self._http.request(method, path, content=body)
                if outcome.is_success:
                    return outcome.content
            except httpx.RequestError as error:
                outcome = error
            if ended.wait(_wait(outcome, attempt, self._attempts)):
                raise CancelledError
        raise AssertionError  # the count has no end


class AsyncClient:
    """A client for asyncio; the arguments and methods are those of `Client`."""

    def __init__(
        self, url: str = URL, *, key: str | None = None, attempts: int = 6, timeout: float = 60
    ) -> None:
        self._attempts = attempts
        self._http = httpx.AsyncClient(**_settings(url, key, timeout))
        self._limits: dict[str, int] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def model(self) -> dict[str, Any]:
        """Return what `Client.model` returns."""
        return exchange.read(dict[str, Any], await self._ask("GET", "/model"))

    async def classify(
        self, sentences: Iterable[str] | AsyncIterable[str], *, model: str | None = None
    ) -> list[Prediction]:
        """Return one prediction per sentence, in the same order; raises as `Client.classify`."""
        return [prediction async for prediction in self.stream(sentences, model=model)]

    async def stream(
        self,
        sentences: Iterable[str] | AsyncIterable[str],
        *,
        model: str | None = None,
        batch: int = BATCH,
    ) -> AsyncGenerator[Prediction, None]:
        """Yield predictions as `Client.stream` does; requests in flight are cancelled with it."""
        parts = Parts(sentences, await self._known_limits(), batch, model)
        waiting: deque[asyncio.Task[list[Prediction]]] = deque()
        try:
            async for sentence in _each(sentences):
                if part := parts.add(sentence):
                    waiting.append(asyncio.create_task(self._classify(part)))
                if len(waiting) == IN_FLIGHT:
                    for prediction in await waiting.popleft():
                        yield prediction
            if part := parts.rest():
                waiting.append(asyncio.create_task(self._classify(part)))
            while waiting:
                for prediction in await waiting.popleft():
                    yield prediction
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def analyze(self, text: str) -> Analysis:
        """Return a document's sentences with their predictions; raises as `Client.analyze`."""
        return exchange.read(Analysis, await self._ask("POST", "/analyze", exchange.document(text)))

    async def feedback(
        self,
        text: str,
        *,
        stance: Stance | None = None,
        sentiment: Sentiment | None = None,
        prediction: Prediction | None = None,
        model: str | None = None,
    ) -> Kept:
        """Have a correction kept, as `Client.feedback` does."""
        body = exchange.correction(text, stance, sentiment, prediction, model)
        return exchange.read(Kept, await self._ask("POST", "/feedback", body))

    async def _known_limits(self) -> dict[str, int]:
        if self._limits is None:
            self._limits = (await self.model())["limits"]
        return self._limits

    async def _classify(self, part: Part) -> list[Prediction]:
        try:
            return exchange.predictions(part, await self._ask("POST", "/classify", part.body))
        except ClaimstanceError as error:
            raise exchange.in_place(error, part) from error

    async def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        outcome: httpx.Response | httpx.RequestError
        for attempt in count(1):
            try:
                outcome = await self._http.request(method, path, content=body)
                if outcome.is_success:
                    return outcome.content
            except httpx.RequestError as error:
                outcome = error
            await asyncio.sleep(_wait(outcome, attempt, self._attempts))
        raise AssertionError  # the count has no end


async def _each(sentences: Iterable[str] | AsyncIterable[str]) -> AsyncIterator[str]:
    if isinstance(sentences, AsyncIterable):
        async for sentence in sentences:
            yield sentence
    else:
        for sentence in sentences:
            yield sentence


def _settings(url: str, key: str | None, timeout: float) -> dict[str, Any]:
    """Return what both of httpx's clients are made with.

    Raises:
        InvalidInput: `url` is no address, or `key` cannot be a key.
    """
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise InvalidInput(f"is no address ({error})", "url") from error
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    if key is not None:
        if not (key.isascii() and key.isprintable()):
            raise InvalidInput("holds characters that no key has", "key")
        headers["Authorization"] = f"Bearer {key}"
    return {"base_url": address, "headers": headers, "timeout": timeout}


def _wait(outcome: httpx.Response | httpx.RequestError, attempt: int, attempts: int) -> float:
    """Return for how many seconds to wait before the next attempt.

    Raises:
        ClaimstanceError: what failed, where there is to be no next attempt.
    """
    if isinstance(outcome, httpx.RequestError):
        broken = (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError)
        if attempt == attempts or not isinstance(outcome, broken):
            message = f"the service cannot be reached ({str(outcome) or type(outcome).__name__})"
            raise ServiceFailed(message) from outcome
        asked = 0
    else:
        asked = _retry_after(outcome)
        if attempt == attempts or outcome.status_code not in _AGAIN or asked > _PATIENCE:
            raise _refused(outcome)
    # Anywhere up to the wait that is due, so that many clients do not come back together.
    return asked + random.uniform(0, min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (attempt - 1)))


def _retry_after(response: httpx.Response) -> int:
    value = response.headers.get("retry-after", "")
    return int(value) if value.isdecimal() else 0


def _refused(response: httpx.Response) -> ClaimstanceError:
    """Return the error that a response reports, of the class that its code names."""
    try:
        error = response.json()["error"]
        code, message, where = error["code"], error["message"], error["where"]
    except (ValueError, LookupError, TypeError):
        return ServiceFailed(f"answered with status {response.status_code} and no reason")
    if code == RateExceeded.code:
        return RateExceeded(message, where, _retry_after(response))
    kind = _ERRORS.get(code)
    return ServiceFailed(f"{message} ({code})", where) if kind is None else kind(message, where)
