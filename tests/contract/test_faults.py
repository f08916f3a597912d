"""What befalls a service: ended, killed, filled up, damaged, or misled by its clock."""

import json
import os
import resource
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from claimstance import bundle, registry
from claimstance.feedback import Store
from serving.settings import Limits
from tests.conftest import ROOT
from tests.contract.conftest import serving, started_before
from tests.contract.started import COMMAND, classified, connect, eventually, server, workers
from tests.contract.test_service import error, post

FIRM = {"text": "The reef is ours.", "stance": "firm"}

LONG = "was heard by the court of the islands and of the reef " * 8


def ask(client: httpx.Client, path: str, body: Any) -> int | None:
    """Return the status of an answer to a request on a connection of its own, None if lost."""
    try:
        return httpx.post(f"{client.base_url}{path}", json=body, timeout=60).status_code
    except httpx.TransportError:
        return None


@pytest.mark.parametrize(("workers", "whom"), [("1", "server"), ("2", "group")])
def test_ended_it_answers_what_it_has_begun(store: Path, workers: str, whom: str) -> None:
    """A supervisor tells the server alone, as Docker does, or its workers too, as systemd does."""
    with (
        serving(started_before(store), COMMAND, WORKERS=workers) as client,
        ThreadPoolExecutor(12) as pool,
    ):
        process = server(client)
        everyone = [process, *process.children(recursive=True)] if whom == "group" else [process]
        assert post(client, "/feedback", FIRM).status_code == 201
        bodies = [{"sentences": [f"Case {n} {k} {LONG}" for k in range(20)]} for n in range(8)]
        with closing(sqlite3.connect(store / "claimstance" / "feedback.sqlite3")) as database:
            database.execute("BEGIN IMMEDIATE")  # corrections have to wait
            before = begun(client)
            corrected = [pool.submit(ask, client, "/feedback", FIRM) for _ in range(4)]
            asked = [pool.submit(ask, client, "/classify", body) for body in bodies]
            eventually(lambda: begun(client) - before >= 12, "begun")
            for one in everyone:
                one.send_signal(signal.SIGTERM)
            database.rollback()
        assert [task.result() for task in asked] == [200] * 8
        assert [task.result() for task in corrected] == [201] * 4
        process.wait(30)
    assert Store.open().count() == 5


def begun(client: httpx.Client) -> float:
    """Return how many requests the service has begun, answered or not, besides these ones."""
    names = ("bentoml_service_request_in_progress{", "bentoml_service_request_total{")
    lines = client.get("/metrics").text.splitlines()
    return sum(float(x.split()[-1]) for x in lines if x.startswith(names) and "metrics" not in x)


def test_ended_it_does_not_wait_for_clients_that_do_not_read(store: Path) -> None:
    limits = Limits(max_body_seconds=1, max_answer_seconds=5, max_document_characters=4_000_000)
    names = ("max_body_seconds", "max_answer_seconds", "max_document_characters")
    chosen = {name.upper(): str(getattr(limits, name)) for name in names}
    # More than the sockets hold between the two.
    body = json.dumps({"text": f"The reef is{' ' * 9000}ours.\n\n" * 420}).encode()
    with serving(store, COMMAND, ROOT, **chosen) as client, socket.socket() as silent:
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        silent.connect((client.base_url.host, client.base_url.port))
        head = "POST /analyze HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        silent.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        silent.settimeout(60)
        assert silent.recv(15) == b"HTTP/1.1 200 OK"
        process = server(client)
        process.terminate()
        process.wait(limits.ending_seconds + 10)


def test_a_killed_worker_is_replaced_while_the_other_answers(store: Path) -> None:
    with serving(started_before(store), COMMAND, WORKERS="2") as client:
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


def listening(client: httpx.Client) -> set[int]:
    """Return the workers that have loaded the model: those that have threads to predict with."""
    found = set()
    for worker in workers(server(client)):
        with suppress(psutil.Error):
            if "openvino" in "".join(m.path for m in worker.memory_maps()):
                found.add(worker.pid)
    return found


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
        client = stack.enter_context(serving(started_before(store), COMMAND))
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
    with serving(started_before(store), COMMAND, ROOT, **settings) as client:
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
