"""The clients against a server that answers badly; those against the real one are in contract/."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from claimstance import client as module
from claimstance.client import AsyncClient, Client
from claimstance.errors import (
    ClaimstanceError,
    InvalidInput,
    ModelNotFound,
    Overloaded,
    RateExceeded,
    ServiceFailed,
    Unauthorized,
)
from claimstance.exchange import Parts

LIMITS = {"max_sentences": 3, "max_body_bytes": 120}
PREDICTION = {
    "stance": "firm",
    "stance_scores": {"firm": 0.8, "conciliatory": 0.1, "neutral": 0.1},
    "sentiment": "neutral",
    "sentiment_scores": {"negative": 0.1, "neutral": 0.8, "positive": 0.1},
    "confident": True,
    "truncated": False,
}

Fault = Callable[[BaseHTTPRequestHandler], None]


class Faulty:
    """A server that has faults first, then classifies: `tokens` is the sentence's length."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = list(faults)
        self.requests: list[list[str]] = []
        self.models: set[str | None] = set()
        self.open = self.most_open = 0
        self.lock = threading.Lock()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer a request."""
        if handler.path == "/model":
            reply(200, {"limits": LIMITS})(handler)
            return
        length = int(handler.headers["content-length"])
        body = json.loads(handler.rfile.read(length))
        sentences = body["sentences"]
        with self.lock:
            self.models.add(body.get("model"))
            self.requests.append(sentences)
            self.open += 1
            self.most_open = max(self.most_open, self.open)
            fault = self.faults.pop(0) if self.faults else None
        try:
            if fault:
                fault(handler)
            else:
                found = [PREDICTION | {"tokens": len(sentence)} for sentence in sentences]
                reply(200, {"model": "claimstance:1", "predictions": found})(handler)
        finally:
            with self.lock:
                self.open -= 1


def reply(status: int, body: Any, **headers: str) -> Fault:
    """Return a fault that answers like this; a body that is no string goes as JSON."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        content = (body if isinstance(body, str) else json.dumps(body)).encode()
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return send


def refuse(status: int, code: str, where: str | None = None, **headers: str) -> Fault:
    return reply(status, {"error": {"code": code, "message": "no", "where": where}}, **headers)


