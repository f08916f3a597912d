"""The project's corpus: sentences written for it, and public sentences kept as references."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from claimstance import bundle
from claimstance.text import digest
from training import records, splits, unlabelled
from training.imports import labelled
from training.records import Record

DATA = Path(__file__).parent.parent / "data"
AUTHORED = DATA / "authored"
REFERENCES = DATA / "references"
ASSEMBLED = DATA / "assembled"
GOLDEN = DATA / "golden.jsonl"
"""Sentences whose labels nobody would dispute; never part of the corpus."""
CONTRASTS = DATA / "contrasts"
"""Sets of sentences that share their words and part over the label (contrast sets, Gardner et al.
2020): to measure on, never part of the corpus."""
TEACHER = DATA / "teacher.parquet"
"""What a larger version says of training sentences (`training.teacher`)."""


@dataclass(frozen=True)
class Corpus:
    """Records with every split decided, and what is missing from them.

    `left_out` counts near duplicates that would have straddled a split, `lacking` references
    whose text was not at hand. `tests` are the project's own test sentences, without those of
    any file: `written` for it, and the `whole`, where no reference lacks its text. `given` are
    the ids of the sentences in a user's `files`, and `told` says how these were understood.
    `parts` are fingerprints of what was joined: `written`, `references`, `given`, `teacher`.
    `unlabelled` is a file of the archives' other sentences, None where they are not at hand;
    `teacher` one of what a larger version says. Both are None where the project's corpus takes no
    part.
    """

    records: list[Record]
    left_out: int
    lacking: int
    tests: dict[str, list[Record]]
    told: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    given: frozenset[str] = frozenset()
    parts: dict[str, str] = field(default_factory=dict)
    unlabelled: Path | None = None
    teacher: Path | None = None

    def part(self, split: str) -> list[Record]:
        """Return the records of one split."""
        return [record for record in self.records if record.split == split]

    @property
    def held(self) -> list[Record]:
        """The given sentences that are not for training."""
        return [r for r in self.records if r.id in self.given and r.split != "train"]

    @property
    def sentences(self) -> dict[str, int]:
        """Sentences per split, and references lacking."""
        counts = {split: len(self.part(split)) for split in ("train", "dev", "test")}
        return counts | {"left_out": self.left_out, "references_lacking": self.lacking}

    def rehearsing(self, replay: int, seed: int) -> "Corpus":
        """Return the corpus with only `replay` of the project's own sentences to train on.

        Drawn by `seed`. All of them where `replay` is 0, or no sentence was given.
        """
        own = [r for r in self.part("train") if r.id not in self.given]
        if not replay or not self.given or replay >= len(own):
            return self
        kept = {id(record) for record in random.Random(seed).sample(own, replay)}
        return replace(
            self,
            records=[
                r for r in self.records if r.split != "train" or r.id in self.given or id(r) in kept
            ],
        )


def load(
    files: Sequence[Path], with_project: bool, renamed: Mapping[str, str] | None = None
) -> Corpus:
    """Return the records of `files` and, if asked, the project's corpus, with splits decided.

    Files may come from any tool that `training.imports` knows. Referenced sentences take part
    once `python -m training assemble` has joined them with a copy of the archives.

    Args:
        files: labelled files.
        with_project: whether the project's corpus takes part.
        renamed: the labels of this project by those in the files.

    Raises:
        InvalidInput: a file's row does not fit; `where` names it.
    """
    sources: dict[str, list[Record]] = {}
    lacking = 0
    told: list[str] = []
    if with_project:
        sources["written"] = [r for p in sorted(AUTHORED.glob("*.jsonl")) for r in records.read(p)]
        sources["references"] = []
        for path in sorted(REFERENCES.glob("*.jsonl")):
            joined = ASSEMBLED / path.name
            found = records.read(joined) if joined.exists() else []
            sources["references"] += [replace(record, public=True) for record in found]
            lacking += len(path.read_text(encoding="utf-8").splitlines()) - len(found)
    gathered = [record for part in sources.values() for record in part]
    assigned = splits.assign(gathered)
    tests = _tests(assigned, lacking) if with_project else {}
    if files:
        own = labelled.load(files, renamed)
        sources["given"] = own.records
        told = own.summary()
        gathered += sources["given"]
        assigned = splits.assign(gathered)
    # Chance in training goes by the records' order, which must not be that of the rows in a file.
    assigned.sort(key=records.line)
    others = ASSEMBLED / unlabelled.FILE
    at_hand = with_project and REFERENCES.exists() and others.exists()
    teacher = TEACHER if with_project and TEACHER.exists() else None
    parts = {name: records.fingerprint(part) for name, part in sources.items()}
    if teacher:
        parts["teacher"] = bundle.sha256(teacher)
    return Corpus(
        assigned,
        len(gathered) - len(assigned),
        lacking,
        tests,
        tuple(told),
        tuple(path.name for path in files),
        frozenset(record.id for record in sources.get("given", ())),
        parts,
        others if at_hand else None,
        teacher,
    )


def _tests(project: list[Record], lacking: int) -> dict[str, list[Record]]:
    """Return the test sentences of the project's corpus alone, whatever is joined to it."""
    whole = [record for record in project if record.split == "test"]
    written = [record for record in whole if not record.public]
    return {"written": written} if lacking else {"written": written, "whole": whole}


@dataclass(frozen=True)
class Known:
    """The project's own sentences: their split by digest, and the held-out texts at hand.

    A referenced sentence has a digest always, a text once it is assembled.
    """

    splits: dict[str, str]
    held_out: list[str]


def known() -> Known:
    """Return what the project's corpus holds, to compare other sentences with."""
    found: dict[str, str] = {}
    for path in sorted(REFERENCES.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            found[row["sha256"]] = row["split"]
    joined = sorted(ASSEMBLED.glob("*.jsonl"))
    own = [*sorted(AUTHORED.glob("*.jsonl")), *sorted(CONTRASTS.glob("*.jsonl")), GOLDEN]
    files = [*own, *joined]
    rows = [splits.dealt(row) for path in files for row in records.read(path)]
    found |= {digest(row.text): str(row.split) for row in rows}
    return Known(found, [row.text for row in rows if row.split != "train"])
