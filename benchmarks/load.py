"""The load generator: a closed loop on each of many open connections, in a process of its own.

Plain asyncio streams on kept-alive connections: seven times less processor time a request than
the common HTTP clients, time that the server on the same machine would lack.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TIMEOUT = 20.0
"""Seconds after which a request without an answer counts as an error."""

PAUSE = 0.1
"""Seconds a connection rests after an error, as a client would that is told to come back."""


@dataclass
class Load:
    """What a load came to: each answered request's sentences and seconds, and errors by kind.

    `seconds` run from the first request to the last answer, `processor` is what the generator
    itself took of them.
    """

    name: str
    connections: int
    seconds: float = 0.0
    processor: float = 0.0
    answered: list[tuple[int, float]] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)


Request = tuple[int, bytes]
"""How many sentences, and the whole request as bytes."""


def request(port: int, path: str, sentences: int, body: str) -> Request:
    """Return a request ready to be sent."""
    content = body.encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Accept: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return sentences, head.encode() + content


async def drive(
    name: str, port: int, requests: list[Request], connections: int, seconds: float
) -> Load:
    """Send requests in turn, round and round, on so many connections for so long.

    What is on its way at the end is waited for, `TIMEOUT` at most.
    """
    load = Load(name, connections)
    began = last = time.monotonic()
    processor = time.process_time()
    waiting = iter(range(sys.maxsize))

    async def connection() -> None:
        nonlocal last
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while time.monotonic() < began + seconds:
            sentences, content = requests[next(waiting) % len(requests)]
            sent = time.monotonic()
            try:
                async with asyncio.timeout(TIMEOUT):
                    streams = streams or await asyncio.open_connection("127.0.0.1", port)
                    status, closes = await _exchange(*streams, content)
            except TimeoutError:
                problem: str | None = "no answer in time"
            except (OSError, EOFError, ValueError) as error:
                problem = type(error).__name__
            else:
                problem = None if status == 200 else str(status)
            done = time.monotonic()
            if problem is None:
                load.answered.append((sentences, done - sent))
                last = done
            else:
                load.errors[problem] += 1
            if streams and ((problem and not problem.isdigit()) or closes):
                streams[1].close()
                streams = None
            if problem:
                await asyncio.sleep(PAUSE)
        if streams:
            streams[1].close()

    await asyncio.gather(*[connection() for _ in range(connections)])
    load.seconds = max(last - began, seconds)
    load.processor = time.process_time() - processor
    return load


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, content: bytes
) -> tuple[int, bool]:
    """Send a request; return the answer's status, and whether the server closes the connection."""
    writer.write(content)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head.split(maxsplit=2)[1])
    length = head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
    if not length:
        raise ValueError("an answer without a length")
    await reader.readexactly(int(length))
    return status, b"\r\nconnection: close" in head


async def _main(arguments: argparse.Namespace) -> None:
    plan: list[dict[str, Any]] = json.loads(arguments.plan.read_text(encoding="utf-8"))
    for step in plan:
        rows = json.loads(Path(step["requests"]).read_text(encoding="utf-8"))
        requests = [request(arguments.port, arguments.path, *row) for row in rows]
        load = await drive(
            step["name"], arguments.port, requests, step["connections"], step["seconds"]
        )
        print(json.dumps(vars(load)), flush=True)
        if load.errors["no answer in time"]:
            return  # the server still works on what nobody waits for, and the next load would wait


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--plan", type=Path, required=True, help="JSON: the loads, in order")
    asyncio.run(_main(parser.parse_args()))
