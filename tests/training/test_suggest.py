"""What to label next: what is chosen, what never is, and that only checked guesses come back."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from claimstance.errors import DocumentUnreadable, InvalidInput
from claimstance.scoring import score
from claimstance.scoring.unit import How
from claimstance.text import digest
from tests.conftest import ROOT
from training import corpus, settings, splits
from training.imports import labelled
from training.suggest import choice, folder, suggest, tools
from training.suggest.suggestion import Suggestion, Why

pytestmark = pytest.mark.usefixtures("in_process")

OURS = 'The reef is "ours" & will\u2028stay so.'
TALKS = "Both sides agreed to talk about the reef."


class Silent:
    """A watcher of scoring that says nothing."""

    def looking(self, size: int, total: int) -> None:
        """Pass over the planning."""

    def planned(self, units: int, documents: int, size: int) -> None:
        """Pass over the plan."""

    def scored(self, result: Any, before: bool) -> None:
        """Pass over a unit."""


def suggestion(text: str, stance: str, why: Why = Why.UNCERTAIN) -> Suggestion:
    return Suggestion(
        id=digest(text)[:16],
        text=text,
        why=why,
        stance=stance,
        stance_score=0.6,
        sentiment="neutral",
        sentiment_score=0.9,
        model="claimstance:1.1.0",
        document="speech 7",
        source="speeches.zip/7.txt",
        row=None,
        sentence=1,
        start=0,
        end=len(text),
    )


SUGGESTIONS = [suggestion(OURS, "firm"), suggestion(TALKS, "conciliatory", Why.RANDOM)]

# What each tool's export holds once an annotator has accepted, or has not looked.

Export = Callable[[str, bool], str]


def from_label_studio(imported: str, accepted: bool) -> str:
    tasks = json.loads(imported)
    for number, task in enumerate(tasks, 1):
        (prediction,) = task["predictions"]
        results = [
            {**{k: v for k, v in item.items() if k != "score"}, "origin": "prediction"}
            for item in prediction["result"]
        ]
        annotation = {"completed_by": 3, "result": results, "was_cancelled": False}
        task |= {"id": number, "annotations": [annotation] if accepted else [], "drafts": []}
    return json.dumps(tasks)


def from_doccano(imported: str, accepted: bool) -> str:
    rows = []
    for number, line in enumerate(imported.split("\n")[:-1], 1):
        row = json.loads(line)
        label = row.pop("label")
        if accepted:
            label.remove("unchecked")
        # Columns other than the text and the labels are kept, and stand over doccano's own.
        text = row.pop("text")
        rows.append({"id": number, "text": text, **row, "label": sorted(label), "Comments": []})
    return "".join(json.dumps(row) + "\n" for row in rows)


def from_prodigy(imported: str, accepted: bool) -> str:
    own = {"_input_hash": 1, "_task_hash": 2, "_view_id": "choice", "_session_id": "news-anna"}
    answer = "accept" if accepted else "ignore"
    rows = [json.loads(line) for line in imported.split("\n")[:-1]]
    return "".join(json.dumps({**row, **own, "answer": answer}) + "\n" for row in rows)


def from_argilla(imported: str, accepted: bool) -> str:
    records = json.loads(imported)
    for record in records:
        record["_server_id"] = "5c6f"
        if accepted:
            record["responses"] = {
                question: [{"value": given["value"], "user_id": "u-1"}]
                for question, given in record["suggestions"].items()
            }
    return json.dumps(records)


EXPORTS: dict[str, Export] = {
    "label_studio.json": from_label_studio,
    "doccano.jsonl": from_doccano,
    "prodigy.jsonl": from_prodigy,
    "argilla.json": from_argilla,
}


@pytest.mark.parametrize("name", EXPORTS)
def test_accepted_guesses_come_back_whole(tmp_path: Path, name: str) -> None:
    path = tmp_path / "export"
    path.write_text(EXPORTS[name](tools.FILES[name](SUGGESTIONS), True), encoding="utf-8")
    found = labelled.load([path])
    assert not found.dropped
    assert [(r.id, r.text, r.group, r.slices["why"]) for r in found.records] == [
        (s.id, s.text, "speech 7", s.why) for s in SUGGESTIONS
    ]
    assert [(r.stance, r.sentiment) for r in found.records] == [
        ("firm", "neutral"),
        ("conciliatory", "neutral"),
    ]


@pytest.mark.parametrize("name", EXPORTS)
def test_guesses_that_nobody_accepted_are_no_labels(tmp_path: Path, name: str) -> None:
    imported = tools.FILES[name](SUGGESTIONS)
    path = tmp_path / "export"
    path.write_text(EXPORTS[name](imported, False), encoding="utf-8")
    found = labelled.read([path])
    assert not found.rows
    assert sum(found.dropped.values()) == 2


@pytest.mark.parametrize("name", [*EXPORTS, "suggestions.csv"])
def test_files_of_guesses_are_no_labels_themselves(tmp_path: Path, name: str) -> None:
    folder.write(suggest.Chosen(SUGGESTIONS, []), tmp_path)
    with pytest.raises(InvalidInput):
        labelled.load([tmp_path / name])


def test_the_labelling_interface_asks_for_what_is_guessed() -> None:
    view = ElementTree.fromstring(tools.label_studio_view(SUGGESTIONS))
    asked = {
        item.attrib["name"]: [choice.attrib["value"] for choice in item]
        for item in view.iter("Choices")
    }
    tasks = json.loads(tools.label_studio(SUGGESTIONS))
    for result in tasks[0]["predictions"][0]["result"]:
        assert result["value"]["choices"][0] in asked[result["from_name"]]


def test_worth_is_uncertainty_and_disagreement_together() -> None:
    sure, unsure = [1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]
    model = np.array([sure, unsure, sure, [0.5, 0.5, 0.0]])
    other = np.array([sure, unsure, [0.0, 1.0, 0.0], [0.5, 0.5, 0.0]])
    found = choice.worth(model, other)
    assert found[:2] == pytest.approx([0, 1])
    # Two that are sure of different labels leave as much open as two that waver between them.
    assert found[2] == pytest.approx(found[3]) == pytest.approx(np.log(2) / np.log(3))


def test_the_choice_is_spread_over_topics() -> None:
    chance = np.random.default_rng(0)
    centres = np.eye(4, dtype=np.float32)
    vectors = np.repeat(centres, 10, axis=0) + chance.normal(0, 0.01, (40, 4)).astype(np.float32)
    worths = np.linspace(1, 0, 40)
    chosen = choice.spread(vectors, worths, 4, seed=0)
    assert chosen == [0, 10, 20, 30]
    assert choice.spread(vectors[:3], worths[:3], 5, seed=0) == [0, 1, 2]


@pytest.fixture
def small_corpus(
    labelled: Path, tiny_recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A project with the small labelled file alone, and the tiny encoder for its vectors."""
    (tmp_path / "authored").mkdir()
    (tmp_path / "authored" / "all.jsonl").write_bytes(labelled.read_bytes())
    monkeypatch.setattr(corpus, "AUTHORED", tmp_path / "authored")
    monkeypatch.setattr(corpus, "REFERENCES", tmp_path / "references")
    monkeypatch.setattr(corpus, "ASSEMBLED", tmp_path / "assembled")
    recipe = settings.load(tiny_recipe)
    monkeypatch.setattr(settings, "load", lambda: recipe)
    return labelled


