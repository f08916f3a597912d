"""The service part: requests over HTTP to Claimstance's service and to others, at many loads."""

import json
import random
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks import load, machine, processes, servers, texts, weights
from benchmarks.processes import OURS, ROOT, BenchmarkFailed, Command, Memory
from benchmarks.progress import Steps
from benchmarks.servers import Server
from benchmarks.summary import percentile
from claimstance import bundle

CONNECTIONS = (1, 16, 64, 256)
MOST_CHANGED = 0.2
"""Share of the probe's labels in which a server may differ from the released version's own."""

KINDS = {
    "one": "one sentence a request",
    "mixed": "1 sentence in 70 % of the requests, 4 in 15 %, 16 in 10 %, 32 in 5 %",
    "list": "32 sentences a request",
}
WARM_SECONDS = 1.0
"""Of a first load, on 16 connections, that is not counted."""

_SIZES = {"one": [1], "mixed": [1] * 14 + [4] * 3 + [16] * 2 + [32], "list": [32]}


def run(
    archive: Path | None, rounds: int, seconds: float, threads: int, connections: Sequence[int]
) -> dict[str, Any]:
    """Measure the released version's service beside the others, and return what came of it.

    Each round starts every server once, in turning order, and puts it under one load after another:
    all kinds in the first round, one sentence a request in the later ones.

    Args:
        archive: where the sentences come from; None for the project's own.
        rounds: how many rounds.
        seconds: of each load; what is on its way then is waited for.
        threads: what each server may use.
        connections: how many open connections, one load each.
    """
    released = bundle.released()
    found: dict[str, Any] = {
        "machine": machine.describe(),
        "text": texts.named(archive),
        "model": bundle.read_manifest(released).tag,
        "threads": threads,
        "rounds": rounds,
        "seconds": seconds,
        "timeout": load.TIMEOUT,
        "servers": {},
        "left_out": {},
    }
    sentences = texts.sentences(texts.load(archive), 5_000)
    with (
        tempfile.TemporaryDirectory() as scratch,
        Steps(rounds * len(servers.SERVERS) + 1) as steps,
    ):
        bench = _Bench(Path(scratch), sentences, threads, seconds, connections, steps)
        steps.begin("the load generator's ceiling")
        found["ceiling"] = bench.ceiling()
        for number in range(rounds):
            turn = number % len(servers.SERVERS)
            for server in [*servers.SERVERS[turn:], *servers.SERVERS[:turn]]:
                if server.name in found["left_out"]:
                    continue
                kept = found["servers"].setdefault(
                    server.name, {"how": server.how, "starting": [], "memory": [], "loads": []}
                )
                kinds = list(KINDS) if number == 0 else ["one"]
                try:
                    bench.work(server, kinds, number, kept)
                except BenchmarkFailed as error:
                    if server.environment is None:
                        raise
                    found["left_out"][server.name] = f"from round {number + 1} on: {error}"
                    if not kept["loads"]:
                        del found["servers"][server.name]
    return found


