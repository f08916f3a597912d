"""Ten minutes at saturation: does memory stay flat, does every request succeed, does p99 hold?

    python -m benchmarks.soak --minutes 10 --out soak.json

Starts the service in a model store of its own and keeps it busy with more clients than it can
answer at once: short and long lists, documents, words weighed, corrections. Ends with exit code 1
if one of the three does not hold. Meant for a machine that does nothing else.
"""

import argparse
import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
from rich.progress import track

WINDOWS = 10
"""Parts of the run that are compared. The first is warming up and is not."""

MAX_GROWTH = 0.05
"""Share by which memory may grow from the second window to the last."""

MAX_SLOWER = 1.25
"""How many times the second window's p99 that of the last ones, together, may be."""

PLACES = ("the reef", "the northern shelf", "a border post", "the strait", "their valley")
WORDS = (
    "{place} {n} has always been ours and no court will take it from us",
    "both governments agreed to talk about {place} {n} before the summer",
    "the ministers met near {place} {n} and signed a protocol on ferry tickets",
    "our people will never give up {place} {n}, and the fleet stays where it is, he said",
    "she thanked her hosts for their patience over {place} {n}",
)


@dataclass
class Window:
    """What one part of the run was like: latencies in seconds, memory in bytes."""

    seconds: list[float] = field(default_factory=list)
    sentences: int = 0
    memory: list[int] = field(default_factory=list)

    def figures(self, length: float) -> dict[str, float]:
        """Return the window's figures: per second, milliseconds, MB."""
        p50, p99 = np.percentile(self.seconds, (50, 99)) if self.seconds else (np.nan, np.nan)
        return {
            "requests_per_second": round(len(self.seconds) / length, 1),
            "sentences_per_second": round(self.sentences / length, 1),
            "p50_ms": round(1000 * float(p50), 1),
            "p99_ms": round(1000 * float(p99), 1),
            "memory_mb": round(float(np.mean(self.memory)) / 1e6, 1) if self.memory else np.nan,
        }


@dataclass
class Outcome:
    """What the run came to; `holds` if nothing failed, grew or slowed."""

    minutes: float
    clients: int
    workers: int
    errors: dict[str, int]
    growth: float
    slower: float
    windows: list[dict[str, float]]

    @property
    def holds(self) -> bool:
        """Whether all three hold."""
        return not self.errors and self.growth <= MAX_GROWTH and self.slower <= MAX_SLOWER


@contextmanager
def service(workers: int, clients: int) -> Iterator[tuple[str, psutil.Process]]:
    """Run the service on a free port; give its address and the process above its workers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as home, (Path(home) / "log").open("w") as log:
        environment = {"BENTOML_HOME": home, "CLAIMSTANCE_MAX_OPEN_REQUESTS": str(2 * clients)}
        command = [sys.executable, "-m", "serving", "--port", str(port), "--workers", str(workers)]
        process = subprocess.Popen(command, env=os.environ | environment, stdout=log, stderr=log)
        try:
            for _ in range(1200):
                with suppress(httpx.TransportError):
                    if httpx.get(f"{url}/readyz").is_success:
                        break
                time.sleep(0.1)
            yield url, psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait()


def request(chance: random.Random) -> tuple[str, dict[str, Any], int]:
    """Return a path, a body, and how many sentences are in it."""

    def sentence() -> str:
        place, number = chance.choice(PLACES), chance.randrange(100_000)
        return f"{chance.choice(WORDS).format(place=place, n=number)}.".capitalize()

    kind = chance.random()
    if kind < 0.7:
        count = chance.choice((1, 1, 1, 5, 20, 200))
        return "/classify", {"sentences": [sentence() for _ in range(count)]}, count
    if kind < 0.9:
        text = " ".join(sentence() for _ in range(30))
        return "/analyze", {"text": text}, 30
    if kind < 0.95:
        return "/explain", {"sentence": sentence()}, 1
    return "/feedback", {"text": sentence(), "stance": "neutral"}, 0


async def soak(
    url: str, process: psutil.Process, minutes: float, clients: int
) -> tuple[list[Window], Counter[str]]:
    """Keep the service busy; return the windows and what went wrong, counted."""
    windows = [Window() for _ in range(WINDOWS)]
    errors: Counter[str] = Counter()
    began, length = time.monotonic(), minutes * 60 / WINDOWS

    def now() -> int:
        return int((time.monotonic() - began) / length)

    async def work(number: int) -> None:
        chance = random.Random(number)
        async with httpx.AsyncClient(base_url=url, timeout=120) as client:
            while now() < WINDOWS:
                path, body, sentences = request(chance)
                sent = time.monotonic()
                try:
                    response = await client.post(path, json=body)
                    failed = None if response.is_success else str(response.status_code)
                except httpx.TransportError as error:
                    failed = type(error).__name__
                window = windows[min(now(), WINDOWS - 1)]
                if failed is None:
                    window.seconds.append(time.monotonic() - sent)
                    window.sentences += sentences
                else:
                    errors[f"{path} {failed}"] += 1

    tasks = [asyncio.create_task(work(number)) for number in range(clients)]
    for _ in track(range(10 * WINDOWS), "soaking"):
        await asyncio.sleep(length / 10)
        used = sum(worker.memory_full_info().uss for worker in process.children(recursive=True))
        windows[min(now(), WINDOWS - 1)].memory.append(used)
    await asyncio.gather(*tasks)
    return windows, errors


def main() -> None:
    """Run, print the figures, and say whether all holds."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=10, help="how long [%(default)s]")
    parser.add_argument("--clients", type=int, default=32, help="clients at once [%(default)s]")
    parser.add_argument("--workers", type=int, default=1, help="of the service [%(default)s]")
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    asked = parser.parse_args()
    with service(asked.workers, asked.clients) as (url, process):
        windows, errors = asyncio.run(soak(url, process, asked.minutes, asked.clients))
    figures = [window.figures(asked.minutes * 60 / WINDOWS) for window in windows]
    late = Window(seconds=[s for window in windows[WINDOWS // 2 :] for s in window.seconds])
    outcome = Outcome(
        asked.minutes,
        asked.clients,
        asked.workers,
        dict(errors),
        round(figures[-1]["memory_mb"] / figures[1]["memory_mb"] - 1, 4),
        round(late.figures(1)["p99_ms"] / figures[1]["p99_ms"], 3),
        figures,
    )
    for number, found in enumerate(figures, 1):
        print(f"{number:3}  " + "  ".join(f"{name} {value:,}" for name, value in found.items()))
    print(f"errors: {outcome.errors or 'none'}")
    print(f"memory, second window to last: {outcome.growth:+.1%} (at most {MAX_GROWTH:.0%})")
    print(f"p99, second half to second window: {outcome.slower:.2f} (at most {MAX_SLOWER})")
    if asked.out:
        asked.out.write_text(json.dumps(asdict(outcome), indent=2) + "\n")
    sys.exit(not outcome.holds)


if __name__ == "__main__":
    main()
