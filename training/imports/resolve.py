"""From what annotators said to one label for each sentence, never by a guess."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from claimstance.errors import InvalidInput
from claimstance.text import digest
from training.imports.judgement import (
    VOTES,
    Dropped,
    Judgement,
    Values,
    leading,
    plainly,
    pseudonym,
)
from training.imports.meaning import HEADS, Answer

MAJORITY = "majority"
SOFT = "soft"
ERROR = "error"

READ_AS_LABELS = {"label", "labels", "cats", "answer"}
"""Fields that would be taken for labels when what is written is read again; they get `given_`
before their name."""

Key = tuple[str, str | None]
"""A sentence's digest, and its split where the file fixes one."""


@dataclass
class Sentence:
    """A sentence with everything that was said of it.

    `votes` maps an annotator's pseudonym to their labels by head; what nobody is named for
    stands under None, each label once. `repeated` counts answers that say what the same
    annotator said before. `wheres` are the places of the answers, in order.
    """

    text: str
    fields: Values
    votes: dict[str | None, dict[str, set[str]]] = field(default_factory=dict)
    wheres: list[str] = field(default_factory=list)
    repeated: int = 0

    def labels(self, head: str) -> list[str]:
        """Return one label for each vote; an annotator who said two things has none."""
        return [
            label
            for who, heads in self.votes.items()
            for label in sorted(heads.get(head, ()))
            if who is None or len(heads[head]) == 1
        ]


def gather(answers: Iterable[tuple[Judgement, Answer]]) -> list[Sentence]:
    """Return the sentences in order of their first answer, equal ones brought together."""
    sentences: dict[Key, Sentence] = {}
    for judgement, answer in answers:
        key = (digest(judgement.text), judgement.fields.get("split"))
        found = sentences.setdefault(key, Sentence(judgement.text, judgement.fields))
        votes = found.votes.setdefault(judgement.annotator, defaultdict(set))
        found.repeated += bool(answer) and all(
            label in votes[head] for head, label in answer.items()
        )
        for head, label in answer.items():
            votes[head].add(label)
        found.wheres.append(judgement.where)
    return list(sentences.values())


def resolve(
    sentences: Sequence[Sentence], by: str, dropped: Dropped
) -> list[tuple[Sentence, Values]]:
    """Return each sentence that has a label with its row, as the project's files hold them.

    Args:
        sentences: as `gather` returns them.
        by: `majority`: the label given most often; `soft`: the same, and where annotators
            disagree, how many gave each label is kept beside it, so that a tie, which has no
            label, is not left out; `error`: a tie is refused; or an annotator's name or
            pseudonym: their label where they gave one, else the majority's.
        dropped: counts what is left out: ties, annotators who contradict themselves, and a file's
            own votes that do not bear out the label beside them, which a person may have put right
            since: the label stands.

    Raises:
        InvalidInput: nobody of that name labelled anything, or `by` is `error` and there is a tie.
    """
    judge = None if by in (MAJORITY, SOFT, ERROR) else _adjudicator(sentences, by)
    rows, ties = [], []
    for sentence in sentences:
        labels = {}
        votes = _votes(sentence, by)
        for head in HEADS:
            own = sentence.votes.get(judge, {}).get(head, set()) if judge else set()
            label = next(iter(own)) if len(own) == 1 else leading(sentence.labels(head))
            if label:
                labels[head] = label
                if not _borne_out(label, votes.get(VOTES[head])):
                    del votes[VOTES[head]]
                    dropped[f"votes that the {head} beside them contradicts"] += 1
            elif sentence.labels(head) and VOTES[head] not in votes:
                dropped[f"ties of {head}"] += 1
                ties.append(f"{sentence.wheres[0]} ({head})")
        for who, heads in sentence.votes.items():
            contradicted = sum(len(found) > 1 for found in heads.values()) if who else 0
            if contradicted:
                dropped["labels of annotators who contradict themselves"] += contradicted
        if labels or votes:
            rows.append((sentence, _row(sentence, labels, votes)))
        else:
            dropped["sentences left without a label"] += 1
    if ties and by == ERROR:
        shown = ", ".join(ties[:20]) + (f" and {len(ties) - 20} more" if len(ties) > 20 else "")
        raise InvalidInput(f"{len(ties)} ties: {shown}", "--resolve")
    return rows


def _votes(sentence: Sentence, by: str) -> Values:
    """Return the fields that tell how many gave each label: a file's own, and with `soft` new."""
    kept = {name: sentence.fields[name] for name in VOTES.values() if sentence.fields.get(name)}
    counts = {name: Counter(sentence.labels(head)) for head, name in VOTES.items()}
    made = {name: dict(found) for name, found in counts.items() if len(found) > 1}
    return (made if by == SOFT else {}) | kept


def _borne_out(label: str, votes: object) -> bool:
    """Tell whether no other label has more votes; what is no count of votes is refused later."""
    counts = votes if isinstance(votes, dict) else {}
    given = {name: n for name, n in counts.items() if isinstance(n, int | float)}
    return all(n <= given.get(label, 0) for n in given.values())


def _adjudicator(sentences: Sequence[Sentence], name: str) -> str:
    known = {who for sentence in sentences for who in sentence.votes if who}
    found = known & {name.strip(), pseudonym(name)}
    if not found:
        listed = ", ".join(sorted(known)) or "nobody is named"
        raise InvalidInput(f"{name!r} labelled nothing here (annotators: {listed})", "--resolve")
    return found.pop()


def _row(sentence: Sentence, labels: dict[str, str], votes: Values) -> Values:
    """Return the row of a sentence; named annotators' labels go with it."""
    named = [
        {"annotator": who, **{head: min(found) for head, found in heads.items() if len(found) == 1}}
        for who, heads in sorted(sentence.votes.items(), key=lambda item: item[0] or "")
        if who
    ]
    said = {*HEADS, *VOTES.values()}
    others = {
        f"given_{k}" if plainly(k) in READ_AS_LABELS else k: v
        for k, v in sentence.fields.items()
        if k not in said and v is not None
    }
    row = {"text": sentence.text, **labels, **others, **votes}
    return row | ({"annotations": named} if named else {})
