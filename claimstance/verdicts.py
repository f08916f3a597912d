"""Verdicts: what comparing a version with the one in production came to.

A model version is immutable, so what is said of it later lies beside the journal, one file a
version: the latest comparison.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from claimstance.durable import replace
from claimstance.errors import NotApproved


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether `challenger` may replace `champion`, and the conditions that were looked at.

    Each of `checks` has `name`, `passed` and `found`. `notes` say on which sentences, and what else
    is to be known.
    """

    challenger: str
    champion: str
    passed: bool
    checks: list[dict[str, Any]]
    notes: list[str] = field(default_factory=list)


def write(folder: Path, verdict: Verdict) -> None:
    """Keep a verdict; an earlier one of the same version is replaced."""
    path = _path(folder, verdict.challenger)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(asdict(verdict), indent=2) + "\n"
    replace(path, lambda file: file.write_text(text, encoding="utf-8"))


def require(folder: Path, challenger: str, champion: str) -> None:
    """See that there is a verdict for the version, against this one, and that it passed.

    Raises:
        NotApproved: there is none, or it did not; the message says what to do.
    """
    try:
        verdict = Verdict(**json.loads(_path(folder, challenger).read_text(encoding="utf-8")))
    except FileNotFoundError:
        verdict = None
    if verdict is None or verdict.champion != champion:
        raise NotApproved(
            f"has not been compared with {champion}, which is in production; run `python -m "
            f"training compare {challenger}`, or promote it with --force",
            challenger,
        )
    if not verdict.passed:
        failed = ", ".join(check["name"] for check in verdict.checks if not check["passed"])
        raise NotApproved(
            f"did not pass against {champion}: {failed}; --force promotes it all the same",
            challenger,
        )


def _path(folder: Path, challenger: str) -> Path:
    return folder / "verdicts" / f"{challenger}.json"
