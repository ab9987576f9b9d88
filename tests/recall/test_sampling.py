"""Samplers and the sampled softmax: probabilities, accidental hits, logQ correction."""

from __future__ import annotations

from math import log

import pytest
import torch
from torch import Tensor

from recsys_core.sampling.samplers import InBatchSampler, UniformSampler, make_sampler
from recsys_core.sampling.softmax import Candidates, sampled_softmax

COUNTS = torch.tensor([6, 0, 3, 1])


def test_uniform_draws_the_catalogue_evenly() -> None:
    sampler = make_sampler("uniform", COUNTS)
    assert isinstance(sampler, UniformSampler)
    torch.manual_seed(0)
    share = torch.bincount(sampler.draw(30_000, torch.tensor([])), minlength=4) / 30_000
    torch.testing.assert_close(share, torch.tensor([1 / 3, 0, 1 / 3, 1 / 3]), atol=0.01, rtol=0)
    assert sampler.draw(None, torch.tensor([])).tolist() == [0, 2, 3]
    torch.testing.assert_close(
        sampler.log_probability(torch.tensor([0, 3])).exp(), torch.full((2,), 1 / 3)
    )


def test_in_batch_draws_what_the_batch_likes_as_often_as_it_does() -> None:
    sampler = make_sampler("in-batch", COUNTS)
    assert isinstance(sampler, InBatchSampler)
    batch = torch.tensor([2, 0, 0, 3])
    torch.manual_seed(0)
    share = torch.bincount(sampler.draw(30_000, batch), minlength=4) / 30_000
    torch.testing.assert_close(share, torch.tensor([1 / 2, 0, 1 / 4, 1 / 4]), atol=0.01, rtol=0)
    assert sampler.draw(None, batch).tolist() == [2, 0, 0, 3]
    probability = sampler.log_probability(torch.tensor([0, 2, 3])).exp()
    torch.testing.assert_close(probability, torch.tensor([6 / 10, 3 / 10, 1 / 10]))


def test_draws_repeat_with_the_seed() -> None:
    sampler = make_sampler("uniform", torch.ones(1000, dtype=torch.int64))
    torch.manual_seed(5)
    first = sampler.draw(20, torch.tensor([]))
    torch.manual_seed(5)
    assert torch.equal(first, sampler.draw(20, torch.tensor([])))


def test_candidates_list_each_item_once() -> None:
    candidates = Candidates.of(torch.tensor([4, 1, 4]), torch.tensor([3, 1, 3]), n_items=6)
    assert candidates.items.tolist() == [1, 3, 4]
    assert candidates.drawn.tolist() == [1, 2, 0]
    assert candidates.target.tolist() == [2, 0, 2]


def test_softmax_by_hand() -> None:
    # one query that likes items 0 and 1; drawn: 1, 2, 2
    candidates = Candidates.of(torch.tensor([0, 1]), torch.tensor([1, 2, 2]), n_items=3)
    logits = torch.tensor([[log(2), log(3), log(5)]])
    # item 0: 2 / (2 + 3 + 5 + 5); item 1 was drawn itself, so 3 / (3 + 5 + 5)
    expected = (-log(2 / 15) - log(3 / 13)) / 2
    found = sampled_softmax(logits, torch.tensor([0, 0]), candidates)
    torch.testing.assert_close(found.item(), expected)


def literal(logits: Tensor, query: Tensor, liked: Tensor, draws: Tensor, items: Tensor) -> Tensor:
    """The definition, row by row, over the list of draws."""
    place = {int(item): column for column, item in enumerate(items)}
    losses = []
    for row, item in zip(query, liked, strict=True):
        own = logits[row, place[int(item)]]
        others = [logits[row, place[int(draw)]] for draw in draws if draw != item]
        losses.append(torch.logsumexp(torch.stack([own, *others]), 0) - own)
    return torch.stack(losses).mean()


@pytest.mark.parametrize("scale", [1.0, 60.0])
def test_softmax_and_its_gradient_agree_with_literal_code(scale: float) -> None:
    """Also where exp would overflow; many draws repeat and many are accidental hits."""
    torch.manual_seed(1)
    liked, draws = torch.randint(8, (20,)), torch.randint(8, (12,))
    query = torch.randint(5, (20,))
    candidates = Candidates.of(liked, draws, n_items=8)
    logits = (torch.randn(5, len(candidates.items), dtype=torch.float64) * scale).requires_grad_()
    found = sampled_softmax(logits, query, candidates)
    expected = literal(logits, query, liked, draws, candidates.items)
    torch.testing.assert_close(found, expected)
    (gradient,) = torch.autograd.grad(found, logits)
    (true_gradient,) = torch.autograd.grad(expected, logits)
    torch.testing.assert_close(gradient, true_gradient)


#: likes of 50 items, the most popular 6 times as popular as the least
SHARES = 1 / torch.arange(10.0, 60.0)
SHARES /= SHARES.sum()


def learned_scores(logq: bool) -> Tensor:
    """Learn one score an item from planted likes and in-batch negatives."""
    torch.manual_seed(0)
    sampler = make_sampler("in-batch", (SHARES * 100_000).long())
    scores = torch.zeros(50, requires_grad=True)
    optimizer = torch.optim.Adam([scores], lr=0.02)
    row = torch.zeros(1024, dtype=torch.int64)
    for _ in range(300):
        liked = torch.multinomial(SHARES, 1024, replacement=True)
        candidates = Candidates.of(liked, sampler.draw(32, liked), n_items=50)
        logits = scores[candidates.items]
        if logq:
            logits = logits - sampler.log_probability(candidates.items)
        loss = sampled_softmax(logits[None], row, candidates)
        (scores.grad,) = torch.autograd.grad(loss, scores)
        optimizer.step()
    return scores.detach()


def test_logq_recovers_the_popularity_that_in_batch_negatives_level() -> None:
    """Popular items are drawn as often as they are liked, so without correction nothing is left.

    A softmax with negatives drawn from q learns s = log(p / q), up to a constant: with q = p
    nothing. With log q subtracted from the logits it learns s = log p: slope 1.
    """
    truth = torch.log(SHARES)

    def slope(scores: Tensor) -> float:
        return float(torch.cov(torch.stack([truth, scores]))[0, 1] / truth.var())

    assert slope(learned_scores(logq=True)) == pytest.approx(1, abs=0.2)
    assert slope(learned_scores(logq=False)) == pytest.approx(0, abs=0.2)
