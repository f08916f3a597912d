"""Options that the commands of the benchmarks have in common."""

from pathlib import Path
from typing import Annotated

import typer

Archive = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        help="Real text: a file, folder or archive that `claimstance score` takes [default: "
        "sentences written for the project].",
    ),
]
Quick = Annotated[
    bool, typer.Option("--quick", help="Tiny sizes: shows that it works, measures nothing.")
]
