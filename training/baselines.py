"""What a version is measured against: simpler ways to learn the stance, on the same split."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from rich.progress import track
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from claimstance.labels import STANCES
from claimstance.text import normalize
from training import embedding, loop, metrics, network
from training.metrics import Targets
from training.network import Network
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
    start = network.pretrained(settings.base, settings.dropout)
    ids, held_ids = (
        embedding.encode(start, part, settings.max_tokens) for part in (texts, held_texts)
    )
    results = {
        "majority": DummyClassifier().fit(texts, targets).predict(held_texts),
        "TF-IDF and logistic regression": bag_of_words().fit(texts, targets).predict(held_texts),
        "frozen embeddings and logistic regression": _probe(start.network, ids, targets, held_ids),
    }
    _contrastive_stage(start.network, ids, targets)
    results["contrastive stage and logistic regression (as SetFit)"] = _probe(
        start.network, ids, targets, held_ids
    )
    return {name: metrics.macro_f1(truth, predicted) for name, predicted in results.items()}


def bag_of_words() -> Any:
    """Return a model to fit on texts: word pairs, sublinear counts, balanced classes."""
    return make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True), _regression()
    )


def _targets(records: Sequence[Record]) -> Targets:
    return np.array([STANCES.index(r.stance) for r in records if r.stance], np.int64)


def _regression() -> Any:
    return LogisticRegression(C=5, class_weight="balanced", max_iter=2000)


def _probe(
    model: Network, ids: list[list[int]], targets: Targets, held: list[list[int]]
) -> Targets:
    """Return the predictions of a logistic regression on the model's sentence embeddings."""
    classifier = _regression().fit(embedding.embeddings(model, ids), targets)
    return np.asarray(classifier.predict(embedding.embeddings(model, held)))


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
        similar = (embedding.embed(model, left) * embedding.embed(model, right)).sum(1)
        loss = torch.nn.functional.mse_loss(similar, torch.tensor(wanted, device=similar.device))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
