"""Samplers: what they draw, how often, and whether they know how often."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError

from recsys_core.sampling.config import SamplingConfig
from recsys_core.sampling.samplers import Sampler, make_sampler

COUNTS = torch.tensor([6, 0, 3, 1])
BATCH = torch.tensor([2, 0, 0, 3])


def sampler(name: str, **fields: Any) -> Sampler:
    return make_sampler(SamplingConfig.model_validate({"sampler": name, **fields}), COUNTS)


def shares(drawn: torch.Tensor) -> torch.Tensor:
    return torch.bincount(drawn, minlength=4) / len(drawn)


@pytest.mark.parametrize(
    ("name", "fields", "expected"),
    [
        ("uniform", {}, [1 / 3, 0, 1 / 3, 1 / 3]),
        ("popularity", {"popularity_power": 1}, [6 / 10, 0, 3 / 10, 1 / 10]),
        ("popularity", {"popularity_power": 2}, [36 / 46, 0, 9 / 46, 1 / 46]),
        ("popularity", {"popularity_power": 0}, [1 / 3, 0, 1 / 3, 1 / 3]),
        # of the batch: item 0 twice, 2 and 3 once
        ("in-batch", {}, [1 / 2, 0, 1 / 4, 1 / 4]),
        # a quarter from the batch, three quarters evenly
        ("mixed", {"in_batch_share": 0.25}, [1 / 8 + 1 / 4, 0, 1 / 16 + 1 / 4, 1 / 16 + 1 / 4]),
    ],
)
def test_draws_come_with_the_shares_worked_out_by_hand(
    name: str, fields: dict[str, float], expected: list[float]
) -> None:
    torch.manual_seed(0)
    drawn = sampler(name, **fields).draw(40_000, BATCH)
    assert len(drawn) == 40_000
    torch.testing.assert_close(shares(drawn), torch.tensor(expected), atol=0.01, rtol=0)


@pytest.mark.parametrize(
    ("name", "fields", "expected"),
    [
        ("uniform", {}, [1 / 3, 1 / 3, 1 / 3]),
        ("popularity", {"popularity_power": 2}, [36 / 46, 9 / 46, 1 / 46]),
        # the batch of the moment is not known beforehand: the share of the train rows
        ("in-batch", {}, [6 / 10, 3 / 10, 1 / 10]),
        (
            "mixed",
            {"in_batch_share": 0.25},
            [6 / 40 + 1 / 4, 3 / 40 + 1 / 4, 1 / 40 + 1 / 4],
        ),
    ],
)
def test_log_probability_by_hand(
    name: str, fields: dict[str, float], expected: list[float]
) -> None:
    found = sampler(name, **fields).log_probability(torch.tensor([0, 2, 3])).exp()
    torch.testing.assert_close(found, torch.tensor(expected))
    assert found.sum() == pytest.approx(1)


def test_without_a_number_everything_is_taken_once() -> None:
    assert sampler("uniform").draw(None, BATCH).tolist() == [0, 2, 3]
    assert sampler("popularity").draw(None, BATCH).tolist() == [0, 2, 3]
    assert sampler("in-batch").draw(None, BATCH).tolist() == [2, 0, 0, 3]
    mixed = sampler("mixed", in_batch_share=0.4).draw(None, BATCH)  # 4 of 10 are the batch
    assert mixed[:4].tolist() == [2, 0, 0, 3]
    assert len(mixed) == 10


@pytest.mark.parametrize("name", ["uniform", "popularity", "in-batch", "mixed"])
def test_draws_repeat_with_the_seed_and_leave_out_cold_items(name: str) -> None:
    draws = []
    for _ in range(2):
        torch.manual_seed(5)
        draws.append(sampler(name).draw(500, BATCH))
    assert torch.equal(*draws)
    assert 1 not in draws[0]


def test_logq_needs_draws_of_known_probability() -> None:
    with pytest.raises(ValidationError, match="hard negatives do not have"):
        SamplingConfig(logq=True, hard_negatives=10)
