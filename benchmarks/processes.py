"""Contenders as processes: their surroundings, how long they take, how much memory they hold."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks import machine

ROOT = Path(__file__).parent.parent
OURS = Path(sys.executable)
COMMAND = OURS.with_name("claimstance")
"""The project's Python, and its command as a user calls it."""

Command = Sequence[str | Path]

PATIENCE = 1800.0
"""Seconds that a contender may take."""

SAMPLE_SECONDS = 0.2
"""Between two looks at a process's memory."""


class BenchmarkFailed(Exception):
    """A contender could not be run, or did something else than the others."""

    def __init__(self, problem: str, contender: str | None = None) -> None:
        super().__init__(f"{contender}: {problem}" if contender else problem)


@dataclass(frozen=True, slots=True)
class Finished:
    """What a process came to: when it began, its seconds, peak memory and standard output.

    `began` is of the monotonic clock, which all processes of a machine share. Memory is the
    resident bytes of the process and its children together.
    """

    began: float
    seconds: float
    peak_bytes: int
    output: str

    def said(self) -> dict[str, Any]:
        """Return the JSON in the last line of the output."""
        return dict(json.loads(self.output.splitlines()[-1]))


def environment(name: str) -> Path:
    """Return the Python of a rival's environment.

    Raises:
        BenchmarkFailed: there is none; `make bench` makes it.
    """
    python = ROOT / ".venv-bench" / name / "bin" / "python"
    if not python.exists():
        raise BenchmarkFailed(
            f"the environment {name} is not there: `make bench` could not install "
            f"benchmarks/requirements-{name}.txt"
        )
    return python


def surroundings(threads: int) -> dict[str, str]:
    """Return the environment variables that every contender gets.

    They tell threads and number type, and keep it from the network.
    """
    return os.environ | {
        "PYTHONPATH": str(ROOT),
        "STANCE_NUMBERS": machine.numbers(),
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "DO_NOT_TRACK": "1",
        "BENTOML_DO_NOT_TRACK": "True",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        # Where transformers copies the class that comes with the weights.
        "HF_MODULES_CACHE": str(ROOT / ".venv-bench" / "modules"),
        "TOKENIZERS_PARALLELISM": "true",
        "TRANSFORMERS_VERBOSITY": "error",
    }


def bound(threads: int) -> Callable[[], None]:
    """Return what binds a process, before it begins, to as many cores as it may use threads.

    So no contender has more of the machine than another, however it counts its threads.
    """
    chosen = sorted(os.sched_getaffinity(0))[:threads]
    return lambda: os.sched_setaffinity(0, chosen)


def run(command: Command, threads: int) -> Finished:
    """Run a process to its end.

    Raises:
        BenchmarkFailed: it ended with an error; the message holds the end of what it said.
    """
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        began = time.monotonic()
        process = subprocess.Popen(
            [str(part) for part in command],
            env=surroundings(threads),
            preexec_fn=bound(threads),
            cwd=ROOT,
            stdout=output,
            stderr=errors,
        )
        with Memory(process.pid) as memory:
            try:
                code = process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                end(process)
                code = process.wait()
        seconds = time.monotonic() - began
        output.seek(0)
        errors.seek(0)
        if code:
            named = " ".join(Path(part).name for part in map(str, command))
            raise BenchmarkFailed(f"`{named}` ended with {code}: {ending(errors.read())}")
        return Finished(began, seconds, memory.peak_bytes, output.read())


class Memory:
    """Watches the resident memory of a process and its children; a context.

    Pages that processes share are counted in each, as `ps` does.
    """

    def __init__(self, pid: int) -> None:
        self.peak_bytes = 0
        self._pid = pid
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(SAMPLE_SECONDS):
            self.peak_bytes = max(self.peak_bytes, resident(self._pid))


def ending(said: str) -> str:
    """Return the end of what a process said, short enough for a message."""
    lines = [line.strip()[:200] for line in said.splitlines() if line.strip()]
    return " / ".join(lines[-5:])


def resident(pid: int) -> int:
    """Return the resident bytes of a process and all below it; 0 when it is gone."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        top = psutil.Process(pid)
        for process in [top, *top.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
    return total


def end(process: subprocess.Popen[Any]) -> None:
    """End a process that `run` did not, and all below it."""
    below: list[psutil.Process] = []
    with suppress(psutil.NoSuchProcess):
        below = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    _, alive = psutil.wait_procs(below, 3)
    for left in alive:
        with suppress(psutil.NoSuchProcess):
            left.kill()
