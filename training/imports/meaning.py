"""What tools' labels mean: each question's labels taken for stances or sentiments."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from claimstance.errors import InvalidInput
from claimstance.labels import SENTIMENTS, STANCES
from training.imports.judgement import VOTES, Dropped, Judgement

HEADS = {"stance": frozenset(map(str, STANCES)), "sentiment": frozenset(map(str, SENTIMENTS))}

Answer = dict[str, str]
"""A label for each head that was answered."""


@dataclass(frozen=True)
class Meaning:
    """Judgements with the labels they mean, and what has no meaning here.

    `questions` maps each question that was understood to its head, None where its labels are of
    both. `unknown` maps a label to the places of its use, in order; `dropped` counts answers left
    out, by why.
    """

    questions: dict[str, str | None] = field(default_factory=dict)
    answers: list[tuple[Judgement, Answer]] = field(default_factory=list)
    unknown: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    dropped: Dropped = field(default_factory=Counter)


def mapping(pairs: Sequence[str]) -> dict[str, str]:
    """Return what `hawkish=firm`, `none=stance:neutral` and the like say: new by old label.

    Nothing on the right side, as in `unsure=`, means that the label is none.

    Raises:
        InvalidInput: one is not of that form, or its right side is no label of this project.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        old, equals, new = pair.rpartition("=")
        new = _plain(new)
        head, colon, label = new.rpartition(":")
        known = label in HEADS.get(head, ()) if colon else any(label in h for h in HEADS.values())
        if not (old.strip() and equals and (known or not new)):
            raise InvalidInput(
                f"{pair!r} must be of the form hawkish=firm, or unsure= for no label", "--map"
            )
        found[_plain(old)] = new
    return found


def understand(judgements: Sequence[Judgement], renamed: Mapping[str, str]) -> Meaning:
    """Return what `judgements` of one file say, their labels renamed first.

    A question called stance or sentiment is of that head. Any other is of the head that its
    labels belong to in the whole file; where it has labels of both, each label tells for
    itself, `neutral` is of the head that the same answer leaves open, and `stance:neutral`
    names it. Questions that have no known label are of another matter, unless all are so; so
    are those that have labels of a head alone that another question is called by.
    """
    questions: dict[str, Counter[str]] = defaultdict(Counter)
    for judgement in judgements:
        for question, labels in judgement.answers.items():
            questions[question].update(_renamed(label, renamed) for label in labels)
    heads = {question: _head(question, labels) for question, labels in questions.items()}
    called = {name for question in questions if (name := _plain(question)) in HEADS}
    concerned: set[str] = set()
    passed: Dropped = Counter()
    for question, counts in questions.items():
        about = {head for label in counts for head in _heads_of(label)}
        if heads[question]:
            about &= {heads[question]}
        if _plain(question) in HEADS or about - called:
            concerned.add(question)
        elif about:
            passed[f"labels of {question!r}, since {min(about)} has its own"] = counts.total()
    concerned = concerned or set(questions)
    meaning = Meaning(
        {question: heads[question] for question in questions if question in concerned},
        dropped=passed,
    )
    for judgement in judgements:
        chosen: dict[str, set[str]] = defaultdict(set)
        for question, labels in judgement.answers.items():
            if question in concerned:
                given = [_renamed(label, renamed) for label in labels]
                names = [name for name in given if name]
                if len(names) < len(given):
                    meaning.dropped["labels that mean none"] += len(given) - len(names)
                _sort(names, heads[question], judgement.where, chosen, meaning)
        answer = {head: next(iter(found)) for head, found in chosen.items() if len(found) == 1}
        for head, found in chosen.items():
            if len(found) > 1:
                meaning.dropped[f"answers with more than one {head}"] += 1
        voted = judgement.fields.keys() & set(VOTES.values())
        if not voted and not any(judgement.answers.get(question) for question in concerned):
            meaning.dropped["answers without a label"] += 1
        if answer or voted:
            meaning.answers.append((judgement, answer))
    return meaning


def _sort(
    names: Sequence[str],
    head: str | None,
    where: str,
    chosen: dict[str, set[str]],
    meaning: Meaning,
) -> None:
    """Put each label of one answer to its head in `chosen`."""
    open_labels = []
    for name in names:
        if head and name in HEADS[head]:
            chosen[head].add(name)
        elif len(heads := _heads_of(name)) == 1 and head in (None, *heads):
            chosen[heads[0]].add(name.rpartition(":")[2])
        elif heads and head is None:
            open_labels.append(name)
        else:
            meaning.unknown[name].append(where)
    free = [head for head in HEADS if head not in chosen]
    for name in open_labels:
        if len(free) == 1:
            chosen[free[0]].add(name)
        else:
            meaning.unknown[name].append(where)


def _head(question: str, labels: Counter[str]) -> str | None:
    """Return the one head that a question is about, None where its labels are of both."""
    name = _plain(question)
    if name in HEADS:
        return name
    certain = {heads[0] for label in labels if len(heads := _heads_of(label)) == 1}
    return certain.pop() if len(certain) == 1 else None


def _heads_of(label: str) -> list[str]:
    """Return the heads that a label belongs to: none, one, or both."""
    head, colon, name = label.rpartition(":")
    if colon:
        return [head] if name in HEADS.get(head, ()) else []
    return [head for head, names in HEADS.items() if name in names]


def _renamed(label: str, renamed: Mapping[str, str]) -> str:
    return renamed.get(_plain(label), _plain(label))


def _plain(label: str) -> str:
    """Return a label without regard to case and outer space, which tools decorate with."""
    return label.strip().casefold()
