"""What is told of versions and labels, as a scrape would find it."""

import math
from typing import Any

import pytest
from prometheus_client import REGISTRY

from claimstance import Predictor
from claimstance.bundle import Manifest
from claimstance.errors import ClaimstanceError
from claimstance.labels import Sentiment, Stance
from serving import metrics


def value(name: str, **labels: str) -> float:
    found = REGISTRY.get_sample_value(name, labels)
    return math.nan if found is None else found


def version(released: Predictor, name: str, figures: dict[str, Any]) -> Manifest:
    return released.model.model_copy(update={"version": name, "metrics": figures})


def test_the_corpus_is_told_and_forgotten_with_its_version(released: Predictor) -> None:
    head = {"sentences": 10, "per_class": {x: {"support": 5 - i} for i, x in enumerate(Stance)}}
    rich = version(released, "rich", {"dev": {"stance": head, "mean_tokens": 17.5}})
    poor = version(released, "poor", {})
    metrics.production(poor, released.model)
    metrics.production(rich, poor)
    assert value("claimstance_production_info", version="rich") == 1
    assert value("claimstance_reference_tokens") == 17.5
    assert value("claimstance_reference_share", head="stance", label="firm") == 0.5
    assert math.isnan(value("claimstance_reference_share", head="sentiment", label="neutral"))
    metrics.production(poor, rich)
    assert value("claimstance_production_info", version="rich") == 0
    assert value("claimstance_production_info", version="poor") == 1
    assert math.isnan(value("claimstance_reference_tokens"))
    assert math.isnan(value("claimstance_reference_share", head="stance", label="firm"))


@pytest.mark.parametrize(
    "figures", [{"dev": {}}, {"dev": {"stance": {}}}, {"dev": {"mean_tokens": None}}, {"dev": None}]
)
def test_figures_of_another_shape_are_left_out(
    released: Predictor, figures: dict[str, Any]
) -> None:
    metrics.production(version(released, "odd", figures))
    assert value("claimstance_production_info", version="odd") == 1


@pytest.mark.parametrize("error", ClaimstanceError.__subclasses__())
def test_the_first_refusal_of_any_kind_is_an_increase(error: type[ClaimstanceError]) -> None:
    assert value("claimstance_refused_total", code=error.code) >= 0


def test_labels_and_disagreements_are_counted_by_head(released: Predictor) -> None:
    def counts() -> list[float]:
        return [
            sum(value("claimstance_labels_total", head="stance", label=x) for x in Stance),
            sum(value("claimstance_labels_total", head="sentiment", label=x) for x in Sentiment),
            value("claimstance_sentences_total"),
            value("claimstance_tokens_total"),
            value("claimstance_truncated_total"),
            value("claimstance_shadow_sentences_total"),
            value("claimstance_shadow_disagreements_total", head="stance"),
        ]

    given = released.predict(["The reef is ours.", "It rained. " * 200])
    before = counts()
    metrics.labelled(given)
    metrics.disagreements(given, given)
    told = [after - earlier for after, earlier in zip(counts(), before, strict=True)]
    assert told == [2, 2, 2, sum(p.tokens for p in given), 1, 2, 0]
