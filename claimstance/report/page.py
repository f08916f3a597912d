"""The report's page: one file that needs nothing else and asks nothing of any network."""

from collections.abc import Callable
from functools import partial
from importlib.resources import files
from pathlib import Path

import jinja2
from markupsafe import Markup

from claimstance import bundle, registry
from claimstance.durable import replace
from claimstance.labels import SENTIMENTS, STANCES
from claimstance.report import charts
from claimstance.report.figures import LEAST, MOST_DOCUMENTS, figures, finished_job
from claimstance.report.prevalence import Correction
from claimstance.screen import Reading, certificate

WIDE, NARROW = 1040, 340
"""Widths that charts are drawn for: a desk's screen, and a phone's."""


def write(folder: Path, target: Path | None = None) -> Path:
    """Write the report of the scored archive in `folder`; return where.

    Args:
        folder: a finished job's.
        target: the page to write, `report.html` in the folder when None.

    Raises:
        InvalidInput: there is no finished job, or it has no sentence.
        ModelNotFound: the model version that scored it is not at hand, so nothing is known of
            its errors.
    """
    asked = finished_job(folder)["asked"]
    manifest = bundle.read_manifest(registry.find(asked["model"]))
    # Jobs of earlier releases were read by the encoder alone.
    reading = Reading(asked.get("exhaustive", True), asked.get("stance_only", False))
    correction = Correction.of(manifest, certificate(manifest, reading))
    found = figures(folder, correction)

    def both(draw: Callable[[int], str]) -> Markup:
        """Return a chart for either width; the style sheet shows the one that fits."""
        return Markup(
            f'<div class="wide">{draw(WIDE)}</div><div class="narrow">{draw(NARROW)}</div>'
        )

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = files("claimstance.report").joinpath("page.html.jinja").read_text(encoding="utf-8")
    text = environment.from_string(source).render(
        f=found,
        job=folder.resolve().name,
        stances=[str(label) for label in STANCES],
        sentiments=[str(label) for label in SENTIMENTS],
        held_out=correction.sentences,
        least=LEAST,
        most=MOST_DOCUMENTS,
        years=both(partial(charts.years, found.years)) if len(found.years) > 1 else None,
        groups={name: Markup(charts.groups(part)) for name, part in found.groups.items()},
        disputes=Markup(charts.groups(found.disputes)) if found.disputes else None,
        papers=both(partial(charts.documents, found.papers)) if found.papers else None,
        histogram=both(partial(charts.histogram, found.levels)),
    )
    path = target or folder / "report.html"
    replace(path, lambda file: file.write_text(text, encoding="utf-8"))
    return path
