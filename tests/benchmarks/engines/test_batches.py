"""Every way of cutting keeps each sentence whole, once, within its budget."""

import numpy as np
import pytest

from benchmarks.engines.batches import ANY, CORE, PLANS, Batch, Ids, Plan
from claimstance import predictor

CHANCE = np.random.default_rng(0)
SENTENCES = [
    tuple(CHANCE.integers(1, 999, size).tolist()) for size in CHANCE.integers(3, 150, 400).tolist()
]


def whole(batch: Batch) -> list[Ids]:
    ids, mask = batch
    return [tuple(row[keep == 1].tolist()) for row, keep in zip(ids, mask, strict=True)]


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_each_sentence_is_in_one_batch_within_the_budget(plan: Plan) -> None:
    batches = plan.cut(SENTENCES)
    assert sorted(ids for batch in batches for ids in whole(batch)) == sorted(SENTENCES)
    for ids, mask in batches:
        assert ids.size <= plan.tokens
        assert ids.shape[1] % plan.stride == 0
        assert not ids[mask == 0].any()


def test_a_plan_that_keeps_lengths_apart_pads_less_than_its_stride() -> None:
    for _, mask in Plan(stride=16, short=ANY).cut(SENTENCES):
        assert (mask.shape[1] - mask.sum(1)).max() < 16


def test_the_cores_plan_is_the_cores() -> None:
    class Seen:
        def __init__(self) -> None:
            self.shapes: list[tuple[int, ...]] = []

        def run(
            self, ids: np.ndarray[tuple[int, int]], mask: np.ndarray[tuple[int, int]]
        ) -> tuple[np.ndarray[tuple[int, int]], np.ndarray[tuple[int, int]]]:
            assert mask.shape == ids.shape
            self.shapes.append(ids.shape)
            return np.zeros((len(ids), 3)), np.zeros((len(ids), 3))

    engine = Seen()
    ordered = sorted(SENTENCES, key=lambda ids: (len(ids), ids))
    predictor.run_batches(engine, ordered)  # type: ignore[arg-type]
    assert [ids.shape for ids, _ in CORE.cut(SENTENCES)] == engine.shapes
