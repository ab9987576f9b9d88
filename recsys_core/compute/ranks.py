"""Processes that work on one job together: who reads what, and how their parts add up.

Each of N processes, a *rank*, has the whole model and takes its slice of every batch. What they
tell each other goes through one object, so that a process alone needs no special case.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from recsys_core.errors import LostProcessError
from recsys_core.reading import parse_json

if TYPE_CHECKING:
    import torch
    from torch import Tensor

#: a rank that says nothing for so long is lost: between two words lies an epoch's validation
PATIENCE = timedelta(hours=6)
ResultT = TypeVar("ResultT")


class Ranks:
    """A process that works alone.

    Attributes
    ----------
    share
        What the rows at hand are of those of all ranks; set for each batch.
    draws
        Generator of what all ranks draw alike, such as negatives; None: torch's own.
    gpu
        Number of the GPU of this machine that this rank has for itself; None: whatever there is.
    """

    rank = 0
    size = 1
    share: float = 1.0
    draws: torch.Generator | None = None
    gpu: int | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> Ranks:
        """Stay the same in copies of what it belongs to."""
        return self

    @property
    def first(self) -> bool:
        """Whether this rank writes and reports."""
        return self.rank == 0

    def span(self, size: int) -> slice:
        """Give this rank's part of `size` things, which lies between those of its neighbours."""
        bounds = [size * rank // self.size for rank in (self.rank, self.rank + 1)]
        return slice(*bounds)

    def batch_sizes(self, size: int, batch_size: int) -> list[int]:
        """Count the rows of this rank in each batch of `size` rows."""
        spans = (self.span(min(batch_size, size - at)) for at in range(0, size, batch_size))
        return [span.stop - span.start for span in spans]

    def own(self, order: Tensor, batch_size: int) -> Tensor:
        """Take this rank's slice of every batch of rows in `order`, one after the other."""
        return order

    def add_up(self, values: Tensor) -> None:
        """Replace `values` by their sum over the ranks."""

    def side_by_side(self, values: Tensor) -> Tensor:
        """Stack the values of all ranks, shape (size, *values.shape)."""
        return values[None]

    def joined(self, values: Tensor) -> Tensor:
        """Put values of all ranks behind each other; the first dimension may differ."""
        return values

    def joined_arrays(self, values: NDArray[Any]) -> NDArray[Any]:
        """Put arrays of all ranks behind each other; the first dimension may differ."""
        return values

    def hear(self, content: bytes) -> bytes:
        """Give what the first rank has to say, whatever this one says."""
        return content

    def agree(self, value: ResultT) -> ResultT:
        """Give the first rank's value, one that JSON can write."""
        return value

    def tell_all(self, value: ResultT) -> list[ResultT]:
        """Give the values of all ranks, which JSON can write."""
        return [value]


#: this process alone
ALONE = Ranks()


class Group(Ranks):
    """Some processes of torch.distributed.

    Parameters
    ----------
    group
        What collective operations are asked of: a ProcessGroupGloo or ProcessGroupNCCL.
    device
        Where that group's tensors lie.
    """

    def __init__(self, group: Any, rank: int, size: int, device: torch.device) -> None:
        self.rank, self.size = rank, size
        self.gpu = device.index
        self._group = group
        self._device = device

    def close(self) -> None:
        """Leave the others."""
        self._group = None

    def own(self, order: Tensor, batch_size: int) -> Tensor:
        """Take this rank's slice of every batch."""
        import torch

        batches = torch.split(order, batch_size)
        return torch.cat([batch[self.span(len(batch))] for batch in batches])

    def add_up(self, values: Tensor) -> None:
        """Replace `values` by their sum over the ranks."""
        summed = values.to(self._device)
        self._wait(lambda: self._group.allreduce([summed]))
        if summed is not values:
            values.copy_(summed)

    def side_by_side(self, values: Tensor) -> Tensor:
        """Stack the values of all ranks."""
        import torch

        here, values = values.device, values.to(self._device).contiguous()
        parts = [torch.empty_like(values) for _ in range(self.size)]
        self._wait(lambda: self._group.allgather([parts], [values]))
        return torch.stack(parts).to(here)

    def joined(self, values: Tensor) -> Tensor:
        """Put values of all ranks behind each other."""
        import torch

        lengths = self.side_by_side(torch.tensor([len(values)], device=values.device))[:, 0]
        most = int(lengths.max())
        room = values.new_zeros((most, *values.shape[1:]))
        room[: len(values)] = values
        parts = self.side_by_side(room)
        return torch.cat([part[:length] for part, length in zip(parts, lengths, strict=True)])

    def joined_arrays(self, values: NDArray[Any]) -> NDArray[Any]:
        """Put arrays of all ranks behind each other."""
        import torch

        content = np.frombuffer(np.ascontiguousarray(values).tobytes(), dtype=np.uint8)
        joined = self.joined(torch.from_numpy(content.copy()).to(self._device))
        found: NDArray[Any] = np.frombuffer(joined.cpu().numpy().tobytes(), dtype=values.dtype)
        return found.reshape(-1, *values.shape[1:]).copy()

    def hear(self, content: bytes) -> bytes:
        """Give what the first rank has to say."""
        import torch

        length = torch.tensor([len(content)], device=self._device)
        self._wait(lambda: self._group.broadcast([length]))
        said = torch.empty(int(length), dtype=torch.uint8, device=self._device)
        if self.first and content:
            said.copy_(torch.frombuffer(bytearray(content), dtype=torch.uint8))
        self._wait(lambda: self._group.broadcast([said]))
        return said.cpu().numpy().tobytes()

    def agree(self, value: ResultT) -> ResultT:
        """Give the first rank's value."""
        found: ResultT = parse_json(self.hear(json.dumps(value).encode()))
        return found

    def tell_all(self, value: ResultT) -> list[ResultT]:
        """Give the values of all ranks."""
        lines = self.joined_arrays(np.frombuffer(json.dumps(value).encode() + b"\n", np.uint8))
        return [parse_json(line) for line in lines.tobytes().splitlines()]

    def _wait(self, start: Callable[[], Any]) -> None:
        try:
            start().wait()
        except RuntimeError as error:
            why = str(error).partition(" This is typically")[0].strip()
            raise LostProcessError(
                f"rank {self.rank} of {self.size} lost the others: {why}"
            ) from error


def part_of(ranks: Ranks, size: int, block: int) -> slice:
    """Give a rank's part of `size` things that are worked on in blocks: whole blocks, if possible.

    A block is then computed as one process alone computes it, to the last bit.
    """
    blocks = -(-size // block)
    if blocks < ranks.size:
        return ranks.span(size)
    span = ranks.span(blocks)
    return slice(span.start * block, min(span.stop * block, size))


def same_everywhere(every: Sequence[Mapping[str, str]], called: Sequence[str] = ()) -> str:
    """Say in what a process differs from the first one, e.g. its data; empty: in nothing.

    Parameters
    ----------
    called
        Their names; empty: by rank.
    """
    names = called or [f"rank {rank}" for rank in range(len(every))]
    for who, other in zip(names, every, strict=True):
        for name, value in every[0].items():
            if other.get(name) != value:
                return f"{who} has {name} {other.get(name)}, {names[0]} has {value}"
    return ""
