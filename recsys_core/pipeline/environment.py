"""What a result depends on beside the spec: code, versions, machine; and what a run costs."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from importlib import metadata
from pathlib import Path
from typing import Any

import recsys_core
from recsys_core.registry import model_info

#: packages whose version can change a result
PACKAGES = ("recsys-workbench", "faiss-cpu", "gensim", "numpy", "pandas", "scipy", "torch")


@cache
def code_fingerprint(model: str) -> str:
    """Hash the sources of the core, and the file of `model` where a plug-in provides it."""
    root = Path(recsys_core.__file__).parent
    files = sorted([*root.rglob("*.py"), *root.rglob("*.yaml")])
    source = sys.modules[model_info(model).cls.__module__].__file__
    if source is not None and root not in Path(source).parents:
        files.append(Path(source))
    digest = blake2b(digest_size=16)
    for file in files:
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


@cache
def _versions() -> dict[str, str]:
    versions = {}
    for package in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return versions


@cache
def _git_revision() -> str | None:
    """Revision of the working folder; None outside a repository or without git."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607 - whichever git the user has
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def describe_environment(model: str, threads: int, device: str) -> dict[str, Any]:
    """Collect what must be known to repeat a run; plain values."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
        "packages": _versions(),
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
