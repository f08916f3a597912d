"""How predictions are printed: a table, JSON Lines, CSV, or a marked article."""

import csv as csv_module
import json
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from claimstance.labels import SENTIMENTS, STANCES, Sentiment, Stance
from claimstance.predictor import Prediction

_COLOUR = {Stance.FIRM: "red", Stance.CONCILIATORY: "green", Stance.NEUTRAL: "default"}
_SIGN = {Sentiment.NEGATIVE: "-", Sentiment.NEUTRAL: "·", Sentiment.POSITIVE: "+"}

Rows = list[dict[str, Any]]


def table(rows: Rows, predictions: Iterable[Prediction], model: str) -> None:
    """Print one row per sentence, coloured by stance; `?` marks what is not confident."""
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for name, align in (("stance", "left"), ("", "right"), ("sentiment", "left"), ("", "right")):
        grid.add_column(name, justify="right" if align == "right" else "left", no_wrap=True)
    grid.add_column("sentence")
    for row, p in zip(rows, predictions, strict=True):
        grid.add_row(
            Text(p.stance, style=_COLOUR[p.stance]),
            f"{p.stance_scores[p.stance]:.2f}",
            Text(p.sentiment),
            f"{p.sentiment_scores[p.sentiment]:.2f}{' ' if p.confident else '?'}",
            Text(" ".join(row["text"].split())),
        )
    console = Console()
    console.print(grid)
    console.print(Text(f"{model}   ? = not confident", style="dim"))


def jsonl(rows: Rows, predictions: Iterable[Prediction], model: str) -> None:
    """Print one JSON object a line: the input's fields, the prediction's, and `model`."""
    for row, prediction in zip(rows, predictions, strict=True):
        print(json.dumps({**row, **prediction.to_dict(), "model": model}, ensure_ascii=False))


def csv(rows: Rows, predictions: Iterable[Prediction], model: str) -> None:
    """Print CSV: the input's fields (all that any row has), the prediction's, and `model`.

    Scores are columns of their own: `firm`, ..., and `sentiment_negative`, ....
    """
    inputs = list(dict.fromkeys(name for row in rows for name in row))
    scores = [*STANCES, *(f"sentiment_{name}" for name in SENTIMENTS)]
    results = ["stance", "sentiment", "confident", "tokens", "truncated", *scores, "model"]
    columns = [name for name in inputs if name not in results] + results
    writer = csv_module.DictWriter(sys.stdout, columns, lineterminator="\n")
    writer.writeheader()
    for row, prediction in zip(rows, predictions, strict=True):
        fields = prediction.to_dict()
        writer.writerow(
            {name: value for name, value in row.items() if name in columns}
            | {name: fields[name] for name in results[:5]}
            | fields["stance_scores"]
            | {f"sentiment_{name}": value for name, value in fields["sentiment_scores"].items()}
            | {"model": model}
        )


def article(
    metadata: dict[str, str], texts: list[str], predictions: list[Prediction], model: str
) -> None:
    """Print a document sentence by sentence, marked and coloured, then its summary."""
    console = Console(highlight=False)
    for name, value in metadata.items():
        console.print(Text.assemble((f"{name}: ", "dim"), value))
    if metadata:
        console.print()
    grid = Table.grid(padding=(0, 1))
    for _ in range(4):
        grid.add_column(no_wrap=True)
    grid.add_column()
    for number, (text, p) in enumerate(zip(texts, predictions, strict=True), 1):
        colour = _COLOUR[p.stance]
        grid.add_row(
            Text(f"{number:>3}", style="dim"),
            Text(p.stance, style=colour),
            f"{p.stance_scores[p.stance]:.2f}{' ' if p.confident else '?'}",
            _SIGN[p.sentiment],
            Text(" ".join(text.split()), style=colour),
        )
    console.print(grid)
    console.print()
    stances = Counter(p.stance for p in predictions)
    sentiments = Counter(p.sentiment for p in predictions)
    for label in STANCES:
        share = stances[label] / len(texts)
        console.print(
            Text.assemble(
                f"{label:<13}{stances[label]:>4}  {share:>4.0%}  ",
                ("█" * round(40 * share), _COLOUR[label]),
            )
        )
    counts = ", ".join(f"{sentiments[label]} {label}" for label in SENTIMENTS)
    console.print(f"sentiment: {counts}")
    console.print(Text(f"{model}   ? = not confident   - · + = sentiment", style="dim"))
