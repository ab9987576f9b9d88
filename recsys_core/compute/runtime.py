"""Where and how a model runs: what is not a property of the model itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recsys_core.compute.devices import resolve_device
from recsys_core.compute.earlier import Earlier
from recsys_core.compute.ranks import ALONE, Ranks

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Runtime:
    """Seed, device and checkpoint folder of one fit.

    Parameters
    ----------
    seed
        Seeds initial weights, order of batches and sampling.
    device
        ``"cpu"``, ``"cuda"``, ``"cuda:1"`` (the GPU of that number) or ``"auto"`` (a GPU when there
        is one).
    checkpoint
        Folder for checkpoints after every epoch; a fit that finds one there goes on from it.
        None keeps none.
    stop_after
        Epochs after which training ends, though its learning rate falls as if all those of the
        configuration were to come; None: it takes them all.
    earlier
        The model that the fit starts from, to learn what is new; None: it starts anew.
    ranks
        The processes that share the work.
    """

    seed: int = 0
    device: str = "cpu"
    checkpoint: Path | None = None
    stop_after: int | None = None
    earlier: Earlier | None = None
    ranks: Ranks = ALONE

    def torch_device(self) -> torch.device:
        """Choose the device.

        Raises
        ------
        InputError
            A GPU was asked for that torch does not see.
        """
        import torch  # models without gradients never need it

        found = resolve_device(self.device)
        if found == "cuda" and self.ranks.gpu is not None:
            found = f"cuda:{self.ranks.gpu}"
        return torch.device(found)
