"""Labelled sentences: one record, and the files that hold many."""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from claimstance.errors import InvalidInput
from claimstance.labels import Sentiment, Stance
from claimstance.text import digest, normalize
from training.imports import files
from training.imports.judgement import VOTES

Label = TypeVar("Label", Stance, Sentiment)


@dataclass(frozen=True, slots=True)
class Record:
    """A labelled sentence.

    `group` names what it must not be torn from when data are split: its document or dispute.
    `split` is `train`, `dev` or `test` where that is fixed, None where it is still open. A head
    without a label is left out of the loss, never guessed. `slices` are columns to report by.
    `shares` has for a head that annotators disagreed on the share of them that gave each label,
    in the labels' order, summing to 1; training learns these, all else goes by the label, which
    is one of those that most of them gave.
    `public` is set where the text is a public archive's, which may not travel with a version.
    """

    text: str
    stance: Stance | None
    sentiment: Sentiment | None
    id: str
    group: str
    split: str | None = None
    slices: dict[str, str] = field(default_factory=dict)
    shares: dict[str, tuple[float, ...]] = field(default_factory=dict)
    public: bool = False


def read(path: Path) -> list[Record]:
    """Return the records of a file that holds them as they are, one a row.

    Columns: `text`; `stance` or `sentiment` or both; optionally `id`, `group`, `split`, and
    `stance_votes` or `sentiment_votes`, which map labels to how many annotators gave them: where
    there is no label, the one that leads is taken, and where there is another, it is refused. Any
    other column of short text is kept as a slice to report by. Without `group` a sentence is
    its own group; without `id` it is known by its place in the file.

    Raises:
        DocumentUnreadable: the file cannot be read as UTF-8.
        InvalidInput: a row does not fit; `where` names file, row and field.
    """
    records = []
    for row in files.rows(path):
        if isinstance(row.values, InvalidInput):
            raise row.values
        records.append(record(row.values, row.where))
    if not records:
        raise InvalidInput("holds no labelled sentence", str(path))
    return records


def record(row: dict[str, Any], where: str) -> Record:
    """Return the record that a row holds; `read` tells its columns.

    Raises:
        InvalidInput: it does not fit; `where` and the field are named.
    """
    text = row.get("text")
    if not isinstance(text, str) or not normalize(text):
        raise InvalidInput("must hold a sentence", f"{where} field text")
    stance, stances = _head(row, "stance", Stance, where)
    sentiment, sentiments = _head(row, "sentiment", Sentiment, where)
    voted = {"stance": stances, "sentiment": sentiments}
    shares = {head: found for head, found in voted.items() if found}
    if stance is None and sentiment is None and not shares:
        raise InvalidInput("needs a stance or a sentiment", where)
    split = row.get("split")
    if split not in (None, "train", "dev", "test"):
        raise InvalidInput("must be train, dev or test", f"{where} field split")
    identity = str(row.get("id") or where)
    known = {"text", "stance", "sentiment", "id", "group", "split"}
    slices = {k: v for k, v in row.items() if k not in known and isinstance(v, str) and len(v) < 64}
    group = str(row.get("group") or f"sentence {digest(text)[:16]}")
    return Record(text, stance, sentiment, identity, group, split, slices, shares)


def _head(
    row: dict[str, Any], name: str, labels: type[Label], where: str
) -> tuple[Label | None, tuple[float, ...] | None]:
    """Return one head's label and the shares of its votes, which say the same or are refused."""
    label, shares = _label(row, name, labels, where), _shares(row, name, labels, where)
    if shares:
        most = max(shares)
        first: list[Label] = [one for one, n in zip(labels, shares, strict=True) if n == most]
        if label is None and len(first) == 1:
            label = first[0]
        elif label not in (None, *first):
            raise InvalidInput(
                f"most are not for the {name} given, {label}", f"{where} field {VOTES[name]}"
            )
    return label, shares


def _label(row: dict[str, Any], name: str, labels: type[Label], where: str) -> Label | None:
    value = row.get(name)
    if value is None or value == "":
        return None
    try:
        return labels(value)
    except ValueError as error:
        allowed = ", ".join(labels)
        raise InvalidInput(f"{value!r} is none of {allowed}", f"{where} field {name}") from error


def _shares(
    row: dict[str, Any], name: str, labels: type[Label], where: str
) -> tuple[float, ...] | None:
    """Return the share of the votes that each label has, None where no votes are kept."""
    votes = row.get(VOTES[name])
    if not votes:
        return None
    counts = {label: count or 0 for label, count in votes.items()} if type(votes) is dict else {}
    numbers = all(isinstance(n, int | float) and 0 <= n < math.inf for n in counts.values())
    if not (numbers and set(counts) <= set(labels) and sum(counts.values()) > 0):
        allowed = ", ".join(labels)
        raise InvalidInput(
            f"must tell how many gave each of {allowed}", f"{where} field {VOTES[name]}"
        )
    return tuple(counts.get(label, 0) / sum(counts.values()) for label in labels)


def fingerprint(records: Iterable[Record]) -> str:
    """Return a SHA-256 over sentences, labels and splits, whatever their order in the files."""
    return _hash(map(line, records))


def line(record: Record) -> str:
    """Return what a fingerprint knows of a record: its sentence's digest, labels and split."""
    said = f"{record.stance} {record.sentiment} {record.split}{record.shares or ''}"
    return f"{digest(record.text)} {said}"


def text_fingerprint(records: Iterable[Record]) -> str:
    """Return a SHA-256 over sentences alone, whatever their order and their labels."""
    return _hash(digest(r.text) for r in records)


def _hash(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
