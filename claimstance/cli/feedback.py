"""`claimstance feedback`: the corrections that readers made, as labelled sentences."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from claimstance.durable import replace
from claimstance.feedback import Store

app = typer.Typer(
    help="Export and count the corrections that the service has kept.", no_args_is_help=True
)


@app.command()
def export(
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write here [default: standard output].")
    ] = None,
) -> None:
    """Write the corrected sentences as JSON Lines, as `python -m training fit --data` takes them.

    One line a sentence: its text, the labels that readers gave it, and when, for which model
    version and under which key they did. Where a sentence was corrected twice, the last holds.

    Example:
      claimstance feedback export --out corrections.jsonl
    """
    found = Store.open().export()
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found.rows)
    if out is None:
        sys.stdout.write(lines)
    else:
        replace(out, lambda file: file.write_text(lines, encoding="utf-8"))
    replaced = f"; later ones replaced {found.replaced} corrections" if found.replaced else ""
    print(f"{len(found.rows)} corrected sentences{replaced}.", file=sys.stderr)


@app.command()
def count() -> None:
    """Print how many corrections are kept."""
    print(Store.open().count())
