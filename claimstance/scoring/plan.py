"""Inputs cut into fixed work units, before any of them is scored."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from claimstance.errors import DocumentUnreadable, InvalidInput
from claimstance.inputs import parquet, rows
from claimstance.inputs.address import Address, Opener, shown
from claimstance.inputs.containers import Leaf, Refused, look
from claimstance.inputs.discover import File
from claimstance.inputs.encodings import SAMPLE, detect
from claimstance.inputs.limits import BOMB, MAX_DOCUMENT, MIB, inflation
from claimstance.inputs.readers import Piece
from claimstance.inputs.rows import TOO_LONG, Lined, Row
from claimstance.inputs.table import Columns, Table

UNIT_BYTES = MIB // 8
"""Bytes of input in a work unit, about: two seconds of work for one core, which is what a kill
can cost, and small enough that an archive of a few thousand sentences keeps every core busy."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What is scored in one go and written as one shard."""

    pieces: tuple[Piece, ...]
    bytes: int

    @property
    def documents(self) -> int:
        """How many documents it holds, those that will be rejected included."""
        return sum(piece.rows for piece in self.pieces)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON; `from_json` reads them."""
        return {"bytes": self.bytes, "pieces": [piece.to_json() for piece in self.pieces]}

    @staticmethod
    def from_json(value: dict[str, Any]) -> "Unit":
        """Return the unit that `to_json` wrote."""
        return Unit(tuple(map(Piece.from_json, value["pieces"])), value["bytes"])


@dataclass(frozen=True, slots=True)
class Seen:
    """What a file held when it was planned: its stamp.

    Of CSV and JSON Lines, which may grow, also the rows, the bytes and their SHA-256.
    """

    name: str
    stamp: str
    rows: int = 0
    bytes: int = 0
    sha256: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON, as the class takes them."""
        return asdict(self)


def plan(
    files: Sequence[File],
    columns: Columns,
    before: Mapping[str, Seen],
    looked: Callable[[int], None],
) -> Iterator[Unit | Refused | Seen]:
    """Yield work units, what is refused, and what was seen of each file.

    Args:
        files: the files to cut, in order.
        columns: what the user said of columns.
        before: what was seen by an earlier plan, by name; only what came since is planned.
        looked: called with the bytes on disk looked through since the last call.

    Raises:
        InvalidInput: a file planned before has changed other than by growing at its end.
    """
    waiting: list[Piece] = []
    held = 0
    for file in files:
        for found in look(Path(file.path), shown(file.path)):
            if isinstance(found, Refused):
                if found.source not in before:
                    yield found
                    yield Seen(found.source, "refused")
                continue
            for part in _cut(found, columns, before.get(found.name)):
                if not isinstance(part, tuple):
                    yield part
                    continue
                piece, size = part
                waiting.append(piece)
                held += size
                if held >= UNIT_BYTES:
                    yield Unit(tuple(waiting), held)
                    waiting, held = [], 0
        looked(file.size)
    if waiting:
        yield Unit(tuple(waiting), held)


Read = Callable[[Lined, Table, int, int], Iterator[Row]]

Cut = tuple[Piece, int]
"""A piece, and the bytes it stands for."""


def _cut(leaf: Leaf, columns: Columns, before: Seen | None) -> Iterator[Cut | Refused | Seen]:
    """Yield the pieces of a file that were not planned before, and what was seen of it."""
    if before and before.stamp == leaf.stamp:
        return
    if before and not before.sha256:
        raise InvalidInput(
            "has changed since it was planned; --restart scores everything anew", leaf.name
        )
    try:
        if leaf.kind == "parquet":
            yield from _parquet(leaf, columns)
        elif leaf.kind in ("csv", "jsonl"):
            yield from _lines(leaf, columns, before)
        else:
            if leaf.size > MAX_DOCUMENT and leaf.address.steps == leaf.whole.steps[:-1]:
                raise DocumentUnreadable(TOO_LONG)
            # A file on disk may change until it is read; a member's checksum would tell.
            whole = leaf.whole if leaf.whole.steps else leaf.whole.then("checked", None, leaf.size)
            yield Piece(leaf.name, leaf.kind, whole), leaf.size
            yield Seen(leaf.name, leaf.stamp)
    except DocumentUnreadable as error:
        yield Refused(leaf.name, error.message)
        yield Seen(leaf.name, leaf.stamp)


