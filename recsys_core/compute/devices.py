"""Devices that torch computes on, by the names that jobs give them; light, for torch is not."""

from __future__ import annotations

import re

from recsys_core.errors import InputError

#: how a device is written, and how that is said
_DEVICE = re.compile(r"auto|cpu|cuda(:[0-9]{1,3})?")
DEVICES = "auto, cpu, cuda or cuda:N, the GPU of number N"


def is_device(text: str) -> bool:
    """Tell whether a device may be written so."""
    return _DEVICE.fullmatch(text) is not None


def resolve_device(device: str) -> str:
    """Tell where torch computes: ``"cpu"``, ``"cuda"``, or ``"cuda:1"`` where it was asked for.

    Raises
    ------
    InputError
        A GPU was asked for that torch does not see.
    """
    if device == "cpu":
        return device
    import torch

    found = int(torch.cuda.device_count()) if torch.cuda.is_available() else 0
    if device == "auto":
        return "cuda" if found else "cpu"
    if found == 0:
        raise InputError(
            f"device '{device}': torch sees no GPU on this machine", "use device cpu or auto"
        )
    number = int(device.partition(":")[2] or 0)
    if number >= found:
        last = f"cuda:{found - 1}"
        raise InputError(
            f"device '{device}': the last GPU of this machine is {last}", f"use {last}, auto or cpu"
        )
    return device
