"""Labelled sentences of any files: read, understood, resolved, and told about."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from claimstance.durable import replace
from claimstance.errors import InvalidInput
from training import records
from training.imports import agreement, meaning, recognise, resolve
from training.imports.judgement import VOTES, Dropped, Values
from training.imports.meaning import HEADS
from training.imports.recognise import Export
from training.imports.resolve import MAJORITY, Sentence
from training.records import Record

SHOWN = 20
"""How many unknown labels an error names."""


@dataclass(frozen=True)
class Labelled:
    """Files as they were understood.

    `rows` are those sentences that have a label, each with its row, ready to be written;
    `unknown` maps a label of no known meaning to the places of its use.
    """

    exports: list[Export]
    questions: dict[str, str | None]
    sentences: list[Sentence]
    rows: list[tuple[Sentence, Values]]
    dropped: Dropped
    unknown: dict[str, list[str]]

    @property
    def records(self) -> list[Record]:
        """The rows as records; one without an id is known by its place in the file."""
        return [records.record(row, sentence.wheres[0]) for sentence, row in self.rows]

    @property
    def problems(self) -> list[InvalidInput]:
        """The rows that could not be read, in order."""
        return [problem for export in self.exports for problem in export.problems]

    def summary(self) -> list[str]:
        """Return lines that tell what was understood, who agreed how well, and what was dropped."""
        lines = [
            f"{export.path}: {export.tool}, {len(export.judgements)} answers"
            for export in self.exports
        ]
        for export in self.exports:
            if unsure := sum(not judgement.submitted for judgement in export.judgements):
                lines.append(
                    f"{export.path}: of {unsure} answers it does not tell whether they were "
                    "submitted; drafts and discarded ones count too (Argilla's `to_list(flatten="
                    "True)` and `to_datasets` tell)"
                )
        for question, head in sorted(self.questions.items()):
            if question not in HEADS:
                lines.append(f"labels of {question!r} are read as {head or 'stance or sentiment'}")
        lines.append(f"sentences: {len(self.rows)}")
        soft = sum(any(name in row for name in VOTES.values()) for _, row in self.rows)
        if soft:
            lines.append(f"of these with disagreement kept as votes: {soft}")
        who = Counter(who for sentence in self.sentences for who in sentence.votes if who)
        if who:
            told = ", ".join(f"{name} ({count})" for name, count in who.most_common())
            lines.append(f"annotators: {len(who)}, by pseudonym: {told}")
        for head in HEADS:
            units = [
                {who: min(v[head]) for who, v in s.votes.items() if who and len(v[head]) == 1}
                for s in self.sentences
            ]
            lines += agreement.between(head, units)
        return lines + self.left_out()

    def left_out(self) -> list[str]:
        """Return lines that count what of the files was not taken, by why."""
        return [f"left out: {count} {why}" for why, count in sorted(self.dropped.items())]


def read(
    paths: Sequence[Path], renamed: Mapping[str, str] | None = None, by: str = MAJORITY
) -> Labelled:
    """Return what files hold, rows in error and unknown labels kept apart and not refused.

    Args:
        paths: exports of any tool, or plain records.
        renamed: the labels of this project by those in the files.
        by: how several annotators' labels become one; `resolve.resolve` tells.

    Raises:
        DocumentUnreadable: a file cannot be opened, or is damaged.
        InvalidInput: a file is of no known form, or `by` cannot be followed.
        LimitExceeded: a zip is too large.
    """
    exports = [recognise.read(path) for path in paths]
    dropped: Dropped = Counter()
    questions: dict[str, str | None] = {}
    unknown: dict[str, list[str]] = {}
    answers = []
    for export in exports:
        understood = meaning.understand(export.judgements, renamed or {})
        dropped += export.dropped + understood.dropped
        questions |= understood.questions
        answers += understood.answers
        for label, wheres in understood.unknown.items():
            unknown.setdefault(label, []).extend(wheres)
    sentences = resolve.gather(answers)
    repeated = sum(sentence.repeated for sentence in sentences)
    if repeated:
        dropped["answers given before"] += repeated
    rows = resolve.resolve(sentences, by, dropped)
    return Labelled(exports, questions, sentences, rows, dropped, unknown)


def load(
    paths: Sequence[Path], renamed: Mapping[str, str] | None = None, by: str = MAJORITY
) -> Labelled:
    """Return what files hold, as `read` does, or refuse them whole.

    Raises:
        InvalidInput: also for a row that does not fit, a label that has no meaning here, or when
            a file has no labelled sentence.
    """
    labelled = read(paths, renamed, by)
    if labelled.problems:
        first, more = labelled.problems[0], len(labelled.problems) - 1
        rest = f" ({more} more rows do not fit; `python -m training check` lists them)"
        raise InvalidInput(first.message + (rest if more else ""), first.where)
    if labelled.unknown:
        raise InvalidInput(unknown(labelled.unknown), ", ".join(map(str, paths)))
    for export in labelled.exports:
        if not export.judgements:
            raise InvalidInput("holds no labelled sentence", str(export.path))
    if not labelled.rows:
        why = "; ".join(labelled.left_out())
        raise InvalidInput(
            f"no sentence is left with a label{why and f' ({why})'}", ", ".join(map(str, paths))
        )
    return labelled


def unknown(labels: Mapping[str, Sequence[str]]) -> str:
    """Return what is wrong with labels of no known meaning, counted, and the way out."""
    counted = sorted(labels.items(), key=lambda item: -len(item[1]))
    told = ", ".join(f"{label!r} ({len(wheres)})" for label, wheres in counted[:SHOWN])
    more = f" and {len(counted) - SHOWN} more" if len(counted) > SHOWN else ""
    allowed = " or ".join(f"{head} ({', '.join(sorted(names))})" for head, names in HEADS.items())
    example = counted[0][0]
    target = "stance:neutral" if example == "neutral" else "firm"
    return (
        f"labels that are not clearly a {allowed}: {told}{more}; say what each means, with "
        f"`--map {example}={target}` for one, or `--map {example}=` where it means none"
    )


def write(labelled: Labelled, target: Path) -> None:
    """Write the rows as JSON Lines, whole or not at all.

    Raises:
        InvalidInput: the place cannot be written to.
    """

    def fill(path: Path) -> None:
        # A half character, which JSON allows, must not keep the rest from being written.
        with path.open("w", encoding="utf-8", errors="replace") as file:
            for _, row in labelled.rows:
                file.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")

    try:
        replace(target, fill)
    except OSError as error:
        raise InvalidInput(f"cannot be written ({error.strerror})", str(target)) from error
