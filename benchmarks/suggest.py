"""How much faster labels chosen by `suggest` teach than labels picked at random: a simulation.

    python -m benchmarks.suggest

The labels of the corpus are hidden and revealed: a model that has learnt from written sentences
meets an archive of public ones and asks for the labels of 200 at a time. Needs the corpus whole
(`python -m training assemble`). Curves that stand in suggest.json are not computed again.
"""

import json
import os
import platform
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression

from benchmarks import suggest_report
from claimstance.durable import replace
from claimstance.errors import InvalidInput
from claimstance.labels import SENTIMENTS, STANCES
from training import calibration, corpus, embedding, evaluate, loop, metrics, network, settings
from training.embedding import Vectors
from training.loop import Example
from training.metrics import Scores
from training.records import Record
from training.suggest import choice
from training.suggest.opinion import Opinion
from training.suggest.suggest import PER_DOCUMENT, RANDOM_SHARE

HOME = Path(__file__).parent
KEPT = HOME / "suggest.json"

START = 1000
"""Written sentences whose labels are known from the beginning."""

STEP = 200
ROUNDS = 4

UNCHOSEN = ("random", "pilot", "cue")
"""How the public sentences of the pool were drawn: not by an encoder's doubt, which would make a
random pick of them a clever one."""

SHORT = {"min_steps": 300, "max_tokens": 128}
"""Where fine-tuning differs from the recipe, to be affordable."""

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """Labelled sentences and their vectors by the base encoder."""

    records: list[Record]
    vectors: Vectors

    def take(self, rows: Rows) -> "Part":
        """Return those of some rows."""
        return Part([self.records[row] for row in rows], self.vectors[rows])


@dataclass(frozen=True)
class World:
    """All sentences: `start` and `pool` are rows of `train`; `dev` is what is measured on."""

    train: Part
    start: Rows
    pool: Rows
    dev: Part


Model = Callable[[Part], Scores]
"""From sentences to the probabilities of their stances."""

Learner = Callable[[Part, int], Model]
"""From sentences whose labels are known, and a seed, to a model."""

Picker = Callable[[World, Model, Rows, Rows, int], Rows]
"""From a model, the rows it knows, those open, and a seed, to rows to ask for."""


def world() -> World:
    """Return the sentences of the simulation.

    Raises:
        InvalidInput: the corpus lacks its public sentences.
    """
    loaded = corpus.load([], with_project=True)
    if loaded.lacking:
        raise InvalidInput(
            "needs the public sentences: `python -m training assemble`", "the corpus"
        )
    recipe = settings.load()
    written = [r for r in loaded.part("train") if "source" not in r.slices]
    public = [r for r in loaded.part("train") if r.slices.get("sampling") in UNCHOSEN]
    dev = [r for r in loaded.part("dev") if "source" in r.slices]

    def part(records: list[Record]) -> Part:
        return Part(records, embedding.vectors([r.text for r in records], recipe))

    rows = np.arange(len(written) + len(public))
    return World(
        train=part([*written, *public]),
        start=rows[: len(written)],
        pool=rows[len(written) :],
        dev=part(dev),
    )


def frozen(known: Part, _: int) -> Model:
    """Learn a logistic regression on the base encoder's vectors, which stay as they are."""
    model = LogisticRegression(C=5, class_weight="balanced", max_iter=1000)
    model.fit(known.vectors, evaluate.targets_of(known.records, "stance"))
    return lambda part: np.asarray(model.predict_proba(part.vectors))


def tuned(known: Part, seed: int) -> Model:
    """Fine-tune the base encoder with the recipe, shortened as `SHORT` says."""
    recipe = settings.load().model_copy(update=SHORT)
    order = loop.seed_everything(seed)
    start = network.pretrained(recipe.base, recipe.dropout)
    ids = embedding.encode(start, [r.text for r in known.records], recipe.max_tokens)
    examples = [
        Example(
            tokens,
            STANCES.index(r.stance) if r.stance else loop.IGNORED,
            SENTIMENTS.index(r.sentiment) if r.sentiment else loop.IGNORED,
        )
        for tokens, r in zip(ids, known.records, strict=True)
    ]
    loop.train(start.network, examples, recipe, order, lambda _: "")

    def model(part: Part) -> Scores:
        texts = [record.text for record in part.records]
        asked = embedding.encode(start, texts, recipe.max_tokens)
        with loop.mixed_precision(loop.device(), start.network):
            stance, _ = loop.logits(start.network, asked)
        return calibration.probabilities(stance, 1.0)

    return model


def at_random(_: World, __: Model, ___: Rows, open_rows: Rows, seed: int) -> Rows:
    """Pick any sentences."""
    return np.random.default_rng(seed).choice(open_rows, STEP, replace=False)


