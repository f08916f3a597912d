"""The command `claimstance`: classify sentences, documents and archives, manage versions."""

import os
import sys
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from claimstance import documents
from claimstance.cli import feedback, models, output, sentences
from claimstance.cli.report import report
from claimstance.cli.score import score
from claimstance.errors import ClaimstanceError, InvalidInput
from claimstance.predictor import Predictor

app = typer.Typer(
    name="claimstance",
    help="Label sentences by their stance on sovereignty claims (firm, conciliatory, neutral) "
    "and by sentiment (negative, neutral, positive).",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(models.app, name="models")
app.add_typer(feedback.app, name="feedback")
app.command()(score)
app.command()(report)

Version = Annotated[
    str | None,
    typer.Option("--model", metavar="VERSION", help="A model version [default: production]."),
]


class Format(StrEnum):
    """How predictions are printed."""

    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"


@app.command()
def classify(
    sentence: Annotated[list[str] | None, typer.Argument(help="Sentences to label.")] = None,
    file: Annotated[
        str | None,
        typer.Option(
            "--file",
            metavar="PATH",
            help="One sentence a line, or JSON Lines with a field `text`; - reads standard input.",
        ),
    ] = None,
    format: Annotated[Format, typer.Option(help="How to print the predictions.")] = Format.TABLE,
    model: Version = None,
) -> None:
    """Label sentences given as arguments, or those of a file.

    With JSON Lines, the other fields of each object pass through to the output.

    Examples:
      claimstance classify "The islands are ours." "We are ready for talks."

      claimstance classify --file sentences.txt --format csv > labels.csv

      echo '{"id": 7, "text": "It is our land."}' | claimstance classify --file - --format jsonl
    """
    if bool(sentence) == bool(file):
        raise typer.BadParameter("give sentences as arguments, or a file with --file")
    rows = sentences.from_file(file) if file else [{"text": text} for text in sentence or []]
    predictor = Predictor.load(model)
    write = {Format.TABLE: output.table, Format.JSONL: output.jsonl, Format.CSV: output.csv}
    write[format](rows, sentences.predict(predictor, rows, file), predictor.model.tag)


@app.command()
def analyze(
    file: Annotated[Path, typer.Argument(help="A text file, UTF-8.")],
    model: Version = None,
) -> None:
    """Print a document with each sentence marked by stance and sentiment, and a summary.

    The header of a news export (ID, date, author, title) is shown as metadata and not labelled.
    """
    document = documents.read(file)
    texts = [document.text[span.start : span.end] for span in document.sentences()]
    if not texts:
        raise InvalidInput("holds no sentence", str(file))
    predictor = Predictor.load(model)
    rows = [{"text": text} for text in texts]
    predictions = list(sentences.predict(predictor, rows, str(file)))
    output.article(document.metadata, texts, predictions, predictor.model.tag)


def main() -> None:
    """Run the command line; a reported error ends it with status 1 and one line on stderr."""
    if isinstance(sys.stdout, TextIOWrapper):  # what a terminal cannot show is shown escaped
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app()
        sys.stdout.flush()
    except ClaimstanceError as error:
        print(f"claimstance: {error}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        sys.stderr.close()
        sys.exit(0)
    except KeyboardInterrupt:
        print("claimstance: stopped", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        print(f"claimstance: the output cannot be written ({error.strerror})", file=sys.stderr)
        os._exit(1)  # a normal exit would try to write the rest once more
