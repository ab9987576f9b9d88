"""Tables of which a step reads few rows: the steps of Adam, at the cost of those rows."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from recsys_core.compute.threads import one_torch_thread
from recsys_core.training import row_tables
from recsys_core.training.adam import Adam
from recsys_core.training.config import TrainingConfig
from recsys_core.training.row_tables import (
    RowTables,
    RowWise,
    learn_by_row,
    look_up,
    pool,
    settle,
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Two threads would wait for each other longer than they work."""
    with one_torch_thread():
        yield


class Two(RowTables):
    """A matrix and a vector; some steps read some of their rows."""

    row_tables = ("matrix", "vector")

    def __init__(self) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(1)
        self.matrix = nn.Parameter(torch.randn(40, 3, generator=draw))
        self.vector = nn.Parameter(torch.randn(40, generator=draw))

    def loss(self, rows: Tensor) -> Tensor:
        """Rows are read twice, alone and in bags of two."""
        bags = pool(self.matrix, rows.view(-1, 2), torch.full((len(rows) // 2, 2), 0.5))
        alone = look_up(self.matrix, rows).sum(dim=1) + look_up(self.vector, rows)
        return (alone - rows).square().mean() + bags.square().mean()


def steps(module: Two, optimizer: Adam, batches: Tensor) -> None:
    for rows in batches:
        optimizer.zero_grad(set_to_none=True)
        module.loss(rows).backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def made(monkeypatch: pytest.MonkeyPatch, least: int = 1, **fields: Any) -> tuple[Two, Adam]:
    monkeypatch.setattr(row_tables, "LEAST_ROWS", least)
    module = Two()
    learn_by_row(module, TrainingConfig(**fields))
    optimizer = Adam(module.parameters(), lr=0.1, fused=True)
    optimizer.follow()
    return module, optimizer


SOME = torch.randint(40, (200, 4), generator=torch.Generator().manual_seed(2))


def test_they_come_to_where_adam_takes_the_whole_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that nobody reads for a while moves on all the same, and settles when it is read."""
    (whole, dense), (by_row, sparse) = made(monkeypatch, least=41), made(monkeypatch)
    assert not isinstance(whole.matrix, RowWise)
    assert isinstance(by_row.matrix, RowWise)
    start = by_row.matrix.detach().clone()
    steps(whole, dense, SOME[:60])
    steps(by_row, sparse, SOME[:60])
    settle(by_row)
    way = (whole.matrix - start).abs().mean()
    assert (by_row.matrix - whole.matrix).abs().mean() < 0.04 * way
    assert (by_row.vector - whole.vector).abs().mean() < 0.04 * way


def test_they_take_its_very_steps_where_all_rows_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    (whole, dense), (by_row, sparse) = made(monkeypatch, least=41), made(monkeypatch)
    every = torch.arange(40).expand(20, 40)
    steps(whole, dense, every)
    steps(by_row, sparse, every)
    torch.testing.assert_close(by_row.matrix.data, whole.matrix.data, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(by_row.vector.data, whole.vector.data, rtol=1e-5, atol=1e-6)


def test_a_step_touches_the_rows_it_read(monkeypatch: pytest.MonkeyPatch) -> None:
    module, optimizer = made(monkeypatch)
    before = module.matrix.detach().clone()
    rows = torch.tensor([3, 9, 9, 30])
    module.loss(rows).backward()  # type: ignore[no-untyped-call]
    assert module.matrix.grad is not None
    assert module.matrix.grad.is_sparse
    optimizer.step()
    moved = (module.matrix != before).any(dim=1).nonzero().flatten()
    assert moved.tolist() == [3, 9, 30]


def test_training_goes_on_from_a_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    module, optimizer = made(monkeypatch)
    steps(module, optimizer, SOME[:30])
    settle(module)  # as at the end of an epoch
    other, again = made(monkeypatch)
    other.load_state_dict(module.state_dict())
    again.load_state_dict(deepcopy(optimizer.state_dict()))
    for each, adam in ((module, optimizer), (other, again)):
        steps(each, adam, SOME[30:60])
        settle(each, leave=True)
    assert torch.equal(module.matrix, other.matrix)
    assert torch.equal(module.vector, other.vector)
    assert isinstance(module.matrix, RowWise)
    assert module.matrix.bring_up is None


@pytest.mark.parametrize(
    "fields", [{"weight_decay": 0.1}, {"ema_decay": 0.9}, {"gradient_clip": 1.0}]
)
def test_what_takes_all_rows_is_done_with_all_rows(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]
) -> None:
    module, _ = made(monkeypatch, **fields)
    assert not isinstance(module.matrix, RowWise)
