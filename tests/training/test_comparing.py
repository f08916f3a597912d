"""Versions are compared on sentences that all of them were kept from, and it is told on which."""

from dataclasses import replace

import pytest

from claimstance import Predictor, bundle
from claimstance.bundle import Manifest
from claimstance.errors import InvalidInput
from claimstance.labels import Stance
from training import comparing, records
from training.corpus import Corpus
from training.records import Record

WRITTEN = [Record(f"Sentence {n} was written.", Stance.NEUTRAL, None, "", "") for n in range(3)]
PUBLIC = [Record(f"Speech {n} was held.", Stance.FIRM, None, "", "") for n in range(2)]
RELABELLED = [replace(record, stance=Stance.CONCILIATORY) for record in PUBLIC]
OTHER = [replace(record, text=f"{record.text} Twice.") for record in PUBLIC]


def corpus(public: list[Record]) -> Corpus:
    tests = {"written": WRITTEN}
    return Corpus([], 0, 0, tests | {"whole": WRITTEN + public} if public else tests)


def version(name: str, public: list[Record], with_texts: bool = True) -> Manifest:
    """Return the manifest of a version that was kept from the written sentences and `public`."""
    kept = corpus(public).tests
    note = bundle.Corpus(
        fingerprint="",
        sentences={},
        tests={name: records.fingerprint(part) for name, part in kept.items()},
        texts={n: records.text_fingerprint(part) for n, part in kept.items() if with_texts},
    )
    released = bundle.read_manifest(bundle.released())
    return released.model_copy(update={"version": name, "corpus": note, "screen": None})


def test_the_same_sentences_are_the_whole_set() -> None:
    versions = version("old", PUBLIC, with_texts=False), version("new", PUBLIC)
    found = comparing.locked(corpus(PUBLIC), *versions)
    assert found.rows == WRITTEN + PUBLIC
    assert found.notes == ("compared on the whole test set, 5 sentences",)


def test_another_label_does_not_shrink_the_set() -> None:
    versions = version("old", PUBLIC), version("new", RELABELLED)
    found = comparing.locked(corpus(RELABELLED), *versions)
    assert found.rows == WRITTEN + RELABELLED
    assert "have changed since claimstance:old was made" in found.notes[1]


@pytest.mark.parametrize(
    "old", [version("old", PUBLIC, with_texts=False), version("old", OTHER), version("old", [])]
)
def test_a_smaller_set_is_told_with_its_size_and_the_reason(old: Manifest) -> None:
    found = comparing.locked(corpus(RELABELLED), old, version("new", RELABELLED))
    assert found.rows == WRITTEN
    assert len(found.notes) == 1
    assert found.notes[0].startswith(
        "compared on the 3 written test sentences only, because nothing shows that claimstance:old"
    )


def test_without_the_public_sentences_the_reason_is_another() -> None:
    found = comparing.locked(corpus([]), version("old", PUBLIC))
    assert found.name == "written"
    assert "`python -m training assemble`" in found.notes[0]


def test_a_lost_first_stage_is_told() -> None:
    old, new = version("old", []), version("new", [])
    bound = bundle.Bound(observed=0, of=600, at_most=0.005)
    certificate = bundle.Certificate(
        stance_at_most=0.1,
        sentiment_from=0.9,
        sentences={},
        answered=0.5,
        missed=bound,
        stance_changed=bound,
        sentiment_changed=bound,
        stance_errors={},
    )
    both, stance = (
        bundle.Screen(learnt_from=1, both=found, stance=certificate)
        for found in (certificate, None)
    )
    screened = old.model_copy(update={"screen": both})
    new = new.model_copy(update={"metrics": {"no_screen": "too few sentences"}})
    quick = old.model_copy(
        update={
            "int8": bundle.Quantised(
                calibrated_on=1,
                measured_on=1,
                stance_changed=0,
                sentiment_changed=0,
                largest_probability_change=0,
                macro_f1_change=None,
            )
        }
    )
    why = {"no_int8": "it would change 2.0% of labels"}
    slow = new.model_copy(update={"metrics": why, "int8": None})
    assert comparing.int8_graphs(quick, quick) == comparing.int8_graphs(slow, slow) == []
    (note,) = comparing.int8_graphs(slow, quick)
    assert note.endswith("claimstance:new has none: it would change 2.0% of labels")
    assert comparing.first_stages(new, old) == []
    assert comparing.first_stages(screened, screened) == []
    notes = comparing.first_stages(new, screened)
    assert len(notes) == 2
    assert "claimstance:old has a first stage that speeds up `claimstance score`, and" in notes[0]
    assert notes[0].endswith("claimstance:new has none: too few sentences")
    half = version("half", []).model_copy(update={"screen": stance})
    assert comparing.first_stages(half, screened) == [
        "claimstance:old has a first stage that speeds up `claimstance score`, and "
        "claimstance:half has none: it could not be certified for that"
    ]


def test_no_set_in_common_is_refused() -> None:
    stranger = version("old", PUBLIC).model_copy(
        update={"corpus": bundle.Corpus(fingerprint="", sentences={})}
    )
    with pytest.raises(InvalidInput, match="were not all kept"):
        comparing.locked(corpus(PUBLIC), stranger)


def test_a_label_that_a_set_lacks_lowers_nobody(released: Predictor) -> None:
    texts = ["The reef is ours and will stay so.", "It rained on the islands for three days."]
    rows = [
        Record(text, prediction.stance, None, "", "")
        for text, prediction in zip(texts, released.predict(texts), strict=True)
    ]
    assert len({row.stance for row in rows}) == 2
    folder = bundle.released()
    stance = comparing.compare(folder, folder, {"new": rows}, [])["sets"]["new"]["stance"]
    assert stance["macro_f1"] == [1.0, 1.0]
    assert (stance["difference"], stance["interval"]) == (0.0, [0.0, 0.0])
