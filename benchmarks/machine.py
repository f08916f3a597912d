"""The machine that a result was had on, in words that let another be compared with it."""

import os
import platform
import subprocess
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import psutil

from claimstance.engine import precision

# After claimstance, whose engine keeps it from reporting its use.
import openvino  # isort:skip

TELLING = {"avx512f": "AVX-512", "avx512_vnni": "VNNI", "avx512_bf16": "BF16", "amx_tile": "AMX"}
"""Flags of a processor that decide how fast an encoder can be on it."""

NOTABLE = (
    "torch",
    "transformers",
    "datasets",
    "accelerate",
    "onnxruntime",
    "infinity-emb",
    "fastapi",
    "uvicorn",
    "litserve",
    "bentoml",
)
"""Packages whose versions a report names."""


def cores() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0))


def numbers() -> str:
    """Return the type that a rival's torch is fastest in here, as torch spells it.

    Where the processor does not compute in bfloat16, it is emulated, and many times slower.
    """
    return "bfloat16" if precision() == "bf16" else "float32"


def describe() -> dict[str, Any]:
    """Return the machine: processor, cores, memory, system, and the versions that matter."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    flags = set(_field(info, "flags").split())
    return {
        "processor": f"{_field(info, 'model name')} (family {_field(info, 'cpu family')}, "
        f"model {_field(info, 'model')})",
        "instructions": [name for flag, name in TELLING.items() if flag in flags],
        "cores": cores(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "load_before": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "commit": _commit(),
        "openvino": openvino.__version__,
    }


def installed(python: Path) -> dict[str, str]:
    """Return the versions of the packages in `NOTABLE` that an environment has, by name."""
    places = [str(path) for path in python.parent.parent.glob("lib/python*/site-packages")]
    found = {
        each.name.lower().replace("_", "-"): each.version for each in distributions(path=places)
    }
    return {name: found[name] for name in NOTABLE if name in found}


def _field(info: str, name: str) -> str:
    for line in info.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "unknown"


def _commit() -> str:
    """Return the checkout's commit, marked where files differ from it."""
    command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    done = subprocess.run(
        command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"
