"""Keys, rates, times and logs, against services started as an operator would start them."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from claimstance.feedback import Store
from serving import keys
from serving.gate import PATHS
from serving.page import FILES
from tests.conftest import ROOT
from tests.contract.conftest import free_port, serving, started_before
from tests.contract.test_service import error, post

COMMAND = [sys.executable, "-m", "serving"]
FIRM = {"text": "The reef is ours.", "stance": "firm"}


def manage(home: Path, *arguments: str) -> str:
    """Run `python -m serving keys`; return what it prints."""
    return subprocess.run(
        [*COMMAND, "keys", *arguments],
        env=os.environ | {"BENTOML_HOME": str(home)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def add(home: Path, name: str) -> str:
    """Make a key at `home` and return it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENTOML_HOME", str(home))
        return keys.add(name)


def lines(home: Path) -> list[dict[str, Any]]:
    """Return the access log."""
    log = (home / "serve.log").read_text().splitlines()
    return [json.loads(line) for line in log if line.startswith("{")]


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return started_before(tmp_path_factory.mktemp("keyed"))


@pytest.fixture(scope="module")
def token(home: Path) -> str:
    return add(home, "newsroom")


@pytest.fixture(scope="module")
def keyed(home: Path, token: str) -> Iterator[httpx.Client]:
    """A service with a key, a low rate and little patience, open to other machines."""
    settings = {"RATE": "100", "MAX_BODY_SECONDS": "1", "MAX_BODY_BYTES": "100000"}
    command = [*COMMAND, "--host", "0.0.0.0"]
    with serving(home, command, ROOT, **settings) as client:
        yield client


@pytest.mark.parametrize("path", ["/classify", "/analyze", "/explain", "/feedback", "/model"])
@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "bearer nonsense", "Bearer nonsense", "Basic bm9uc2Vuc2U6", "nonsense"],
)
def test_without_a_key_nothing_is_answered(
    keyed: httpx.Client, path: str, authorization: str | None
) -> None:
    method = "GET" if path == "/model" else "POST"
    headers = {"content-type": "application/json"}
    if authorization is not None:
        headers["authorization"] = authorization
    response = keyed.request(method, path, headers=headers, content=b"{")
    assert response.status_code == 401
    assert error(response).code == "unauthorized"
    assert response.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", [*FILES, "/livez", "/readyz", "/metrics"])
def test_the_page_and_the_probes_need_no_key(keyed: httpx.Client, path: str) -> None:
    assert keyed.get(path).status_code == 200


def test_metrics_are_for_this_machine_alone(keyed: httpx.Client, token: str) -> None:
    elsewhere = {"x-forwarded-for": "192.0.2.7"}  # as a proxy on this machine says it
    assert keyed.get("/metrics", headers=elsewhere).status_code == 401
    assert keyed.get("/metrics", headers=elsewhere | bearer(token)).status_code == 200


