"""Copies from the host to the device that computes, for which nobody waits."""

from __future__ import annotations

import torch
from torch import Tensor


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy to `device`, and go on before the copy is done.

    A GPU copies out of page-locked memory by itself, in the order of its other work. Out of other
    memory the host would have to wait until all that work is done. What is there already stays.
    """
    if tensor.device == device:
        return tensor
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)
