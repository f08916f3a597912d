"""Sentences in, predictions out: encode, batch by token budget, run, calibrate."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import tokenizers

from claimstance import bundle, registry
from claimstance.engine import Engine
from claimstance.errors import InvalidInput, ModelInvalid
from claimstance.labels import SENTIMENTS, STANCES, Sentiment, Stance
from claimstance.text import normalize

BATCH_TOKENS = 4096
"""Tokens, padding included, that go through the encoder at once."""


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


class Predictor:
    """A loaded model version.

    `Predictor.load()` gives the version in production, or the released one that came with the
    package. One predictor serves one thread at a time.
    """

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        self.model = bundle.read_manifest(folder)
        bundle.check_files(folder, self.model, bundle.PREDICTING)
        self._tokenizer = _load_tokenizer(folder / bundle.TOKENIZER)
        self._engine = Engine(folder / bundle.GRAPH, threads)

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

    @property
    def precision(self) -> str:
        """The number type the engine computes in: `bf16` or `f32`."""
        return self._engine.precision

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
        """Return one prediction per encoded sentence, in the same order.

        Equal sentences are computed once. Sentences are sorted by length so that little is
        spent on padding.
        """
        distinct = sorted({item.ids for item in encoded}, key=lambda ids: (len(ids), ids))
        scores: dict[tuple[int, ...], tuple[list[float], list[float]]] = {}
        for batch in _batches(distinct):
            stance, sentiment = self._engine.run(*_pad(batch))
            stance_scores = _softmax(stance, self.model.stance.temperature).tolist()
            sentiment_scores = _softmax(sentiment, self.model.sentiment.temperature).tolist()
            scores.update(
                zip(batch, zip(stance_scores, sentiment_scores, strict=True), strict=True)
            )
        return [self._prediction(item, *scores[item.ids]) for item in encoded]

    def _prediction(
        self, item: Encoded, stance_scores: list[float], sentiment_scores: list[float]
    ) -> Prediction:
        stance = STANCES[int(np.argmax(stance_scores))]
        sentiment = SENTIMENTS[int(np.argmax(sentiment_scores))]
        return Prediction(
            stance=stance,
            stance_scores=dict(zip(STANCES, stance_scores, strict=True)),
            sentiment=sentiment,
            sentiment_scores=dict(zip(SENTIMENTS, sentiment_scores, strict=True)),
            confident=max(stance_scores) >= self.model.stance.thresholds[stance]
            and max(sentiment_scores) >= self.model.sentiment.thresholds[sentiment],
            tokens=item.tokens,
            truncated=item.tokens > len(item.ids),
        )


def _load_tokenizer(path: Path) -> tokenizers.Tokenizer:
    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises plain Exception
        raise ModelInvalid("the tokenizer cannot be read", str(path)) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _batches(ids: list[tuple[int, ...]]) -> list[list[tuple[int, ...]]]:
    """Cut `ids`, sorted by length, into batches of at most `BATCH_TOKENS` padded tokens."""
    batches: list[list[tuple[int, ...]]] = []
    for item in ids:
        if not batches or len(item) * (len(batches[-1]) + 1) > BATCH_TOKENS:
            batches.append([])
        batches[-1].append(item)
    return batches


def _pad(
    batch: list[tuple[int, ...]],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return right-padded ids and mask, each (len(batch), longest)."""
    lengths = np.array([len(ids) for ids in batch])
    mask = np.arange(lengths.max()) < lengths[:, None]
    padded = np.zeros(mask.shape, np.int64)
    padded[mask] = [token for ids in batch for token in ids]
    return padded, mask.astype(np.int64)


def _softmax(logits: npt.NDArray[np.float32], temperature: float) -> npt.NDArray[np.float64]:
    """Return calibrated probabilities, shape as `logits`, rows summing to 1 (Guo et al. 2017)."""
    scaled = logits.astype(np.float64) / temperature
    exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))
