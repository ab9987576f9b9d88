"""Which process runs a job: a pid alone is reused, so its start and the boot are noted too."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from workbench.store.files import StoreError

_PROC = Path("/proc")


@dataclass(frozen=True)
class ProcessIdentity:
    """One process of one boot of the machine.

    Parameters
    ----------
    started
        On Linux seconds from boot to the process' start (a changed clock cannot touch it),
        elsewhere seconds since 1970; only ever compared for equality.
    boot_id
        Changes at every boot.
    """

    pid: int
    started: float
    boot_id: str

    @classmethod
    def current(cls) -> ProcessIdentity:
        """Describe this process.

        Raises
        ------
        StoreError
            The system does not say when it started.
        """
        identity = cls.of(os.getpid())
        if identity is None:
            raise StoreError(
                "the system does not say when this process started, so jobs cannot be told apart",
                f"make sure that {_PROC} is mounted",
            )
        return identity

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity | None:
        """Describe the process `pid`; None when it is gone."""
        started = _process_start(pid)
        return None if started is None else cls(pid, started, boot_id())

    def alive(self) -> bool:
        """Tell whether the process still runs; a zombie does not."""
        return self.boot_id == boot_id() and _process_start(self.pid) == self.started

    def age(self) -> float:
        """Seconds since it started; on Linux whatever becomes of the clock."""
        boot_clock = getattr(time, "CLOCK_BOOTTIME", None)
        if boot_clock is None or not _PROC.exists():
            return time.time() - self.started
        return time.clock_gettime(boot_clock) - self.started


@cache
def boot_id() -> str:
    """Identify this boot of the machine."""
    path = _PROC / "sys/kernel/random/boot_id"
    if path.exists():
        return path.read_text().strip()
    import psutil

    try:
        return str(psutil.boot_time())
    except (OSError, psutil.Error):
        return ""


def _process_start(pid: int) -> float | None:
    """Look up when `pid` started; None when it is gone."""
    if not (_PROC / "self/stat").exists():
        return _process_start_elsewhere(pid)
    try:
        stat = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # the name, second field, may hold spaces and parentheses; state is field 3, start field 22
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19]) / os.sysconf("SC_CLK_TCK")


def _process_start_elsewhere(pid: int) -> float | None:
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except (OSError, psutil.Error):
        return None
