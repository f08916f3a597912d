"""What every response carries, and the line that every request leaves in the log.

The outermost middleware. Nothing of a request's text is written: not its body, not its query, and
its path only where it is one that the service has.
"""

import json
import logging
import re
import sys
import time
import uuid
from contextlib import nullcontext
from datetime import UTC, datetime

from pydantic import ValidationError
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving import visit
from serving.gate import METHODS, PATHS
from serving.tracing import traces
from serving.visit import Visit

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""What a response carries unless it has its own, as the page has."""

PROBES = {"/livez", "/readyz", "/healthz"}
"""Asked for every few seconds: not traced, and not logged while all is well."""


class _Unquoted(logging.Filter):
    """Keeps a request's text out of BentoML's log: pydantic quotes what does not fit."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let a record through, without what pydantic says."""
        if record.exc_info and isinstance(record.exc_info[1], ValidationError):
            record.exc_info = None
        return True


_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


def _logger() -> logging.Logger:
    """Return the logger of access lines: each is JSON as it is, on standard error alone."""
    logger = logging.getLogger("claimstance.access")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.handlers = [logging.StreamHandler(sys.stderr)]
    logging.getLogger("bentoml._internal.server.http_app").addFilter(_Unquoted())
    return logger


class Access:
    """The middleware; see the module."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._log = _logger()
        self._traces = traces()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request with its id and the security headers, and log it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        seen = Visit(
            given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex,
            scope["method"] if scope["method"] in METHODS else None,
            scope["path"] if scope["path"] in PATHS else None,
        )
        visit.begin(seen)
        began = time.perf_counter()

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = seen.id
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            elif message["type"] == "http.response.body":
                seen.sent += len(message.get("body", b""))
            await send(message)

        try:
            with self._traces.request(scope, seen) if seen.path not in PROBES else nullcontext():
                await self._app(scope, receive, dressed)
        finally:
            if seen.path not in PROBES or seen.status != 200:
                self._log.info(_line(seen, time.perf_counter() - began))


def _line(seen: Visit, seconds: float) -> str:
    """Return a request's line; `status` is null for a client that left before it was answered."""
    line = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "id": seen.id,
        "key": seen.key,
        "method": seen.method,
        "path": seen.path,
        "status": seen.status,
        "bytes": seen.sent,
        "milliseconds": round(1000 * seconds, 1),
        "sentences": seen.sentences,
    }
    return json.dumps(line)
