"""New labels in, a decision out: trained on from production, compared with it, promoted or not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claimstance import bundle, registry
from claimstance.bundle import Manifest
from claimstance.verdicts import Verdict
from training import admit, card, comparing, corpus, fit, gate, records, settings
from training.corpus import Corpus
from training.gate import Check
from training.records import Record

RECIPE = Path(__file__).parent / "retrain.toml"


@dataclass(frozen=True)
class Outcome:
    """What came of it: the new version, its comparison with production, and the checks."""

    manifest: Manifest
    comparison: dict[str, Any]
    checks: list[Check]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)


def retrain(
    files: Sequence[Path],
    version: str | None,
    seed: int,
    step: Callable[[str], None],
    renamed: Mapping[str, str] | None = None,
    recipe: Path | None = None,
    accept_doubtful: bool = False,
    page: Path | None = None,
) -> Outcome:
    """Train on from the version in production and compare; nothing is promoted here.

    A kill at any moment leaves production as it was.

    Args:
        files: the new labels.
        version: the new version's name, its date and time when None.
        seed: everything random follows from it.
        step: told what happens next.
        renamed: the labels of this project by those in the files.
        recipe: a file with another recipe than `RECIPE`.
        accept_doubtful: whether labels that are likely wrong are let through.
        page: where the check's page goes if the labels are refused.

    Raises:
        InvalidInput: the labels cannot be read or must not be trained on, or production was
            kept from other test sentences.
        ModelExists: there is a version of that name.
    """
    step("checking the new labels")
    champion = registry.find()
    doubts = admit.admit(files, renamed, accept_doubtful, page)
    step("reading the corpus")
    loaded = corpus.load(files, True, renamed)
    new = [record for record in loaded.records if record.id in loaded.given]
    comparing.locked(loaded, bundle.read_manifest(champion))
    chosen = settings.load(recipe or RECIPE)
    old = loaded.rehearsing(chosen.replay, seed).sentences["train"]
    old -= sum(record.split == "train" for record in new)
    step(f"training on {len(new)} new sentences and {old} of the corpus")
    manifest = fit.fit(fit.Run(loaded, chosen, str(champion), seed, version, doubts=doubts))
    step(f"comparing {manifest.tag} with {bundle.read_manifest(champion).tag}")
    return compare(manifest.version, loaded)


def compare(version: str, loaded: Corpus, against: str | None = None) -> Outcome:
    """Compare a version with another one; the verdict is kept if that is the one in production.

    Args:
        version: the challenger's name.
        loaded: the corpus, with its test sentences, and the user's held-out ones if any.
        against: the other version's name, the one in production when None.

    Raises:
        InvalidInput: the two were not kept from the same test sentences.
        ModelNotFound: there is no such version.
    """
    challenger, champion = registry.find(version), registry.find(against)
    decisive = champion == registry.find()
    manifests = [bundle.read_manifest(folder) for folder in (challenger, champion)]
    locked = comparing.locked(loaded, *manifests)
    sets: dict[str, Sequence[Record]] = {"test": locked.rows}
    if loaded.held:
        sets["new"] = loaded.held
    comparison = comparing.compare(challenger, champion, sets, records.read(corpus.GOLDEN))
    comparison["notes"] = [
        *locked.notes,
        *([card.let_through(manifests[0])] if manifests[0].corpus.doubts else []),
        *comparing.int8_graphs(*manifests),
        *comparing.first_stages(*manifests),
        *([] if decisive else [f"{manifests[1].tag} is not in production: no verdict is kept"]),
    ]
    checks = gate.judge(comparison, challenger)
    outcome = Outcome(manifests[0], comparison, checks)
    if decisive:
        challenged, before = (manifest.version for manifest in manifests)
        told = [check.to_json() for check in checks]
        registry.note_verdict(
            Verdict(challenged, before, outcome.passed, told, comparison["notes"])
        )
    return outcome
