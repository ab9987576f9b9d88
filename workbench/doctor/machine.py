"""Processor, memory and GPU, as far as they can be told without importing torch."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from recsys_core.compute.capacity import GIB, available_memory
from recsys_core.compute.threads import default_threads
from recsys_core.pipeline.environment import describe_processor
from recsys_core.values import counted
from workbench.doctor.check import Check

#: GiB below which training is likely to run out of memory on data of ordinary size
_LITTLE = 2.0
#: where the driver describes each GPU, and the devices that it makes
_DRIVER, _DEVICES = Path("/proc/driver/nvidia/gpus"), Path("/dev")
#: the line of torch/version.py that names the CUDA that it is built for
_CUDA = re.compile(r"^cuda\b.*=\s*['\"]([\d.]+)['\"]", re.MULTILINE)


def check_processor() -> Iterator[Check]:
    """Tell how many threads jobs use, and what NumPy computes with."""
    threads, cores = default_threads(), os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS")
    found = f"{counted(threads, 'thread')} per job; the machine has {counted(cores, 'core')}"
    if limit:
        found += f"; OMP_NUM_THREADS is {limit!r}"
    yield Check("threads", "ok", found)
    try:
        about = describe_processor()
    except ImportError as error:
        remedy = "reinstall it: pip install --force-reinstall numpy"
        yield Check("numpy", "wrong", f"does not load: {error}", remedy)
        return
    yield Check("simd", "ok", f"{about['numpy'] or 'unknown'} (NumPy), {about['machine']}")
    yield Check("blas", "ok", f"kernel {about['blas'] or 'unknown'} (NumPy)")


def check_memory() -> Iterator[Check]:
    """Tell how much memory is free, of the machine or of its container."""
    import psutil

    free, total = available_memory() / GIB, psutil.virtual_memory().total / GIB
    found = f"{free:.1f} GiB free of {total:.1f}"
    if free < _LITTLE:
        remedy = "end other programs, or use smaller data: jobs may not fit"
        yield Check("memory", "note", found, remedy)
    else:
        yield Check("memory", "ok", found)


def check_gpu() -> Iterator[Check]:
    """Tell which GPUs the driver sees, and whether torch is built for them."""
    gpus, cuda = _gpus(), _built_for()
    if not gpus:
        yield Check("gpu", "ok", "no NVIDIA GPU is seen; models train on the CPU")
    elif cuda is None:
        remedy = "install a build of torch with CUDA: https://pytorch.org/get-started/locally"
        yield Check("gpu", "note", f"{', '.join(gpus)}, which this build of torch lacks", remedy)
    else:
        yield Check("gpu", "ok", f"{', '.join(gpus)}; torch is built for CUDA {cuda}")


def _gpus() -> list[str]:
    """Name the GPUs of this machine; in a container that hides the names, the devices."""
    names = []
    for file in sorted(_DRIVER.glob("*/information")):
        model = re.search(r"^Model:\s*(.+)$", file.read_text(errors="replace"), re.MULTILINE)
        names.append(model[1] if model else file.parent.name)
    return names or [str(each) for each in sorted(_DEVICES.glob("nvidia[0-9]*"))]


def _built_for() -> str | None:
    """Read which CUDA torch is built for; None: none, or there is no torch."""
    spec = find_spec("torch")  # imports nothing
    if spec is None or spec.origin is None:
        return None
    try:
        text = Path(spec.origin).with_name("version.py").read_text(encoding="utf-8")
    except OSError:
        return None
    match = _CUDA.search(text)
    return match[1] if match else None
