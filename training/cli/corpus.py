"""The project's corpus: joined with the public archives, and how far its annotators agreed."""

from pathlib import Path
from typing import Annotated

import typer


def assemble(
    archives: Annotated[Path, typer.Option(help="The folder with the public archives.")],
) -> None:
    """Join the corpus's references with a copy of the public archives.

    data/README.md tells which archives.
    """
    from training import assemble as joining

    counts = joining.assemble(archives)
    for source, (found, total) in counts.items():
        print(f"{source}: {found} of {total} references resolved")


def agreement() -> None:
    """Print how well two blind annotators agreed, as data/README.md shows it."""
    from training import agreement as agreeing

    print(agreeing.tables(), end="")
