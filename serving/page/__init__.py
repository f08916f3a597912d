"""The web page: plain files that ask for nothing from any other host."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

FILES = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/answer.js": ("answer.js", "text/javascript"),
    "/ask.js": ("ask.js", "text/javascript"),
    "/elements.js": ("elements.js", "text/javascript"),
    "/export.js": ("export.js", "text/javascript"),
    "/sentence.js": ("sentence.js", "text/javascript"),
}
"""Path to file and media type."""

HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept",
    "X-Content-Type-Options": "nosniff",
}


def _serve(name: str, media_type: str) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of one file; the page's gives JSON to a program that asks for it."""
    content = (Path(__file__).parent / name).read_bytes()

    async def file(request: Request) -> Response:
        if name == "index.html" and "application/json" in request.headers.get("accept", ""):
            return JSONResponse(_greeting(request), headers={"Vary": "Accept"})
        return Response(content, headers=HEADERS, media_type=media_type)

    return file


def _greeting(request: Request) -> dict[str, str]:
    """Return where to go from here."""
    return {
        "model": request.app.state.models.production.model.tag,
        "classify": "POST /classify",
        "analyze": "POST /analyze",
        "explain": "POST /explain",
        "feedback": "POST /feedback",
        "about": "GET /model",
        "openapi": "GET /docs.json",
    }


ROUTES = [Route(path, _serve(*file)) for path, file in FILES.items()]
