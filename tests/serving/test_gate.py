"""The gate and the access log around an application that misbehaves."""

import asyncio
import json
import logging
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter, ValidationError
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.access import Access
from serving.gate import Gate
from serving.settings import Limits

BODY = {"sentences": ["The reef is ours."]}
SCOPE = {
    "type": "http",
    "method": "POST",
    "path": "/classify",
    "headers": [(b"content-type", b"application/json")],
    "client": ("127.0.0.1", 5),
    "server": ("127.0.0.1", 3000),
}


def client(app: ASGIApp, **limits: int) -> httpx.AsyncClient:
    guarded = Access(Gate(app, Limits.model_validate(limits)))
    transport = httpx.ASGITransport(guarded, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


def test_no_more_requests_than_allowed_are_open_and_then_there_is_room_again() -> None:
    async def run() -> None:
        finish = asyncio.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await finish.wait()
            await JSONResponse({})(scope, receive, send)

        async with client(app, max_open_requests=2) as guarded:
            waiting = [asyncio.create_task(guarded.post("/classify", json=BODY)) for _ in range(2)]
            await asyncio.sleep(0.05)
            refused = await guarded.post("/classify", json=BODY)
            assert refused.status_code == 429
            assert refused.json()["error"]["code"] == "overloaded"
            assert refused.headers["retry-after"] == "1"
            finish.set()
            assert [response.status_code for response in await asyncio.gather(*waiting)] == [
                200
            ] * 2
            assert (await guarded.post("/classify", json=BODY)).status_code == 200

    asyncio.run(run())


def test_a_failure_of_the_service_is_told_in_the_one_shape_without_its_reason() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await JSONResponse({"error": "secret reason"}, 500)(scope, receive, send)

    async def run() -> httpx.Response:
        async with client(app) as guarded:
            return await guarded.post("/classify", json=BODY)

    response = asyncio.run(run())
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "internal_error"
    assert "secret" not in response.text
    assert response.headers["x-request-id"]


def test_a_refusal_of_bentoml_s_own_is_told_in_the_one_shape() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await JSONResponse({"error": "1 validation error", "detail": []}, 400)(scope, receive, send)

    async def run() -> httpx.Response:
        async with client(app) as guarded:
            return await guarded.post("/classify", json=BODY)

    response = asyncio.run(run())
    assert response.status_code == 422
    assert response.json()["error"]["code"] == "invalid_input"
    assert response.json()["error"]["where"] == "body"


def test_what_pydantic_quotes_of_a_text_is_not_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    Access(JSONResponse({}))
    log = logging.getLogger("bentoml._internal.server.http_app")
    for value, error in (("Wormwood", ValidationError), (None, TypeError)):
        try:
            TypeAdapter(int).validate_python(value) if value else len(value)  # type: ignore[arg-type]
        except error:
            log.exception("Exception on /classify")
    assert "Wormwood" not in caplog.text
    assert "TypeError" in caplog.text  # other errors are told whole
    assert caplog.text.count("Exception on /classify") == 2


def test_a_long_answer_is_sent_in_pieces_and_arrives_whole() -> None:
    content = bytes(range(256)) * 1000
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(content)(scope, receive, send)

    async def receive() -> Message:
        return {"type": "http.request", "body": json.dumps(BODY).encode()}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(Access(Gate(app, Limits()))(SCOPE, receive, send))
    pieces = [message["body"] for message in sent[1:]]
    assert b"".join(pieces) == content
    assert max(map(len, pieces)) <= 65_536  # what uvicorn holds before it waits for the client
    assert [bool(message.get("more_body")) for message in sent[1:]] == [True] * 3 + [False]


def test_an_application_that_never_answers_is_given_up_and_cancelled(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cancelled = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def run() -> httpx.Response:
        async with client(app, max_answer_seconds=1) as guarded:
            return await guarded.post("/classify", json=BODY)

    response = asyncio.run(run())
    assert response.status_code == 504
    assert response.json()["error"]["code"] == "timed_out"
    assert cancelled == [True]
    line: dict[str, Any] = json.loads(capsys.readouterr().err)
    assert (line["status"], line["path"]) == (504, "/classify")


def test_a_client_that_takes_no_answer_does_not_hold_the_gate() -> None:
    async def run() -> list[int]:
        begun: list[int] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await JSONResponse({})(scope, receive, send)

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": json.dumps(BODY).encode()}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                begun.append(message["status"])
            else:
                await asyncio.sleep(60)  # the connection takes no more

        gate = Gate(app, Limits(max_answer_seconds=1))
        await Access(gate)(SCOPE, receive, send)
        return begun

    assert asyncio.run(run()) == [200]