class _Bench:
    """What the servers are asked, and by whom."""

    def __init__(
        self,
        scratch: Path,
        sentences: Sequence[str],
        threads: int,
        seconds: float,
        connections: Sequence[int],
        steps: Steps,
    ) -> None:
        self._scratch = scratch
        self._weights = weights.convert(bundle.released(), scratch / "weights")
        self._threads = threads
        self._seconds = seconds
        self._connections = connections
        self._steps = steps
        self._probe = list(sentences[:16])
        self._wanted: list[str] | None = None
        self._lists = {kind: _lists(sentences, sizes) for kind, sizes in _SIZES.items()}

    def ceiling(self) -> list[dict[str, Any]]:
        """Return what the generator sends to a server that does nothing, one sentence a request."""
        port = servers.free_port()
        process = subprocess.Popen(
            [OURS, "-m", "benchmarks.nothing", "--port", str(port)],
            env=processes.surroundings(1),
            cwd=ROOT,
        )
        try:
            while not _listens(port):
                if process.poll() is not None:
                    raise BenchmarkFailed("the server that does nothing does not start")
            plan = [("one", count) for count in self._connections]
            return [summary(done) for done in self._generate(servers.SERVERS[0], port, plan)]
        finally:
            processes.end(process)

    def work(self, server: Server, kinds: Sequence[str], number: int, kept: dict[str, Any]) -> None:
        """Put a server under the loads; one that owes answers is started anew for the rest."""
        plan = [(kind, count) for kind in kinds for count in self._connections]
        self._steps.begin(f"round {number + 1}: {server.name}")
        while plan:
            with servers.started(server, self._weights, self._threads, self._probe) as (up, labels):
                self._check(server, labels)
                kept["starting"].append(up.starting)
                with Memory(up.pid) as memory:
                    for done in self._generate(server, up.port, plan):
                        kept["loads"].append({"round": number} | summary(done))
                        plan.pop(0)
                kept["memory"].append(memory.peak_bytes)

    def _check(self, server: Server, labels: list[str]) -> None:
        """See that a server computes what the first one does."""
        self._wanted = self._wanted or labels
        changed = sum(a != b for a, b in zip(labels, self._wanted, strict=True))
        if changed > MOST_CHANGED * len(labels):
            raise BenchmarkFailed(f"{changed} labels of {len(labels)} are others", server.name)

    def _generate(
        self, server: Server, port: int, plan: Sequence[tuple[str, int]]
    ) -> Iterator[dict[str, Any]]:
        """Yield what each load came to, until the plan is done or a server owes answers."""
        steps = [{"name": "warm", "kind": "one", "connections": 16, "seconds": WARM_SECONDS}]
        steps += [
            {"name": kind, "kind": kind, "connections": count, "seconds": self._seconds}
            for kind, count in plan
        ]
        for step in steps:
            kind = str(step["kind"])
            file = self._scratch / f"{kind}.json"
            rows = [[len(each), json.dumps(server.body(each))] for each in self._lists[kind]]
            file.write_text(json.dumps(rows), encoding="utf-8")
            step["requests"] = str(file)
        order = self._scratch / "plan.json"
        order.write_text(json.dumps(steps), encoding="utf-8")
        command: Command = [
            *(OURS, "-m", "benchmarks.load", "--port", str(port), "--path", server.path),
            *("--plan", order),
        ]
        with subprocess.Popen(
            command,
            env=processes.surroundings(1),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        ) as generator:
            assert generator.stdout
            for line in generator.stdout:
                done = json.loads(line)
                if done["name"] != "warm":
                    yield done
        if generator.returncode:
            raise BenchmarkFailed("the load generator failed", server.name)


def summary(done: dict[str, Any]) -> dict[str, Any]:
    """Return what a report needs of a load: rates, seconds at the median and 99 %, errors."""
    took = [seconds for _, seconds in done["answered"]]
    short = [seconds for count, seconds in done["answered"] if count == 1]
    return {
        "kind": done["name"],
        "connections": done["connections"],
        "requests": len(took),
        "sentences_a_second": sum(count for count, _ in done["answered"]) / done["seconds"],
        "p50": percentile(took, 0.5) if took else None,
        "p99": percentile(took, 0.99) if took else None,
        "p99_of_one": percentile(short, 0.99) if short else None,
        "errors": done["errors"],
        "generator": done["processor"] / done["seconds"],
    }


def _lists(sentences: Sequence[str], sizes: Sequence[int]) -> list[list[str]]:
    """Return requests of the sizes given, in an order by chance, from all sentences in turn."""
    chance = random.Random(0)
    lists, start = [], 0
    while start + max(sizes) <= len(sentences):
        size = chance.choice(sizes)
        lists.append(list(sentences[start : start + size]))
        start += size
    return lists


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
