"""Sentences in, predictions out: encode, batch by token budget, run, calibrate."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import tokenizers

from claimstance import bundle, engine, registry
from claimstance.bundle import Manifest
from claimstance.engine import Engine, Logits
from claimstance.errors import InvalidInput, ModelInvalid
from claimstance.labels import SENTIMENTS, STANCES, Sentiment, Stance
from claimstance.text import normalize

BATCH_TOKENS = 2048
"""Tokens that go through the encoder at once, at most."""

FEW = 4
"""Sentences of which a batch may have any number; of more it has 8, 16, 32 and so on.

The engine makes ready for each shape that it meets, in 10 ms, and keeps what it made, in a megabyte
or two; so there should be few shapes.
"""

STRIDE, SHORT = 8, 64
"""A sentence is padded to the next multiple of `STRIDE` tokens, one of more than `SHORT` to that
of twice as many, never further.

So the shape of its computation follows from the sentence alone, and its scores are the same to
the last bit whatever it is batched with. (Padding to a neighbour's length moves them by up to 4e-3
in bfloat16.)
"""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A sentence as the encoder reads it: token ids, and how many there were before the cut."""

    ids: tuple[int, ...]
    tokens: int


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says of one sentence.

    Scores are calibrated probabilities in [0, 1]; each head's sum to 1. `confident` tells
    whether both labels reach the thresholds of the model version. `tokens` counts the whole
    sentence's tokens; when `truncated`, only the first `max_tokens` of them were read.
    """

    stance: Stance
    stance_scores: dict[Stance, float]
    sentiment: Sentiment
    sentiment_scores: dict[Sentiment, float]
    confident: bool
    tokens: int
    truncated: bool

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, in the field order of the class."""
        return {
            "stance": self.stance.value,
            "stance_scores": {k.value: v for k, v in self.stance_scores.items()},
            "sentiment": self.sentiment.value,
            "sentiment_scores": {k.value: v for k, v in self.sentiment_scores.items()},
            "confident": self.confident,
            "tokens": self.tokens,
            "truncated": self.truncated,
        }


@dataclass(frozen=True, slots=True)
class Labels:
    """What the model says of many sentences, as arrays with one row a sentence.

    `stance` and `sentiment` index `STANCES` and `SENTIMENTS`; scores are calibrated
    probabilities, shape (sentences, 3), rows summing to 1; the rest is as in `Prediction`.
    `stance_confident` tells whether the stance alone reaches its threshold, `screened` whether
    the first stage answered (`claimstance/screen.py`).
    """

    stance: npt.NDArray[np.int8]
    stance_scores: npt.NDArray[np.float64]
    sentiment: npt.NDArray[np.int8]
    sentiment_scores: npt.NDArray[np.float64]
    confident: npt.NDArray[np.bool_]
    stance_confident: npt.NDArray[np.bool_]
    tokens: npt.NDArray[np.int32]
    truncated: npt.NDArray[np.bool_]
    screened: npt.NDArray[np.bool_]


Ids = tuple[int, ...]
"""A sentence's token ids."""

Scores = npt.NDArray[np.float64]
"""Calibrated probabilities, shape (sentences, 3), rows summing to 1."""


