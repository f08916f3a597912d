"""`python -m benchmarks`: Claimstance beside what a user would pick instead, on this machine."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import machine, results
from benchmarks import report as reporting
from benchmarks.options import Archive, Quick
from benchmarks.processes import BenchmarkFailed
from claimstance.errors import ClaimstanceError

QUICK_HOME = results.HOME.parent / "build" / "benchmarks"

app = typer.Typer(
    help="Measure Claimstance beside what a user would pick instead: the same weights, text and "
    "threads, taking turns in one run. `make bench` installs the rivals and runs every part. "
    "Nothing else should run on the machine meanwhile.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Threads = Annotated[
    int | None, typer.Option(min=1, help="For each contender [default: the machine's cores].")
]
Model = Annotated[
    str | None, typer.Option(metavar="VERSION", help="Whose weights [default: production].")
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

    limit_seconds = 1.0
    if quick:
        sentences, parts, limit_seconds = 100, 2, 0.01
    found = part.run(archive, sentences, parts, threads or machine.cores(), model, limit_seconds)
    _keep("archive", found, quick)


@app.command()
def service(
    archive: Archive = None,
    rounds: Annotated[int, typer.Option(min=1, help="Each starts every server once.")] = 5,
    seconds: Annotated[float, typer.Option(min=0.5, help="Of each load on each server.")] = 4,
    threads: Threads = None,
    quick: Quick = False,
) -> None:
    """Requests over HTTP to the released version at 1 to 256 connections. About 20 minutes.

    The first round has all loads: one sentence, lists of 32, and mixed lengths. Later ones
    repeat those of one sentence, which medians are taken of.
    """
    from benchmarks import service as part

    connections: tuple[int, ...] = part.CONNECTIONS
    if quick:
        rounds, seconds, connections = 1, 1.0, (1, 16)
    found = part.run(archive, rounds, seconds, threads or machine.cores(), connections)
    _keep("service", found, quick)


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
    _keep("growth", part.run(archive, sentences, threads or machine.cores(), model), quick)


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
    _keep("training", part.run(sentences, rounds, threads or machine.cores(), model), quick)


@app.command("all")
def all_(archive: Archive = None, model: Model = None, quick: Quick = False) -> None:
    """Every part, one after another, as `make bench` does. About 70 minutes."""
    archive_(archive, model=model, quick=quick)
    service(archive, quick=quick)
    growth(archive, model=model, quick=quick)
    training(model=model, quick=quick)


@app.command()
def report() -> None:
    """Write RESULTS.md from benchmarks/results/ once more."""
    print(reporting.write())


def _keep(part: str, found: dict[str, Any], quick: bool) -> None:
    """Keep a part's figures and write the report; those of --quick elsewhere."""
    home = QUICK_HOME if quick else results.HOME
    words = (Path(word).name if "/" in word else word for word in sys.argv[1:])
    found["command"] = " ".join(["python -m benchmarks", *words])
    found["date"] = datetime.now(UTC).date().isoformat()
    results.save(part, found, home)
    print(reporting.write(home))


def main() -> None:
    """Run the command line; a reported error ends it with status 1 and one line on stderr."""
    try:
        app()
    except (BenchmarkFailed, ClaimstanceError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
