"""Who takes part in the archive part."""

import subprocess
from dataclasses import dataclass

from benchmarks import processes
from benchmarks.processes import COMMAND

REFERENCE = "transformers pipeline"
"""Whom the others are compared with; it computes in full precision."""


@dataclass(frozen=True)
class Contender:
    """Who takes part: a rival's module and environment, or Claimstance with its options.

    `how` says in the report what it is.
    """

    name: str
    how: str
    environment: str | None = None
    module: str = ""
    options: tuple[str, ...] = ()


RIVALS = (
    Contender(REFERENCE, "`pipeline(..., batch_size=32)`, float32", "rivals", "pipeline"),
    Contender(
        "pipeline, datasets, sorted",
        "the same over a `datasets` dataset sorted by length",
        "rivals",
        "sorted_pipeline",
    ),
    Contender(
        "torch, sorted",
        "batches of 32 of similar length, as sentence-transformers encodes, in bfloat16 where the "
        "processor has it",
        "rivals",
        "torch_sorted",
    ),
    Contender("onnxruntime fp32", "batches of 32 in file order", "rivals", "onnx_plain"),
    Contender(
        "onnxruntime int8", "the same, dynamically quantised per channel", "rivals", "onnx_int8"
    ),
    Contender(
        "infinity-emb",
        "its torch engine, in bfloat16 where the processor has it",
        "infinity",
        "infinity",
    ),
)


OPTIONS = {
    "--stance-only": "one head, as the rivals have",
    "--exhaustive": "every sentence through the encoder",
}
"""Options of `claimstance score` that change what is computed, where it has them."""


def everyone() -> list[Contender]:
    """Return everyone: Claimstance as it is and with each of `OPTIONS`, and the rivals."""
    ours = [Contender("claimstance", "`claimstance score` as it is")]
    usage = subprocess.run(
        [COMMAND, "score", "--help"],
        capture_output=True,
        text=True,
        check=False,
        env=processes.surroundings(1) | {"COLUMNS": "200"},
    ).stdout
    for option, how in OPTIONS.items():
        if option in usage:
            name = f"claimstance, {option.removeprefix('--').replace('-', ' ')}"
            ours.append(Contender(name, f"the same with `{option}`: {how}", options=(option,)))
    return [*ours, *RIVALS]
