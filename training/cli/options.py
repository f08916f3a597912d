"""What commands have in common: their options, and how they speak."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from claimstance.errors import InvalidInput

if TYPE_CHECKING:
    from training.corpus import Corpus

Data = Annotated[
    list[Path] | None,
    typer.Option(
        "--data",
        metavar="FILE",
        help="Labelled JSON Lines, CSV, TSV, Parquet or a datasets folder: text, stance, and "
        "optionally sentiment, id, group, split; or an export of Label Studio, doccano, Prodigy "
        "or Argilla. May be given several times.",
    ),
]

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE",
        help="Labelled files, or exports of Label Studio, doccano, Prodigy or Argilla.",
    ),
]

Renamed = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="OLD=NEW",
        help="What a label of the files means here: hawkish=firm, none=stance:neutral, or nothing: "
        "unsure=. May be repeated.",
    ),
]

Version = Annotated[
    str | None, typer.Option(metavar="NAME", help="Its name [default: date and time].")
]

AcceptDoubtful = Annotated[
    bool,
    typer.Option(
        "--accept-doubtful",
        help="Train on labels that `check` takes for wrong: a person has looked at them. The "
        "version's card and verdict say so.",
    ),
]

Seed = Annotated[int, typer.Option(help="Everything random follows from it.")]


def mapping(renamed: list[str] | None) -> dict[str, str]:
    """Return what `--map` says: labels of this project by those in the files."""
    from training.imports import meaning

    return meaning.mapping(renamed or [])


def tell(lines: Iterable[str]) -> None:
    """Say on standard error how files were understood, and what of them is left out."""
    for line in lines:
        print(line, file=sys.stderr)


def folder(path: Path) -> Path:
    """Return a folder to write into, made if need be; to be asked for before the work."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f"cannot be made ({error.strerror})", str(path)) from error
    if not os.access(path, os.W_OK):
        raise InvalidInput("cannot be written into", str(path))
    return path


def page(path: Path) -> Path:
    """Return a file to write, once it is sure that it can be: before the work, not after it."""
    if path.is_dir():
        raise InvalidInput("is a folder; name a file in it", str(path))
    if not path.parent.is_dir():
        raise InvalidInput("there is no such folder", str(path.parent))
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InvalidInput("cannot be written", str(path))
    return path


def counts(loaded: "Corpus") -> str:
    """Return how many sentences each part has, as a line."""
    parts = ", ".join(f"{len(loaded.part(split))} {split}" for split in ("train", "dev", "test"))
    return f"sentences: {parts}"
