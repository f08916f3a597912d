"""How good a version is, whether it may replace another, and retraining, which asks both."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from training.cli import options
from training.cli.options import AcceptDoubtful, Data, Renamed, Seed, Version

if TYPE_CHECKING:
    from training.retrain import Outcome


def evaluate(
    version: Annotated[str, typer.Argument(help="A version in the registry.")],
    data: Data = None,
    renamed: Renamed = None,
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write metrics.json and report.html here.")
    ] = None,
) -> None:
    """Evaluate a version on labelled sentences: those of --data, else the corpus's test part."""
    from claimstance import Predictor
    from training import corpus as corpora
    from training import evaluate as evaluating
    from training import page
    from training.imports import labelled

    if report:
        options.folder(report)
    predictor = Predictor.load(version)
    if data:
        own = labelled.load(data, options.mapping(renamed))
        chosen = own.records
        options.tell(own.summary())
    else:
        chosen = corpora.load([], with_project=True).part("test")
    predictions = predictor.predict([record.text for record in chosen])
    figures = evaluating.figures(chosen, predictions)
    text = json.dumps({"model": predictor.model.tag, **figures}, indent=2)
    if report is None:
        print(text)
        return
    (report / "metrics.json").write_text(text + "\n", encoding="utf-8")
    title = f"{predictor.model.tag} on {len(chosen)} sentences"
    content = page.render(title, figures)
    (report / "report.html").write_text(content, encoding="utf-8")
    print(report / "report.html")


def compare(
    challenger: Annotated[str, typer.Argument(help="A version in the registry.")],
    data: Data = None,
    renamed: Renamed = None,
    against: Annotated[
        str | None, typer.Option(metavar="VERSION", help="The other one [default: production].")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the comparison as a page.")
    ] = None,
) -> None:
    """Compare a version with the one in production, on the locked test set and on --data.

    The verdict is kept; `claimstance models promote` asks for it. --against compares with another
    version instead, for your eyes alone: no verdict is kept. Of --data only those sentences
    count that `fit` and `retrain` hold out from training: a fifth, by group, or what a column
    `split` names dev or test.
    """
    from training import corpus as corpora
    from training import retrain as retraining

    if report:
        options.page(report)
    loaded = corpora.load(data or [], True, options.mapping(renamed))
    options.tell(loaded.told)
    if data:
        print(f"of --data, {len(loaded.held)} sentences are held out from training and compared on")
    decided(retraining.compare(challenger, loaded, against), report)


def retrain(
    data: Annotated[
        list[Path], typer.Option("--data", metavar="FILE", help="The new labels, as for `fit`.")
    ],
    renamed: Renamed = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A recipe [default: training/retrain.toml].")
    ] = None,
    version: Version = None,
    seed: Seed = 0,
    report: Annotated[Path, typer.Option(metavar="FILE", help="The page.")] = Path("retrain.html"),
    accept_doubtful: AcceptDoubtful = False,
) -> None:
    """Train on from production with new labels, compare, and promote what is no worse.

    Ten minutes on two cores for a few hundred sentences. What cannot be shown to be as good is kept
    in the registry and not promoted; the page says why. Labels that must not be trained on are
    refused, and the page shows them.
    """
    from claimstance import registry
    from training import retrain as retraining

    options.page(report)
    outcome = retraining.retrain(
        data,
        version,
        seed,
        lambda step: print(step, flush=True),
        options.mapping(renamed),
        config,
        accept_doubtful,
        report,
    )
    decided(outcome, report)
    if not outcome.passed:
        print(f"{outcome.manifest.tag} was not promoted.")
        sys.exit(1)
    registry.promote(outcome.manifest.version)
    print(f"{outcome.manifest.tag} is in production; `claimstance models rollback` undoes it.")


def decided(outcome: "Outcome", report: Path | None) -> None:
    """Say what a comparison came to, and write its page if asked."""
    from training import outcome as telling

    print(telling.text(outcome))
    if report:
        report.write_text(telling.render(outcome), encoding="utf-8")
        print(report)
