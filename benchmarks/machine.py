"""The machine that a result was had on, in words that let another be compared with it."""

import os
import platform
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import openvino
import psutil

import claimstance

TELLING = {"avx512f": "AVX-512", "avx512_vnni": "VNNI", "avx512_bf16": "BF16", "amx_tile": "AMX"}
"""Flags of a processor that decide how fast an encoder can be on it."""


def cores() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0))


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
        "claimstance": claimstance.__version__,
        "openvino": openvino.__version__,
    }


def installed(packages: Path) -> dict[str, str]:
    """Return what is installed in an environment's site-packages, name to version."""
    return {found.name: found.version for found in distributions(path=[str(packages)])}


def _field(info: str, name: str) -> str:
    for line in info.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "unknown"
