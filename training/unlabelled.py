"""Sentences of public archives without labels: what a version's first stage learns from."""

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import pyarrow as pa
import pyarrow.parquet

from training import splits

FILE = "unlabelled.parquet"

CHOOSING = 0.1
"""Share of the training documents whose sentences the first stage does not learn from."""

Part = Literal["train", "choose", "certify"]
PARTS: tuple[Part, ...] = get_args(Part)


class Sentence(NamedTuple):
    """A normalised sentence, the document it stands in (source and file), and what it is for.

    `train` to learn from, `choose` to choose thresholds on, `certify` to certify them on. No
    document serves two of these, and no sentence once `read` has left out those in several
    documents.
    """

    text: str
    document: str
    part: Part


def part(document: str, split: str | None) -> Part | None:
    """Return what a document's sentences are for, None for those that nothing may see.

    Args:
        document: its source and file.
        split: that of its labelled sentences, None where none is labelled.
    """
    if split == "test":
        return None
    if split != "train":
        return "certify"
    return "choose" if splits.place(document) < CHOOSING else "train"


def write(sentences: Iterable[Sentence], folder: Path) -> None:
    """Write `sentences` into `folder`."""
    columns = zip(*sentences, strict=True)
    table = pa.table(dict(zip(Sentence._fields, map(list, columns), strict=True)))
    pa.parquet.write_table(table, folder / FILE, compression="zstd")


def training(path: Path) -> Iterable[tuple[str, str]]:
    """Yield the sentences that are there to learn from, each with its document."""
    table = pa.parquet.read_table(path, filters=[("part", "=", "train")])
    yield from zip(table["text"].to_pylist(), table["document"].to_pylist(), strict=True)


def read(
    path: Path, sizes: dict[Part, int], seed: int, seen: frozenset[str] = frozenset()
) -> dict[Part, list[Sentence]]:
    """Return the sentences of each part: at most as many as `sizes` says, drawn at random.

    Formulas stand in many documents, so a sentence that a part has is left out of the later ones,
    whether it was drawn there or not: nothing is certified on what was trained or chosen on.

    Args:
        path: a file that `write` made.
        sizes: how many of each part.
        seed: the drawing follows from it.
        seen: normalised sentences that the encoder was trained on; also only to learn from.
    """
    found: dict[Part, list[Sentence]] = {part: [] for part in PARTS}
    for row in pa.parquet.read_table(path).to_pylist():
        found[row["part"]].append(Sentence(**row))
    taken = set(seen)
    for part in PARTS:
        if part != "train":
            found[part] = [sentence for sentence in found[part] if sentence.text not in taken]
        taken.update(sentence.text for sentence in found[part])
    chance = random.Random(seed)
    return {
        part: chance.sample(found[part], min(size, len(found[part])))
        for part, size in sizes.items()
    }