@pytest.fixture
def archive(small_corpus: Path, tmp_path: Path) -> Path:
    """A scored archive with, besides news, what must not be suggested.

    A sentence of the corpus, a near duplicate of one, a document with one that is held out,
    sentences twice, and one in another language.
    """
    records = corpus.load([], with_project=True)
    trained, held = records.part("train")[0].text, records.part("test")[0].text
    documents = {
        f"news {number}": " ".join(
            f"On day {number} the council of town {number}{part} met about the {thing}."
            for part, thing in enumerate(("reef", "harbour", "fishing fleet", "old border", "mine"))
        )
        for number in range(8)
    }
    documents |= {
        "train": f"{trained} The envoys of the train document left early.",
        "near": f"Yesterday {trained} The envoys of the near document left late.",
        "held": f"{held} The envoys of the held document never came.",
        "twice": documents["news 0"],
        "foreign": "Le ministre des affaires étrangères a déclaré que les îles appartiennent à "
        "la république depuis plus de deux siècles et que rien ne changera.",
    }
    path = tmp_path / "archive.jsonl"
    path.write_text("".join(json.dumps({"id": k, "text": v}) + "\n" for k, v in documents.items()))
    score.score([str(path)], tmp_path / "scored", Silent())
    return tmp_path / "scored"


