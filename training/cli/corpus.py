"""The project's corpus: joined with the public archives, and how far its annotators agreed."""

from pathlib import Path
from typing import Annotated

import typer

from training.cli.options import Seed


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


def teach(
    version: Annotated[str, typer.Argument(help="A version in the registry.")],
    n: Annotated[int, typer.Option(min=1, help="Archive sentences beside the labelled ones.")] = (
        25_000
    ),
    seed: Seed = 0,
) -> None:
    """Keep what a larger version says of the training sentences, for smaller ones to learn.

    It says it of the corpus's own and of archive sentences that the version in production leaves
    open, into data/teacher.parquet; the recipe's `teacher` tells how much its word counts. Train
    the larger one first, with `fit --base`.

    Example:
      python -m training fit --base microsoft/mpnet-base --version large

      python -m training teach large
    """
    from claimstance import registry
    from training import teacher

    labelled, others = teacher.teach(registry.find(version), n, seed)
    print(f"{version} was asked about {labelled} labelled sentences and {others} others")


def agreement() -> None:
    """Print how well two blind annotators agreed, as data/README.md shows it."""
    from training import agreement as agreeing

    print(agreeing.tables(), end="")
