"""What was measured, one JSON file a part; the report is written from these."""

import json
from pathlib import Path
from typing import Any

from claimstance.durable import replace

HOME = Path(__file__).parent
"""Where RESULTS.md lies, and `results/` with the figures it is written from."""

PARTS = ("archive", "service", "growth", "training")


def save(part: str, found: dict[str, Any], home: Path = HOME) -> None:
    """Keep a part's figures in place of the last ones."""
    folder = home / "results"
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, indent=1) + "\n"
    replace(folder / f"{part}.json", lambda file: file.write_text(text, encoding="utf-8"))


def load(home: Path = HOME) -> dict[str, dict[str, Any]]:
    """Return the figures of the parts that have any, in the order of `PARTS`."""
    files = {part: home / "results" / f"{part}.json" for part in PARTS}
    return {
        part: json.loads(file.read_text(encoding="utf-8"))
        for part, file in files.items()
        if file.exists()
    }
