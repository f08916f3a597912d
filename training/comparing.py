"""Two model versions on the same sentences: which is better, by how much, and how sure that is."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest
from sklearn.metrics import f1_score

from claimstance import Prediction, Predictor, bundle
from claimstance.bundle import Manifest
from claimstance.errors import InvalidInput
from claimstance.predictor import graph_of
from training import evaluate, metrics, records
from training.corpus import Corpus
from training.evaluate import HEADS, SMALLEST_SLICE
from training.metrics import Targets
from training.records import Record

MOST_FLIPS = 200
"""Sentences listed whose label changed."""


@dataclass(frozen=True)
class Locked:
    """The project's test sentences that some versions were kept from.

    `name` is `whole`, or `written` for those written for the project alone. `notes` say in plain
    words which these are, why not all, and whose labels have changed since.
    """

    name: str
    rows: list[Record]
    notes: tuple[str, ...]


def locked(corpus: Corpus, *versions: Manifest) -> Locked:
    """Return the most of the project's test sentences that all of `versions` were kept from.

    A version was kept from a set if it was made with the same sentences in it. Their labels may
    have changed since: all versions are judged by today's.

    Raises:
        InvalidInput: a version names no such set, or other sentences than are here now.
    """
    whole, written = (corpus.tests.get(name, []) for name in ("whole", "written"))
    strangers = [version for version in versions if not kept(version.corpus, "whole", whole)]
    if whole and not strangers:
        told = f"compared on the whole test set, {len(whole):,} sentences"
        return Locked("whole", whole, (told, *_relabelled("whole", whole, versions)))
    if written and all(kept(version.corpus, "written", written) for version in versions):
        told = f"compared on the {len(written):,} written test sentences only, because "
        told += _why(strangers, whole)
        return Locked("written", written, (told, *_relabelled("written", written, versions)))
    raise InvalidInput(
        "were not all kept from the test sentences that are here now, so comparing on them would "
        "prove nothing; train on this corpus",
        ", ".join(version.tag for version in versions),
    )


def kept(note: bundle.Corpus, name: str, part: Sequence[Record]) -> bool:
    """Tell whether what a version notes of its corpus names these sentences as that test set."""
    if name in note.texts:
        return note.texts[name] == records.text_fingerprint(part)
    # Earlier manifests have none of the sentences alone.
    return note.tests.get(name) == records.fingerprint(part)


def _why(strangers: Sequence[Manifest], whole: Sequence[Record]) -> str:
    """Say what keeps the whole test set from being used."""
    if not whole:
        return "not all public sentences are at hand (`python -m training assemble` brings them in)"
    tags = " and ".join(version.tag for version in strangers)
    return (
        f"nothing shows that {tags} was kept from the public ones that are here now: the manifest "
        "names no such set, another one, or these under other labels"
    )


def _relabelled(name: str, part: Sequence[Record], versions: Sequence[Manifest]) -> list[str]:
    now = records.fingerprint(part)
    tags = [version.tag for version in versions if version.corpus.tests.get(name) != now]
    if not tags:
        return []
    return [
        f"labels of these sentences have changed since {' and '.join(tags)} was made; every "
        "version is judged by today's"
    ]


def compare(
    challenger: Path,
    champion: Path,
    sets: dict[str, Sequence[Record]],
    golden: Sequence[Record],
) -> dict[str, Any]:
    """Return how two versions do on labelled sentences, as plain values for JSON.

    Args:
        challenger: the folder of the version that is to replace the other.
        champion: the folder of the version in production.
        sets: the sentences by what they are called, such as `test`.
        golden: sentences whose labels nobody would dispute.

    Returns:
        `challenger` and `champion` (tags), `size` (bytes that predicting reads) and `speed`
        (sentences a second on the first set) of both in that order, `sets`: per set `sentences`
        and the figures of `_head` per head, and `golden`: the `sentences` there are, and those
        `lost`, on which the champion alone is right.
    """
    folders = (challenger, champion)
    predictors = [Predictor(folder) for folder in folders]
    result: dict[str, Any] = {
        "challenger": predictors[0].model.tag,
        "champion": predictors[1].model.tag,
        "size": [_size(folder) for folder in folders],
        "sets": {},
    }
    for name, rows in sets.items():
        texts = [record.text for record in rows]
        both, speeds = [], []
        for predictor in predictors:
            start = time.perf_counter()
            told = f"asking {predictor.model.tag}"
            both.append(evaluate.predict(predictor, texts, told))
            speeds.append(len(texts) / (time.perf_counter() - start))
        result.setdefault("speed", speeds)
        result["sets"][name] = _set(rows, *both)
    new, old = (predictor.predict([record.text for record in golden]) for predictor in predictors)
    flips = [flip for head in HEADS for flip in _flips(golden, new, old, head)]
    lost = [flip for flip in flips if flip["champion"] == flip["label"]]
    result["golden"] = {"sentences": len(golden), "lost": lost}
    return result


def int8_graphs(challenger: Manifest, champion: Manifest) -> list[str]:
    """Return a note where promoting would lose the int8 graph, with the reason."""
    if challenger.int8 or not champion.int8:
        return []
    why = challenger.metrics.get("no_int8", "it was not earned")
    return [
        f"{champion.tag} has an int8 graph, which is faster where the processor has VNNI, and "
        f"{challenger.tag} has none: {why}"
    ]


def first_stages(challenger: Manifest, champion: Manifest) -> list[str]:
    """Return a note for each use of the first stage that promoting would lose, with the reason."""
    why = challenger.metrics.get("no_screen", "it could not be certified for that")
    uses = {"both": "`claimstance score`", "stance": "`claimstance score --stance-only`"}
    return [
        f"{champion.tag} has a first stage that speeds up {use}, and {challenger.tag} has none: "
        f"{why}"
        for name, use in uses.items()
        if getattr(champion.screen, name, None) and not getattr(challenger.screen, name, None)
    ]


def _size(folder: Path) -> int:
    """Return the bytes of what predicting on this machine reads."""
    names = (*graph_of(bundle.read_manifest(folder)), bundle.TOKENIZER)
    return sum((folder / name).stat().st_size for name in names)


def _set(
    rows: Sequence[Record], challenger: Sequence[Prediction], champion: Sequence[Prediction]
) -> dict[str, Any]:
    found: dict[str, Any] = {"sentences": len(rows)}
    for head in HEADS:
        targets = evaluate.targets_of(rows, head)
        known = targets >= 0
        if known.any():
            new, old = (evaluate.scores_of(part, head)[known] for part in (challenger, champion))
            flips = _flips(rows, challenger, champion, head)
            found[head] = {
                **_head(targets[known], new, old, list(map(str, HEADS[head]))),
                "slices": _slices(rows, challenger, champion, head),
                "flipped": len(flips),
                "flips": flips[:MOST_FLIPS],
            }
    return found


def _flips(
    rows: Sequence[Record],
    challenger: Sequence[Prediction],
    champion: Sequence[Prediction],
    head: str,
) -> list[dict[str, Any]]:
    """Return the sentences whose label of one head changed, with what both say and what is true."""
    flips = []
    for record, *predictions in zip(rows, challenger, champion, strict=True):
        new, old = (str(getattr(prediction, head)) for prediction in predictions)
        if new != old:
            label = getattr(record, head)
            told = {"label": label and str(label), "champion": old, "challenger": new}
            flips.append({"text": record.text, **told})
    return flips


def _head(
    targets: Targets, challenger: metrics.Scores, champion: metrics.Scores, labels: list[str]
) -> dict[str, Any]:
    """Return one head's figures, pairs in the order challenger, champion.

    `macro_f1`, over the labels that occur in truth or either's predictions, and
    `calibration_error` are pairs; `difference` is challenger less champion in
    macro-F1 with `interval`, its 95 % interval over resampled sentences, both versions on the
    same ones (paired bootstrap, Efron and Tibshirani 1993), and `at_least`, the 5 % point;
    `mcnemar` counts sentences that one alone got right, with the exact two-sided p (McNemar
    1947); `per_class` gives each label's F1 as a pair.
    """
    predicted = [scores.argmax(1) for scores in (challenger, champion)]
    occurring, codes = np.unique(np.stack([targets, *predicted]), return_inverse=True)
    size = len(occurring)
    # Resampling rows is drawing how many fall into each cell of truth, new and old label.
    cells = np.bincount(np.ravel_multi_index(tuple(codes), (size,) * 3), minlength=size**3)
    counts = np.random.default_rng(0).multinomial(len(targets), cells / len(targets), metrics.DRAWS)

    def macro_f1(joint: npt.NDArray[np.int64]) -> list[npt.NDArray[np.float64]]:
        cube = joint.reshape(-1, size, size, size)
        return [metrics.macro_f1_of(cube.sum(3)), metrics.macro_f1_of(cube.sum(2))]

    new, old = macro_f1(counts)
    low, least, high = np.quantile(new - old, [0.025, 0.05, 0.975])
    right = [p == targets for p in predicted]
    gained = int((right[0] & ~right[1]).sum())
    lost = int((~right[0] & right[1]).sum())
    f1 = [float(value.item()) for value in macro_f1(cells)]
    every = list(range(len(labels)))
    per_class = [
        f1_score(targets, p, labels=every, average=None, zero_division=0) for p in predicted
    ]
    return {
        "macro_f1": f1,
        "difference": f1[0] - f1[1],
        "interval": [float(low), float(high)],
        "at_least": float(least),
        "mcnemar": {
            "gained": gained,
            "lost": lost,
            "p": float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0,
        },
        "calibration_error": [
            metrics.calibration_error(scores, targets) for scores in (challenger, champion)
        ],
        "per_class": {
            label: [float(side[index]) for side in per_class] for index, label in enumerate(labels)
        },
    }


def _slices(
    rows: Sequence[Record],
    challenger: Sequence[Prediction],
    champion: Sequence[Prediction],
    head: str,
) -> dict[str, Any]:
    """Return by column and value the sentences and the share of labels right, as pairs."""
    places: dict[str, dict[str, list[int]]] = {}
    for index, record in enumerate(rows):
        if getattr(record, head):
            for column, value in record.slices.items():
                places.setdefault(column, {}).setdefault(value, []).append(index)
    targets = evaluate.targets_of(rows, head)
    answers = [evaluate.scores_of(side, head).argmax(1) for side in (challenger, champion)]
    right = [answer == targets for answer in answers]
    shown: dict[str, Any] = {}
    for column, values in sorted(places.items()):
        for value, chosen in sorted(values.items()):
            if len(chosen) >= SMALLEST_SLICE:
                shown.setdefault(column, {})[value] = {
                    "sentences": len(chosen),
                    "accuracy": [float(side[chosen].mean()) for side in right],
                }
    return shown
