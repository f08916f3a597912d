"""The gate in front of the service: what a request must look like before anything else sees it.

BentoML parses any content type, has no limit on a body, and reports errors in several shapes.
This ASGI middleware refuses unknown paths and methods, other content types, callers without a key
or beyond their rate, bodies that are too large (before they are read whole) or too slow, and
bodies that do not fit the schema, all in one error shape; and it ends what takes too long.
"""

import asyncio
from collections.abc import Iterator
from http import HTTPStatus

from pydantic import BaseModel
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from claimstance.errors import (
    ClaimstanceError,
    InvalidInput,
    LimitExceeded,
    Overloaded,
    TimedOut,
)
from serving import bodies, errors, visit
from serving.admission import Admission
from serving.page import FILES
from serving.schemas import AnalyzeRequest, ClassifyRequest, ExplainRequest, FeedbackRequest
from serving.settings import Limits

READABLE = {*FILES, "/model", "/livez", "/readyz", "/healthz", "/metrics", "/docs.json"}
WRITABLE: dict[str, type[BaseModel]] = {
    "/classify": ClassifyRequest,
    "/analyze": AnalyzeRequest,
    "/explain": ExplainRequest,
    "/feedback": FeedbackRequest,
}
PATHS = READABLE | WRITABLE.keys()
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
"""Methods that are known by name, though the last four are always refused."""

PIECE = 65_536
"""Bytes of an answer that are sent at once."""


class Gate:
    """The middleware; see the module. `serving.access.Access` must be outside of it."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits
        self._admission = Admission(limits.rate)
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a well-formed request on, answer any other."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._open += 1
        try:
            refusal = _refuse_line(scope)
            if refusal is None:
                try:
                    receive = await self._admit(scope, receive)
                except ClaimstanceError as error:
                    refusal = errors.response(error)
                except (TimeoutError, _Disconnected):
                    refusal = self._refuse_slow()
            if refusal is not None:
                await refusal(scope, receive, send)
            else:
                await self._answer(scope, receive, send)
        finally:
            self._open -= 1

    async def _admit(self, scope: Scope, receive: Receive) -> Receive:
        """Check the caller and the body; return a `receive` that gives the body once more."""
        self._admission.admit(scope, visit.current())
        if scope["path"] not in WRITABLE:
            return receive
        if self._open > self._limits.max_open_requests:
            raise Overloaded("too many requests are open; try again in a moment")
        async with asyncio.timeout(self._limits.max_body_seconds):
            body = await self._body(scope, receive)
        bodies.check(WRITABLE[scope["path"]], body, self._limits)
        return _Replay(body, receive)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """Return the request's body, refusing it as soon as it is known to be too large."""
        limit = self._limits.max_body_bytes
        too_large = LimitExceeded(f"the body may have at most {limit} bytes", "body")
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limit:
            raise too_large
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Disconnected
            body += message.get("body", b"")
            if len(body) > limit:
                raise too_large
            if not message.get("more_body"):
                return bytes(body)

    def _refuse_slow(self) -> Response:
        """Return the answer to a body that does not come, or whose sender has left.

        The latter will not read it, but BentoML's timeout would wait for an answer.
        """
        return errors.refusal(
            HTTPStatus.REQUEST_TIMEOUT,
            "request_timeout",
            f"the body did not arrive within {self._limits.max_body_seconds} seconds",
            "body",
            {"Connection": "close"},
        )

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have the service answer in its time; put its failures into the one error shape."""
        replaced = False

        async def shaped(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and message["status"] in _REPLACED:
                replaced = True
                await _REPLACED[message["status"]]()(scope, receive, send)
            elif not replaced:
                for piece in _pieces(message):
                    await send(piece)

        seconds = self._limits.max_answer_seconds
        try:
            async with asyncio.timeout(seconds):
                await self._app(scope, receive, shaped)
        except TimeoutError:
            if visit.current().status is None:
                late = TimedOut(f"not answered within {seconds} seconds; send less at once")
                await errors.response(late)(scope, receive, send)
            # Else the client takes its answer too slowly: returning closes the connection.


class _Disconnected(Exception):
    """The client left before its body was complete."""


class _Replay:
    """A `receive` that gives a body read before, then what the connection says next."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._message: Message | None = {"type": "http.request", "body": body, "more_body": False}
        self._receive = receive

    async def __call__(self) -> Message:
        if self._message is None:
            return await self._receive()
        message, self._message = self._message, None
        return message


def _failure() -> Response:
    """Return what is said of an error that is the service's own."""
    return errors.refusal(
        HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "the service failed; its log tells how"
    )


def _misfit() -> Response:
    """Return what is said of a body that BentoML refuses though the gate let it through."""
    return errors.response(InvalidInput("the body does not fit the schema", "body"))


_REPLACED = {HTTPStatus.BAD_REQUEST: _misfit, HTTPStatus.INTERNAL_SERVER_ERROR: _failure}
"""Statuses that BentoML gives in shapes of its own, and what is answered instead."""


def _pieces(message: Message) -> Iterator[Message]:
    """Yield a message, a long body in pieces: the server waits for a client between two only."""
    body = message.get("body", b"")
    *first, last = [body[n : n + PIECE] for n in range(0, len(body), PIECE)] or [b""]
    for piece in first:
        yield {"type": message["type"], "body": piece, "more_body": True}
    yield {**message, "body": last} if first else message


def _refuse_line(scope: Scope) -> Response | None:
    """Return the refusal of a request for its path, method or content type, if there is one."""
    path, method = scope["path"], scope["method"]
    if path in WRITABLE:
        allowed = ["POST"]
    elif path in READABLE:
        allowed = ["GET", "HEAD"]
    else:
        return errors.refusal(HTTPStatus.NOT_FOUND, "not_found", "there is nothing here", "path")
    if method not in allowed:
        return errors.refusal(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "method_not_allowed",
            f"use {' or '.join(allowed)}",
            "method",
            {"Allow": ", ".join(allowed)},
        )
    if method == "POST":
        # All of them: BentoML goes by the first, and others by the last.
        types = [value for name, value in scope["headers"] if name == b"content-type"]
        if [value.split(b";")[0].strip().lower() for value in types] != [b"application/json"]:
            return errors.refusal(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "send application/json",
                "content-type",
            )
    return None
