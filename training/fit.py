"""A training run: labelled sentences in, an immutable model version out."""

import json
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from claimstance import Prediction, Predictor, bundle, registry
from claimstance.bundle import Corpus as CorpusNote
from claimstance.bundle import Head, Manifest
from claimstance.errors import InvalidInput, ModelExists, ModelNotFound
from claimstance.labels import SENTIMENTS, STANCES
from claimstance.predictor import padded_length
from claimstance.text import NORMALIZER_VERSION, normalize
from training import (
    baselines,
    calibration,
    card,
    comparing,
    evaluate,
    export,
    loop,
    metrics,
    network,
    quantise,
    records,
    screen,
    teacher,
    unlabelled,
)
from training.corpus import Corpus
from training.loop import IGNORED, Example
from training.metrics import Targets
from training.network import Start
from training.records import Record
from training.settings import Settings

GOLDEN = 24
"""How many sentences a version carries with the probabilities they must give."""

DIRTY = "-dirty"
"""What the name of a commit ends in where files differ from it."""


@dataclass(frozen=True)
class Run:
    """What a training run is given: its data, recipe, start, seed and name.

    With `baselines`, simpler methods are measured on the test part for the card. `doubts` are what
    the check held against the given labels, which a person let through.
    """

    corpus: Corpus
    settings: Settings
    start: str
    seed: int
    version: str | None
    baselines: bool = False
    doubts: tuple[str, ...] = ()


def fit(run: Run) -> Manifest:
    """Train, calibrate, export, evaluate and register a model version; return its manifest.

    Nothing appears in the registry before everything has succeeded.

    Raises:
        ModelExists: the registry has a version of that name.
        ClaimstanceError: as `make` raises it.
    """
    name = run.version or datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    _refuse_taken(name)
    with tempfile.TemporaryDirectory(prefix="claimstance-fit-") as scratch:
        folder = Path(scratch) / name
        folder.mkdir()
        make(replace(run, version=name), folder)
        return registry.add(folder)


def make(run: Run, folder: Path) -> Manifest:
    """Train, calibrate, export and evaluate a model version in an empty folder.

    Raises:
        InvalidInput: there is too little to train on, the recipe's sentences are longer than the
            encoder can read, or it trains nothing and there is no version to start from.
        ModelInvalid: what there is to start from cannot be trained or served.
        ModelNotFound: there is nothing to start from under that name.
    """
    # An earlier version that it starts from may have seen the sentences that it does not rehearse.
    seen = run.corpus.part("train")
    run = replace(run, corpus=run.corpus.rehearsing(run.settings.replay, run.seed))
    train, dev = teacher.taught(run.corpus, run.settings.teacher), run.corpus.part("dev")
    if len(train) < len(STANCES) or not dev:
        raise InvalidInput(
            f"{len(train)} sentences to train on and {len(dev)} to calibrate on are too few; "
            "give more groups, or name the splits in a column `split`"
        )
    order = loop.seed_everything(run.seed)
    start = _start(run)
    examples = _examples(train, start, run.settings.max_tokens)
    dev_examples = _examples(dev, start, run.settings.max_tokens)
    loop.train(
        start.network,
        examples,
        run.settings,
        order,
        lambda _: _on_dev(start, dev_examples),
    )
    made_with = loop.made_with(start.network)
    heads = _heads(start, dev_examples, run.settings)
    start.network.cpu()
    start.save(folder)
    export.export(start.network, folder / bundle.GRAPH)
    _write_golden(folder, start, heads, run)
    manifest = _manifest(run, start, heads, made_with, len(train))
    card.write(folder, manifest)
    bundle.write_manifest(folder, manifest)
    chosen = order.sample(examples, min(len(examples), quantise.CALIBRATION))
    manifest = quantise.make(
        folder,
        manifest,
        [tuple(example.ids) for example in chosen],
        [tuple(example.ids) for example in dev_examples],
        _targets(dev_examples, "stance"),
    )
    bundle.write_manifest(folder, manifest)
    figures = _evaluate(folder, start, heads, run)
    manifest = manifest.model_copy(update={"metrics": manifest.metrics | figures})
    manifest = _screened(folder, manifest, start, run, [*seen, *train])
    card.write(folder, manifest)
    bundle.write_manifest(folder, manifest)
    return bundle.read_manifest(folder)