def _parquet(leaf: Leaf, columns: Columns) -> Iterator[Cut | Seen]:
    with Opener().open(leaf.address) as stream:
        file = parquet.opened(stream)
        table = parquet.table(file, columns)
        if any(whole > inflation(leaf.size) for whole in accumulate(parquet.sizes(file))):
            raise DocumentUnreadable(BOMB)
        first = number = 1
        held = 0

        def run() -> Cut:
            piece = Piece(leaf.name, "parquet", leaf.address, first, number - first, table)
            return piece, held

        for size in parquet.sizes(file):
            number += 1
            held += size
            if held >= UNIT_BYTES:
                yield run()
                first, held = number, 0
        if number > first:
            yield run()
    yield Seen(leaf.name, leaf.stamp)


def _lines(leaf: Leaf, columns: Columns, before: Seen | None) -> Iterator[Cut | Seen]:
    """Yield runs of rows of a CSV or JSON Lines file; each can be read by itself."""
    address = _as_lines(leaf.address)
    make_table = rows.csv_table if leaf.kind == "csv" else rows.json_table
    read: Read = rows.csv_rows if leaf.kind == "csv" else rows.json_rows
    with Opener().open(address) as stream:
        table, begin = make_table(stream, columns)
    whole = Address(address.path, leaf.whole.steps + address.steps[len(leaf.address.steps) :])
    with Opener().open(whole) as stream:
        hashing = _Hashing(stream)
        number = 1
        if before:
            begin, number = before.bytes, before.rows + 1
        hashing.pass_over(begin)
        if before and (hashing.digest.hexdigest() != before.sha256 or hashing.torn()):
            raise InvalidInput(
                "has changed since it was planned, other than by new rows at its end; --restart "
                "scores everything anew",
                leaf.name,
            )
        start, first = begin, number
        end = begin
        doubted = 0

        def run() -> Cut:
            place = address.then("slice", start, end - start)
            count = number - first
            return Piece(leaf.name, leaf.kind, place, first, count, table, doubted), end - start

        for row in read(hashing, table, number, begin):
            number, end = row.number + 1, row.end
            if end - start >= UNIT_BYTES:
                yield run()
                start, first, doubted = end, number, max(0, row.doubted - end)
        if number > first:
            yield run()
        yield Seen(leaf.name, leaf.stamp, number - 1, hashing.length, hashing.digest.hexdigest())


def _as_lines(address: Address) -> Address:
    """Return the address of a text in which a line is a line of bytes."""
    with Opener().open(address) as stream:
        encoding = detect(stream.read(SAMPLE))
    if encoding.startswith(("utf-16", "utf-32")):
        return address.then("recode", encoding)
    return address


class _Hashing:
    """A stream that is hashed as it is read."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()
        self.length = 0
        self._end = b""

    def readline(self, limit: int) -> bytes:
        """Read a line, or `limit` bytes of it."""
        return self._note(self._stream.readline(limit))

    def pass_over(self, count: int) -> None:
        """Read `count` bytes, or what there is."""
        while count and (data := self._note(self._stream.read(min(count, MIB)))):
            count -= len(data)

    def torn(self) -> bool:
        """Tell whether what was read ends inside a line that goes on."""
        after = self._stream.peek(1)[:1]
        return not self._end.endswith(b"\n") and after not in (b"", b"\n", b"\r")

    def _note(self, data: bytes) -> bytes:
        self.digest.update(data)
        self.length += len(data)
        self._end = data or self._end
        return data
