"""Splitting by group: a document or dispute is trained on or tested on, never both."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from claimstance.text import normalize
from training.records import Record

DEV_SHARE = 0.10
TEST_SHARE = 0.10
_WORD = re.compile(r"\w+")
_SHINGLE = 5
_NEAR = 0.5
"""Share of five-word runs that two sentences must have in common to count as near duplicates."""


def assign(records: Sequence[Record]) -> list[Record]:
    """Return `records` with every split decided, less those that would straddle.

    A fixed split stays. Open groups are dealt by a hash of the group's name, so that a group
    keeps its place when data are added: a tenth to dev, a tenth to test, the rest to train.
    Of sentences that are equal or nearly so on two sides, the copy in training is left out, and
    between dev and test the one in dev.
    """
    decided = [dealt(record) for record in records]
    held = {"dev", "test"}
    drop = set()
    for first, second in near_duplicates([r.text for r in decided]):
        a, b = decided[first], decided[second]
        if a.split == b.split:
            continue
        if a.split in held and b.split in held:
            drop.add(first if a.split == "dev" else second)
        else:
            drop.add(second if a.split in held else first)
    return [record for index, record in enumerate(decided) if index not in drop]


def dealt(record: Record) -> Record:
    """Return `record` with its split decided: the fixed one, else its group's place."""
    return record if record.split else replace(record, split=_deal(record.group))


def near_duplicates(texts: Sequence[str]) -> list[tuple[int, int]]:
    """Return index pairs (lower, higher) of sentences that are equal or nearly so.

    Compared are sets of five-word runs, lower case (w-shingling, Broder 1997); sentences of
    fewer than five words are compared whole.
    """
    shingles = [_shingles(text) for text in texts]
    index: dict[int, list[int]] = defaultdict(list)
    pairs = []
    for current, own in enumerate(shingles):
        shared: dict[int, int] = defaultdict(int)
        for shingle in own:
            # A run that many sentences share is a formula and tells nothing about two of them.
            for other in index[shingle][:50]:
                shared[other] += 1
            index[shingle].append(current)
        pairs += [
            (other, current)
            for other, count in shared.items()
            if _alike(count, len(own), len(shingles[other]))
        ]
    return pairs


def near(texts: Sequence[str], others: Iterable[str]) -> set[int]:
    """Return the indices of those `texts` that are equal or nearly so to any of `others`."""
    shingles = [_shingles(text) for text in texts]
    index: dict[int, list[int]] = defaultdict(list)
    for row, found in enumerate(shingles):
        for shingle in found:
            index[shingle].append(row)
    rows: set[int] = set()
    for other in others:
        own = _shingles(other)
        shared = Counter(row for shingle in own for row in index.get(shingle, ()))
        rows |= {
            row for row, count in shared.items() if _alike(count, len(own), len(shingles[row]))
        }
    return rows


def _alike(shared: int, first: int, second: int) -> bool:
    """Tell whether sentences of so many runs, of which they share some, are nearly equal."""
    return shared / min(first, second) >= _NEAR and shared / (first + second - shared) >= _NEAR / 2


def _shingles(text: str) -> set[int]:
    words = _WORD.findall(normalize(text).lower())
    if len(words) < _SHINGLE:
        return {hash(tuple(words))}
    return {hash(tuple(words[i : i + _SHINGLE])) for i in range(len(words) - _SHINGLE + 1)}


def place(group: str) -> float:
    """Return a group's place in [0, 1], a hash of its name."""
    return int(hashlib.sha256(group.encode()).hexdigest()[:8], 16) / 0xFFFFFFFF


def _deal(group: str) -> str:
    if place(group) < DEV_SHARE:
        return "dev"
    return "test" if place(group) < DEV_SHARE + TEST_SHARE else "train"
