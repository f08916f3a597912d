"""One work unit scored: its documents read, split, labelled, and written as one shard."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from claimstance.durable import replace
from claimstance.errors import ClaimstanceError
from claimstance.inputs import readers
from claimstance.inputs.address import Opener
from claimstance.inputs.limits import MAX_REPEATED
from claimstance.inputs.readers import KNOWN, Entry
from claimstance.labels import SENTIMENTS, STANCES
from claimstance.predictor import Encoded, Labels, Predictor
from claimstance.scoring.plan import Unit
from claimstance.scoring.shard import (
    SENTIMENT_SCORES,
    STANCE_SCORES,
    schema,
    write_table,
)
from claimstance.screen import BOTH_LABELS, STAGES, Reading
from claimstance.text import LONGEST_SENTENCE, Span, normalize

SplitBy = Literal["document", "sentence"]


@dataclass(frozen=True, slots=True)
class How:
    """How a job's texts become rows: how they are split, and how the model reads.

    Attributes:
        split_by: `document` to split texts into sentences, `sentence` to take each for one.
        reading: how the model reads.
    """

    split_by: SplitBy = "document"
    reading: Reading = BOTH_LABELS


EVERYTHING = How()


@dataclass
class Result:
    """What became of a unit's documents, and how many sentences they gave.

    Of the sentences, the first stage answered `screened`.
    """

    index: int
    documents: int = 0
    scored: int = 0
    rejected: int = 0
    sentences: int = 0
    screened: int = 0
    bytes: int = 0
    encodings: Counter[str] = field(default_factory=Counter)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON; `from_json` reads them."""
        return vars(self) | {"encodings": dict(self.encodings)}

    @staticmethod
    def from_json(value: dict[str, Any]) -> "Result":
        """Return the result that `to_json` wrote."""
        return Result(**(value | {"encodings": Counter(value["encodings"])}))


