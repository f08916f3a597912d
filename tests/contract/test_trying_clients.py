"""Clients that try a service: slow, gone halfway, with too much, or with odd bodies."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import httpx
import psutil
import pytest

from claimstance.client import Client
from tests.conftest import ROOT
from tests.contract.conftest import serving, started_before
from tests.contract.started import COMMAND, classified, connect, eventually, server, workers
from tests.contract.test_service import error, post


def received(connection: socket.socket) -> bytes:
    content = b""
    with suppress(ConnectionResetError):
        while chunk := connection.recv(65536):
            content += chunk
    return content


@pytest.fixture(scope="module")
def roomy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A service that takes long lists, and has little patience with slow clients."""
    settings = {"MAX_SENTENCES": "10000", "MAX_BODY_SECONDS": "2", "MAX_OPEN_REQUESTS": "64"}
    home = started_before(tmp_path_factory.mktemp("roomy"))
    with serving(home, COMMAND, ROOT, **settings) as client:
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


def test_a_document_of_too_many_sentences_is_refused_whole(roomy: httpx.Client) -> None:
    most = roomy.get("/model").json()["limits"]["max_document_sentences"]
    refused = post(roomy, "/analyze", {"text": "It rained.\n\n" * (most + 1)})
    assert (refused.status_code, error(refused).code) == (413, "limit_exceeded")
    assert error(refused).where == "text"
    assert f"at most {most} are taken" in error(refused).message


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


def test_a_document_of_marks_out_of_order_holds_nobody_up(roomy: httpx.Client) -> None:
    text = "a" + "\u0301" * 300_000 + "\u0316" * 300_000
    assert post(roomy, "/analyze", {"text": text}).status_code == 200
    assert classified(roomy)


@pytest.mark.parametrize(
    "text",
    [
        "\0The reef\0 is ours.\0",
        "\u202eThe reef is ours.\u202c",
        "الجزر جزء لا يتجزأ من أراضينا. המים שלנו.",
        "Z\u0351\u036b\u0343" + "\u0300" * 2_000 + " is ours.",
        "a" + "\u0301" * 9_000 + "\u0316" * 9_000 + " is ours.",
        "👩‍👩‍👧‍👦" * 300 + " is ours.",
        "\u2028The reef\u2029is\x85ours.\x0b\x0c",
        "\ufeff\ufffe\uffff The reef is ours.",
        "\U0010ffff The reef is ours.",
        "ﷺ" * 500,
        "İ" * 300 + "ǰ",
    ],
    ids=range(11),
)
def test_any_text_is_read_and_its_places_hold(roomy: httpx.Client, text: str) -> None:
    response = post(roomy, "/analyze", {"text": text})
    assert response.status_code == 200
    for sentence in response.json()["sentences"]:
        assert text[sentence["start"] : sentence["end"]] == sentence["text"]
    assert classified(roomy, text)
