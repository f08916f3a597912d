"""`claimstance score`: an archive in, a table out, whatever happens in between."""

import signal
import sys
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from claimstance.cli.progress import Watch


class Unit(StrEnum):
    """What a text in a row or a file is."""

    DOCUMENT = "document"
    SENTENCE = "sentence"


class Format(StrEnum):
    """Forms of the table."""

    PARQUET = "parquet"
    CSV = "csv"
    JSONL = "jsonl"


class Runner(StrEnum):
    """Where the work is done."""

    LOCAL = "local"
    RAY = "ray"


def score(
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT...", help="Files, folders, patterns in quotes.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to fill.")],
    text_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Column of row files with the text.")
    ] = None,
    id_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Column with the document's id.")
    ] = None,
    date_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Column with its date.")
    ] = None,
    unit: Annotated[
        Unit, typer.Option(help="`sentence` takes each text for one sentence, unsplit.")
    ] = Unit.DOCUMENT,
    format: Annotated[
        list[Format] | None,
        typer.Option(help="The table as one csv or jsonl file too; may be given twice."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="VERSION", help="A model version [default: production].")
    ] = None,
    stance_only: Annotated[
        bool,
        typer.Option(
            "--stance-only", help="No sentiment; faster, for more is certified without the encoder."
        ),
    ] = False,
    exhaustive: Annotated[
        bool,
        typer.Option("--exhaustive", help="Let the encoder read every sentence; slower."),
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes, of about 400 MB each [default: one for each core]."),
    ] = None,
    engine: Annotated[Runner, typer.Option(help="This machine, or a Ray cluster.")] = Runner.LOCAL,
    ray_address: Annotated[
        str,
        typer.Option(metavar="HOST:PORT", help="The cluster [default: one on this machine]."),
    ] = "",
    append: Annotated[
        bool, typer.Option("--append", help="Score what has come since an earlier run, too.")
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Forget what is in DIR and score all anew.")
    ] = False,
) -> None:
    """Label every sentence of an archive, of any size, into a table.

    Takes .txt, .html, .jsonl, .csv, .tsv and .parquet, plain, compressed (.gz, .zst, .bz2, .xz) and
    inside .zip and .tar files, which are never unpacked to disk. In row files the columns of text,
    id, date, title and the like are found by their names.

    A cheap first stage answers the sentences that are plainly neutral, where the model version is
    certified for it: at most 0.5 % of labels differ from the encoder's, and at least 99 % of its
    firm and conciliatory sentences are kept. The column `stage` tells which answered.

    DIR/sentences/ gets a Parquet dataset, a row per sentence; DIR/rejects.jsonl what could not be
    read, where, and why; DIR/job.json the counts. Stopped by anything, the same command goes on
    where it was, and the table is the same to the byte.

    Examples:
      claimstance score speeches.zip --out scored

      claimstance score news/ 'extra/*.csv.gz' --out scored --text-column body --format csv

      claimstance report scored
    """
    # Loaded here, because the other commands start without it.
    from claimstance.inputs.table import Columns
    from claimstance.scoring.score import Engine
    from claimstance.scoring.score import score as run
    from claimstance.scoring.unit import How
    from claimstance.screen import Reading

    signal.signal(signal.SIGTERM, _stop)
    with Watch() as watch:
        note = run(
            inputs,
            out,
            watch,
            columns=Columns(text_column, id_column, date_column),
            how=How(unit.value, Reading(exhaustive, stance_only)),
            formats=[form.value for form in format or () if form is not Format.PARQUET],
            model=model,
            engine=Engine(workers, ray_address if engine is Runner.RAY else None),
            append=append,
            restart=restart,
        )
    counts = note["documents"]
    print(
        f"{counts['in']} documents: {counts['scored']} scored, {counts['rejected']} rejected; "
        f"{note['sentences']} sentences in {out / 'sentences'}"
    )
    screened = note["stages"]["screen"] / max(1, note["sentences"])
    print(f"first stage {note['first_stage']}; it answered {screened:.0%}")
    if counts["rejected"]:
        print(f"why: {out / 'rejects.jsonl'}")


def _stop(number: int, _: FrameType | None) -> None:
    """Leave by way of every cleanup when asked to stop."""
    sys.exit(128 + number)
