"""From an archive to the sentences of it that are worth labelling."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from claimstance.errors import InvalidInput
from claimstance.report.figures import finished_job
from claimstance.scoring.score import Watcher, score
from claimstance.text import digest, normalize
from training import corpus, embedding, language, settings, splits
from training.suggest import archive, choice
from training.suggest.archive import Archive, Row
from training.suggest.opinion import Opinion
from training.suggest.suggestion import Suggestion, Why

RANDOM_SHARE = 0.1
"""Share of sentences drawn at random, so that what is labelled also tells how the model does on
the archive as it is."""

PER_DOCUMENT = 3
"""Sentences of a document that may be chosen for their worth."""

_SCORED = "scored"


@dataclass(frozen=True)
class Chosen:
    """The sentences to label, in that order, and what they were chosen from."""

    suggestions: list[Suggestion]
    told: list[str]


def scored(inputs: Sequence[str], out: Path, watcher: Watcher) -> Path:
    """Return the folder of the scored archive that `inputs` mean, scored first if need be.

    Args:
        inputs: a folder that `claimstance score` wrote, or what it takes: files, folders, patterns.
        out: where an archive that is not scored is scored into, in a folder of its own; an
            earlier run that was stopped there is gone on with.
        watcher: who is told how scoring goes on.

    Raises:
        InvalidInput: the folder is not scored to its end, or the inputs hold nothing.
        DocumentUnreadable: an input does not exist.
        JobBusy, JobDiffers, JobFailed: as `scoring.score` raises them.
    """
    if len(inputs) == 1 and (Path(inputs[0]) / "job.json").exists():
        finished_job(Path(inputs[0]))
        return Path(inputs[0])
    score(inputs, out / _SCORED, watcher)
    return out / _SCORED


def suggest(
    folder: Path,
    labelled: Sequence[Path],
    wanted: int,
    seed: int,
    step: Callable[[str], None],
    renamed: Mapping[str, str] | None = None,
) -> Chosen:
    """Choose the sentences of a scored archive whose labels would teach most.

    A tenth is drawn at random. The rest is what the model and a bag of words, learnt from the
    corpus, leave most open between them, spread over documents and topics. No two are near
    duplicates of each other, nor any of one of the corpus or of `labelled`; of documents with a
    sentence in a dev or test part none is taken.

    Args:
        folder: the scored archive.
        labelled: files of labels that are there already, as `training.imports` reads them.
        wanted: how many to choose; fewer are chosen where there are no more.
        seed: chance follows from it.
        step: told what happens next.
        renamed: the labels of this project by those in the files.

    Raises:
        InvalidInput: no sentence can be suggested, or a file of labels does not fit.
    """
    step("reading the corpus")
    loaded = corpus.load(list(labelled), with_project=True, renamed=renamed)
    for line in loaded.told:
        step(line)
    known = corpus.known().splits | {digest(r.text): str(r.split) for r in loaded.records}
    train = loaded.part("train")
    step(f"learning a second opinion from {len(train)} labelled sentences")
    opinion = Opinion(train)
    with archive.opened(folder, known, opinion) as found:
        sentences, every = found.count(), found.count("every")
        step(f"choosing among {sentences} sentences")
        texts = [record.text for record in loaded.records]
        chosen = _chosen(found, texts, wanted, seed)
    if not chosen:
        raise InvalidInput("holds no sentence that is not in the corpus already", str(folder))
    random.Random(seed).shuffle(chosen)
    told = [f"{every} sentences in {folder}; {sentences} of them new, no two equal."]
    if len(chosen) < wanted:
        told.append(f"Only {len(chosen)} of the {wanted} asked for can be suggested.")
    return Chosen([_suggestion(row, why) for row, why in chosen], told)


def _chosen(found: Archive, texts: Sequence[str], wanted: int, seed: int) -> list[tuple[Row, Why]]:
    """Return the rows to suggest with why, random ones first."""
    by_chance = round(wanted * RANDOM_SHARE)
    # More than are wanted are asked for, because some turn out to be unfit.
    drawn = found.random(2 * by_chance, seed)
    shortlist = found.worthiest(choice.SHORTLIST * wanted, PER_DOCUMENT)
    fit = _fit([*drawn, *shortlist], texts)
    first = [(row, Why.RANDOM) for row in fit if row["place"] in _places(drawn)][:by_chance]
    taken = _places([row for row, _ in first])
    rest = [row for row in fit if row["place"] in _places(shortlist) - taken]
    if not rest:
        return first
    rows = choice.spread(
        embedding.vectors([row["text"] for row in rest], settings.load()),
        np.array([row["worth"] for row in rest]),
        wanted - len(first),
        seed,
    )
    best = [rest[row] for row in rows]
    return [
        *first,
        *((row, Why.DISAGREEMENT if row["disputed"] else Why.UNCERTAIN) for row in best),
    ]


def _places(rows: Sequence[Row]) -> set[int]:
    return {row["place"] for row in rows}


def _fit(rows: Sequence[Row], texts: Sequence[str]) -> list[Row]:
    """Return those rows that are English and near duplicates of none before, nor of `texts`."""
    distinct = list({row["place"]: row for row in rows}.values())
    own = [row["text"] for row in distinct]
    unfit = splits.near(own, texts)
    unfit |= {row for row, text in enumerate(own) if language.is_foreign(normalize(text))}
    for earlier, later in splits.near_duplicates(own):
        if earlier not in unfit:
            unfit.add(later)
    return [row for index, row in enumerate(distinct) if index not in unfit]


def _suggestion(row: Row, why: Why) -> Suggestion:
    return Suggestion(
        id=row["digest"][:16],
        text=normalize(row["text"]),
        why=why,
        stance=row["stance"],
        stance_score=row[row["stance"]],
        sentiment=row["sentiment"],
        sentiment_score=row[f"sentiment_{row['sentiment']}"],
        **{
            name: row[name]
            for name in ("model", "document", "source", "row", "sentence", "start", "end")
        },
    )
