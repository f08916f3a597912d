"""A piece of input turned into documents: what a worker does first."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from email.utils import parsedate_to_datetime
from pathlib import PurePosixPath
from typing import Any

from claimstance import documents
from claimstance.documents import Document
from claimstance.errors import DocumentUnreadable
from claimstance.inputs import html, parquet, rows
from claimstance.inputs.address import Address, Opener
from claimstance.inputs.encodings import decode
from claimstance.inputs.limits import MAX_DOCUMENT
from claimstance.inputs.rows import TOO_LONG, Row
from claimstance.inputs.table import Table
from claimstance.text import Span, has_half_character

KNOWN = ("date", "title", "author", "outlet", "country", "session", "year")
"""Metadata that have a column of their own in a scored archive."""

_UN_SPEECH = re.compile(r"(?P<country>[A-Z]{2,3})_(?P<session>\d{2})_(?P<year>[12]\d{3})")
"""How the UN General Debate Corpus names its files."""

_YEAR = re.compile(r"(?<!\d)[12]\d{3}(?!\d)")


@dataclass(frozen=True, slots=True)
class Piece:
    """A file that is one document, or a run of rows of a row file.

    `name` is the file's; `first` the number of its first row and `rows` their count (0 and 1
    for a file that is one document); `table` tells how rows are read, `doubted` up to which byte
    of CSV each line is a row (`rows.csv_rows`).
    """

    name: str
    kind: str
    address: Address
    first: int = 0
    rows: int = 1
    table: Table | None = None
    doubted: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON; `from_json` reads them."""
        value: dict[str, Any] = {
            "name": self.name,
            "kind": self.kind,
            "address": self.address.to_json(),
        }
        if self.table:
            value |= {"first": self.first, "rows": self.rows, "table": self.table.to_json()}
        if self.doubted:
            value["doubted"] = self.doubted
        return value

    @staticmethod
    def from_json(value: dict[str, Any]) -> "Piece":
        """Return the piece that `to_json` wrote."""
        address = Address.from_json(value["address"])
        table = Table.from_json(value["table"]) if "table" in value else None
        first, count, doubted = value.get("first", 0), value.get("rows", 1), value.get("doubted", 0)
        return Piece(value["name"], value["kind"], address, first, count, table, doubted)


@dataclass(frozen=True, slots=True)
class Entry:
    """One document, or why there is none: `problem`, at `source` and `row` (0 for a file)."""

    source: str
    row: int
    id: str
    document: Document | None
    problem: str | None = None
    encoding: str | None = None


def read(piece: Piece, opener: Opener) -> Iterator[Entry]:
    """Yield the documents of a piece, in order, and an entry for each that cannot be had."""
    try:
        if piece.table is None:
            yield _file(piece, opener)
        else:
            yield from _rows(piece, piece.table, opener)
    except DocumentUnreadable as error:
        yield Entry(piece.name, piece.first, _stem(piece.name), None, error.message)


def _file(piece: Piece, opener: Opener) -> Entry:
    with opener.open(piece.address) as stream:
        data = stream.read(MAX_DOCUMENT + 1)
    if len(data) > MAX_DOCUMENT:
        raise DocumentUnreadable(TOO_LONG)
    text, encoding = decode(data)
    if piece.kind == "html":
        text, metadata = html.parse(text)
        document = Document(text, Span(0, len(text)), metadata)
    else:
        document = documents.parse(text)
    stem = _stem(piece.name)
    speech = _UN_SPEECH.fullmatch(stem)
    metadata = (speech.groupdict() if speech else {}) | document.metadata
    identity = metadata.pop("id", stem)
    return _entry(piece.name, 0, identity, document, metadata, encoding)


def _rows(piece: Piece, table: Table, opener: Opener) -> Iterator[Entry]:
    with opener.open(piece.address) as stream:
        if piece.kind == "parquet":
            found = parquet.rows(stream, piece.first, piece.rows)
        elif piece.kind == "csv":
            found = rows.csv_rows(stream, table, piece.first, 0, piece.doubted)
        else:
            found = rows.json_rows(stream, table, piece.first, 0)
        for row in found:
            yield _row(piece, table, row)


def _row(piece: Piece, table: Table, row: Row) -> Entry:
    identity = f"{_stem(piece.name)}#{row.number}"
    if row.problem:
        return Entry(piece.name, row.number, identity, None, row.problem)
    column = table.meaning["text"]
    text = row.fields.get(column)
    if not isinstance(text, str):
        problem = f"its field {column!r} holds no text"
        return Entry(piece.name, row.number, identity, None, problem)
    if len(text) > MAX_DOCUMENT:
        return Entry(piece.name, row.number, identity, None, TOO_LONG)
    named = {column: what for what, column in table.meaning.items() if what != "text"}
    taken = set(named.values())  # another column may be called like what a named one holds
    metadata = {
        named.get(name, f"{name} (column)" if name in taken else name): value
        if isinstance(value, str)
        else _plain(value)
        for name, value in row.fields.items()
        if name != column and value is not None and value != ""
    }
    identity = metadata.pop("id", identity)
    document = Document(text, Span(0, len(text)))
    return _entry(piece.name, row.number, identity, document, metadata, table.encoding)


def _entry(
    source: str, row: int, identity: str, found: Document, metadata: dict[str, str], encoding: str
) -> Entry:
    """Return the entry of a document, its date in one form, all of it fit to be written."""
    if any(map(has_half_character, (found.text, identity, *metadata, *metadata.values()))):
        problem = "holds half of a surrogate pair, which is no character"
        return Entry(source, row, source, None, problem)
    if "date" in metadata:
        metadata = metadata | {"date": _date(metadata["date"])}
        if "year" not in metadata and (year := _YEAR.search(metadata["date"])):
            metadata["year"] = year[0]
    return Entry(
        source, row, identity, Document(found.text, found.body, metadata), encoding=encoding
    )


def _date(written: str) -> str:
    """Return a date as ISO 8601 where it is written so or as in a mail; else as it is written."""
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = parse(written.strip())
        except ValueError:
            continue
        plain = found.time() == datetime.min.time() and found.tzinfo is None
        return (found.date() if plain else found).isoformat()
    return written


def _plain(value: Any) -> str:
    """Return a value of a column as text."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _stem(name: str) -> str:
    """Return a file's name without folders and endings."""
    return PurePosixPath(name).name.partition(".")[0] or name