class UnitScorer:
    """Scores units with one loaded model; what a worker process has one of.

    Args:
        predictor: the model.
        folder: where shards go: `sentences/` and the rejects beside the plan.
        how: how texts become rows; `predictor` reads as it says.
        starting: called with the number of each document of a unit before it is read, and with
            None when all are.
    """

    def __init__(
        self,
        predictor: Predictor,
        folder: Path,
        how: How,
        starting: Callable[[int | None], None] = lambda _: None,
    ) -> None:
        self._predictor = predictor
        self._folder = folder
        self._how = how
        self._schema = schema(how.reading.stance_only)
        self._starting = starting
        self._opener = Opener()

    def score(self, index: int, unit: Unit, skip: dict[int, str] | None = None) -> Result:
        """Score a unit and write its shard; a document that cannot be scored is rejected.

        Args:
            index: the unit's place in the plan, from 0.
            unit: the unit.
            skip: documents not to read, by their number in the unit from 0, and why.
        """
        result = Result(index, bytes=unit.bytes)
        rejects: list[dict[str, Any]] = []
        kept: list[tuple[Entry, list[Span], list[Encoded]]] = []
        for entry in self._entries(unit, skip or {}):
            result.documents += 1
            problem = entry.problem
            if problem is None:
                try:
                    spans, encoded = self._encode(entry)
                except (ClaimstanceError, MemoryError, RecursionError) as error:
                    problem = str(error) or type(error).__name__
                else:
                    kept.append((entry, spans, encoded))
                    result.encodings[entry.encoding or ""] += 1
            if problem is not None:
                rejects.append(rejected(entry.source, problem, entry.row))
        self._starting(None)
        result.scored, result.rejected = len(kept), len(rejects)
        labels = self._predictor.label([item for _, _, encoded in kept for item in encoded])
        table = self._table(kept, labels)
        result.sentences, result.screened = len(table), int(labels.screened.sum())
        note = {b"claimstance": json.dumps(result.to_json()).encode()}
        write_rejects(rejects, rejects_path(self._folder, index))
        write_table(table.replace_schema_metadata(note), shard_path(self._folder, index))
        return result

    def _entries(self, unit: Unit, skip: dict[int, str]) -> Iterator[Entry]:
        """Yield the unit's documents; what a piece lacks of its rows is an entry each."""
        number = 0
        for piece in unit.pieces:
            end = number + piece.rows
            if number in skip and piece.table is None:
                entries = iter([Entry(piece.name, 0, piece.name, None)])
            else:
                self._starting(number)
                entries = readers.read(piece, self._opener)
            for entry in entries:
                if entry.problem is None and number in skip:
                    entry = Entry(entry.source, entry.row, entry.id, None, skip[number])
                yield entry
                number += 1
                if number < end:
                    self._starting(number)
            while number < end:  # the file ended early, or could not be read to its end
                row = piece.first + piece.rows - (end - number)
                yield Entry(piece.name, row, piece.name, None, "could not be reached")
                number += 1

    def _encode(self, entry: Entry) -> tuple[list[Span], list[Encoded]]:
        document = entry.document
        assert document is not None
        if self._how.split_by == "sentence":
            spans = [document.body]
            if len(document.text) > LONGEST_SENTENCE:
                raise _unfit(f"is longer than {LONGEST_SENTENCE} characters, no single sentence")
        else:
            spans = document.sentences()
        spans = [span for span in spans if normalize(document.text[span.start : span.end])]
        if not spans:
            raise _unfit("holds no sentence")
        told = (entry.source, entry.id, *document.metadata, *document.metadata.values())
        if len(spans) * sum(map(len, told)) > MAX_REPEATED + 4 * len(document.text):
            raise _unfit(
                f"tells {sum(map(len, told))} characters of itself, which would be repeated in "
                f"{len(spans)} rows"
            )
        texts = [document.text[span.start : span.end] for span in spans]
        return spans, self._predictor.encode(texts)

    def _table(
        self, kept: list[tuple[Entry, list[Span], list[Encoded]]], labels: Labels
    ) -> pa.Table:
        counts = [len(spans) for _, spans, _ in kept]
        owner = np.repeat(np.arange(len(kept)), counts)

        def each(values: list[Any], kind: pa.DataType) -> pa.Array:
            """Return a document's value for each of its sentences."""
            return pa.array(values, kind).take(pa.array(owner))

        entries = [entry for entry, _, _ in kept]
        spans = [span for _, found, _ in kept for span in found]
        columns: dict[str, Any] = {
            "document": each([entry.id for entry in entries], pa.string()),
            "source": each([entry.source for entry in entries], pa.string()),
            "row": each([entry.row or None for entry in entries], pa.int64()),
            "sentence": [number for count in counts for number in range(1, count + 1)],
            "start": [span.start for span in spans],
            "end": [span.end for span in spans],
            "text": [
                entry.document.text[span.start : span.end]
                for entry, found, _ in kept
                if entry.document
                for span in found
            ],
            "stance": _named(labels.stance, STANCES),
            "sentiment": _named(labels.sentiment, SENTIMENTS),
            "confident": labels.stance_confident
            if self._how.reading.stance_only
            else labels.confident,
            "stage": _named(np.where(labels.screened, 0, 1), STAGES),
            "tokens": labels.tokens,
            "truncated": labels.truncated,
            "metadata": each([_others(entry) for entry in entries], pa.string()),
            "model": _named(np.zeros(len(spans), np.int8), [self._predictor.model.tag]),
        }
        columns |= dict(zip(STANCE_SCORES, labels.stance_scores.T, strict=True))
        columns |= dict(zip(SENTIMENT_SCORES, labels.sentiment_scores.T, strict=True))
        for name in KNOWN:
            values = [e.document.metadata.get(name) for e in entries if e.document]
            columns[name] = each(values, pa.string())
        return pa.table({field.name: columns[field.name] for field in self._schema}, self._schema)


def _unfit(reason: str) -> ClaimstanceError:
    return ClaimstanceError(reason)


def _named(indices: Any, labels: Any) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(
        pa.array(indices, pa.int8()), pa.array([str(label) for label in labels])
    )


def _others(entry: Entry) -> str | None:
    """Return the metadata without a column of their own, as JSON."""
    assert entry.document is not None
    others = {k: v for k, v in entry.document.metadata.items() if k not in KNOWN}
    return json.dumps(others, ensure_ascii=False) if others else None


def rejected(source: str, reason: str, row: int = 0) -> dict[str, Any]:
    """Return a line of the rejects."""
    return {"source": source, "row": row or None, "reason": reason}


def write_rejects(rejects: list[dict[str, Any]], path: Path) -> None:
    """Write a unit's rejects, or see to it that there is no file where there are none."""
    if not rejects:
        path.unlink(missing_ok=True)
        return
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in rejects)
    replace(path, lambda file: file.write_text(text, encoding="utf-8"))


def shard_path(folder: Path, index: int) -> Path:
    """Return where the shard of a unit lies in a job's folder."""
    return folder / "sentences" / f"part-{index:06}.parquet"


def rejects_path(folder: Path, index: int) -> Path:
    """Return where the rejects of a unit lie in a job's folder."""
    return folder / ".job" / "rejects" / f"{index:06}.jsonl"
