"""What a result depends on beside the spec: code, versions, machine; and what a run costs."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import recsys_core
from recsys_core.extensions import hash_packages
from recsys_core.registry import model_info

#: packages whose version can change a result
PACKAGES = ("recsys-workbench", "faiss-cpu", "gensim", "numpy", "pandas", "scipy", "torch")


@cache
def code_fingerprint(model: str | None, modules: tuple[str, ...] = ()) -> str:
    """Hash the sources of the core, and the packages of plug-ins that take part.

    Parameters
    ----------
    model
        Its package is hashed where a plug-in provides it; None: there is none.
    modules
        Names of further modules whose packages take part, as of statistics or a stage's models.
    """
    own = () if model is None else (model_info(model).cls.__module__,)
    return hash_packages((recsys_core.__name__, *own, *modules))


@cache
def package_versions() -> dict[str, str]:
    """Name the versions of the packages that can change a result."""
    versions = {}
    for package in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return versions


@cache
def _git_revision() -> str | None:
    """Revision of the checkout that this code comes from; None where it was installed from a wheel.

    A package in an environment below somebody's repository is no part of it: only a repository
    that has the package at its top is the code's own.
    """
    checkout = Path(recsys_core.__file__).resolve().parents[1]
    if not (checkout / ".git").exists():
        return None
    try:
        done = subprocess.run(  # noqa: S603 - a path of our own
            ["git", f"--git-dir={checkout / '.git'}", "rev-parse", "HEAD"],  # noqa: S607
            cwd=checkout,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def describe_processor() -> dict[str, str | None]:
    """Name what the libraries compute with here; it may change late digits of what is trained.

    Returns
    -------
    ``machine``: the architecture; ``numpy``: the highest level of vector instructions that NumPy
    uses; ``blas``: the kernel of NumPy's linear algebra. None: not known. What only other libraries
    know is left out: they may be loaded or not when a run ends.
    """
    import numpy as np  # the list of models does without
    from threadpoolctl import threadpool_info

    levels: Any = np.show_config(mode="dicts").get("SIMD Extensions", {})
    used = levels.get("found") or levels.get("baseline")
    folder = str(Path(np.__file__).parent.parent)
    kernels = (
        pool.get("architecture")
        for pool in threadpool_info()
        if pool["user_api"] == "blas" and pool["filepath"].startswith(f"{folder}/numpy")
    )
    return {
        "machine": platform.machine(),
        "numpy": used[-1] if used else None,
        "blas": next(kernels, None),
    }


def describe_environment(model: str | None, threads: int, device: str) -> dict[str, Any]:
    """Collect what must be known to repeat a run; plain values."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
        "processor": describe_processor(),
        "packages": package_versions(),
        "threads": threads,
        "device": device,
        "git_revision": _git_revision(),
        "code_fingerprint": code_fingerprint(model),
    }


def reset_peak_memory() -> None:
    """Start a new peak, where the system can (Linux), so that each run reports its own."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory_mb() -> float:
    """Largest resident memory since `reset_peak_memory`, in MiB."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass  # not Linux: the peak of the whole process is the best there is
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
