"""What the page's files come with; that the page works is for tests/e2e/test_page.py."""

import re

import httpx
import pytest

from serving import page
from tests.conftest import ROOT

FOLDER = ROOT / "serving" / "page"


@pytest.mark.parametrize(
    ("path", "media_type", "name"),
    [
        ("/", "text/html", "index.html"),
        ("/page.css", "text/css", "page.css"),
        ("/page.js", "text/javascript", "page.js"),
        ("/answer.js", "text/javascript", "answer.js"),
        ("/ask.js", "text/javascript", "ask.js"),
        ("/elements.js", "text/javascript", "elements.js"),
        ("/export.js", "text/javascript", "export.js"),
        ("/sentence.js", "text/javascript", "sentence.js"),
    ],
)
def test_files_come_as_they_are_with_strict_headers(
    service: httpx.Client, path: str, media_type: str, name: str
) -> None:
    response = service.get(path)
    assert response.status_code == 200
    assert response.content == (FOLDER / name).read_bytes()
    assert response.headers["content-type"] == f"{media_type}; charset=utf-8"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    parts = response.headers["content-security-policy"].split("; ")
    policy = dict(part.split(" ", 1) for part in parts)
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": "'self' data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert service.head(path).status_code == 200
    assert service.post(path, json={}).status_code == 405


def test_a_program_that_asks_for_json_is_told_where_to_go(service: httpx.Client) -> None:
    response = service.get("/", headers={"accept": "application/json"})
    assert response.headers["content-type"] == "application/json"
    assert response.json()["feedback"] == "POST /feedback"


@pytest.mark.parametrize("path", ["/page", "/index.html", "/page.js/", "/../service.py"])
def test_nothing_else_is_given_out(service: httpx.Client, path: str) -> None:
    assert service.get(path).status_code == 404


def test_the_page_has_no_markup_made_of_text_and_no_address_of_another_host() -> None:
    source = "".join((FOLDER / name).read_text() for name, _ in page.FILES.values())
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", source)
    assert set(re.findall(r"https?://[\w.]+", source)) == {"http://www.w3.org"}


def test_all_files_of_the_page_are_given_out_and_import_each_other_alone() -> None:
    scripts = {file.name for file in FOLDER.glob("*.js")}
    assert scripts == {name for name, _ in page.FILES.values() if name.endswith(".js")}
    for name in scripts:
        asked = re.findall(r'\bfrom "([^"]+)"', (FOLDER / name).read_text())
        assert {path.removeprefix("./") for path in asked} <= scripts, name
