"""The servers of the service part: how each is started, asked and understood."""

import http.client
import json
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import machine, processes
from benchmarks.processes import OURS, ROOT, BenchmarkFailed

PATIENCE = 300.0
"""Seconds that a server may take to answer its first request."""


def _plain(sentences: Sequence[str]) -> dict[str, Any]:
    return {"sentences": list(sentences)}


def _for_infinity(sentences: Sequence[str]) -> dict[str, Any]:
    return {"model": "stance", "input": list(sentences)}


def _listed(answer: Any) -> list[str]:
    return [item["label"] for item in answer]


def _of_infinity(answer: Any) -> list[str]:
    best = (max(item, key=lambda each: each["score"]) for item in answer["data"])
    return [each["label"] for each in best]


def _ours(answer: Any) -> list[str]:
    return [item["stance"] for item in answer["predictions"]]


@dataclass(frozen=True)
class Server:
    """A server: its command with `{port}` and `{weights}` to fill in, and how it is spoken to.

    `environment` is the rival's, None for Claimstance's own; `how` says in the report what it is;
    `body` makes a request of sentences, `labels` takes their labels out of the answer.
    """

    name: str
    how: str
    environment: str | None
    command: tuple[str, ...]
    path: str = "/classify"
    body: Callable[[Sequence[str]], dict[str, Any]] = _plain
    labels: Callable[[Any], list[str]] = _listed
    settings: dict[str, str] = field(default_factory=dict)


REFERENCE = "FastAPI, pipeline"
_BIND = ("--host", "127.0.0.1", "--port", "{port}")

SERVERS = (
    Server(
        "claimstance",
        "`python -m serving`, with `CLAIMSTANCE_MAX_OPEN_REQUESTS=1000`; it has no limit on rates "
        "unless one is set",
        None,
        ("-m", "serving", *_BIND),
        labels=_ours,
        settings={"CLAIMSTANCE_MAX_OPEN_REQUESTS": "1000"},
    ),
    Server(
        REFERENCE,
        "transformers' pipeline in float32 behind an endpoint, under uvicorn",
        "rivals",
        ("-m", "uvicorn", "benchmarks.rivals.fastapi_app:app", "--log-level", "warning", *_BIND),
    ),
    Server(
        "infinity-emb",
        "`infinity_emb v2 --engine torch`, in bfloat16 where the processor has it",
        "infinity",
        (
            *("-m", "infinity_emb.cli", "v2", "--model-id", "{weights}"),
            *("--served-model-name", "stance", "--engine", "torch", "--device", "cpu"),
            *("--dtype", machine.numbers(), "--log-level", "warning", *_BIND),
        ),
        body=_for_infinity,
        labels=_of_infinity,
    ),
    Server(
        "LitServe",
        "torch, in bfloat16 where the processor has it; up to 64 requests a batch, waited for up "
        "to 5 ms",
        "rivals",
        ("-m", "benchmarks.rivals.lit_server", "--port", "{port}"),
        path="/predict",
    ),
    Server(
        "BentoML",
        "torch, in bfloat16 where the processor has it, behind a batchable endpoint, as its "
        "tutorial has it",
        "rivals",
        ("-m", "bentoml", "serve", "benchmarks.rivals.bento_service:Stance", *_BIND),
    ),
)


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers: its port, process, and the seconds from its start to an answer."""

    port: int
    pid: int
    starting: float


@contextmanager
def started(
    server: Server, weights: Path, threads: int, probe: Sequence[str]
) -> Iterator[tuple[Running, list[str]]]:
    """Run a server as long as the context lasts; give it, and its labels of `probe`.

    Raises:
        BenchmarkFailed: its environment is missing, or it does not answer as it should.
    """
    python = processes.environment(server.environment) if server.environment else OURS
    port = free_port()
    filled = [part.format(port=port, weights=weights) for part in server.command]
    with tempfile.TemporaryDirectory() as home:
        settings = {"BENTOML_HOME": home, "STANCE_WEIGHTS": str(weights)} | server.settings
        settings["STANCE_THREADS"] = str(threads)
        log = Path(home) / "server.log"
        with log.open("w") as out:
            began = time.monotonic()
            process = subprocess.Popen(
                [python, *filled],
                env=processes.surroundings(threads) | settings,
                preexec_fn=processes.bound(threads),
                cwd=ROOT,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        try:
            while (answer := ask(server, port, probe)) is None:
                if process.poll() is not None or time.monotonic() > began + PATIENCE:
                    said = processes.ending(log.read_text(errors="replace"))
                    raise BenchmarkFailed(f"does not answer: {said}", server.name)
                time.sleep(0.05)
            yield Running(port, process.pid, time.monotonic() - began), answer
        finally:
            processes.end(process)


def ask(server: Server, port: int, sentences: Sequence[str]) -> list[str] | None:
    """Return a server's labels of sentences, None while it gives none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with suppress(OSError, http.client.HTTPException):
        body = json.dumps(server.body(sentences))
        connection.request("POST", server.path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        content = response.read()
        if response.status == 200:
            return server.labels(json.loads(content))
    connection.close()
    return None


def free_port() -> int:
    """Return a port of this machine on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
