"""The model card: `README.md` of a version, written from its manifest alone."""

from pathlib import Path
from typing import Any

from claimstance import bundle
from claimstance.bundle import Bound, Head, Manifest


def write(folder: Path, manifest: Manifest) -> None:
    """Write the card of `manifest` into `folder`."""
    (folder / bundle.CARD).write_text(text(manifest), encoding="utf-8")


def text(manifest: Manifest) -> str:
    """Return the card as Markdown."""
    sentences = manifest.corpus.sentences
    lines = [
        f"# {manifest.tag}",
        "",
        "Labels a sentence by its stance on a sovereignty claim "
        f"({', '.join(manifest.stance.labels)}) and by its sentiment "
        f"({', '.join(manifest.sentiment.labels)}). `data/codebook.md` defines the labels.",
        "",
        f"- made: {manifest.created}, code {manifest.git_commit or 'outside a checkout'}",
        f"- encoder: {manifest.base.name} (weights {manifest.base.sha256[:16]}), at most "
        f"{manifest.max_tokens} tokens",
        f"- started from: {manifest.parent or 'the encoder'}",
        f"- {_trained(manifest)}, calibrated on {sentences['dev']}, tested "
        f"on {sentences['test']}; corpus {manifest.corpus.fingerprint[:16]}",
    ]
    if manifest.corpus.doubts:
        lines.append(f"- {let_through(manifest)}")
    if manifest.made_with:
        lines.append("- with: " + ", ".join(f"{k} {v}" for k, v in manifest.made_with.items()))
    if sentences.get("references_lacking"):
        lines.append(
            f"- lacking: {sentences['references_lacking']} labelled sentences whose archive text "
            "was not at hand (`python -m training assemble`)"
        )
    lines += ["", "Settings: " + ", ".join(f"{k} {v}" for k, v in manifest.settings.items()), ""]
    for split in ("test", "dev"):
        for head in ("stance", "sentiment"):
            figures = manifest.metrics.get(split, {}).get(head)
            if figures:
                lines += _head(split, head, figures)
    lines += _baselines(manifest)
    lines += _calibration(manifest)
    lines += _screen(manifest)
    lines += [
        "## Use and limits",
        "",
        "The label is of the sentence alone, not of the article or the speaker. Trained on English "
        "diplomatic, parliamentary and news text; expect less on other registers and none on other "
        "languages. A share of labels over an archive carries the model's errors: publish the "
        "share that `claimstance report` corrects for them, with its interval.",
        "",
    ]
    return "\n".join(lines)


def let_through(manifest: Manifest) -> str:
    """Return what a person let through of the labels given, in words."""
    return f"given labels that a person let through: {'; '.join(manifest.corpus.doubts)}"


def _trained(manifest: Manifest) -> str:
    wanted = (manifest.settings.get(name) for name in ("epochs", "min_steps"))
    if manifest.parent and not any(wanted):
        return f"the weights of {manifest.parent}, not trained further"
    sentences = manifest.corpus.sentences
    told = f"trained on {sentences['train']} sentences"
    if not manifest.settings.get("teacher") or "teacher" not in manifest.corpus.parts:
        return told
    return f"{told} and on what a larger version says of them and of {sentences['taught']} more"


def _head(split: str, head: str, figures: dict[str, Any]) -> list[str]:
    low, high = figures["macro_f1_interval"]
    lines = [
        f"## {head.capitalize()} on {split}: macro-F1 {figures['macro_f1']:.3f} "
        f"({low:.3f} to {high:.3f})",
        "",
        f"{figures['sentences']} sentences, accuracy {figures['accuracy']:.3f}, expected "
        f"calibration error {figures['calibration_error']:.3f}. Confident: "
        f"{figures['confident']['coverage']:.0%} of them, "
        f"{figures['confident']['accuracy'] or 0:.1%} of those right.",
        "",
        "| true \\ predicted | "
        + " | ".join(figures["per_class"])
        + " | precision | recall | F1 |",
        "| --- " * (4 + len(figures["per_class"])) + "|",
    ]
    for (label, row), counts in zip(
        figures["per_class"].items(), figures["confusion"], strict=True
    ):
        cells = [*map(str, counts), *(f"{row[k]:.3f}" for k in ("precision", "recall", "f1"))]
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    surest = ", ".join(
        f"{point['coverage']:.0%}: {point['risk']:.1%}" for point in figures["risk_coverage"][::-1]
    )
    reliable = ", ".join(
        f"{point['score']:.2f}: {point['right']:.2f} ({point['sentences']})"
        for point in figures["reliability"]
    )
    lines += [
        "",
        f"Wrong among the surest, by share answered: {surest}.",
        "",
        f"Reliability, mean score: share right (sentences): {reliable}.",
        "",
    ]
    for column, values in figures.get("slices", {}).items():
        lines += [f"| {column} | sentences | mean F1 | accuracy |", "| --- | --- | --- | --- |"]
        lines += [
            f"| {value} | {row['sentences']} | {row['macro_f1']:.3f} | {row['accuracy']:.3f} |"
            for value, row in values.items()
        ]
        lines.append("")
    return lines


