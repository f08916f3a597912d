"""CSV and JSON Lines as rows whose bytes are known, so that any run of them is read by itself."""

import codecs
import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO, Protocol

from claimstance.errors import DocumentUnreadable
from claimstance.inputs.encodings import SAMPLE, detect
from claimstance.inputs.limits import MAX_DOCUMENT, MIB
from claimstance.inputs.table import Columns, Table, meaning

csv.field_size_limit(MAX_DOCUMENT)

TOO_LONG = f"is longer than {MAX_DOCUMENT // MIB} MiB"
_DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True)
class Row:
    """A row: `number` from 1, its bytes `start` to `end` in the file, and what it holds.

    `problem` tells why it holds nothing; `doubted` is as of `csv_rows`.
    """

    number: int
    start: int
    end: int
    fields: dict[str, Any]
    problem: str | None = None
    doubted: int = 0


class Lined(Protocol):
    """What rows are read from."""

    def readline(self, limit: int, /) -> bytes:
        """Return the next line, or `limit` bytes of it; empty at the end."""


class _TooLong(Exception):
    """A line or record is longer than a document may be."""


class _Lines:
    """The lines of a stream, as text; remembers where each lies, and can go back.

    Bytes that do not fit the encoding stay in the text as lone surrogates.
    """

    def __init__(self, stream: Lined, encoding: str, offset: int) -> None:
        self._stream = stream
        self._encoding = encoding
        self._waiting: list[bytes] = []
        self.offset = offset
        self.begin()

    def begin(self) -> None:
        """Begin a record: `record` has its lines from here on, `length` their bytes."""
        self.record: list[bytes] = []
        self.length = 0

    def raw(self) -> bytes:
        """Return the next line, or the first `MAX_DOCUMENT` bytes of it; empty at the end."""
        if self._waiting:
            return self._waiting.pop()
        return self._stream.readline(MAX_DOCUMENT)

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self.raw()
        if not line:
            raise StopIteration
        self.offset += len(line)
        self.length += len(line)
        self.record.append(line)
        if self.length >= MAX_DOCUMENT:
            raise _TooLong
        return line.decode(self._encoding, "surrogateescape")

    def back_to_first(self) -> None:
        """Give back all lines of the record but the first, of which the rest is passed over."""
        first, *others = self.record
        self._waiting.extend(reversed(others))
        self.offset -= sum(map(len, others))
        while first and not first.endswith(b"\n"):
            first = self.raw()
            self.offset += len(first)


def csv_rows(
    stream: Lined, table: Table, number: int, offset: int, doubted: int = 0
) -> Iterator[Row]:
    """Yield the rows of a CSV stream that begins with row `number` at byte `offset`.

    A row that cannot be read costs its first line alone; reading goes on with the next line. The
    lines that were looked through for its end, up to byte `doubted`, are then rows of a line
    each, or lines made for it would be looked through again and again.
    """
    lines = _Lines(stream, table.encoding, offset)
    while True:
        start = lines.offset
        lines.begin()
        problem = None
        values: list[str] = []
        try:
            record = lines if start >= doubted else islice(lines, 1)
            values = next(csv.reader(record, delimiter=table.delimiter, strict=True))
        except StopIteration:
            return
        except _TooLong:
            problem = TOO_LONG
        except csv.Error:
            problem = "has a quotation mark that is never closed, or text behind a closing one"
        if problem:
            doubted = max(doubted, lines.offset)
            lines.back_to_first()
        elif not values:
            continue  # a blank line
        elif len(values) != len(table.header):
            problem = f"has {len(values)} fields, the header has {len(table.header)}"
        fields = dict(zip(table.header, values, strict=False))
        problem = problem or _undecoded(values, lines.record, start, table.encoding)
        yield Row(number, start, lines.offset, {} if problem else fields, problem, doubted)
        number += 1


def json_rows(stream: Lined, table: Table, number: int, offset: int) -> Iterator[Row]:
    """Yield the rows of a JSON Lines stream that begins with row `number` at byte `offset`."""
    lines = _Lines(stream, table.encoding, offset)
    while True:
        start = lines.offset
        lines.begin()
        problem = None
        fields: Any = {}
        try:
            line = next(lines)
        except StopIteration:
            return
        except _TooLong:
            lines.back_to_first()
            problem = TOO_LONG
        else:
            if not line.strip():
                continue
            problem = _undecoded([line], lines.record, start, table.encoding)
            try:
                fields = {} if problem else _json(line)
            except _Twice as error:
                problem = f"has the field {error.args[0]!r} twice"
            except (ValueError, RecursionError):
                problem = "is not JSON, or nests or counts beyond all reason"
            if not isinstance(fields, dict):
                problem = "is not a JSON object"
        yield Row(number, start, lines.offset, {} if problem else fields, problem)
        number += 1


