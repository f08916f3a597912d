"""What to label next."""

from pathlib import Path
from typing import Annotated

import typer

from training.cli import options
from training.cli.options import Data, Renamed, Seed


def suggest(
    archive: Annotated[
        list[str],
        typer.Argument(
            metavar="ARCHIVE...",
            help="A folder that `claimstance score` wrote, or files, folders and patterns as it "
            "takes them.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to fill.")] = Path("next"),
    n: Annotated[int, typer.Option(min=1, help="How many sentences to choose.")] = 200,
    data: Data = None,
    renamed: Renamed = None,
    seed: Seed = 0,
) -> None:
    """Choose the sentences of an archive whose labels would teach most, for the tool you label in.

    Chosen are sentences that the model in production and a bag of words, learnt from the corpus,
    leave open between them, of many documents and topics; and a tenth at random. Labels you have
    already are given with --data: none of their sentences is chosen again.

    DIR gets import files for Label Studio, doccano, Prodigy and Argilla with the model's guesses,
    suggestions.csv, and README.md, which tells how to load them. An archive that is not scored
    yet is scored into DIR/scored first; stopped there, the same command goes on.

    Examples:
      python -m training suggest scored --n 200

      python -m training suggest speeches.zip --data labels.jsonl --out next
    """
    from claimstance.cli.progress import Watch
    from training.suggest import folder
    from training.suggest import suggest as suggesting

    options.folder(out)
    with Watch() as watch:
        scored = suggesting.scored(archive, out, watch)
    chosen = suggesting.suggest(
        scored,
        data or [],
        n,
        seed,
        lambda step: print(step, flush=True),
        options.mapping(renamed),
    )
    folder.write(chosen, out)
    for line in folder.summary(chosen):
        print(line)
    print(out / "README.md")