def chosen_from(archive: Path, wanted: int, seed: int = 0, *files: Path) -> list[Suggestion]:
    return suggest.suggest(archive, files, wanted, seed, lambda _: None).suggestions


def test_what_is_known_or_held_out_or_there_before_is_never_suggested(archive: Path) -> None:
    chosen = chosen_from(archive, 1000)
    texts = [s.text for s in chosen]
    assert len(set(texts)) == len(texts)
    records = corpus.load([], with_project=True).records
    assert not splits.near(texts, [record.text for record in records])
    documents = {s.document for s in chosen}
    assert not documents & {"held", "foreign", "twice"}
    # Of the others' own sentences none is lost for that.
    assert {"train", "near"} <= documents
    assert all(s.text.startswith("The envoys") for s in chosen if s.document in ("train", "near"))


def test_a_tenth_is_random_and_the_rest_is_spread_over_documents(archive: Path) -> None:
    chosen = chosen_from(archive, 20)
    assert len(chosen) == 20
    assert sum(s.why == Why.RANDOM for s in chosen) == 2
    picked = [s.document for s in chosen if s.why != Why.RANDOM]
    assert max(map(picked.count, picked)) <= suggest.PER_DOCUMENT


def test_the_same_seed_chooses_the_same(archive: Path) -> None:
    assert chosen_from(archive, 12) == chosen_from(archive, 12)
    assert chosen_from(archive, 12) != chosen_from(archive, 12, 1)


def test_what_is_labelled_already_is_not_suggested_again(archive: Path, tmp_path: Path) -> None:
    first = chosen_from(archive, 10)
    done = tmp_path / "done.jsonl"
    done.write_text("".join(json.dumps({"text": s.text, "stance": "firm"}) + "\n" for s in first))
    again = chosen_from(archive, 10, 0, done)
    assert not {s.text for s in first} & {s.text for s in again}


def test_labels_of_other_names_are_mapped(archive: Path, tmp_path: Path) -> None:
    done = tmp_path / "done.jsonl"
    done.write_text(
        json.dumps({"text": "We shall not yield the reef.", "stance": "hawkish"}) + "\n"
    )
    with pytest.raises(InvalidInput, match="--map hawkish=firm"):
        chosen_from(archive, 5, 0, done)
    chosen = suggest.suggest(archive, [done], 5, 0, lambda _: None, {"hawkish": "firm"})
    assert len(chosen.suggestions) == 5


def test_an_archive_without_anything_new_is_told(small_corpus: Path, tmp_path: Path) -> None:
    score.score([str(small_corpus)], tmp_path / "scored", Silent(), how=How(split_by="sentence"))
    with pytest.raises(InvalidInput, match="not in the corpus already"):
        chosen_from(tmp_path / "scored", 10)


def test_what_is_not_scored_is_scored_first(small_corpus: Path, tmp_path: Path) -> None:
    found = suggest.scored([str(small_corpus)], tmp_path / "out", Silent())
    assert found == tmp_path / "out" / "scored"
    assert suggest.scored([str(found)], tmp_path / "other", Silent()) == found
    with pytest.raises(DocumentUnreadable):
        suggest.scored([str(tmp_path / "nothing")], tmp_path / "other", Silent())


def test_the_folder_tells_what_was_chosen(tmp_path: Path) -> None:
    chosen = suggest.Chosen(SUGGESTIONS, ["7 sentences."])
    folder.write(replace(chosen, suggestions=SUGGESTIONS[:1]), tmp_path)
    folder.write(chosen, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        *tools.FILES,
        "suggestions.csv",
        "README.md",
    }
    guide = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "7 sentences." in guide
    assert "$" not in guide
    assert TALKS in (tmp_path / "suggestions.csv").read_text(encoding="utf-8")


def test_the_command_says_how_to_use_it() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "training", "suggest", "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert "README.md" in result.stdout
