"""Where and how a model runs: what is not a property of the model itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Runtime:
    """Seed, device and checkpoint folder of one fit.

    Parameters
    ----------
    seed
        Seeds initial weights, order of batches and sampling.
    device
        ``"cpu"``, ``"cuda"`` or ``"auto"`` (a GPU when there is one).
    checkpoint
        Folder for checkpoints after every epoch; a fit that finds one there goes on from it.
        None keeps none.
    """

    seed: int = 0
    device: str = "cpu"
    checkpoint: Path | None = None
