"""The command `python -m training`: labels, the corpus, fitting a model version, judging it."""

import signal
import sys
from types import FrameType

import typer

from claimstance.errors import ClaimstanceError
from training.cli import corpus, fit, judge, labels, suggest

app = typer.Typer(
    help="Make model versions: import and check labels, assemble the corpus, fit, evaluate.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("import")(labels.import_)
app.command()(suggest.suggest)
app.command()(labels.check)
app.command()(judge.retrain)
app.command()(fit.fit)
app.command()(judge.evaluate)
app.command()(judge.compare)
app.command()(fit.reproduce)
app.command()(fit.release)
app.command()(fit.baselines)
app.command()(corpus.assemble)
app.command()(corpus.teach)
app.command()(corpus.agreement)


def _stop(number: int, _: FrameType | None) -> None:
    """Leave by way of every cleanup when asked to stop."""
    sys.exit(128 + number)


def main() -> None:
    """Run the command line; a reported error ends it with status 1 and one line on stderr."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        app()
    except ClaimstanceError as error:
        print(f"training: {error}", file=sys.stderr)
        sys.exit(1)
