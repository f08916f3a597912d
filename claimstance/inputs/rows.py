"""Row files cut into rows whose places are known, so that any run of rows can be read by itself.

CSV and JSON Lines are cut as bytes, Parquet by the number of the row.
"""

import codecs
import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet

from claimstance.errors import DocumentUnreadable
from claimstance.inputs.encodings import SAMPLE, detect
from claimstance.inputs.limits import MAX_BUFFERED, MAX_DOCUMENT, MIB
from claimstance.inputs.table import Columns, Table, meaning

csv.field_size_limit(MAX_DOCUMENT)

TOO_LONG = f"is longer than {MAX_DOCUMENT // MIB} MiB"
_DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True)
class Row:
    """A row: `number` from 1, its bytes `start` to `end` in the file, and what it holds.

    `problem` tells why it holds nothing.
    """

    number: int
    start: int
    end: int
    fields: dict[str, Any]
    problem: str | None = None


class _TooLong(Exception):
    """A line or record is longer than a document may be."""


class _Lines:
    """The lines of a stream, as text; remembers where each lies, and can go back.

    Bytes that do not fit the encoding stay in the text as lone surrogates.
    """

    def __init__(self, stream: BinaryIO, encoding: str, offset: int) -> None:
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


def csv_rows(stream: BinaryIO, table: Table, number: int, offset: int) -> Iterator[Row]:
    """Yield the rows of a CSV stream that begins with row `number` at byte `offset`.

    A row that cannot be read costs its first line alone; reading goes on with the next line.
    """
    lines = _Lines(stream, table.encoding, offset)
    while True:
        start = lines.offset
        lines.begin()
        problem = None
        values: list[str] = []
        try:
            values = next(csv.reader(lines, delimiter=table.delimiter, strict=True))
        except StopIteration:
            return
        except _TooLong:
            problem = TOO_LONG
        except csv.Error:
            problem = "has a quotation mark that is never closed, or text behind a closing one"
        if problem:
            lines.back_to_first()
        elif not values:
            continue  # a blank line
        elif len(values) != len(table.header):
            problem = f"has {len(values)} fields, the header has {len(table.header)}"
        fields = dict(zip(table.header, values, strict=False))
        problem = problem or _undecoded(values, lines.record, start, table.encoding)
        yield Row(number, start, lines.offset, {} if problem else fields, problem)
        number += 1


def json_rows(stream: BinaryIO, table: Table, number: int, offset: int) -> Iterator[Row]:
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
                fields = {} if problem else json.loads(line)
            except (ValueError, RecursionError):
                problem = "is not JSON"
            if not isinstance(fields, dict):
                problem = "is not a JSON object"
        yield Row(number, start, lines.offset, {} if problem else fields, problem)
        number += 1


def _undecoded(values: list[str], record: list[bytes], start: int, encoding: str) -> str | None:
    """Tell where in the file the first byte lies that does not fit the encoding, if one does."""
    if not any("\udc80" <= c <= "\udcff" for value in values if not value.isascii() for c in value):
        return None
    try:
        b"".join(record).decode(encoding)
    except UnicodeDecodeError as error:
        return f"is not {encoding} text (byte {start + error.start} of the file)"
    return None


def parquet_rows(stream: BinaryIO, first: int, count: int) -> Iterator[Row]:
    """Yield `count` rows of a Parquet file from row `first`, counted from 1."""
    file = pa.parquet.ParquetFile(_seekable(stream))
    groups, number = [], 1
    begin = None
    for group in range(file.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        if number + rows > first and number < first + count:
            begin = number if begin is None else begin
            groups.append(group)
        number += rows
    number = begin or first
    for batch in file.iter_batches(batch_size=256, row_groups=groups):
        if number + len(batch) > first:
            for fields in batch.to_pylist():
                if first <= number < first + count:
                    yield Row(number, number, number + 1, fields)
                number += 1
        else:
            number += len(batch)
        if number >= first + count:
            return


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
    twice = [name for name in header if name and header.count(name) > 1]
    if twice:
        raise DocumentUnreadable(f"has more than one column {twice[0]!r}")
    return Table(encoding, meaning(header, given), best, tuple(header)), offset


def json_table(stream: BinaryIO, given: Columns) -> tuple[Table, int]:
    """Return how a JSON Lines file is read, from its first object, and where its rows begin.

    Raises:
        DocumentUnreadable: there is no object at its beginning, or none of its fields is a text.
    """
    sample = _peek(stream)
    encoding, skipped = _plain(sample)
    for line in sample[skipped:].decode(encoding, "replace").splitlines():
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(fields, dict):
            return Table(encoding, meaning(fields, given)), skipped
    raise DocumentUnreadable("has no JSON object, one a line, at its beginning")


def parquet_table(stream: BinaryIO, given: Columns) -> tuple[Table, int, int]:
    """Return how a Parquet file is read, and how many rows and bytes it holds.

    Raises:
        DocumentUnreadable: it is no Parquet file, or none of its columns is a text.
    """
    file = pa.parquet.ParquetFile(_seekable(stream))
    table = Table("utf-8", meaning(file.schema_arrow.names, given))
    kind = file.schema_arrow.field(table.meaning["text"]).type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise DocumentUnreadable(f"its column {table.meaning['text']!r} is {kind}, no text")
    groups = [file.metadata.row_group(index) for index in range(file.num_row_groups)]
    return table, sum(g.num_rows for g in groups), sum(g.total_byte_size for g in groups)


def _seekable(stream: BinaryIO) -> BinaryIO:
    """Return a stream that Parquet can be read from: of one in an archive, its bytes."""
    if stream.seekable():
        return stream
    data = stream.read(MAX_BUFFERED + 1)
    if len(data) > MAX_BUFFERED:
        raise DocumentUnreadable(
            f"is a Parquet file of over {MAX_BUFFERED // MIB} MiB inside an archive; "
            "unpack it first"
        )
    return io.BytesIO(data)


def _beginning(stream: BinaryIO) -> tuple[str, int, str]:
    """Return a CSV stream's encoding, the offset behind its first line, and that line."""
    sample = _peek(stream)
    encoding, skipped = _plain(sample)
    line, end, _ = sample[skipped:].partition(b"\n")
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
