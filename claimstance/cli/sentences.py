"""Sentences for `claimstance classify`: reading a file of them, and predicting with progress."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from claimstance.documents import read_text
from claimstance.errors import DocumentUnreadable, InvalidInput
from claimstance.predictor import Prediction, Predictor
from claimstance.text import has_half_character

_CHUNK = 2048
"""Sentences between two steps of the progress bar."""


def from_file(path: str) -> list[dict[str, Any]]:
    """Return the rows of a file; each row's `text` is the sentence.

    It is JSON Lines if its first line is an object, else one sentence a line. Blank lines are
    passed over.

    Raises:
        DocumentUnreadable: the file cannot be read as UTF-8.
        InvalidInput: a line is no JSON object with a string `text`; `where` names it.
    """
    if path == "-":
        try:
            content = sys.stdin.buffer.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DocumentUnreadable(f"is not UTF-8 text (byte {error.start})", "-") from error
    else:
        content = read_text(Path(path))
    lines = [(n, line) for n, line in enumerate(content.split("\n"), 1) if line.strip()]
    if not lines:
        raise InvalidInput("holds no sentence", path)
    if not lines[0][1].lstrip().startswith("{"):
        return [{"text": line.strip()} for _, line in lines]
    return [_row(line, f"{path} line {number}") for number, line in lines]


def _row(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("is not JSON", where) from error
    if not isinstance(row, dict):
        raise InvalidInput("must be a JSON object", where)
    text = row.get("text")
    if not isinstance(text, str) or not text.strip():
        raise InvalidInput("needs a field `text` that holds a sentence", where)
    if has_half_character(text):
        raise InvalidInput("holds half of a surrogate pair, which is no character", where)
    return row


def predict(
    predictor: Predictor, rows: list[dict[str, Any]], source: str | None
) -> Iterator[Prediction]:
    """Yield the predictions of `rows` in order, with a progress bar on stderr for long work."""
    console = Console(stderr=True)
    starts = range(0, len(rows), _CHUNK)
    for start in track(
        starts,
        description=source or "sentences",
        console=console,
        disable=len(starts) < 2 or not console.is_terminal,
        transient=True,
    ):
        yield from predictor.predict([row["text"] for row in rows[start : start + _CHUNK]])
