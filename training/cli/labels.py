"""Labelled files: brought into one form, and looked through for what is wrong."""

from pathlib import Path
from typing import Annotated

import typer

from training.cli import options
from training.cli.options import Files, Renamed


def import_(
    files: Files,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The JSON Lines file to write.")],
    renamed: Renamed = None,
    resolve: Annotated[
        str,
        typer.Option(
            metavar="majority|soft|error|NAME",
            help="How several annotators' labels become one; soft keeps their votes beside it, a "
            "NAME's label decides.",
        ),
    ] = "majority",
) -> None:
    """Bring labels from Label Studio, doccano, Prodigy, Argilla or plain files into one file.

    A tie is left out and counted, or refused with `--resolve error`. With `--resolve soft` it is
    kept, and training learns each label by its share of the votes. Annotators are written by
    pseudonym, never by name.

    Examples:
      python -m training import project-3.json --out labels.jsonl --map hawkish=firm

      python -m training import doccano.zip --out labels.jsonl --resolve anna
    """
    from training.imports import labelled

    found = labelled.load(files, options.mapping(renamed), resolve)
    labelled.write(found, out)
    for line in found.summary():
        print(line)
    print(out)


def check(
    files: Files,
    renamed: Renamed = None,
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write check.html here, with every row.")
    ] = None,
) -> None:
    """Tell what is wrong with labelled files; exit 1 if they must not be trained on.

    Looks for rows that do not fit, contradictions, copies, sentences that the project measures on,
    other languages, and labels that the model in production takes for wrong.
    """
    from claimstance import Predictor
    from training import check as checking
    from training import check_page

    if report:
        options.folder(report)
    found = checking.check(files, Predictor.load(), options.mapping(renamed))
    print(check_page.text(found), end="")
    if report is not None:
        (report / "check.html").write_text(check_page.render(found), encoding="utf-8")
        print(report / "check.html")
    if found.reasons:
        raise typer.Exit(1)