def _refuse_taken(name: str) -> None:
    if not re.fullmatch(bundle.VERSION_PATTERN, name):
        raise InvalidInput("a version's name is letters, digits, dots, - and _", "--version")
    try:
        registry.find(name)
    except ModelNotFound:
        return
    raise ModelExists("exists already; choose another --version", f"{bundle.NAME}:{name}")


def _start(run: Run) -> Start:
    """Return what the run starts from: the recipe's base, a version, or a version's folder."""
    dropout = run.settings.dropout
    parent = _parent(run)
    if parent is None and not (run.settings.epochs or run.settings.min_steps):
        raise InvalidInput("no epochs make a version only of another one; name it with --start")
    if parent:
        start = network.version(parent, dropout)
    else:
        start = network.pretrained(run.settings.base, dropout)
    computed = padded_length(run.settings.max_tokens)
    if computed > start.network.positions:
        raise InvalidInput(
            f"{run.settings.max_tokens}, padded to {computed}, is more than the "
            f"{start.network.positions} tokens that {start.base.name} has positions for",
            "max_tokens",
        )
    return start


def _parent(run: Run) -> Path | None:
    """Return the folder of the version that the run starts from, None for a pretrained encoder."""
    if run.start == "base":
        return None
    given = Path(run.start)
    return given if (given / bundle.MANIFEST).exists() else registry.find(run.start)


def _examples(records: Sequence[Record], start: Start, max_tokens: int) -> list[Example]:
    encoded = start.tokenizer.encode_batch([normalize(record.text) for record in records])
    return [
        Example(
            e.ids if len(e.ids) <= max_tokens else [*e.ids[: max_tokens - 1], e.ids[-1]],
            STANCES.index(record.stance) if record.stance else IGNORED,
            SENTIMENTS.index(record.sentiment) if record.sentiment else IGNORED,
            record.shares,
        )
        for record, e in zip(records, encoded, strict=True)
    ]


def _on_dev(start: Start, dev: Sequence[Example]) -> str:
    """Describe how the network does on dev: macro-F1 of the heads that have labels there."""
    outputs = loop.logits(start.network, [example.ids for example in dev])
    parts = []
    for name, logits in zip(("stance", "sentiment"), outputs, strict=True):
        targets = _targets(dev, name)
        known = targets != IGNORED
        if known.any():
            f1 = metrics.macro_f1(targets[known], logits[known].argmax(1))
            parts.append(f", dev {name} macro-F1 {f1:.3f}")
    return "".join(parts)


def _targets(examples: Sequence[Example], head: str) -> Targets:
    return np.array([getattr(example, head) for example in examples], np.int64)


def _heads(start: Start, dev: Sequence[Example], settings: Settings) -> dict[str, Head]:
    """Return both heads with temperatures and thresholds found on dev."""
    outputs = loop.logits(start.network, [example.ids for example in dev])
    heads = {}
    for name, labels, logits in zip(
        ("stance", "sentiment"), (STANCES, SENTIMENTS), outputs, strict=True
    ):
        targets = _targets(dev, name)
        known = targets != IGNORED
        scale = calibration.temperature(logits[known], targets[known])
        scores = calibration.probabilities(logits[known], scale)
        levels = calibration.thresholds(scores, targets[known], settings.confident_precision)
        heads[name] = Head(
            labels=tuple(str(label) for label in labels),
            temperature=scale,
            thresholds=dict(zip(map(str, labels), levels, strict=True)),
        )
    return heads


def _probabilities(
    start: Start, heads: dict[str, Head], texts: Sequence[str], max_tokens: int
) -> dict[str, metrics.Scores]:
    """Return both heads' calibrated probabilities in full precision, without the served graph."""
    blank = [Record(text, None, None, "", "") for text in texts]
    ids = [example.ids for example in _examples(blank, start, max_tokens)]
    outputs = loop.logits(start.network, ids)
    return {
        name: calibration.probabilities(logits, heads[name].temperature)
        for name, logits in zip(("stance", "sentiment"), outputs, strict=True)
    }


