"""A version trained again from what its manifest tells, to see whether it comes out the same."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claimstance import Predictor, bundle, registry
from claimstance.bundle import Manifest
from claimstance.errors import InvalidInput
from training import corpus, evaluate, fit, records, settings
from training.corpus import Corpus

PARTS = {
    "written": "the sentences written for the project (data/authored)",
    "references": "the public sentences (data/references, joined by `python -m training assemble`)",
    "teacher": "what a larger version says of sentences (data/teacher.parquet)",
    "given": "the labels given with --data",
}


@dataclass(frozen=True)
class Reproduction:
    """What came of training a version again.

    `conditions` maps what the weights depend on to what it was then and is now. `distance` tells
    how far predictions on dev differ, as `evaluate.distance` does; None where the weights are the
    same.
    """

    tag: str
    conditions: dict[str, tuple[str, str]]
    distance: dict[str, Any] | None

    def text(self) -> str:
        """Return it in a few lines."""
        lines = [_told(name, *values) for name, values in self.conditions.items()]
        if self.distance is None:
            return "\n".join([*lines, f"{self.tag} is reproduced: the weights are the same."])
        lines.append(f"{self.tag} is not reproduced: the weights differ. On dev:")
        for head, found in self.distance.items():
            labels, most = found["labels_changed"], found["largest_probability_change"]
            lines.append(
                f"  {head}: {labels:.2%} of labels differ, a probability by at most {most:.3f}, "
                f"macro-F1 by {found['macro_f1_change']:+.4f}"
            )
        return "\n".join(lines)


def _told(name: str, then: str, now: str) -> str:
    if then != now:
        return f"  OTHER  {name}: {then}, now {now}"
    if now.endswith(fit.DIRTY):
        return f"  ?      {name}: {now}; what had changed since that commit is not recorded"
    return f"  same   {name}: {now}"


def reproduce(
    version: str, files: Sequence[Path], renamed: Mapping[str, str] | None = None
) -> Reproduction:
    """Train a version again and compare; nothing is registered.

    Args:
        version: its name in the registry.
        files: the labels it was given; its manifest tells their names.
        renamed: the labels of this project by those in the files.

    Raises:
        InvalidInput: the data are not those it was trained on; the part that differs is named.
        ModelNotFound: it, or what it started from, is not there.
    """
    folder = registry.find(version)
    manifest = bundle.read_manifest(folder)
    recorded = {"teacher": 0, "small_rate": 1} | manifest.settings  # early versions had neither
    seed = int(recorded.pop("seed"))
    recipe = settings.completed(recorded, f"{manifest.tag} settings")
    loaded = corpus.load(files, _with_project(manifest), renamed)
    loaded = loaded.rehearsing(recipe.replay, seed)
    _refuse_other_data(manifest, loaded, bool(recipe.teacher))
    start = manifest.parent or "base"
    with tempfile.TemporaryDirectory(prefix="claimstance-reproduce-") as scratch:
        again = Path(scratch)
        made = fit.make(fit.Run(loaded, recipe, start, seed, manifest.version), again)
        distance = None
        if made.files[bundle.WEIGHTS] != manifest.files[bundle.WEIGHTS]:
            distance = _distance(loaded, folder, again)
    return Reproduction(manifest.tag, _conditions(manifest, made), distance)


def _with_project(manifest: Manifest) -> bool:
    """Tell whether the project's corpus took part; early manifests name no parts, but its tests."""
    return "written" in (manifest.corpus.parts or manifest.corpus.tests)


def _refuse_other_data(manifest: Manifest, loaded: Corpus, taught: bool) -> None:
    """Refuse to train on other data than the manifest's, naming the parts that differ."""
    note = manifest.corpus
    parts = [name for name in PARTS if taught or name != "teacher"]
    other = [
        name for name in parts if note.parts.get(name) != loaded.parts.get(name) and note.parts
    ]
    same = records.fingerprint(loaded.records) == note.fingerprint
    if same and not (taught and "teacher" in other):
        return
    told = ", ".join(PARTS[name] for name in other)
    if "given" in other and note.files:
        told += f" (it had {', '.join(note.files)})"
    if not note.parts:
        told = "its manifest is too old to tell which part"
    elif not other:
        told = "every part is the same, but not how they are split and which copies are left out"
    raise InvalidInput(
        f"the data are not those it was trained on: {told}; then {_counts(note.sentences)}, now "
        f"{_counts(loaded.sentences)}",
        manifest.tag,
    )


def _counts(sentences: dict[str, int]) -> str:
    return ", ".join(f"{sentences[split]} {split}" for split in ("train", "dev", "test"))


def _conditions(then: Manifest, now: Manifest) -> dict[str, tuple[str, str]]:
    """Return what the weights depend on, then and now; the data are the same by now."""
    fingerprint = now.corpus.fingerprint[:16]
    encoders = [f"{m.base.name} {m.base.sha256[:16]}" for m in (then, now)]
    conditions = {
        "data": (fingerprint, fingerprint),
        "code": (then.git_commit or "unknown", now.git_commit or "unknown"),
        "encoder": (encoders[0], encoders[1]),
    }
    for name, value in now.made_with.items():
        conditions[name] = (then.made_with.get(name, "unknown"), value)
    return conditions


def _distance(loaded: Corpus, first: Path, second: Path) -> dict[str, Any]:
    dev = loaded.part("dev")
    texts = [record.text for record in dev]
    old, new = (Predictor(folder).predict(texts) for folder in (first, second))
    return evaluate.distance(dev, new, {h: evaluate.scores_of(old, h) for h in evaluate.HEADS})