def test_keys_come_and_go_without_a_restart_and_feedback_names_them(
    keyed: httpx.Client, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = manage(home, "add", "guest")
    assert re.search(r"^\S+Z?\S*  guest$", manage(home, "list"), re.MULTILINE)
    response = keyed.post("/feedback", json=FIRM, headers=bearer(token))
    assert response.status_code == 201
    manage(home, "revoke", "guest")
    assert keyed.post("/feedback", json=FIRM, headers=bearer(token)).status_code == 401
    monkeypatch.setenv("BENTOML_HOME", str(home))
    assert [row["key"] for row in Store.open().export().rows] == ["guest"]


def test_a_key_has_its_rate_and_is_told_when_to_come_back(keyed: httpx.Client, home: Path) -> None:
    fast, other = (bearer(add(home, name)) for name in ("fast", "other"))
    assert keyed.get("/model", headers=fast).json()["limits"]["rate"] == 100
    thirty = {"sentences": ["It rained."] * 30}
    article = {"text": "It rained.\n\n" * 40}
    assert keyed.post("/classify", json=thirty, headers=fast).status_code == 200
    assert keyed.post("/analyze", json=article, headers=fast).status_code == 200
    assert keyed.post("/classify", json={"sentences": [""]}, headers=fast).status_code == 422
    assert keyed.post("/classify", json=thirty, headers=fast).status_code == 200
    assert keyed.post("/classify", json=thirty, headers=fast).status_code == 200
    for path, body in (("/classify", thirty), ("/analyze", article), ("/feedback", FIRM)):
        response = keyed.post(path, json=body, headers=fast)
        assert response.status_code == 429
        assert error(response).code == "rate_exceeded"
        assert 1 <= int(response.headers["retry-after"]) <= 60
    assert keyed.post("/classify", json=thirty, headers=other).status_code == 200
    assert keyed.get("/model", headers=fast).status_code == 200


def test_what_is_refused_costs_nothing_of_the_rate(keyed: httpx.Client, home: Path) -> None:
    headers = bearer(manage(home, "add", "careful"))
    thirty = {"sentences": ["It rained."] * 30}
    for _ in range(4):
        identity = {"x-request-id": "careful-refused"}
        unknown = thirty | {"model": "unheard-of"}
        refused = keyed.post("/classify", json=unknown, headers=headers | identity)
        assert refused.status_code == 404
    assert keyed.post("/classify", json=thirty, headers=headers).status_code == 200
    entries = [entry for entry in lines(home) if entry["id"] == "careful-refused"]
    assert {entry["sentences"] for entry in entries} == {0}


def test_a_body_that_does_not_come_is_given_up(keyed: httpx.Client, token: str) -> None:
    head = (
        "POST /classify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: 1000\r\n\r\n"
    )
    address = ("127.0.0.1", keyed.base_url.port)
    with socket.create_connection(address) as slow, socket.create_connection(address) as half:
        half.settimeout(20)
        half.sendall(head.encode() + b'{"sent')
        half.shutdown(socket.SHUT_WR)
        slow.settimeout(20)
        slow.sendall(head.encode())
        received = b""
        while chunk := slow.recv(65536):
            received += chunk
            if b"408" in received:
                break
            slow.sendall(b" ")
        assert received.startswith(b"HTTP/1.1 408")
        while chunk := slow.recv(65536):
            received += chunk
        assert b'"code":"request_timeout"' in received
        while half.recv(65536):
            pass
    assert keyed.get("/model", headers=bearer(token)).status_code == 200


def test_every_response_says_which_request_it_answers(keyed: httpx.Client, token: str) -> None:
    for path in ("/", "/model", "/nothing", "/metrics", "/livez", "/docs.json"):
        response = keyed.get(path, headers={"x-request-id": "Trace-1.a_b"})
        assert response.headers["x-request-id"] == "Trace-1.a_b"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in response.headers["content-security-policy"]
    for odd in ("", "a b", "x" * 129, "<script>", "{}"):
        made = keyed.get("/model", headers={"x-request-id": odd}).headers["x-request-id"]
        assert re.fullmatch("[0-9a-f]{32}", made)
    too_large = keyed.post("/classify", json={"sentences": ["a" * 100_000]}, headers=bearer(token))
    assert too_large.status_code == 413
    assert too_large.headers["x-request-id"]


def test_the_log_tells_what_happened_and_nothing_that_was_said(
    keyed: httpx.Client, home: Path
) -> None:
    headers = bearer(add(home, "logged"))
    secret = "Wormwood"
    requests = [
        ("POST", "/classify", {"sentences": [f"The reef is {secret}."] * 3}, 200, 3),
        ("POST", "/analyze", {"text": f"The reef is {secret}. It rained."}, 200, 2),
        ("POST", "/feedback", {"text": f"The reef is {secret}.", "stance": "firm"}, 201, 0),
        ("POST", "/feedback", {"text": f"The reef is {secret}.", "stance": secret}, 422, 0),
        ("POST", f"/{secret}", {}, 404, 0),
        ("POST", f"/classify?{secret}", {secret: secret}, 422, 0),
        (secret.upper(), "/classify", {}, 405, 0),
    ]
    for number, (method, path, body, status, _) in enumerate(requests):
        identity = {"x-request-id": f"logged-{number}", "user-agent": secret}
        response = keyed.request(method, path, json=body, headers=headers | identity)
        assert response.status_code == status
    deadline = time.monotonic() + 10
    while not (last := [e for e in lines(home) if e["id"] == "logged-6"]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert last[0]["method"] is None
    log = (home / "serve.log").read_text()
    assert secret.lower() not in log.lower()
    entries = {entry["id"]: entry for entry in lines(home)}
    for number, (_, path, _, status, sentences) in enumerate(requests):
        entry = entries[f"logged-{number}"]
        known = path.partition("?")[0]
        assert entry["path"] == (known if known in PATHS else None)
        assert (entry["status"], entry["sentences"]) == (status, sentences)
        assert entry["key"] == (None if status in (404, 405) else "logged")
        assert entry["bytes"] > 0
        assert entry["milliseconds"] >= 0
        assert entry["time"].endswith("+00:00")
    assert "POST" not in re.sub(r"^\{.*$", "", log, flags=re.MULTILINE)  # no other access log


def test_a_key_is_not_in_the_log(keyed: httpx.Client, home: Path, token: str) -> None:
    keyed.get("/model", headers=bearer(token))
    assert token.partition("_")[2] not in (home / "serve.log").read_text()


def test_other_machines_are_let_in_by_keys_or_by_saying_so(store: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "--host", "0.0.0.0"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 1
    assert "keys add NAME" in done.stderr
    assert "--insecure" in done.stderr
    everywhere, elsewhere = [*COMMAND, "--host", "0.0.0.0"], {"x-forwarded-for": "192.0.2.7"}
    started = started_before(store)
    with serving(started, [*everywhere, "--insecure"]) as client:
        assert client.get("/model", headers=elsewhere).status_code == 200
    with serving(started, everywhere, INSECURE="yes") as client:
        assert client.get("/model", headers=elsewhere).status_code == 200


def test_without_keys_other_machines_are_refused_however_it_was_started(
    service: httpx.Client,
) -> None:
    elsewhere = {"x-forwarded-for": "192.0.2.7"}
    response = service.get("/model", headers=elsewhere)
    assert response.status_code == 403
    assert "keys add" in error(response).message
    assert service.get("/model").status_code == 200


@pytest.mark.parametrize("path", ["/", "/model", "/metrics", "/docs.json", "/classify"])
@pytest.mark.parametrize("host", ["stance.example.org", "192.0.2.7:3000", "localhost.example", ""])
def test_without_keys_a_name_of_another_host_is_refused(
    service: httpx.Client, path: str, host: str
) -> None:
    """A page of another site whose name resolves to loopback must not read the answers."""
    method = "POST" if path == "/classify" else "GET"
    body = {"sentences": ["Ours."]} if method == "POST" else None
    response = service.request(method, path, json=body, headers={"host": host})
    assert response.status_code == 421
    assert (error(response).code, error(response).where) == ("misdirected", "host")


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1:3000", "127.1.2.3", "[::1]:1"]
)
def test_names_of_this_machine_are_answered(service: httpx.Client, host: str) -> None:
    assert service.get("/model", headers={"host": host}).status_code == 200


def test_names_that_the_operator_allows_are_answered(store: Path) -> None:
    with serving(
        started_before(store), COMMAND, HOSTS="stance.example.org, other.example"
    ) as client:
        for host, status in (("Stance.example.org:443", 200), ("evil.example", 421)):
            assert client.get("/model", headers={"host": host}).status_code == status
        add(store, "newsroom")  # with keys, they are what lets in
        assert client.get("/livez", headers={"host": "evil.example"}).status_code == 200
        assert client.get("/model", headers={"host": "evil.example"}).status_code == 401


def test_an_answer_that_takes_too_long_is_given_up_in_the_one_shape(store: Path) -> None:
    settings = {"MAX_ANSWER_SECONDS": "1", "MAX_DOCUMENT_CHARACTERS": "4000000"}
    with serving(started_before(store), COMMAND, ROOT, **settings) as client:
        text = f"We {'go ' * 190}on. " * 5_000
        response = post(client, "/analyze", {"text": text})
        assert response.status_code == 504
        assert error(response).code == "timed_out"
        assert response.headers["x-request-id"]


def test_a_broken_file_of_keys_is_told_at_the_start(store: Path) -> None:
    (store / "claimstance").mkdir()
    (store / "claimstance" / "keys.json").write_text("{")
    done = subprocess.run(COMMAND, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 1
    assert "is no file of keys" in done.stderr


def test_a_share_of_the_shadow_that_is_none_is_told_at_the_start(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAIMSTANCE_SHADOW_SHARE", "abc")
    port = ["--port", str(free_port())]
    done = subprocess.run(
        [*COMMAND, *port], capture_output=True, text=True, check=False, cwd=ROOT, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.startswith("claimstance: CLAIMSTANCE_SHADOW_SHARE: must be a number")
    assert not (store / "models").exists()