class Predictor:
    """A loaded model version.

    `Predictor.load()` gives the version in production, or the released one that came with the
    package. One predictor serves one thread at a time.
    """

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        self.model = bundle.read_manifest(folder)
        graph, weights = graph_of(self.model)
        # The files that predicting reads; `verify` checks all.
        bundle.check_files(folder, self.model, (graph, weights, bundle.TOKENIZER))
        self._tokenizer = _load_tokenizer(folder / bundle.TOKENIZER)
        self._engine = Engine(folder / graph, threads)
        self.precision = precision(self.model)
        """As the function `precision` of this module tells it."""
        self._stance_levels = _levels(self.model.stance, STANCES)
        self._sentiment_levels = _levels(self.model.sentiment, SENTIMENTS)

    @classmethod
    def load(cls, version: str | Path | None = None, *, threads: int | None = None) -> Self:
        """Load a model version.

        Args:
            version: a version's name in the registry, the path of a version's folder, or None
                for the version in production.
            threads: processor threads to use; all when None.

        Raises:
            ModelNotFound: there is no such version.
            ModelInvalid: its files do not fit its manifest or this release.
        """
        folder = version if isinstance(version, Path) else registry.find(version)
        return cls(folder, threads)

    def predict(self, sentences: Sequence[str]) -> list[Prediction]:
        """Return one prediction per sentence, in the same order.

        Raises:
            InvalidInput: an item is not a string or holds nothing to read; `where` names it.
        """
        return self.run(self.encode(sentences))

    def encode(self, sentences: Sequence[str]) -> list[Encoded]:
        """Normalise and tokenise `sentences`; raises as `predict` does."""
        if isinstance(sentences, str):
            raise InvalidInput("give a list of sentences, not one string", "sentences")
        texts = []
        for index, sentence in enumerate(sentences):
            text = normalize(sentence) if isinstance(sentence, str) else None
            if not text:
                problem = "must be a string" if text is None else "is empty or blank"
                raise InvalidInput(problem, f"sentences[{index}]")
            texts.append(text)
        limit = self.model.max_tokens
        return [
            # The last token closes the sequence and survives the cut.
            Encoded(
                tuple(e.ids if len(e.ids) <= limit else e.ids[: limit - 1] + e.ids[-1:]), len(e.ids)
            )
            for e in self._tokenizer.encode_batch_fast(texts)
        ]

    def run(self, encoded: Sequence[Encoded]) -> list[Prediction]:
        """Return one prediction per encoded sentence, in the same order."""
        labels = self.label(encoded)
        return [
            Prediction(
                stance=STANCES[stance],
                stance_scores=dict(zip(STANCES, stance_scores, strict=True)),
                sentiment=SENTIMENTS[sentiment],
                sentiment_scores=dict(zip(SENTIMENTS, sentiment_scores, strict=True)),
                confident=confident,
                tokens=item.tokens,
                truncated=item.tokens > len(item.ids),
            )
            for item, stance, stance_scores, sentiment, sentiment_scores, confident in zip(
                encoded,
                labels.stance.tolist(),
                labels.stance_scores.tolist(),
                labels.sentiment.tolist(),
                labels.sentiment_scores.tolist(),
                labels.confident.tolist(),
                strict=True,
            )
        ]

    def label(self, encoded: Sequence[Encoded]) -> Labels:
        """Return what `run` does as arrays, for those who have many sentences.

        Equal sentences are computed once, and only sentences of one padded length together.
        """
        distinct = sorted({item.ids for item in encoded}, key=lambda ids: (len(ids), ids))
        place = {ids: row for row, ids in enumerate(distinct)}
        order = np.array([place[item.ids] for item in encoded], np.int64)
        stance_scores, sentiment_scores, screened = self._compute(distinct)
        stance_scores, sentiment_scores = stance_scores[order], sentiment_scores[order]
        stance, sentiment = stance_scores.argmax(1), sentiment_scores.argmax(1)
        stance_confident = stance_scores.max(1) >= self._stance_levels[stance]
        tokens = np.array([item.tokens for item in encoded], np.int32)
        return Labels(
            stance=stance.astype(np.int8),
            stance_scores=stance_scores,
            sentiment=sentiment.astype(np.int8),
            sentiment_scores=sentiment_scores,
            confident=stance_confident
            & (sentiment_scores.max(1) >= self._sentiment_levels[sentiment]),
            stance_confident=stance_confident,
            tokens=tokens,
            truncated=tokens > np.array([len(item.ids) for item in encoded], np.int32),
            screened=screened[order],
        )

    def _compute(self, distinct: list[Ids]) -> tuple[Scores, Scores, npt.NDArray[np.bool_]]:
        """Return both heads' scores, and which sentences the first stage answered: none here.

        Args:
            distinct: sentences sorted by length, none twice.
        """
        stance, sentiment = run_batches(self._engine, distinct)
        return (
            softmax(stance, self.model.stance.temperature),
            softmax(sentiment, self.model.sentiment.temperature),
            np.zeros(len(distinct), bool),
        )


def graph_of(model: Manifest) -> tuple[str, str]:
    """Return the names of the graph that predicts on this machine, and of its weights."""
    if model.int8 and engine.has_vnni():
        return bundle.QUANTISED
    return bundle.GRAPH, bundle.GRAPH_WEIGHTS


def precision(model: Manifest) -> str:
    """Return the number type that this machine computes `model` in.

    `bf16` or `f32`; where the int8 graph predicts, `int8+` and what the rest is computed in.
    """
    floating = engine.precision()
    return f"int8+{floating}" if graph_of(model) == bundle.QUANTISED else floating


def _load_tokenizer(path: Path) -> tokenizers.Tokenizer:
    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises plain Exception
        raise ModelInvalid("the tokenizer cannot be read", str(path)) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def run_batches(graph: Engine, distinct: list[Ids]) -> tuple[Logits, Logits]:
    """Return stance and sentiment logits, each (sentences, 3), of sentences sorted by length."""
    stance = np.empty((len(distinct), len(STANCES)), np.float32)
    sentiment = np.empty((len(distinct), len(SENTIMENTS)), np.float32)
    done = 0
    for batch in _batches(distinct):
        rows = slice(done, done + len(batch))
        stance[rows], sentiment[rows] = graph.run(*_pad(batch))
        done += len(batch)
    return stance, sentiment


def _batches(ids: list[Ids]) -> list[list[Ids]]:
    """Cut `ids`, sorted by length, into batches of one padded length and at most `BATCH_TOKENS`.

    Their sizes are as `FEW` tells.
    """
    batches: list[list[Ids]] = []
    for length, same in itertools.groupby(ids, lambda ids: padded_length(len(ids))):
        members = list(same)
        most = max(1, BATCH_TOKENS // length)
        while members:
            size = min(len(members), most)
            if size > FEW:
                size = 1 << (size.bit_length() - 1)
            batches.append(members[:size])
            members = members[size:]
    return batches


def padded_length(tokens: int) -> int:
    """Return how many tokens are computed of a sentence that has so many."""
    stride = STRIDE if tokens <= SHORT else 2 * STRIDE
    return -(-tokens // stride) * stride


def _pad(batch: list[Ids]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return right-padded ids and mask, each (len(batch), padded length)."""
    lengths = np.array([len(ids) for ids in batch])
    mask = np.arange(padded_length(len(batch[0]))) < lengths[:, None]
    padded = np.zeros(mask.shape, np.int64)
    padded[mask] = [token for ids in batch for token in ids]
    return padded, mask.astype(np.int64)


def _levels(head: bundle.Head, labels: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return the score from which on each label is confident, in the order of `labels`."""
    return np.array([head.thresholds[label] for label in labels])


def softmax(logits: Logits, temperature: float) -> Scores:
    """Return calibrated probabilities, shape as `logits`, rows summing to 1 (Guo et al. 2017)."""
    scaled = logits.astype(np.float64) / temperature
    exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))
