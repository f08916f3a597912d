"""Parquet files as rows, read by their numbers."""

import io
from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
from pyarrow.parquet import ParquetFile

from claimstance.errors import DocumentUnreadable
from claimstance.inputs.limits import MAX_BUFFERED, MIB
from claimstance.inputs.rows import Row
from claimstance.inputs.table import Columns, Table, meaning

_BATCH = 256
"""Rows read at once."""

_EACH = 16
"""Bytes that a row counts for besides its values."""


def opened(stream: BinaryIO) -> ParquetFile:
    """Return a Parquet file; one in an archive is read into memory.

    A value that its rows share is held once, however many they are.
    """
    if not stream.seekable():
        data = stream.read(MAX_BUFFERED + 1)
        if len(data) > MAX_BUFFERED:
            raise DocumentUnreadable(
                f"is a Parquet file of over {MAX_BUFFERED // MIB} MiB inside an archive; "
                "unpack it first"
            )
        stream = io.BytesIO(data)
    columns = ParquetFile(stream).schema_arrow
    stream.seek(0)
    return ParquetFile(stream, read_dictionary=[c.name for c in columns if _is_bytes(c.type)])


def table(file: ParquetFile, given: Columns) -> Table:
    """Return how a Parquet file is read.

    Raises:
        DocumentUnreadable: none of its columns is a text.
    """
    found = Table("utf-8", meaning(file.schema_arrow.names, given))
    kind = file.schema_arrow.field(found.meaning["text"]).type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    if not any(test(kind) for test in texts):
        raise DocumentUnreadable(f"its column {found.meaning['text']!r} is {kind}, no text")
    return found


def sizes(file: ParquetFile) -> Iterator[int]:
    """Yield the bytes that each row stands for, in order."""
    for batch in file.iter_batches(_BATCH):
        size = pa.array([_EACH] * len(batch), pa.int64())
        for column in batch.columns:
            if isinstance(column, pa.DictionaryArray) and _is_bytes(column.dictionary.type):
                lengths = pc.binary_length(column.dictionary).take(column.indices)
                size = pc.add(size, lengths.fill_null(0).cast(pa.int64()))
            else:
                size = pc.add(size, column.nbytes // len(batch))
        yield from size.to_pylist()


def rows(stream: BinaryIO, first: int, count: int) -> Iterator[Row]:
    """Yield `count` rows of a Parquet file from row `first`, counted from 1."""
    file = opened(stream)
    groups: list[int] = []
    number = 1
    begin = first
    for group in range(file.num_row_groups):
        size = file.metadata.row_group(group).num_rows
        if number + size > first and number < first + count:
            begin = begin if groups else number
            groups.append(group)
        number += size
    number = begin
    for batch in file.iter_batches(_BATCH, groups):
        wanted = batch.slice(max(0, first - number), max(0, first + count - max(first, number)))
        yield from _rows(wanted, max(first, number))
        number += len(batch)
        if number >= first + count:
            return


def _rows(batch: pa.RecordBatch, number: int) -> Iterator[Row]:
    """Yield the rows of a batch from row `number`; one of bad values costs itself alone."""
    try:
        for index, fields in enumerate(batch.to_pylist(), number):
            yield Row(index, index, index + 1, fields)
    except (ValueError, OverflowError, pa.ArrowException) as error:
        if len(batch) == 1:
            yield Row(number, number, number + 1, {}, f"holds a value that is none ({error})")
            return
        for index in range(len(batch)):
            yield from _rows(batch.slice(index, 1), number + index)


def _is_bytes(kind: pa.DataType) -> bool:
    return any(
        test(kind)
        for test in (
            *(pa.types.is_string, pa.types.is_large_string),
            *(pa.types.is_binary, pa.types.is_large_binary),
        )
    )
