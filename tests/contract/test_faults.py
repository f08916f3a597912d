"""What befalls a service: ended, killed, starved, filled up, misled by its clock or its clients."""

import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from claimstance import bundle, registry
from claimstance.client import Client
from claimstance.feedback import Store
from tests.conftest import ROOT
from tests.contract.conftest import serving
from tests.contract.test_service import error, post

COMMAND = [sys.executable, "-m", "serving"]
FIRM = {"text": "The reef is ours.", "stance": "firm"}
LONG = "was heard by the court of the islands and of the reef " * 8


def server(client: httpx.Client) -> psutil.Process:
    """Return the process that the service was started as; its children are the workers."""
    port = str(client.base_url.port)
    (found,) = [p for p in psutil.Process().children() if port in p.cmdline()]
    return found


def eventually(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def answers(client: httpx.Client) -> bool:
    with suppress(httpx.TransportError):
        return client.get("/readyz").status_code == 200
    return False


def classified(client: httpx.Client, sentence: str = "Ours.") -> bool:
    return post(client, "/classify", {"sentences": [sentence]}).status_code == 200


def ask(client: httpx.Client, path: str, body: Any) -> int | None:
    """Return the status of an answer to a request on a connection of its own, None if lost."""
    try:
        return httpx.post(f"{client.base_url}{path}", json=body, timeout=60).status_code
    except httpx.TransportError:
        return None


def connect(client: httpx.Client) -> socket.socket:
    return socket.create_connection((client.base_url.host, client.base_url.port or 0), 20)


def received(connection: socket.socket) -> bytes:
    content = b""
    with suppress(ConnectionResetError):
        while chunk := connection.recv(65536):
            content += chunk
    return content


@pytest.mark.parametrize("whom", ["server", "group"])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_ended_it_answers_what_it_has_begun(store: Path, workers: str, whom: str) -> None:
    """A supervisor tells the server alone, as Docker does, or its workers too, as systemd does."""
    with serving(store, COMMAND, WORKERS=workers) as client, ThreadPoolExecutor(12) as pool:
        process = server(client)
        everyone = [process, *process.children(recursive=True)] if whom == "group" else [process]
        assert post(client, "/feedback", FIRM).status_code == 201
        bodies = [{"sentences": [f"Case {n} {k} {LONG}" for k in range(50)]} for n in range(8)]
        with closing(sqlite3.connect(store / "claimstance" / "feedback.sqlite3")) as database:
            database.execute("BEGIN IMMEDIATE")  # corrections have to wait
            corrected = [pool.submit(ask, client, "/feedback", FIRM) for _ in range(4)]
            asked = [pool.submit(ask, client, "/classify", body) for body in bodies]
            eventually(lambda: begun(client) >= 12, "begun")
            for one in everyone:
                one.send_signal(signal.SIGTERM)
            database.rollback()
        assert [task.result() for task in asked] == [200] * 8
        assert [task.result() for task in corrected] == [201] * 4
        process.wait(30)
    assert Store.open().count() == 5


def begun(client: httpx.Client) -> float:
    """Return how many requests the service is answering, besides this one."""
    gauge = "bentoml_service_request_in_progress{"
    lines = client.get("/metrics").text.splitlines()
    return sum(float(x.split()[-1]) for x in lines if x.startswith(gauge) and "metrics" not in x)


def test_a_killed_worker_is_replaced_while_the_other_answers(store: Path) -> None:
    with serving(store, COMMAND, WORKERS="2") as client:
        process = server(client)
        eventually(lambda: len(workers(process)) == 2, "two workers")
        killed, other = workers(process)
        eventually(lambda: {killed.pid, other.pid} <= listening(client), "both listen")
        kept = 0
        for number in range(50):
            if number == 10:
                killed.kill()
            with suppress(httpx.TransportError):  # what the killed one had in hand
                response = httpx.post(f"{client.base_url}/feedback", json=FIRM)
                assert response.status_code == 201
                kept += 1
        assert kept >= 48
        assert Store.open().count() >= kept
        eventually(lambda: len(listening(client) - {killed.pid}) == 2, "replaced")
        assert all(classified(client) for _ in range(20))
        # Counters of the one that is gone still count.
        labels = 'claimstance_corrections_total{head="stance",label="firm"}'
        (line,) = [x for x in client.get("/metrics").text.splitlines() if x.startswith(labels)]
        assert float(line.split()[-1]) >= kept


def workers(process: psutil.Process) -> list[psutil.Process]:
    return [p for p in process.children() if any("worker" in part for part in p.cmdline())]


def listening(client: httpx.Client) -> set[int]:
    """Return the workers that have loaded the model: those that have threads to predict with."""
    found = set()
    for worker in workers(server(client)):
        with suppress(psutil.Error):
            if "openvino" in "".join(m.path for m in worker.memory_maps()):
                found.add(worker.pid)
    return found


@pytest.fixture(scope="module")
def roomy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A service that takes long lists, and has little patience with slow clients."""
    settings = {"MAX_SENTENCES": "10000", "MAX_BODY_SECONDS": "2", "MAX_OPEN_REQUESTS": "64"}
    with serving(tmp_path_factory.mktemp("roomy"), COMMAND, ROOT, **settings) as client:
        yield client


def test_slow_clients_hold_up_nobody(roomy: httpx.Client) -> None:
    head = b"POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with ExitStack() as stack:
        silent = [stack.enter_context(connect(roomy)) for _ in range(100)]
        starting = [stack.enter_context(connect(roomy)) for _ in range(100)]
        bodies = [stack.enter_context(connect(roomy)) for _ in range(30)]
        for connection in starting:
            connection.sendall(head[:40])
        for connection in bodies:
            connection.sendall(head + b'Content-Length: 1000\r\n\r\n{"sent')
        for _ in range(20):
            assert classified(roomy)
            for connection in starting:
                connection.sendall(b"X")
        for connection in bodies:
            assert received(connection).startswith(b"HTTP/1.1 408")
        assert len(silent) == 100
        assert classified(roomy)


def test_too_many_slow_bodies_are_refused_at_once(roomy: httpx.Client) -> None:
    head = b"POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with ExitStack() as stack:
        for _ in range(64):
            connection = stack.enter_context(connect(roomy))
            connection.sendall(head + b'Content-Length: 1000\r\n\r\n{"sent')
        time.sleep(0.3)
        refused = post(roomy, "/classify", {"sentences": ["Ours."]})
        assert (refused.status_code, error(refused).code) == (429, "overloaded")
        assert roomy.get("/readyz").status_code == 200
    eventually(lambda: classified(roomy), "room again")


def test_connections_closed_halfway_leave_nothing_behind(roomy: httpx.Client) -> None:
    process = psutil.Process(workers(server(roomy))[0].pid)
    body = b'{"sentences": ["The reef is ours."]}'
    head = (
        b"POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    )
    classified(roomy)
    before = process.num_fds()
    for cut in (3, 40, len(head), len(head) + 5, len(head + body)):
        for how in (socket.SHUT_WR, socket.SHUT_RDWR):
            for _ in range(10):
                with connect(roomy) as connection:
                    connection.sendall((head + body)[:cut])
                    connection.shutdown(how)
                    received(connection)
    eventually(lambda: process.num_fds() <= before + 2, "closed")
    assert classified(roomy)


def test_ten_thousand_sentences_are_answered_in_order(roomy: httpx.Client) -> None:
    sentences = [f"Case {number % 50} was heard." for number in range(10_000)]
    response = post(roomy, "/classify", {"sentences": sentences})
    assert response.status_code == 200
    predictions = response.json()["predictions"]
    assert len(predictions) == 10_000
    assert predictions[:50] == predictions[-50:]
    with Client(str(roomy.base_url)) as client:
        found = client.classify(sentences)
    assert [p.stance.value for p in found] == [p["stance"] for p in predictions]
    refused = post(roomy, "/classify", {"sentences": ["a"] * 10_001})
    assert (refused.status_code, error(refused).where) == (413, "sentences")


@pytest.mark.parametrize("declared", [True, False])
def test_fifty_megabytes_are_refused_before_they_are_read(
    roomy: httpx.Client, declared: bool
) -> None:
    classified(roomy)
    process = psutil.Process(workers(server(roomy))[0].pid)
    before = process.memory_info().rss
    size = 50_000_000
    head = "POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    length = f"Content-Length: {size}" if declared else "Transfer-Encoding: chunked"
    sent = 0
    with connect(roomy) as connection:
        connection.sendall(f"{head}{length}\r\n\r\n".encode())
        piece = b" " * 100_000
        with suppress(BrokenPipeError, ConnectionResetError):
            while sent < size:
                connection.sendall(piece if declared else b"186a0\r\n" + piece + b"\r\n")
                sent += len(piece)
        assert sent < size
    assert process.memory_info().rss - before < 20_000_000
    # A client that listens before it goes on is told why.
    with connect(roomy) as connection:
        connection.sendall(f"{head}Content-Length: {size}\r\n\r\n".encode())
        answer = received(connection)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b'"where":"body"' in answer
    assert classified(roomy)


@pytest.mark.parametrize(
    "content",
    [
        b'{"sentences":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"sentences": ["a", NaN]}',
        b'{"sentences": ["a", -Infinity]}',
        b'{"sentences": ["a", 1e999]}',
        b'{"sentences": ["a", ' + b"9" * 100_000 + b"]}",
        b'{"sentences": ["a"], "model": null, "model": null}',
        b'{"sentences": ["\\ud800"]}',
        b'{"sentences": ["\\udc00\\ud800"]}',
        b'{"sentences": ["\xed\xa0\x80"]}',
        b'{"sentences": ["a\xc0\x80"]}',
        b'\xef\xbb\xbf{"sentences": ["a"]}',
        '{"sentences": ["a"]}'.encode("utf-16"),
        b'{"sentences": ["a\x00b"]}',
        b'{"sentences": ["a"]} {"sentences": ["b"]}',
        b'{"sentences": ["a",]}',
        b"{'sentences': ['a']}",
    ],
    ids=range(17),
)
def test_odd_bodies_are_refused_in_the_one_shape(roomy: httpx.Client, content: bytes) -> None:
    response = roomy.post(
        "/classify", content=content, headers={"content-type": "application/json"}
    )
    assert response.status_code == 422
    assert error(response).code == "invalid_input"
    assert classified(roomy)


@pytest.mark.parametrize(
    "text",
    [
        "\0The reef\0 is ours.\0",
        "\u202eThe reef is ours.\u202c",
        "الجزر جزء لا يتجزأ من أراضينا. המים שלנו.",
        "Z\u0351\u036b\u0343" + "\u0300" * 2_000 + " is ours.",
        "👩‍👩‍👧‍👦" * 300 + " is ours.",
        "\u2028The reef\u2029is\x85ours.\x0b\x0c",
        "\ufeff\ufffe\uffff The reef is ours.",
        "\U0010ffff The reef is ours.",
        "ﷺ" * 500,
        "İ" * 300 + "ǰ",
    ],
    ids=range(10),
)
def test_any_text_is_read_and_its_places_hold(roomy: httpx.Client, text: str) -> None:
    response = post(roomy, "/analyze", {"text": text})
    assert response.status_code == 200
    for sentence in response.json()["sentences"]:
        assert text[sentence["start"] : sentence["end"]] == sentence["text"]
    assert classified(roomy, text)


@contextmanager
def no_room(client: httpx.Client, home: Path, kind: str) -> Iterator[None]:
    """Let nothing more be written at home: its disk is full, or files may not grow."""
    if kind == "disk":
        filler = home / "filler"
        for size in (1_000_000, 4096):
            with filler.open("ab", buffering=0) as file, suppress(OSError):
                while file.write(b"x" * size) == size:
                    pass
        yield
        filler.unlink()
        return
    (worker,) = workers(server(client))
    before = resource.prlimit(worker.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (1, before[1]))
    yield
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("kind", ["disk", "files"])
def test_without_room_it_keeps_no_correction_and_says_so_and_does_all_else(
    store: Path, kind: str
) -> None:
    with ExitStack() as stack:
        if kind == "disk":
            mounted = ["mount", "-t", "tmpfs", "-o", "size=250m", "claimstance-test", str(store)]
            if os.geteuid() or subprocess.run(mounted, capture_output=True, check=False).returncode:
                pytest.skip("a small file system can be mounted by root alone")
            stack.callback(subprocess.run, ["umount", "--lazy", str(store)], check=True)
        client = stack.enter_context(serving(store, COMMAND))
        process = server(client)
        text = "The reef is ours. " * 200
        for _ in range(3):
            assert post(client, "/feedback", FIRM | {"text": text}).status_code == 201
        before = workers(process)
        with no_room(client, store, kind):
            for _ in range(3):
                refused = post(client, "/feedback", FIRM | {"text": text})
                assert (refused.status_code, error(refused).code) == (503, "feedback_unavailable")
                assert str(store) not in refused.text
                # Each of them counts what was not counted before.
                assert classified(client)
                assert post(client, "/analyze", {"text": text}).status_code == 200
                assert post(client, "/explain", {"sentence": text[:20]}).status_code == 200
                assert post(client, "/classify", {"sentences": [5]}).status_code == 422
                assert client.get("/nothing").status_code == 404
                assert "claimstance_sentences_total" in client.get("/metrics").text
        assert workers(process) == before  # nobody died of it
        assert post(client, "/feedback", FIRM | {"text": text}).status_code == 201
        assert Store.open().count() == 4


def test_a_damaged_version_at_the_start_gives_way_and_the_service_says_so(
    store: Path, tiny_version: Path
) -> None:
    registry.add(tiny_version)
    released = registry.add(bundle.released())
    registry.promote(released.version)
    registry.promote("tiny", force=True)
    graph = store / "models" / bundle.NAME / "tiny" / bundle.GRAPH_WEIGHTS
    graph.write_bytes(graph.read_bytes()[:-1] + b"?")
    with serving(store, COMMAND) as client:
        described = client.get("/model").json()
        assert (described["model"], described["refused"]) == (released.tag, "tiny")
        assert "claimstance_production_refused 1.0" in client.get("/metrics").text
        assert classified(client)
        log = (store / "serve.log").read_text()
        assert "[ERROR]" in log
        assert f"{released.tag} answers in its place" in log


JUMPING = """
import time, pathlib
offset, now = pathlib.Path(__file__).with_name("offset"), time.time
time.time = lambda: now() + float(offset.read_text())
time.time_ns = lambda: int(1e9 * time.time())
"""
"""Loaded by every process of the service at its start: a wall clock that can be set."""


def test_a_clock_that_jumps_changes_no_rate_and_no_time_limit(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    def jump(seconds: int) -> None:
        (store / "next").write_text(str(seconds))
        (store / "next").replace(store / "offset")

    jump(0)
    (store / "sitecustomize.py").write_text(JUMPING)
    monkeypatch.setenv("PYTHONPATH", str(store), prepend=os.pathsep)
    year = 366 * 24 * 3600
    settings = {"RATE": "600", "MAX_SENTENCES": "700", "MAX_BODY_SECONDS": "5"}
    with serving(store, COMMAND, ROOT, **settings) as client:
        with connect(client) as slow:
            slow.sendall(
                b"POST /classify HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
            )
            slow.settimeout(0.5)
            for seconds in (year, -year):
                jump(seconds)
                with pytest.raises(TimeoutError):
                    slow.recv(1)
            slow.settimeout(30)
            assert slow.recv(65536).startswith(b"HTTP/1.1 408")
        many = {"sentences": ["Ours."] * 700}
        assert post(client, "/classify", many).status_code == 200
        for seconds in (year, -year, 2 * year):
            jump(seconds)
            refused = post(client, "/classify", many)
            assert refused.status_code == 429, seconds
            assert 0 < int(refused.headers["retry-after"]) <= 11
        # The bucket fills by ten a second, whatever the clock says.
        eventually(lambda: post(client, "/feedback", FIRM).status_code == 201, "let in again")
        assert classified(client)
        later = str(datetime.now(UTC).year + 2)
    assert f"\n{later}-" in (store / "serve.log").read_text()  # the clock did jump