def _write_golden(folder: Path, start: Start, heads: dict[str, Head], run: Run) -> None:
    """Keep some sentences with their full-precision probabilities.

    Only sentences whose text may travel with the version: those written for the project or
    given by the user, never one assembled from an archive.
    """
    own = [r for r in run.corpus.records if not r.public]
    step = max(1, len(own) // GOLDEN)
    texts = [normalize(record.text) for record in own[::step][:GOLDEN]] or ["No sentence."]
    scores = _probabilities(start, heads, texts, run.settings.max_tokens)
    with (folder / bundle.GOLDEN).open("w", encoding="utf-8") as file:
        for index, text in enumerate(texts):
            row: dict[str, Any] = {"text": text}
            for name, labels in (("stance", STANCES), ("sentiment", SENTIMENTS)):
                values = scores[name][index]
                row[f"{name}_scores"] = {
                    str(label): round(float(value), 6)
                    for label, value in zip(labels, values, strict=True)
                }
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _manifest(
    run: Run, start: Start, heads: dict[str, Head], made_with: dict[str, str], learnt: int
) -> Manifest:
    tests = kept_from(run)
    counts = run.corpus.sentences
    return Manifest(
        version=str(run.version),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        max_tokens=run.settings.max_tokens,
        normalizer=NORMALIZER_VERSION,
        stance=heads["stance"],
        sentiment=heads["sentiment"],
        base=start.base,
        parent=start.parent,
        corpus=CorpusNote(
            fingerprint=records.fingerprint(run.corpus.records),
            sentences=counts | {"taught": learnt - counts["train"]},
            tests={name: records.fingerprint(part) for name, part in tests.items()},
            texts={name: records.text_fingerprint(part) for name, part in tests.items()},
            parts=run.corpus.parts,
            files=run.corpus.files,
            doubts=run.doubts,
        ),
        git_commit=git_commit(),
        made_with=made_with,
        settings={"seed": run.seed, **run.settings.model_dump()},
        metrics={},
        files={},
    )


def kept_from(run: Run) -> dict[str, list[Record]]:
    """Return the project's test sets that neither this run nor what it starts from has learnt."""
    parent = _parent(run)
    if parent is None:
        return run.corpus.tests
    note = bundle.read_manifest(parent).corpus
    return {
        name: part for name, part in run.corpus.tests.items() if comparing.kept(note, name, part)
    }


def _evaluate(folder: Path, start: Start, heads: dict[str, Head], run: Run) -> dict[str, Any]:
    """Return the served graph's figures on dev and test, and its distance to full precision."""
    predictor = Predictor(folder)
    figures: dict[str, Any] = {}
    held_out: list[Record] = []
    said: list[Prediction] = []
    for split in ("dev", "test"):
        part = run.corpus.part(split)
        if part:
            predictions = predictor.predict([r.text for r in part])
            figures[split] = evaluate.figures(part, predictions)
            figures[split]["mean_tokens"] = float(np.mean([p.tokens for p in predictions]))
            held_out += part
            said += predictions
    figures["stance_errors"] = evaluate.stance_errors(held_out, said)
    held = run.corpus.part("test") or run.corpus.part("dev")
    full = _probabilities(start, heads, [r.text for r in held], run.settings.max_tokens)
    figures["served_against_full_precision"] = evaluate.distance(held, said[-len(held) :], full)
    if run.baselines:
        figures["baselines"] = baselines.compare(
            run.corpus.part("train"), run.corpus.part("test"), run.settings
        )
    return figures


def _screened(
    folder: Path, manifest: Manifest, start: Start, run: Run, seen: Sequence[Record]
) -> Manifest:
    """Return the manifest with a first stage, or with why there is none.

    Args:
        folder: of the version.
        manifest: the version's.
        start: with the trained network.
        run: what it was trained by.
        seen: labelled sentences that the encoder may have been trained on.
    """
    if run.corpus.unlabelled is None:
        return screen.none(
            manifest,
            "no archive sentences were at hand to certify one on (`python -m training assemble` "
            "with the project's corpus brings them)",
        )
    sizes: dict[unlabelled.Part, int] = {"train": run.settings.first_stage, **screen.SIZES}
    return screen.make(
        folder,
        manifest,
        start.network.embeddings,
        unlabelled.read(
            run.corpus.unlabelled, sizes, run.seed, frozenset(normalize(r.text) for r in seen)
        ),
        run.corpus.part("dev") + run.corpus.part("test"),
        run.seed,
        _parent(run),
    )


def git_commit() -> str | None:
    """Return the commit of the checkout that trains, None outside of one.

    It ends in `DIRTY` where files differ from that commit.
    """
    try:
        result = subprocess.run(
            # Without a tag's name, and without a lock that another git may wait for.
            [
                *("git", "--no-optional-locks", "describe"),
                *("--always", "--abbrev=40", f"--dirty={DIRTY}", "--exclude", "*"),
            ],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return result.stdout.strip()
