"""What is wrong with labelled files, before anything is trained on them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from claimstance import Predictor
from claimstance.text import digest, normalize
from training import corpus, evaluate, label_errors, language, splits
from training.corpus import Known
from training.evaluate import HEADS
from training.imports import labelled
from training.imports.labelled import Labelled
from training.records import Record

WRONG_SHARE = 0.20
"""Estimated share of wrong labels in a head from which on a file is refused.

On fifty random hundreds of the project's dev part, the released version's estimate was at most 0.17
with their labels as they are, and at least 0.30 with a third of them flipped.
"""

FEWEST = 50
"""Labels of a head below which their estimate refuses nothing: it is too rough."""

BALANCE = "Class balance"
NONE = "None."


@dataclass(frozen=True)
class Section:
    """One thing looked into: what was found in a sentence or two, and a table of it.

    `whole` tells that every row matters wherever the table is shown.
    """

    title: str
    told: str
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    whole: bool = False


@dataclass(frozen=True)
class Report:
    """What was found, and why the files must not be trained on, if so.

    `doubts` are of labels that are likely wrong, which a person may know better; what else is
    refused is in `refusals`. `balance` maps head and label to how many sentences have it.
    """

    title: str
    refusals: list[str]
    doubts: list[str]
    sections: list[Section]
    balance: dict[str, dict[str, int]]

    @property
    def reasons(self) -> list[str]:
        """Why the files must not be trained on as they are; empty where nothing forbids it."""
        return self.refusals + self.doubts


def check(
    paths: Sequence[Path], predictor: Predictor, renamed: Mapping[str, str] | None = None
) -> Report:
    """Return what is wrong with labelled files of any tool.

    Refused are rows that do not fit, unknown labels, sentences that the project
    measures on, and files with too many labels that are likely wrong.

    Args:
        paths: as `labelled.read` takes them.
        predictor: the model whose opinion the labels are compared with.
        renamed: the labels of this project by those in the files.

    Raises:
        DocumentUnreadable: a file cannot be opened, or is damaged.
        InvalidInput: a file is of no known form.
        LimitExceeded: a zip is too large.
    """
    found = labelled.read(paths, renamed)
    rows = found.records
    known = corpus.known()
    refusals: list[str] = []
    doubts: list[str] = []
    balance = {
        head: {str(label): sum(getattr(r, head) == label for r in rows) for label in labels}
        for head, labels in HEADS.items()
    }
    sections = [
        Section("What was read", "; ".join(found.summary()) + "."),
        _misfits(found, refusals),
        _held_out(found, known, refusals),
        _contradictions(found),
        _duplicates(found),
        _near_duplicates(found),
        _foreign(found),
        _balance(balance),
        *_errors(found, rows, known, predictor, doubts),
    ]
    if len(paths) == 1:
        sections = [_without(section, f"{paths[0]} ") for section in sections]
    if not rows:
        refusals.append("there is no labelled sentence")
    names = ", ".join(path.name for path in paths)
    return Report(f"Check of {names}", refusals, doubts, sections, balance)


def _without(section: Section, path: str) -> Section:
    """Return the section with its places told without the one path that all have."""
    rows = [(place.replace(path, ""), *cells) for place, *cells in section.rows]
    return replace(section, rows=rows)


def _misfits(found: Labelled, refusals: list[str]) -> Section:
    rows = [(str(problem.where), problem.message) for problem in found.problems]
    rows += [
        (where, f"the label {label!r} is unknown")
        for label, wheres in found.unknown.items()
        for where in wheres
    ]
    told = f"{len(rows)}." if rows else NONE
    if found.unknown:
        told += f" There are {labelled.unknown(found.unknown)}."
    if rows:
        refusals.append(f"{len(rows)} rows do not fit")
    return Section("Rows that do not fit", told, ("row", "what is wrong"), rows, whole=True)


def _held_out(found: Labelled, known: Known, refusals: list[str]) -> Section:
    texts = [sentence.text for sentence in found.sentences]
    first_own = len(known.held_out)
    pairs = splits.near_duplicates([*known.held_out, *texts])
    alike = {second - first_own for first, second in pairs if first < first_own <= second}
    same = {i for i, text in enumerate(texts) if known.splits.get(digest(text)) in ("dev", "test")}
    rows = [
        (
            found.sentences[i].wheres[0],
            "the same" if i in same else "nearly the same",
            normalize(texts[i]),
        )
        for i in sorted(alike | same)
    ]
    if rows:
        refusals.append(f"{len(rows)} sentences are held out to measure on")
    told = f"{len(rows)} are what the project measures on; a model that learns them cannot "
    told += "be measured any more."
    return Section(
        "Held-out sentences", told if rows else NONE, ("row", "how alike", "sentence"), rows
    )


def _contradictions(found: Labelled) -> Section:
    rows = []
    for sentence in found.sentences:
        for head in HEADS:
            given = Counter(
                label for votes in sentence.votes.values() for label in votes.get(head, ())
            )
            if len(given) > 1:
                told = ", ".join(f"{label} ({count})" for label, count in given.most_common())
                rows.append((", ".join(sentence.wheres), told, normalize(sentence.text)))
    told = f"{len(rows)}; where no label leads, none is taken."
    return Section(
        "Contradictory labels", told if rows else NONE, ("rows", "labels", "sentence"), rows
    )


def _duplicates(found: Labelled) -> Section:
    rows = [
        (", ".join(sentence.wheres), normalize(sentence.text))
        for sentence in found.sentences
        if sentence.repeated
    ]
    told = f"{len(rows)} sentences have the same labels again from the same annotator; once counts."
    return Section("Duplicates", told if rows else NONE, ("rows", "sentence"), rows)


def _near_duplicates(found: Labelled) -> Section:
    pairs = splits.near_duplicates([sentence.text for sentence in found.sentences])
    rows = [
        (
            f"{found.sentences[a].wheres[0]} and {found.sentences[b].wheres[0]}",
            normalize(found.sentences[a].text),
            normalize(found.sentences[b].text),
        )
        for a, b in pairs
    ]
    told = f"{len(rows)} pairs; they are never put on two sides of a split."
    return Section(
        "Near duplicates", told if rows else NONE, ("rows", "sentence", "sentence"), rows
    )


def _foreign(found: Labelled) -> Section:
    rows = [
        (sentence.wheres[0], normalize(sentence.text))
        for sentence in found.sentences
        if language.is_foreign(normalize(sentence.text))
    ]
    told = f"{len(rows) or 'No'} sentences seem to be in another; short ones are not judged."
    return Section("Languages other than English", told, ("row", "sentence"), rows)


def _balance(balance: dict[str, dict[str, int]]) -> Section:
    rows = [
        (head, label, str(count), f"{count / sum(counts.values()):.1%}")
        for head, counts in balance.items()
        if sum(counts.values())
        for label, count in counts.items()
    ]
    lacking = [f"{label} ({head})" for head, label, count, _ in rows if count == "0"]
    whole = "Every label is there." if rows else "There is no label."
    told = f"No sentence is {' or '.join(lacking)}." if lacking else whole
    return Section(BALANCE, told, ("head", "label", "sentences", "share"), rows)


def _errors(
    found: Labelled,
    rows: Sequence[Record],
    known: Known,
    predictor: Predictor,
    doubts: list[str],
) -> list[Section]:
    """Return a section a head that has labels, about those that are likely wrong."""
    predictions = evaluate.predict(predictor, [row.text for row in rows], "asking the model")
    seen = sum(known.splits.get(digest(row.text)) == "train" for row in rows)
    source = f"{predictor.model.tag}, which is taken not to have learnt from this file"
    if seen:
        source += f" ({seen} sentences are in the project's training part, which it may have)"
    sections = []
    for head in HEADS:
        labels = sum(getattr(row, head) is not None for row in rows)
        if not labels:
            continue
        suspects = label_errors.suspects(rows, predictions, head)
        share = len(suspects) / labels
        told = f"An estimated {share:.1%} of {labels} labels are wrong, judging by {source}. "
        told += f"From {WRONG_SHARE:.0%} on a file is refused: its labels are wrong, or of "
        told += "another kind than this model's."
        if share >= WRONG_SHARE and labels >= FEWEST:
            doubts.append(f"an estimated {share:.0%} of the {head} labels are wrong")
        elif labels < FEWEST:
            told += f" Fewer than {FEWEST} labels are too few for that."
        table = [
            (
                found.rows[suspect.index][0].wheres[0],
                suspect.label,
                f"{suspect.guess} ({suspect.score:.2f})",
                normalize(rows[suspect.index].text),
            )
            for suspect in suspects
        ]
        header = ("row", "label", "the model thinks", "sentence")
        sections.append(Section(f"Likely wrong: {head}", told, header, table))
    return sections
