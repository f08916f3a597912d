"""Where the workers of one server keep the counters that they share: in memory.

prometheus_client maps files into memory, and BentoML puts them on the disk of its home. Where that
disk is full, the first count on a new page of such a file kills the process (SIGBUS). Two servers
with one home would also wipe each other's.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""What prometheus_client reads; BentoML sets it for its workers alone."""

MEMORY = Path("/dev/shm")
"""A file system in memory, where the machine has it."""


def move_to_memory() -> None:
    """Have this worker's counters in memory; to be called before the first is made.

    The folder is named for the server, so that its workers, also those that replace others, find
    the same one. Those of servers that are gone are removed.
    """
    if VARIABLE not in os.environ or not os.access(MEMORY, os.W_OK):
        return
    for folder in MEMORY.glob("claimstance-*"):
        if folder.name != _name(folder.name.split("-")[1]):
            shutil.rmtree(folder, ignore_errors=True)
    mine = MEMORY / _name(str(os.getppid()))
    mine.mkdir(mode=0o700, exist_ok=True)
    if mine.is_symlink() or mine.stat().st_uid != os.geteuid():
        return  # somebody else's: all may write there
    os.environ[VARIABLE] = str(mine)


def _name(process: str) -> str:
    """Return what the folder of a server is called: no other process ever has the same name."""
    began = "gone"
    with suppress(OSError, IndexError):
        # The 22nd field; the second, in brackets, is the one that may hold spaces.
        stat = Path("/proc", process, "stat").read_text()
        began = stat.rpartition(")")[2].split()[19]
    return f"claimstance-{process}-{began}"
