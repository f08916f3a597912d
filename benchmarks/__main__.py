"""`python -m benchmarks`: Claimstance beside what a user would pick instead, on this machine."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import machine
from benchmarks import report as reporting
from claimstance.errors import ClaimstanceError

app = typer.Typer(
    help="Measure Claimstance beside what a user would pick instead: the same weights, text and "
    "threads, taking turns in one run. `make bench` installs the rivals and runs every part. "
    "Nothing else should run on the machine meanwhile.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Archive = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        help="Real text: a file, folder or archive that `claimstance score` takes [default: "
        "sentences written for the project].",
    ),
]
Threads = Annotated[
    int | None, typer.Option(min=1, help="For each contender [default: the machine's cores].")
]
Model = Annotated[
    str | None, typer.Option(metavar="VERSION", help="Whose weights [default: production].")
]
Quick = Annotated[
    bool, typer.Option("--quick", help="Tiny sizes: shows that it works, measures nothing.")
]


@app.command("archive")
def archive_(
    archive: Archive = None,
    sentences: Annotated[int, typer.Option(min=10, help="In all parts together.")] = 20_000,
    parts: Annotated[int, typer.Option(min=1, help="Each contender does each once.")] = 5,
    threads: Threads = None,
    model: Model = None,
    quick: Quick = False,
) -> None:
    """Sentences from a file to Parquet, and the processor's limit. About 25 minutes.

    Example:
      python -m benchmarks archive --archive speeches.zip
    """
    from benchmarks import archive as part

    if quick:
        sentences, parts = 100, 2
    part.run(archive, sentences, parts, threads or machine.cores(), model)
    _render()


@app.command()
def service(
    archive: Archive = None,
    rounds: Annotated[int, typer.Option(min=1, help="Each starts every server once.")] = 5,
    seconds: Annotated[float, typer.Option(min=0.5, help="Of each load on each server.")] = 4,
    threads: Threads = None,
    model: Model = None,
    quick: Quick = False,
) -> None:
    """Requests over HTTP at 1 to 256 connections. About 25 minutes.

    The first round has all loads: one sentence, lists of 32, and mixed lengths. Later ones
    repeat those of one sentence, which medians are taken of.
    """
    from benchmarks import service as part

    if quick:
        rounds, seconds = 1, 1.0
    part.run(archive, rounds, seconds, threads or machine.cores(), model, quick)
    _render()


@app.command()
def growth(
    archive: Archive = None,
    sentences: Annotated[int, typer.Option(min=1, help="In the smallest archive.")] = 1_000,
    threads: Threads = None,
    model: Model = None,
    quick: Quick = False,
) -> None:
    """Archives of 1, 10 and 100 times a size: time and peak memory. About 5 minutes."""
    from benchmarks import growth as part

    if quick:
        sentences = 5
    part.run(archive, sentences, threads or machine.cores(), model)
    _render()


@app.command()
def training(
    sentences: Annotated[int, typer.Option(min=10, help="In the epoch.")] = 2_000,
    rounds: Annotated[int, typer.Option(min=1, help="Each contender trains once in each.")] = 3,
    threads: Threads = None,
    model: Model = None,
    quick: Quick = False,
) -> None:
    """One epoch on a sample of the corpus, beside transformers' Trainer. About 10 minutes."""
    from benchmarks import training as part

    if quick:
        sentences, rounds = 32, 1
    part.run(sentences, rounds, threads or machine.cores(), model)
    _render()


@app.command("all")
def all_(archive: Archive = None, model: Model = None, quick: Quick = False) -> None:
    """Every part, one after another, as `make bench` does. About 70 minutes."""
    archive_(archive, model=model, quick=quick)
    service(archive, model=model, quick=quick)
    growth(archive, model=model, quick=quick)
    training(model=model, quick=quick)


@app.command()
def report() -> None:
    """Write RESULTS.md from benchmarks/results/ once more."""
    _render()


def _render() -> None:
    print(reporting.write())


def main() -> None:
    """Run the command line; a reported error ends it with status 1 and one line on stderr."""
    try:
        app()
    except ClaimstanceError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
