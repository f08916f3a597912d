"""`claimstance report`: the page of a scored archive."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What `score` filled.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The page [default: DIR/report.html].")
    ] = None,
) -> None:
    """Write a scored archive's report: one HTML page that needs nothing else, for a browser.

    Stances over time, by country or outlet, by dispute and by document; the firmest and the most
    conciliatory sentences in their places; sentiment, doubt, and repeated text. Shares are
    corrected for the classifier's known errors, with 95 % intervals, beside the uncorrected.

    Example:
      claimstance report scored && xdg-open scored/report.html
    """
    # Loaded here, because the other commands start without it.
    from claimstance.report import page

    print(page.write(folder, out))