def drop(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without a word."""
    handler.close_connection = True


@contextmanager
def running(server: Faulty) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            server.answer(self)

        do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}"
        finally:
            http.shutdown()
            thread.join()


class Waited(list[float]):
    """The pauses that clients made, in which no time passed."""


@pytest.fixture(autouse=True)
def waited(monkeypatch: pytest.MonkeyPatch) -> Waited:
    pauses = Waited()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    class Patient(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            pauses.append(timeout or 0)
            return self.is_set()

    monkeypatch.setattr(module, "Event", Patient)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    return pauses


def classify(url: str, sentences: Any, asynchronous: bool, attempts: int = 6) -> list[int]:
    """Return the tokens of each prediction."""

    async def ask() -> list[int]:
        async with AsyncClient(url, attempts=attempts) as client:
            return [prediction.tokens for prediction in await client.classify(sentences)]

    if asynchronous:
        return asyncio.run(ask())
    with Client(url, attempts=attempts) as client:
        return [prediction.tokens for prediction in client.classify(sentences)]


either = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])


@either
def test_any_number_of_sentences_is_sent_within_the_limits_and_kept_in_order(
    asynchronous: bool,
) -> None:
    sentences = ["x" * length for length in (5, 1, 2, 3, 90, 4, 60, 30, 7, 8, 9, 10, 11)]
    server = Faulty()
    with running(server) as url:
        assert classify(url, sentences, asynchronous) == [len(text) for text in sentences]
        assert classify(url, iter(sentences), asynchronous) == [len(text) for text in sentences]
        assert classify(url, [], asynchronous) == []
    for request in server.requests:
        assert len(request) <= LIMITS["max_sentences"]
        body = json.dumps({"sentences": request}, separators=(",", ":"))
        assert len(body) <= LIMITS["max_body_bytes"]
    assert server.most_open <= module.IN_FLIGHT


@either
def test_another_version_is_asked_in_every_request(asynchronous: bool) -> None:
    async def ask(url: str) -> int:
        async with AsyncClient(url) as client:
            return len(await client.classify(["x" * 40] * 5, model="newsroom-2"))

    server = Faulty()
    with running(server) as url:
        if asynchronous:
            assert asyncio.run(ask(url)) == 5
        else:
            with Client(url) as client:
                assert len(client.classify(["x" * 40] * 5, model="newsroom-2")) == 5
    assert len(server.requests) > 2
    assert server.models == {"newsroom-2"}
    for request in server.requests:
        body = {"model": "newsroom-2", "sentences": request}
        assert len(json.dumps(body, separators=(",", ":"))) <= LIMITS["max_body_bytes"]


@either
@pytest.mark.parametrize(
    "faults",
    [
        (refuse(429, "overloaded", Retry_After="3"), refuse(429, "rate_exceeded", Retry_After="7")),
        (refuse(503, "feedback_unavailable"), reply(503, "<html>")),
        (reply(502, "<html>Bad Gateway"), drop),
        (drop, drop),
    ],
    ids=["429", "503", "502", "dropped"],
)
def test_what_may_pass_is_tried_again(
    faults: tuple[Fault, ...], asynchronous: bool, waited: Waited
) -> None:
    with running(Faulty(*faults)) as url:
        assert classify(url, ["ab"], asynchronous) == [2]
    assert len(waited) == len(faults)


@either
def test_pauses_are_as_long_as_asked_for_and_grow(asynchronous: bool, waited: Waited) -> None:
    faults = [refuse(429, "overloaded", Retry_After="3"), *[drop] * 8]
    with running(Faulty(*faults)) as url:
        assert classify(url, ["ab"], asynchronous, attempts=10) == [2]
    assert 3 <= waited[0] <= 3.2
    assert all(pause <= 0.2 * 2**n for n, pause in enumerate(waited[1:], 1))
    assert max(waited[1:]) <= 10
    assert len(set(waited)) == len(waited)


@either
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (refuse(401, "unauthorized"), Unauthorized),
        (refuse(404, "model_not_found"), ModelNotFound),
        (refuse(500, "internal_error"), ServiceFailed),
        (refuse(418, "brand_new"), ServiceFailed),
        (reply(404, "<html>not here"), ServiceFailed),
        (reply(200, "<html>hello"), ServiceFailed),
        (reply(200, {"predictions": []}), ServiceFailed),
        (reply(200, {"predictions": [{"stance": "bold"}]}), ServiceFailed),
        (reply(302, "", Location="http://elsewhere.invalid/"), ServiceFailed),
        (refuse(429, "rate_exceeded", Retry_After="3600"), RateExceeded),
        (reply(422, {"error": "text"}), ServiceFailed),
    ],
)
def test_what_will_not_pass_is_raised_at_once_as_the_error_it_is(
    fault: Fault, error: type[ClaimstanceError], asynchronous: bool, waited: Waited
) -> None:
    with running(Faulty(fault)) as url, pytest.raises(error) as raised:
        classify(url, ["ab"], asynchronous)
    assert type(raised.value) is error
    assert waited == []
    if isinstance(raised.value, RateExceeded):
        assert raised.value.retry_after == 3600


@either
def test_it_gives_up_after_as_many_attempts_as_it_may(asynchronous: bool, waited: Waited) -> None:
    server = Faulty(*[refuse(429, "overloaded", Retry_After="1")] * 9)
    with running(server) as url:
        with pytest.raises(Overloaded):
            classify(url, ["ab"], asynchronous, attempts=3)
        assert len(server.requests) == 3
    with pytest.raises(ServiceFailed, match="cannot be reached"):
        classify(url, ["ab"], asynchronous, attempts=2)


@either
def test_a_bad_sentence_is_named_by_its_place_among_all(asynchronous: bool) -> None:
    server = Faulty()
    server.faults = [
        lambda handler: (
            refuse(422, "invalid_input", "sentences[1]")(handler)
            if server.requests[-1] == ["d", "", "f"]
            else reply(200, {"predictions": [PREDICTION | {"tokens": 1}] * 3})(handler)
        )
    ] * 3
    with running(server) as url, pytest.raises(InvalidInput) as raised:
        classify(url, ["a", "b", "c", "d", "", "f"], asynchronous)
    assert raised.value.where == "sentences[4]"


@either
@pytest.mark.parametrize(
    ("sentences", "where"), [("one string", "sentences"), (["a"] * 5 + [None], "sentences[5]")]
)
def test_what_is_no_list_of_sentences_is_refused(
    sentences: Any, where: str, asynchronous: bool
) -> None:
    with running(Faulty()) as url, pytest.raises(InvalidInput) as raised:
        classify(url, sentences, asynchronous)
    assert raised.value.where == where


def test_a_stream_reads_no_further_ahead_than_its_requests_need() -> None:
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield "ab"

    server = Faulty()
    with running(server) as url, Client(url) as client:
        stream = client.stream(endless(), batch=2)
        for _ in range(20):
            assert next(stream).tokens == 2
        assert taken <= 20 + 2 * (module.IN_FLIGHT + 1)
        stream.close()
    assert server.most_open <= module.IN_FLIGHT


def test_a_stream_that_fails_leaves_no_thread_that_tries_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "Event", threading.Event)  # time passes
    asked = threading.Event()

    def busy(handler: BaseHTTPRequestHandler) -> None:
        refuse(429, "overloaded", Retry_After="100")(handler)
        asked.set()

    def broken() -> Iterator[str]:
        yield from ["ab"] * (LIMITS["max_sentences"] + 1)
        asked.wait(20)
        raise LookupError("no more")

    before = threading.enumerate()
    with running(Faulty(busy)) as url, Client(url) as client:
        with pytest.raises(LookupError):
            client.classify(broken())
        new = [thread for thread in threading.enumerate() if thread not in before]
        left = [thread for thread in new if thread.name.startswith("claimstance")]
        assert left
        for thread in left:
            thread.join(20)
        assert not any(thread.is_alive() for thread in left)


def test_an_asynchronous_stream_takes_what_comes_asynchronously() -> None:
    async def several() -> Any:
        for length in range(1, 11):
            yield "x" * length

    async def ask(url: str) -> list[int]:
        async with AsyncClient(url) as client:
            return [prediction.tokens async for prediction in client.stream(several(), batch=2)]

    with running(Faulty()) as url:
        assert asyncio.run(ask(url)) == list(range(1, 11))


def test_a_key_is_sent_and_shown_nowhere() -> None:
    seen: list[str | None] = []

    def look(handler: BaseHTTPRequestHandler) -> None:
        seen.append(handler.headers["authorization"])
        refuse(401, "unauthorized")(handler)

    with running(Faulty(look)) as url, Client(url, key="secret") as client:
        with pytest.raises(Unauthorized) as raised:
            client.classify(["ab"])
        assert "secret" not in repr(client) + str(raised.value)
    assert seen == ["Bearer secret"]


def test_sentences_that_json_must_escape_are_counted_as_they_are_sent() -> None:
    parts = Parts([], {"max_sentences": 10, "max_body_bytes": 80}, 10)
    sent = [parts.add(sentence) for sentence in ["«Да»", "\ud800", '"\n"', "🏝️"]]
    bodies = [part.body for part in [*sent, parts.rest()] if part]
    assert all(len(body) <= 80 for body in bodies)
    back = [sentence for body in bodies for sentence in json.loads(body)["sentences"]]
    assert back == ["«Да»", "\ud800", '"\n"', "🏝️"]


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(
    ("url", "key", "where"),
    [
        ("http://127.0.0.1:port", None, "url"),
        (module.URL, "schlüssel", "key"),
        (module.URL, "two\nlines", "key"),
    ],
)
def test_what_can_be_no_address_or_key_is_refused_at_once(
    kind: type[Client] | type[AsyncClient], url: str, key: str | None, where: str
) -> None:
    with pytest.raises(InvalidInput) as raised:
        kind(url, key=key)
    assert raised.value.where == where
    assert key is None or key not in str(raised.value)


@either
def test_an_address_that_is_none_of_http_is_told(asynchronous: bool, waited: Waited) -> None:
    with pytest.raises(ServiceFailed, match="cannot be reached"):
        classify("ftp://127.0.0.1", ["ab"], asynchronous)
    assert waited == []
