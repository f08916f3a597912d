"""What may go into production: nothing that loses what nobody would dispute."""

from pathlib import Path

from claimstance import Predictor, bundle
from training import comparing, corpus, gate, records
from training.gate import Check


def judged(challenger: Path) -> dict[str, Check]:
    golden = records.read(corpus.GOLDEN)
    found = comparing.compare(challenger, bundle.released(), {"test": golden}, golden)
    return {check.name: check for check in gate.judge(found, challenger)}


def test_the_released_version_is_right_on_golden_sentences_but_one_sentiment(
    released: Predictor,
) -> None:
    golden = records.read(corpus.GOLDEN)
    said = released.predict([record.text for record in golden])
    assert [p.stance for p in said] == [record.stance for record in golden]
    other = [r.text for r, p in zip(golden, said, strict=True) if p.sentiment != r.sentiment]
    # 1.3.0 was released over this one (training/LOG.md).
    assert other == ["Our army will defend every inch of Kashmir against any aggressor."]
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
    lost += sum(r.sentiment != p.sentiment for r, p in pairs)
    assert checks["golden sentences right"].found.count(" is now ") == lost
    # What it stored of its own it gives as it must.
    assert checks["served as trained"].passed
