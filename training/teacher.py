"""What a larger version says of training sentences, for a smaller one to learn (distillation).

Hinton et al. 2015: its probabilities tell more than a label does, and it has them for sentences
that nobody labelled. Kept by the sentence's digest alone, so that no public text is.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet

from claimstance import Prediction, Predictor
from claimstance.errors import InvalidInput
from claimstance.text import digest
from training import corpus, evaluate, unlabelled
from training.corpus import Corpus
from training.evaluate import HEADS
from training.records import Record

POOL = 4
"""Archive sentences read for one that is chosen."""

PLAIN = 0.02
"""Weight of a sentence that is not open at all beside the share of chance that it leaves open."""

_BYTES = 16
"""Of a sentence's SHA-256 that are kept: enough that no two of a hundred million meet."""

Said = dict[bytes, dict[str, tuple[float, ...]]]


def teach(version: Path, n: int, seed: int) -> tuple[int, int]:
    """Write what a version says of the corpus's training sentences and of `n` others.

    The others are drawn from archive documents that serve training, with a weight that grows with
    what the version in production leaves open.

    Args:
        version: the folder of the version that teaches.
        n: how many sentences without a label.
        seed: the drawing follows from it.

    Returns:
        How many labelled and how many other sentences were asked about.

    Raises:
        InvalidInput: the archives' sentences are not at hand.
    """
    loaded = corpus.load([], with_project=True)
    if loaded.unlabelled is None:
        raise InvalidInput(
            "the archives' sentences are not at hand; `python -m training assemble` brings them"
        )
    known = corpus.known().splits
    pool = unlabelled.read(loaded.unlabelled, {"train": POOL * n}, seed)["train"]
    texts = [sentence.text for sentence in pool if digest(sentence.text) not in known]
    drawn = _draw(evaluate.predict(Predictor.load(), texts, "choosing"), n, seed)
    others = [texts[index] for index in drawn]
    asked = [record.text for record in loaded.part("train")] + others
    _write(asked, evaluate.predict(Predictor(version), asked, "asking"), corpus.TEACHER)
    return len(asked) - len(others), len(others)


def taught(loaded: Corpus, share: float) -> list[Record]:
    """Return the sentences to train on, with the teacher's word as `share` of their labels.

    Behind the labelled ones come those for which there is the teacher's word alone, where their
    text is at hand.
    """
    labelled = loaded.part("train")
    if not share or loaded.teacher is None:
        return labelled
    said = _read(loaded.teacher)
    others: dict[str, Record] = {}
    if loaded.unlabelled is not None:
        held = {_key(record.text) for record in loaded.records}
        for text, document in unlabelled.training(loaded.unlabelled):
            key = _key(text)
            if key in said and key not in held:
                others[text] = Record(
                    text, None, None, "", document, "train", shares=said[key], public=True
                )
    mixed = [_mixed(record, said.get(_key(record.text), {}), share) for record in labelled]
    return mixed + [others[text] for text in sorted(others)]


def _mixed(record: Record, said: dict[str, tuple[float, ...]], share: float) -> Record:
    """Return a record whose labels are partly what was said; a head without a label stays so."""
    shares = dict(record.shares)
    for head, word in said.items():
        label = getattr(record, head)
        own = shares.get(head) or tuple(float(one == label) for one in HEADS[head])
        if any(own):
            shares[head] = tuple(
                (1 - share) * mine + share * theirs for mine, theirs in zip(own, word, strict=True)
            )
    return replace(record, shares=shares)


def _draw(predictions: Sequence[Prediction], n: int, seed: int) -> list[int]:
    """Return `n` indices, drawn without replacement by weight (Efraimidis and Spirakis 2006)."""
    surest = np.min([evaluate.scores_of(predictions, head).max(1) for head in HEADS], axis=0)
    weights = 1 - surest + PLAIN
    keys = np.random.default_rng(seed).random(len(weights)) ** (1 / weights)
    return sorted(int(index) for index in np.argsort(-keys)[:n])


def _key(text: str) -> bytes:
    return bytes.fromhex(digest(text))[:_BYTES]


def _write(texts: Sequence[str], predictions: Sequence[Prediction], path: Path) -> None:
    """Write each sentence's key and probabilities, rounded to 1/255, by key and each once."""
    said = {_key(text): prediction for text, prediction in zip(texts, predictions, strict=True)}
    keys = sorted(said)
    columns: dict[str, pa.Array] = {"sha256": pa.array(keys, pa.binary(_BYTES))}
    for head, labels in HEADS.items():
        scores = evaluate.scores_of([said[key] for key in keys], head)
        for label, values in zip(labels, scores.T, strict=True):
            columns[f"{head}_{label}"] = pa.array(np.rint(values * 255).astype(np.uint8))
    # The keys are chance and cannot be made smaller.
    pa.parquet.write_table(pa.table(columns), path, compression="zstd", use_dictionary=False)


def _read(path: Path) -> Said:
    """Return what was said of each sentence: for each head a probability a label, sum 1."""
    table = pa.parquet.read_table(path)
    heads = {}
    for head, labels in HEADS.items():
        values: npt.NDArray[np.float64] = np.stack(
            [table[f"{head}_{label}"].to_numpy() for label in labels], axis=1
        ).astype(float)
        heads[head] = [tuple(row) for row in (values / values.sum(1, keepdims=True)).tolist()]
    return {
        key: {head: rows[index] for head, rows in heads.items()}
        for index, key in enumerate(table["sha256"].to_pylist())
    }
