"""How a long measurement is shown: a bar in a terminal, a line for each step elsewhere."""

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


class Steps:
    """Draws on standard error which step of how many is being done; a context."""

    def __init__(self, total: int) -> None:
        console = Console(stderr=True)
        self._live = console.is_terminal
        self._bar = Progress(
            MofNCompleteColumn(),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
            console=console,
            disable=not self._live,
        )
        self._task = self._bar.add_task("", total=total)
        self._begun = 0
        self._total = total
        self._since = time.monotonic()

    def __enter__(self) -> "Steps":
        self._bar.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def begin(self, name: str) -> None:
        """Say that the step before is done and this one begins."""
        self._bar.update(self._task, completed=self._begun, description=name)
        self._begun += 1
        if not self._live:
            seconds = time.monotonic() - self._since
            print(f"{seconds:6.0f} s  {self._begun}/{self._total}  {name}", file=sys.stderr)
