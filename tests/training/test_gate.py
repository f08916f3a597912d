"""What may go into production: nothing that loses what nobody would dispute."""

from pathlib import Path

from claimstance import Predictor, bundle
from training import comparing, corpus, gate, records
from training.gate import Check


def judged(challenger: Path) -> dict[str, Check]:
    golden = records.read(corpus.GOLDEN)
    found = comparing.compare(challenger, bundle.released(), {"test": golden}, golden)
    return {check.name: check for check in gate.judge(found, challenger)}


def test_the_released_version_is_right_on_golden_sentences(released: Predictor) -> None:
    golden = records.read(corpus.GOLDEN)
    said = released.predict([record.text for record in golden])
    for record, prediction in zip(golden, said, strict=True):
        assert prediction.stance == record.stance, record.text
        # Where readers were not all sure of the sentiment, none is asked for.
        assert record.sentiment in (prediction.sentiment, None), record.text
    assert judged(bundle.released())["golden sentences right"].passed


def test_a_version_that_loses_a_golden_sentence_is_kept_out_and_each_is_named(
    tiny_version: Path,
) -> None:
    checks = judged(tiny_version)
    assert not checks["golden sentences right"].passed
    golden = records.read(corpus.GOLDEN)
    said = Predictor(tiny_version).predict([record.text for record in golden])
    pairs = list(zip(golden, said, strict=True))
    lost = sum(r.stance != p.stance for r, p in pairs)
    lost += sum(r.sentiment not in (p.sentiment, None) for r, p in pairs)
    assert checks["golden sentences right"].found.count(" is now ") == lost
    # What it stored of its own it gives as it must.
    assert checks["served as trained"].passed
