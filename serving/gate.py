"""The gate in front of the service: what a request must look like before anything else sees it.

BentoML parses any content type, has no limit on a body, and reports errors in several shapes.
This ASGI middleware refuses unknown paths and methods, other content types, bodies that are too
large (before they are read whole), and bodies that do not fit the schema, all in one error shape.
"""

import json
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from claimstance.errors import ClaimstanceError, InvalidInput, LimitExceeded
from claimstance.text import has_half_character, normalize
from serving import errors
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


class Gate:
    """The middleware; see the module."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a well-formed request on, answer any other."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = _refuse_line(scope)
        if refusal is None and scope["path"] in WRITABLE:
            try:
                body = await self._body(scope, receive)
                _check(WRITABLE[scope["path"]], body, self._limits)
            except _Disconnected:
                return
            except ClaimstanceError as error:
                refusal = errors.response(error)
            else:
                receive = _Replay(body, receive)
        if refusal is not None:
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)

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
        content_type = dict(scope["headers"]).get(b"content-type", b"").decode("latin-1")
        if content_type.split(";")[0].strip().lower() != "application/json":
            return errors.refusal(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "send application/json",
                "content-type",
            )
    return None


def _check(schema: type[BaseModel], body: bytes, limits: Limits) -> None:
    """Check a body against its schema and the limits.

    Raises:
        InvalidInput: it is not JSON or does not fit the schema; `where` names the item.
        LimitExceeded: a list or text is too long; `where` names it.
    """
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"the body is not JSON ({error})", "body") from error
    try:
        request = schema.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise InvalidInput(first["msg"], _place(first["loc"]) or "body") from error
    if isinstance(request, ClassifyRequest):
        if len(request.sentences) > limits.max_sentences:
            raise LimitExceeded(
                f"{len(request.sentences)} sentences sent, at most {limits.max_sentences} are "
                "taken at once; send them in parts",
                "sentences",
            )
        for index, sentence in enumerate(request.sentences):
            _check_sentence(sentence, f"sentences[{index}]", limits)
    elif isinstance(request, ExplainRequest):
        _check_sentence(request.sentence, "sentence", limits)
    elif isinstance(request, FeedbackRequest):
        _check_sentence(request.text, "text", limits)
    elif isinstance(request, AnalyzeRequest):
        if len(request.text) > limits.max_document_characters:
            raise LimitExceeded(
                f"has {len(request.text)} characters, at most "
                f"{limits.max_document_characters} are taken",
                "text",
            )
        _check_text(request.text, "text")


def _check_sentence(sentence: str, where: str, limits: Limits) -> None:
    if len(sentence) > limits.max_characters:
        raise LimitExceeded(
            f"has {len(sentence)} characters, at most {limits.max_characters} are taken; "
            "send a document to /analyze",
            where,
        )
    _check_text(sentence, where)


def _check_text(text: str, where: str) -> None:
    if has_half_character(text):
        raise InvalidInput("holds half of a surrogate pair, which is no character", where)
    if not normalize(text):
        raise InvalidInput("is empty or blank", where)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object, refusing a key given twice: which one was meant cannot be known."""
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a key is given twice")
    return result


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


def _place(location: tuple[int | str, ...]) -> str:
    """Spell a place the way the body does: `sentences[3]`."""
    place = ""
    for step in location:
        place += f"[{step}]" if isinstance(step, int) else f".{step}" if place else step
    return place
