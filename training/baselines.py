"""What a version is measured against: simpler ways to learn the stance, on the same split."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import track
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from torch import Tensor

from claimstance.labels import STANCES
from claimstance.text import normalize
from training import loop, metrics, network
from training.metrics import Targets
from training.network import Network, Start
from training.records import Record
from training.settings import Settings

CONTRASTIVE_STEPS = 300
CONTRASTIVE_PAIRS = 16
"""Pairs in one contrastive step; with `CONTRASTIVE_STEPS`, SetFit's own order of magnitude."""


def compare(
    train: Sequence[Record], held: Sequence[Record], settings: Settings
) -> dict[str, float]:
    """Return each baseline's stance macro-F1 on `held`, learnt from `train`, by name."""
    train = [record for record in train if record.stance]
    held = [record for record in held if record.stance]
    texts, held_texts = ([normalize(r.text) for r in part] for part in (train, held))
    targets, truth = _targets(train), _targets(held)
    # Word pairs, sublinear counts, balanced classes: the usual strong bag of words.
    words = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True), _regression()
    )
    start = network.pretrained(settings.base, settings.dropout)
    ids, held_ids = (_encode(start, part, settings) for part in (texts, held_texts))
    results = {
        "majority": DummyClassifier().fit(texts, targets).predict(held_texts),
        "TF-IDF and logistic regression": words.fit(texts, targets).predict(held_texts),
        "frozen embeddings and logistic regression": _probe(start.network, ids, targets, held_ids),
    }
    _contrastive_stage(start.network, ids, targets)
    results["contrastive stage and logistic regression (as SetFit)"] = _probe(
        start.network, ids, targets, held_ids
    )
    return {
        name: metrics.macro_f1(truth, predicted, len(STANCES))
        for name, predicted in results.items()
    }


def _targets(records: Sequence[Record]) -> Targets:
    return np.array([STANCES.index(r.stance) for r in records if r.stance], np.int64)


def _regression() -> Any:
    return LogisticRegression(C=5, class_weight="balanced", max_iter=2000)


def _encode(start: Start, texts: Sequence[str], settings: Settings) -> list[list[int]]:
    return [e.ids[: settings.max_tokens] for e in start.tokenizer.encode_batch(texts)]


def _probe(
    model: Network, ids: list[list[int]], targets: Targets, held: list[list[int]]
) -> Targets:
    """Return the predictions of a logistic regression on the model's sentence embeddings."""
    classifier = _regression().fit(_embeddings(model, ids), targets)
    return np.asarray(classifier.predict(_embeddings(model, held)))


def _embed(model: Network, ids: Sequence[list[int]]) -> Tensor:
    """Return unit-length mean-pooled embeddings, (sentences, hidden)."""
    place = loop.device()
    padded, mask = loop.pad(ids, place)
    with loop.mixed_precision(place, model):
        hidden = model.encoder(input_ids=padded, attention_mask=mask).last_hidden_state.float()
    pooled = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    return torch.nn.functional.normalize(pooled, dim=1)


def _embeddings(model: Network, ids: list[list[int]]) -> npt.NDArray[np.float32]:
    model.to(loop.device()).eval()
    order = sorted(range(len(ids)), key=lambda index: len(ids[index]))
    parts = []
    with torch.inference_mode():
        for first in track(range(0, len(order), 64), "embedding", transient=True):
            parts.append(_embed(model, [ids[i] for i in order[first : first + 64]]).cpu().numpy())
    result = np.empty((len(ids), parts[0].shape[1]), np.float32)
    result[order] = np.concatenate(parts)
    return result


def _contrastive_stage(model: Network, ids: list[list[int]], targets: Targets) -> None:
    """Pull sentences of one class together and push others apart (Tunstall et al. 2022).

    Cosine similarities of pairs, half of one class and half of two, are regressed on 1 and 0.
    """
    chance = random.Random(0)
    by_class = [np.flatnonzero(targets == label).tolist() for label in range(len(STANCES))]
    by_class = [members for members in by_class if members]
    model.to(loop.device()).train()
    optimizer = torch.optim.AdamW(model.encoder.parameters(), lr=2e-5)
    for _ in track(range(CONTRASTIVE_STEPS), "contrastive stage", transient=True):
        left, right, wanted = [], [], []
        for number in range(CONTRASTIVE_PAIRS):
            same = number % 2 == 0
            first = chance.choice(by_class)
            second = first if same else chance.choice([c for c in by_class if c is not first])
            left.append(ids[chance.choice(first)])
            right.append(ids[chance.choice(second)])
            wanted.append(float(same))
        similar = (_embed(model, left) * _embed(model, right)).sum(1)
        loss = torch.nn.functional.mse_loss(similar, torch.tensor(wanted, device=similar.device))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
