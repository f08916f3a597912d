"""The text that is worked on: an archive's documents and sentences, or the project's own."""

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from claimstance import documents
from claimstance.errors import InvalidInput
from claimstance.inputs.address import Opener
from claimstance.inputs.discover import File, discover
from claimstance.inputs.readers import read
from claimstance.inputs.table import Columns
from claimstance.scoring.plan import Unit, plan
from claimstance.text import normalize

AUTHORED = Path(__file__).parent.parent / "data" / "authored"


def load(archive: Path | None) -> list[str]:
    """Return an archive's documents, or those written for the project, always shuffled alike.

    Raises:
        DocumentUnreadable: there is no such archive.
        InvalidInput: it holds no document.
    """
    found = list(_read(archive) if archive else _written())
    if not found:
        raise InvalidInput("holds no document that can be read", str(archive))
    random.Random(0).shuffle(found)
    return found


def named(archive: Path | None) -> str:
    """Return what a report calls the text; where it lies is nobody's business."""
    return archive.name if archive else "sentences written for the project (data/authored)"


def sentences(texts: Iterable[str], count: int) -> list[str]:
    """Return the first `count` sentences of documents, normalised; fewer if there are no more."""
    found: list[str] = []
    for _, part in _split(texts):
        found += part
        if len(found) >= count:
            break
    return found[:count]


def holding(texts: Iterable[str], count: int) -> tuple[list[str], int]:
    """Return the first documents that hold `count` sentences or more, and how many they hold."""
    taken: list[str] = []
    total = 0
    for text, part in _split(texts):
        taken.append(text)
        total += len(part)
        if total >= count:
            break
    return taken, total


def write(texts: Sequence[str], path: Path) -> Path:
    """Write texts as JSON Lines with a field `text`, which everyone here reads; return `path`."""
    lines = (json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts)
    path.write_text("".join(lines), encoding="utf-8")
    return path


def _split(texts: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    for text in texts:
        spans = documents.parse(text).sentences()
        cut = [normalize(text[span.start : span.end]) for span in spans]
        yield text, [sentence for sentence in cut if sentence]


def _read(archive: Path) -> Iterator[str]:
    files = [file for file in discover([str(archive)]) if isinstance(file, File)]
    opener = Opener()
    for unit in plan(files, Columns(), {}, lambda _: None):
        for piece in unit.pieces if isinstance(unit, Unit) else ():
            for entry in read(piece, opener):
                if entry.document:
                    body = entry.document.body
                    yield entry.document.text[body.start : body.end]


def _written() -> Iterator[str]:
    """Yield the project's sentences, those of one group joined to a document."""
    for path in sorted(AUTHORED.glob("*.jsonl")):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for _, group in groupby(rows, key=lambda row: row.get("group", row["text"])):
            yield " ".join(row["text"] for row in group)
