"""The methods a version is measured against learn what can be learnt."""

from pathlib import Path

from training import baselines, corpus, settings


def test_baselines_learn_more_than_the_majority(labelled: Path, tiny_recipe: Path) -> None:
    loaded = corpus.load([labelled], with_project=False)
    results = baselines.compare(
        loaded.part("train"), loaded.part("dev"), settings.load(tiny_recipe)
    )
    majority = results.pop("majority")
    assert 0.1 < majority < 0.2
    assert len(results) == 3
    assert all(macro_f1 > 2 * majority for macro_f1 in results.values())
