"""Splitting: no group and no near duplicate on both sides."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from claimstance.labels import Stance
from training.records import Record
from training.splits import assign, near_duplicates


def record(text: str, group: str, split: str | None = None) -> Record:
    return Record(text, Stance.FIRM, None, text, group, split)


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 40)), max_size=200))
def test_a_group_lies_in_one_split(pairs: list[tuple[int, int]]) -> None:
    rows = [record(f"Sentence {n} speaks of place {n * 13}.", f"group {g}") for n, g in pairs]
    splits = defaultdict(set)
    for row in assign(rows):
        splits[row.group].add(row.split)
        splits[row.text].add(row.split)
    assert all(len(found) == 1 for found in splits.values())


def test_the_shares_are_about_a_tenth() -> None:
    rows = assign([record(f"Unlike any other {n}", f"g{n}") for n in range(3000)])
    counts = {split: sum(r.split == split for r in rows) for split in ("train", "dev", "test")}
    assert sum(counts.values()) == 3000
    assert 240 < counts["dev"] < 360
    assert 240 < counts["test"] < 360


def test_a_group_keeps_its_place_when_data_are_added() -> None:
    old = [record(f"Unlike any other {n}", f"g{n}") for n in range(50)]
    before = {r.group: r.split for r in assign(old)}
    after = {r.group: r.split for r in assign([*old, record("New one here.", "new")])}
    assert before == {group: after[group] for group in before}


def test_near_duplicates_are_found() -> None:
    texts = [
        "The minister said on Monday that the islands belong to the republic for ever.",
        "The minister said on Tuesday that the islands belong to the republic for ever.",
        "The minister said on Monday that the budget would be put before the house in May.",
        "Yes.",
        "yes",
    ]
    assert near_duplicates(texts) == [(0, 1), (3, 4)]


def test_copies_of_held_out_sentences_leave_training() -> None:
    text = "The delegation of the islands spoke for an hour about the strait."
    alone = [record(text, f"open {n}") for n in range(20)]
    trained = next(r for r in alone if assign([r])[0].split == "train")
    rows = assign([record(text, "a", "test"), record(text, "b", "train"), trained])
    assert [(r.group, r.split) for r in rows] == [("a", "test")]


def test_a_copy_in_dev_and_test_stays_in_test() -> None:
    text = "The delegation of the islands spoke for an hour about the strait."
    rows = assign([record(text, "a", "dev"), record(text, "b", "test")])
    assert [(r.group, r.split) for r in rows] == [("b", "test")]
