"""Labelled sentences: one record, and the files that hold many."""

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import datasets

from claimstance.documents import read_text
from claimstance.errors import DocumentUnreadable, InvalidInput
from claimstance.labels import Sentiment, Stance
from claimstance.text import digest, normalize

Label = TypeVar("Label", Stance, Sentiment)


@dataclass(frozen=True, slots=True)
class Record:
    """A labelled sentence.

    `group` names what it must not be torn from when data are split: its document or dispute.
    `split` is `train`, `dev` or `test` where that is fixed, None where it is still open. A head
    without a label is left out of the loss, never guessed. `slices` are columns to report by.
    """

    text: str
    stance: Stance | None
    sentiment: Sentiment | None
    id: str
    group: str
    split: str | None = None
    slices: dict[str, str] = field(default_factory=dict)


def read(path: Path) -> list[Record]:
    """Return the records of a labelled JSON Lines, CSV or Parquet file, or a `datasets` folder.

    Columns: `text`; `stance` or `sentiment` or both; optionally `id`, `group`, `split`. Any
    other column of short text is kept as a slice to report by. Without `group` a sentence is
    its own group; without `id` it is known by its place in the file.

    Raises:
        DocumentUnreadable: the file cannot be read as UTF-8.
        InvalidInput: a row does not fit; `where` names file, row and field.
    """
    readers = {".csv": _csv, ".parquet": _parquet}
    reader = _folder if path.is_dir() else readers.get(path.suffix.lower(), _jsonl)
    rows = reader(path)
    records = [_record(row, f"{path} row {number}") for number, row in rows]
    if not records:
        raise InvalidInput("holds no labelled sentence", str(path))
    return records


def _csv(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(read_text(path).splitlines(keepends=True), strict=True)
    try:
        for number, row in enumerate(reader, 1):
            if None in row:
                raise InvalidInput("has more fields than the header", f"{path} row {number}")
            yield number, {name: value for name, value in row.items() if value}
    except csv.Error as error:
        raise InvalidInput(str(error), f"{path} line {reader.reader.line_num}") from error


def _jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InvalidInput("is not JSON", f"{path} row {number}") from error
        if not isinstance(row, dict):
            raise InvalidInput("must be a JSON object", f"{path} row {number}")
        yield number, row


def _parquet(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        yield from _dataset(datasets.Dataset.from_parquet(str(path), keep_in_memory=True))
    except (OSError, ValueError) as error:
        raise DocumentUnreadable(f"is not Parquet ({error})", str(path)) from error


def _folder(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the rows of a folder that `Dataset.save_to_disk` wrote; splits keep their names."""
    try:
        loaded = datasets.load_from_disk(str(path))
    except (OSError, ValueError) as error:
        raise DocumentUnreadable(f"is no folder of a dataset ({error})", str(path)) from error
    if isinstance(loaded, datasets.Dataset):
        yield from _dataset(loaded)
        return
    for name, part in loaded.items():
        split = {"validation": "dev"}.get(name, name)
        for number, row in _dataset(part):
            yield number, {"split": split, **row}


def _dataset(dataset: datasets.Dataset) -> Iterator[tuple[int, dict[str, Any]]]:
    classes = {
        name: feature
        for name, feature in dataset.features.items()
        if isinstance(feature, datasets.ClassLabel)
    }
    for number, row in enumerate(dataset, 1):
        named = {
            name: classes[name].int2str(row[name]) for name in classes if row[name] is not None
        }
        yield number, {**row, **named}


def _record(row: dict[str, Any], where: str) -> Record:
    text = row.get("text")
    if not isinstance(text, str) or not normalize(text):
        raise InvalidInput("must hold a sentence", f"{where} field text")
    stance = _label(row, "stance", Stance, where)
    sentiment = _label(row, "sentiment", Sentiment, where)
    if stance is None and sentiment is None:
        raise InvalidInput("needs a stance or a sentiment", where)
    split = row.get("split")
    if split not in (None, "train", "dev", "test"):
        raise InvalidInput("must be train, dev or test", f"{where} field split")
    identity = str(row.get("id") or where)
    known = {"text", "stance", "sentiment", "id", "group", "split"}
    slices = {k: v for k, v in row.items() if k not in known and isinstance(v, str) and len(v) < 64}
    group = str(row.get("group") or f"sentence {digest(text)[:16]}")
    return Record(text, stance, sentiment, identity, group, split, slices)


def _label(row: dict[str, Any], name: str, labels: type[Label], where: str) -> Label | None:
    value = row.get(name)
    if value is None or value == "":
        return None
    try:
        return labels(value)
    except ValueError as error:
        allowed = ", ".join(labels)
        raise InvalidInput(f"{value!r} is none of {allowed}", f"{where} field {name}") from error


def fingerprint(records: Iterable[Record]) -> str:
    """Return a SHA-256 over sentences, labels and splits, whatever their order in the files."""
    lines = sorted(f"{digest(r.text)} {r.stance} {r.sentiment} {r.split}" for r in records)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