def by_worth(
    world: World,
    model: Model,
    known: Rows,
    open_rows: Rows,
    seed: int,
    *,
    worth: Callable[[Scores, Scores], choice.Worth] = choice.worth,
    spread: bool = True,
) -> Rows:
    """Pick as `suggest` does, or with another `worth`, or without spreading over topics."""
    drawn = at_random(world, model, known, open_rows, seed)[: round(STEP * RANDOM_SHARE)]
    rest = np.setdiff1d(open_rows, drawn)
    candidates = world.train.take(rest)
    opinion = Opinion(world.train.take(known).records)
    worths = worth(model(candidates), opinion.scores([r.text for r in candidates.records]))
    wanted = STEP - len(drawn)
    order = np.array(list(_capped(candidates.records, np.argsort(-worths, kind="stable"))))
    shortlist = order[: choice.SHORTLIST * STEP] if spread else order[:wanted]
    chosen = choice.spread(candidates.vectors[shortlist], worths[shortlist], wanted, seed)
    return np.concatenate([drawn, rest[shortlist[chosen]]])


def _capped(records: Sequence[Record], order: Rows) -> Iterator[int]:
    """Yield the places in `order` less those of documents that have given enough."""
    given: Counter[str] = Counter()
    for place in order:
        group = records[place].group
        given[group] += 1
        if given[group] <= PER_DOCUMENT:
            yield int(place)


def _uncertainty(model: Scores, _: Scores) -> choice.Worth:
    return choice.worth(model, model)


def _disagreement(model: Scores, other: Scores) -> choice.Worth:
    """Return the Jensen-Shannon divergence of two opinions."""
    alone = choice.worth(model, model) + choice.worth(other, other)
    return choice.worth(model, other) - alone / 2


RANDOM, SUGGEST = "random", "suggest"

PICKERS: dict[str, Picker] = {
    RANDOM: at_random,
    "uncertainty alone": partial(by_worth, worth=_uncertainty, spread=False),
    "disagreement alone": partial(by_worth, worth=_disagreement, spread=False),
    "both, not spread over topics": partial(by_worth, spread=False),
    SUGGEST: by_worth,
}


@dataclass(frozen=True)
class Trial:
    """A learner, the ways of picking it is tried with, and how often."""

    title: str
    learner: Learner
    pickers: tuple[str, ...]
    seeds: int


TRIALS = {
    "frozen": Trial("linear head on frozen vectors", frozen, tuple(PICKERS), 20),
    "tuned": Trial("fine-tuned encoder", tuned, (RANDOM, SUGGEST), 3),
}


def curve(world: World, trial: Trial, picker: str, seed: int) -> list[float]:
    """Return the stance macro-F1 on dev before any label is asked for, and after each round."""
    chance = np.random.default_rng(seed)
    known = chance.choice(world.start, START, replace=False)
    truth = evaluate.targets_of(world.dev.records, "stance")
    found = []
    for number in range(ROUNDS + 1):
        model = trial.learner(world.train.take(known), seed)
        found.append(metrics.macro_f1(truth, model(world.dev).argmax(1)))
        if number < ROUNDS:
            open_rows = np.setdiff1d(world.pool, known)
            asked = PICKERS[picker](world, model, known, open_rows, 1000 * seed + number)
            known = np.concatenate([known, asked])
    return found


Curves = dict[str, dict[str, list[list[float]]]]
"""For each trial and way of picking, a curve for each seed."""


def run() -> dict[str, Any]:
    """Compute all curves that do not stand yet; return what `KEPT` then holds."""
    kept: dict[str, Any] = {"curves": {}, "seconds": 0.0}
    if KEPT.exists():
        kept = json.loads(KEPT.read_text(encoding="utf-8"))
    curves: Curves = kept["curves"]
    everything: World | None = None
    for key, trial in TRIALS.items():
        for seed in range(trial.seeds):
            for picker in trial.pickers:
                done = curves.setdefault(key, {}).setdefault(picker, [])
                if len(done) > seed:
                    continue
                if everything is None:
                    everything = world()
                    kept |= {"facts": facts(everything), "machine": _machine()}
                began = time.monotonic()
                done.append(curve(everything, trial, picker, seed))
                kept["seconds"] += time.monotonic() - began
                told = ", ".join(f"{value:.3f}" for value in done[-1])
                print(f"{trial.title}, {picker}, seed {seed}: {told}", flush=True)
                text = json.dumps(kept, indent=1) + "\n"
                replace(KEPT, partial(Path.write_text, data=text))
    return kept


def facts(everything: World) -> dict[str, Any]:
    """Return the numbers that the page names."""
    stances = Counter(str(everything.train.records[row].stance) for row in everything.pool)
    shares = [f"{stances[label] / len(everything.pool):.0%} are {label}" for label in STANCES]
    return {
        "start": START,
        "step": STEP,
        "pool": len(everything.pool),
        "dev": len(everything.dev.records),
        "shares": ", ".join(shares),
        **SHORT,
    }


def _machine() -> str:
    return (
        f"{os.cpu_count()} cores ({platform.machine()}, "
        f"{torch.backends.cpu.get_cpu_capability()}), Python {platform.python_version()}, "
        f"torch {torch.__version__}"
    )


def main() -> None:
    """Run the simulation and write its page and picture."""
    kept = run()
    titles = {key: trial.title for key, trial in TRIALS.items()}
    page = suggest_report.render(kept, titles)
    replace(HOME / "suggest.md", partial(Path.write_text, data=page))
    suggest_report.draw(kept, titles, HOME / "suggest.png")
    print(HOME / "suggest.md")


if __name__ == "__main__":
    main()
