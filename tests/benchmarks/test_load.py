"""The load generator against servers that answer, refuse, and do not answer."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from benchmarks import load
from benchmarks.nothing import Answering


def drive(
    server: Callable[[], asyncio.Protocol], connections: int = 3, seconds: float = 0.2
) -> load.Load:
    async def both() -> load.Load:
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(server, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        requests = [load.request(port, "/classify", count, '{"a": "é"}') for count in (1, 4)]
        try:
            return await load.drive("mixed", port, requests, connections, seconds)
        finally:
            listening.close()

    work: Awaitable[load.Load] = both()
    return asyncio.run(work)  # type: ignore[arg-type]


def test_answers_are_counted_with_their_sentences() -> None:
    done = drive(Answering)
    assert not done.errors
    assert {count for count, _ in done.answered} == {1, 4}
    assert len(done.answered) > done.connections
    assert all(seconds > 0 for _, seconds in done.answered)


class Refusing(Answering):
    """Has no time."""

    def data_received(self, data: bytes) -> None:
        self._transport.write(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n")


def test_a_refusal_is_an_error_and_no_answer() -> None:
    done = drive(Refusing)
    assert not done.answered
    assert set(done.errors) == {"503"}


class Hanging(Answering):
    """Says nothing."""

    def data_received(self, data: bytes) -> None:
        pass


def test_a_request_without_an_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "TIMEOUT", 0.1)
    done = drive(Hanging, connections=2, seconds=0.01)
    assert done.errors == {"no answer in time": 2}


class Closing(Answering):
    """Hangs up."""

    def data_received(self, data: bytes) -> None:
        self._transport.close()


def test_a_connection_that_breaks_is_an_error() -> None:
    done = drive(Closing)
    assert not done.answered
    assert sum(done.errors.values()) >= 3
