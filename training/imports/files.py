"""The rows of a file, whatever holds them; what it is is seen in its content, not its name."""

import csv
import io
import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path, PurePosixPath
from typing import Any

import datasets

from claimstance.documents import read_text
from claimstance.errors import DocumentUnreadable, InvalidInput, LimitExceeded
from training.imports.judgement import TEXT_FIELDS

LARGEST_ZIP = 1 << 29
"""Bytes that the files of a zip may have when unpacked, all together."""

DELIMITERS = ",\t;"
"""What may stand between a table's columns; the one that gives a sentence's column is taken."""

SPLITS = {"validation": "dev", "valid": "dev", "val": "dev"}
"""This project's names of splits by those of others, where they differ."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its place, and its values by field name, or why it cannot be read."""

    where: str
    values: dict[str, Any] | InvalidInput


def rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a file in order.

    JSON Lines, a JSON array, CSV, TSV, Parquet, a folder that `Dataset.save_to_disk` wrote, or a
    zip of such text files, whose rows carry their file's name without its ending as `username`.

    Raises:
        DocumentUnreadable: the file cannot be opened, or not as what it seems to be.
        LimitExceeded: a zip holds more than `LARGEST_ZIP` bytes.
    """
    if path.is_dir():
        yield from _folder(path)
        return
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise DocumentUnreadable(f"cannot be opened ({error.strerror})", str(path)) from error
    if magic == b"PAR1" or path.suffix.lower() == ".parquet":
        yield from _parquet(path)
    elif magic == b"PK\x03\x04":
        yield from _zip(path)
    else:
        yield from _text(read_text(path), str(path))


def _text(text: str, where: str) -> Iterator[Row]:
    start = text.lstrip()[:1]
    if start == "[":
        yield from _array(text, where)
    elif start == "{":
        yield from _lines(text, where)
    elif start:
        yield from _table(text, where)


def _array(text: str, where: str) -> Iterator[Row]:
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        # An array to each line, or lines that an array begins, are told row by row.
        yield from _lines(text, where)
        return
    for number, item in enumerate(items, 1):
        yield _object(item, f"{where} row {number}")


def _lines(text: str, where: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        place = f"{where} row {number}"
        try:
            yield _object(json.loads(line), place)
        except (ValueError, RecursionError):
            yield Row(place, InvalidInput("is not JSON", place))


def _object(item: Any, where: str) -> Row:
    if isinstance(item, dict):
        return Row(where, item)
    return Row(where, InvalidInput("must be a JSON object", where))


def _table(text: str, where: str) -> Iterator[Row]:
    text = text.lstrip("\r\n")
    cells = _cells(text, _delimiter(text.splitlines()[0]))
    header = next(cells)
    if isinstance(header, csv.Error):
        yield Row(where, InvalidInput(f"the header cannot be read ({header})", where))
        return
    names = [name.strip() for name in header]
    counts = Counter(name.casefold() for name in names if name)
    if twice := [name for name, count in counts.items() if count > 1]:
        yield Row(where, InvalidInput(f"has more than one column {twice[0]!r}", where))
        return
    for number, row in enumerate(cells, 1):
        place = f"{where} row {number}"
        if isinstance(row, csv.Error):
            why = "quotation marks around a cell must close, and those in it be doubled"
            yield Row(place, InvalidInput(f"cannot be read ({row}); {why}", place))
        elif len(row) > len(names):
            yield Row(place, InvalidInput("has more fields than the header", place))
        else:
            yield Row(place, {n: v or None for n, v in zip_longest(names, row)})


def _cells(text: str, mark: str) -> Iterator[list[str] | csv.Error]:
    """Yield each row's cells, or why it cannot be read; the next begins one line further then.

    Programs that write tabs between cells often quote nothing, so that a quotation mark is only
    one: where it cannot be more, or would swallow tabs or rows, a line is taken as it stands.
    """
    lines = list(io.StringIO(text, newline=""))
    start, width = 0, lines[0].count(mark) + 1
    while start < len(lines):
        reader = csv.reader(
            (lines[number] for number in range(start, len(lines))), strict=True, delimiter=mark
        )
        row: list[str] | csv.Error
        try:
            row, taken = next(reader), reader.line_num
        except csv.Error as error:
            row, taken = error, 1
        plain = lines[start].rstrip("\r\n").split(mark)
        torn = (
            isinstance(row, csv.Error)
            or len(row) != width == len(plain)
            or (taken > 1 and any(mark in value for value in row))
        )
        if mark == "\t" and torn:
            row, taken = plain, 1
        start += taken
        if row:
            yield row


def _delimiter(header: str) -> str:
    columns = {
        mark: [name.strip(' "').casefold() for name in header.split(mark)] for mark in DELIMITERS
    }
    found = [mark for mark, names in columns.items() if set(TEXT_FIELDS) & set(names)]
    return found[0] if found else max(DELIMITERS, key=lambda mark: len(columns[mark]))


def _zip(path: Path) -> Iterator[Row]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [
                member
                for member in archive.infolist()
                if not member.is_dir() and not member.filename.startswith("__MACOSX/")
            ]
            if any(member.filename == "[Content_Types].xml" for member in members):
                raise DocumentUnreadable("is an office document; save it as CSV", str(path))
            if sum(member.file_size for member in members) > LARGEST_ZIP:
                raise LimitExceeded(f"holds more than {LARGEST_ZIP} bytes", str(path))
            for member in members:
                user = PurePosixPath(member.filename).stem
                text = archive.read(member).decode("utf-8-sig")
                for row in _text(text, f"{path} {member.filename}"):
                    if isinstance(row.values, dict):
                        row.values["username"] = row.values.get("username") or user
                    yield row
    except (zipfile.BadZipFile, zlib.error, RuntimeError, OSError) as error:
        raise DocumentUnreadable(f"is no zip that can be read ({error})", str(path)) from error
    except UnicodeDecodeError as error:
        raise DocumentUnreadable("holds a file that is not UTF-8 text", str(path)) from error


def _parquet(path: Path) -> Iterator[Row]:
    try:
        dataset = datasets.Dataset.from_parquet(str(path), keep_in_memory=True)
    except (OSError, ValueError) as error:
        raise DocumentUnreadable(f"is not Parquet ({error})", str(path)) from error
    except datasets.exceptions.DatasetGenerationError as error:
        why = error.__cause__ or error
        raise DocumentUnreadable(f"is damaged Parquet ({why})", str(path)) from error
    yield from _dataset(dataset, str(path))


def _folder(path: Path) -> Iterator[Row]:
    """Yield the rows of a folder of a dataset; splits keep their names."""
    try:
        loaded = datasets.load_from_disk(str(path))
    except (OSError, ValueError) as error:
        raise DocumentUnreadable(f"is no folder of a dataset ({error})", str(path)) from error
    if isinstance(loaded, datasets.Dataset):
        yield from _dataset(loaded, str(path))
        return
    for name, part in loaded.items():
        split = SPLITS.get(name, name)
        for row in _dataset(part, f"{path} {name}"):
            assert isinstance(row.values, dict)
            yield Row(row.where, {"split": split, **row.values})


def _dataset(dataset: datasets.Dataset, where: str) -> Iterator[Row]:
    classes = {
        name: feature
        for name, feature in dataset.features.items()
        if isinstance(feature, datasets.ClassLabel)
    }
    for number, row in enumerate(dataset, 1):
        # The library writes -1 where a class is not known.
        named = {
            name: None if row[name] in (None, -1) else feature.int2str(row[name])
            for name, feature in classes.items()
        }
        yield Row(f"{where} row {number}", {**row, **named})
