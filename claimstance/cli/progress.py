"""How a scoring job is shown: a live bar in a terminal, a line now and then elsewhere."""

import sys
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from claimstance.scoring.unit import Result

EVERY = 10.0
"""Seconds between two lines where there is no terminal."""


class Watch:
    """Draws how a job goes on, on standard error; use it as a context."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._live = self._console.is_terminal
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._live,
        )
        self._planning = self._bar.add_task("planning", total=None, note="")
        self._scoring = self._bar.add_task("scoring", total=None, note="", visible=False)
        self._documents = self._all = self._rejected = self._sentences = 0
        self._done_bytes = self._all_bytes = self._bytes = 0
        self._began = self._told = time.monotonic()

    def __enter__(self) -> "Watch":
        self._bar.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def looking(self, size: int, total: int) -> None:
        """Show that `size` more bytes of `total` have been planned."""
        self._bar.update(self._planning, total=total, advance=size)

    def planned(self, units: int, documents: int, size: int) -> None:
        """Go over from planning to scoring."""
        self._bar.update(self._planning, visible=False)
        self._bar.update(self._scoring, total=size, visible=True)
        self._all, self._all_bytes = documents, size
        self._began = time.monotonic()
        if not self._live:
            print(f"planned: {documents} documents in {units} work units", file=sys.stderr)

    def scored(self, result: "Result", before: bool) -> None:
        """Count a unit that is done."""
        self._documents += result.documents
        self._rejected += result.rejected
        self._done_bytes += result.bytes
        if not before:
            self._sentences += result.sentences
            self._bytes += result.bytes
        self._bar.update(self._scoring, advance=result.bytes, note=self._note())
        now = time.monotonic()
        if not self._live and not before and now - self._told >= EVERY:
            self._told = now
            left = (self._all_bytes - self._done_bytes) * (now - self._began) / self._bytes
            print(f"{self._note()}, about {left:.0f} s left", file=sys.stderr, flush=True)

    def _note(self) -> str:
        speed = self._sentences / max(time.monotonic() - self._began, 1e-9)
        return (
            f"{self._documents} of {self._all} documents, {speed:.0f} sentences/s, "
            f"{self._rejected} rejected"
        )