def _baselines(manifest: Manifest) -> list[str]:
    results = manifest.metrics.get("baselines")
    if not results:
        return []
    own = manifest.metrics["test"]["stance"]["macro_f1"]
    rows = sorted([*results.items(), (f"**{manifest.tag}**", own)], key=lambda row: row[1])
    lines = ["## Against simpler methods, same split", "", "| | stance macro-F1 on test |"]
    return [*lines, "| --- | --- |", *(f"| {name} | {value:.3f} |" for name, value in rows), ""]


def _calibration(manifest: Manifest) -> list[str]:
    lines = ["## Calibration", ""]
    for name, head in (("stance", manifest.stance), ("sentiment", manifest.sentiment)):
        lines.append(
            f"- {name}: temperature {head.temperature:.3f}, confident from {_levels(head)}"
        )
    for head_name, row in manifest.metrics.get("served_against_full_precision", {}).items():
        lines.append(
            f"- {head_name}, served graph against full precision: "
            f"{row['labels_changed']:.2%} of labels changed, largest change of a probability "
            f"{row['largest_probability_change']:.3f}, macro-F1 {row['macro_f1_change']:+.4f}"
        )
    return [*lines, "", *_int8(manifest)]


def _int8(manifest: Manifest) -> list[str]:
    found = manifest.int8
    if found is None:
        why_none = manifest.metrics.get("no_int8")
        return ["## int8 graph", "", f"None: {why_none}.", ""] if why_none else []
    lost = "" if found.macro_f1_change is None else f", macro-F1 {found.macro_f1_change:+.4f}"
    return [
        "## int8 graph",
        "",
        "Predicts where the processor has VNNI; the full graph does elsewhere. Its ranges were set "
        f"on {found.calibrated_on} training sentences. On {found.measured_on} dev sentences, "
        f"against the full graph in float32: {found.stance_changed:.2%} of stances and "
        f"{found.sentiment_changed:.2%} of sentiments changed, largest change of a probability "
        f"{found.largest_probability_change:.3f}{lost}.",
        "",
    ]


def _screen(manifest: Manifest) -> list[str]:
    why_none = manifest.metrics.get("no_screen")
    if manifest.screen is None:
        return ["## First stage", "", f"None: {why_none}.", ""] if why_none else []
    lines = [
        "## First stage",
        "",
        "`claimstance score` has a small network answer the sentences that are plainly neutral. "
        f"It learnt what the encoder says of {manifest.screen.learnt_from} archive sentences. "
        "Certified with 95 % confidence, on sentences that neither stage was trained on:",
        "",
        "| | answered | stances changed | of the encoder's stances missed | sentiments changed |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, found in (
        ("stance and sentiment", manifest.screen.both),
        ("stance alone", manifest.screen.stance),
    ):
        if found is None:
            lines.append(f"| {name} | nothing certified | | | |")
            continue
        cells = [_bound(found.stance_changed), _bound(found.missed)]
        cells.append(_bound(found.sentiment_changed) if found.sentiment_changed else "not answered")
        lines.append(f"| {name} | {found.answered:.1%} | " + " | ".join(cells) + " |")
        sources = ", ".join(f"{count} of {source}" for source, count in found.sentences.items())
    return [*lines, "", f"Certified on {sources}. Other text may differ more.", ""]


def _bound(bound: Bound) -> str:
    return f"at most {bound.at_most:.2%} ({bound.observed} of {bound.of})"


def _levels(head: Head) -> str:
    return ", ".join(f"{label} {level:.2f}" for label, level in head.thresholds.items())