class _Twice(Exception):
    """A JSON object has a field twice."""


def _json(line: str) -> Any:
    """Return what a line of JSON holds; of a field that is there twice, no value is chosen."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) < len(pairs):
            names = [name for name, _ in pairs]
            raise _Twice(next(name for name in names if names.count(name) > 1))
        return fields

    return json.loads(line, object_pairs_hook=once)


def _undecoded(values: list[str], record: list[bytes], start: int, encoding: str) -> str | None:
    """Tell where in the file the first byte lies that does not fit the encoding, if one does."""
    if not any("\udc80" <= c <= "\udcff" for value in values if not value.isascii() for c in value):
        return None
    try:
        b"".join(record).decode(encoding)
    except UnicodeDecodeError as error:
        return f"is not {encoding} text (byte {start + error.start} of the file)"
    return None


def csv_table(stream: BinaryIO, given: Columns) -> tuple[Table, int]:
    """Return how a CSV file is read, from its beginning, and the offset of its first row.

    Raises:
        DocumentUnreadable: it has no header, or none of its columns is a text.
    """
    encoding, offset, line = _beginning(stream)
    header: list[str] = []
    for delimiter in _DELIMITERS:
        try:
            names = next(csv.reader([line], delimiter=delimiter, strict=True), [])
        except csv.Error:
            continue
        if len(names) > len(header):
            header, best = names, delimiter
    if not header:
        raise DocumentUnreadable("has no header that can be read in its first line")
    twice = [name for name, count in Counter(header).items() if name and count > 1]
    if twice:
        raise DocumentUnreadable(f"has more than one column {twice[0]!r}")
    return Table(encoding, meaning(header, given), best, tuple(header)), offset


def json_table(stream: BinaryIO, given: Columns) -> tuple[Table, int]:
    """Return how a JSON Lines file is read, from its first object that has a text, and its begin.

    Raises:
        DocumentUnreadable: there is no object at its beginning, or none of its fields is a text.
    """
    sample = _peek(stream)
    encoding, skipped = _plain(sample)
    reason = "has no JSON object, one a line, at its beginning"
    objects = 0
    for row in json_rows(_Again(sample[skipped:], stream), Table(encoding, {}), 1, 0):
        if row.problem is None:
            objects += 1
            try:
                return Table(encoding, meaning(row.fields, given)), skipped
            except DocumentUnreadable as error:
                reason = error.message if objects == 1 else reason
    raise DocumentUnreadable(reason)


def _beginning(stream: BinaryIO) -> tuple[str, int, str]:
    """Return a CSV stream's encoding, the offset behind its first line, and that line."""
    sample = _peek(stream)
    encoding, skipped = _plain(sample)
    line, end, _ = sample[skipped:].partition(b"\n")
    if not end and len(sample) == SAMPLE:
        raise DocumentUnreadable(f"has a header of over {SAMPLE // MIB} MiB")
    if b"\r" in line.removesuffix(b"\r"):
        raise DocumentUnreadable(
            "ends its lines in carriage returns alone; save it with line feeds (CSV UTF-8)"
        )
    try:
        return encoding, skipped + len(line) + len(end), line.decode(encoding)
    except UnicodeDecodeError as error:
        raise DocumentUnreadable(
            f"is not {encoding} text (byte {skipped + error.start})"
        ) from error


def _plain(sample: bytes) -> tuple[str, int]:
    """Return an encoding in which lines are lines of bytes, and the bytes of a mark before."""
    encoding = detect(sample)
    return ("utf-8", len(codecs.BOM_UTF8)) if encoding == "utf-8-sig" else (encoding, 0)


def _peek(stream: BinaryIO) -> bytes:
    parts, wanted = [], SAMPLE
    while wanted and (data := stream.read(wanted)):
        parts.append(data)
        wanted -= len(data)
    return b"".join(parts)


class _Again:
    """A stream of lines that gives its beginning, which was read already, once more."""

    def __init__(self, beginning: bytes, stream: BinaryIO) -> None:
        self._beginning = io.BytesIO(beginning)
        self._stream = stream

    def readline(self, limit: int) -> bytes:
        """Read a line, or `limit` bytes of it."""
        line = self._beginning.readline(limit)
        if line.endswith(b"\n") or len(line) == limit:
            return line
        return line + self._stream.readline(limit - len(line))
