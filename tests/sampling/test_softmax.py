"""The sampled and the full softmax: accidental hits, exclusions, logQ correction, gradients."""

from __future__ import annotations

from math import log

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from recsys_core.sampling.config import SamplingConfig
from recsys_core.sampling.full import BLOCK, Targets, full_softmax
from recsys_core.sampling.negatives import Negatives, Positives
from recsys_core.sampling.softmax import Candidates, Excluded, sampled_softmax


def room(n_items: int) -> Tensor:
    return torch.zeros(n_items, dtype=torch.int64)


def test_candidates_list_each_item_once() -> None:
    candidates = Candidates.of(torch.tensor([4, 1, 4]), torch.tensor([3, 1, 3]), room(6))
    assert candidates.items.tolist() == [1, 3, 4]
    assert candidates.drawn.tolist() == [1, 2, 0]
    assert candidates.target.tolist() == [2, 0, 2]


def test_softmax_by_hand() -> None:
    # one query that likes items 0 and 1; drawn: 1, 2, 2
    candidates = Candidates.of(torch.tensor([0, 1]), torch.tensor([1, 2, 2]), room(3))
    logits = torch.tensor([[log(2), log(3), log(5)]])
    row = torch.tensor([0, 0])
    # item 0: 2 / (2 + 3 + 5 + 5); item 1 was drawn itself, so 3 / (3 + 5 + 5)
    first, second = -log(2 / 15), -log(3 / 13)
    found = sampled_softmax(logits, row, candidates)
    torch.testing.assert_close(found.item(), (first + second) / 2)
    weighted = sampled_softmax(logits, row, candidates, weight=torch.tensor([3.0, 1.0]))
    torch.testing.assert_close(weighted.item(), (3 * first + second) / 4)
    # with item 1 no negative of the query: 2 / (2 + 5 + 5) and 3 / (3 + 5 + 5)
    without = sampled_softmax(
        logits, row, candidates, excluded=torch.tensor([[False, True, False]])
    )
    torch.testing.assert_close(without.item(), (-log(2 / 12) - log(3 / 13)) / 2)
    # with other logits for the liked items: 7 / (7 + 3 + 5 + 5) and 4 / (4 + 5 + 5)
    positive = torch.tensor([log(7), log(4)])
    apart = sampled_softmax(logits, row, candidates, positive=positive)
    torch.testing.assert_close(apart.item(), (-log(7 / 20) - log(4 / 14)) / 2)


def literal(
    logits: Tensor,
    query: Tensor,
    liked: Tensor,
    draws: Tensor,
    items: Tensor,
    positive: Tensor,
    excluded: Tensor,
) -> Tensor:
    """The definition, row by row, over the list of draws."""
    place = {int(item): column for column, item in enumerate(items)}
    losses = []
    for number, (row, item) in enumerate(zip(query, liked, strict=True)):
        others = [
            logits[row, place[int(draw)]]
            for draw in draws
            if draw != item and not excluded[row, place[int(draw)]]
        ]
        own = positive[number]
        losses.append(torch.logsumexp(torch.stack([own, *others]), 0) - own)
    return torch.stack(losses).mean()


@pytest.mark.parametrize("scale", [1.0, 60.0])
@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("excluding", [False, True])
def test_softmax_and_its_gradient_agree_with_literal_code(
    scale: float, apart: bool, excluding: bool
) -> None:
    """Also where exp would overflow; many draws repeat and many are accidental hits."""
    torch.manual_seed(1)
    liked, draws = torch.randint(8, (20,)), torch.randint(8, (12,))
    query = torch.randint(5, (20,))
    candidates = Candidates.of(liked, draws, room(8))
    logits = (torch.randn(5, len(candidates.items), dtype=torch.float64) * scale).requires_grad_()
    excluded = torch.rand(logits.shape) < 0.3 * excluding
    own = logits[query, candidates.target]
    positive = own - torch.rand(20, dtype=torch.float64) if apart else own
    found = sampled_softmax(
        logits,
        query,
        candidates,
        positive=positive if apart else None,
        excluded=excluded if excluding else None,
    )
    expected = literal(logits, query, liked, draws, candidates.items, positive, excluded)
    # taking hits out of a sum that they dominate costs digits: harmless where the liked item
    # itself makes up for them
    rtol, atol = (1e-4, 1e-6) if apart and scale > 1 else (1e-7, 1e-9)
    torch.testing.assert_close(found, expected, rtol=rtol, atol=atol)
    gradients = [
        torch.autograd.grad(loss, logits, retain_graph=True)[0] for loss in (found, expected)
    ]
    torch.testing.assert_close(*gradients, rtol=rtol, atol=atol)


def test_a_query_with_nothing_but_excluded_negatives_has_no_loss() -> None:
    candidates = Candidates.of(torch.tensor([0]), torch.tensor([1, 2]), room(3))
    logits = torch.tensor([[0.0, 1.0, 2.0]], requires_grad=True)
    loss = sampled_softmax(
        logits, torch.tensor([0]), candidates, excluded=torch.ones(1, 3, dtype=torch.bool)
    )
    (gradient,) = torch.autograd.grad(loss, logits)
    assert loss.item() == 0
    assert gradient.tolist() == [[0, 0, 0]]


def test_excluded_items_by_hand() -> None:
    # of three queries the first leaves out 4 and 5, the second nothing, the third 6
    excluded = Excluded(torch.tensor([4, 5, 6]), torch.tensor([2, 2, 3]))
    assert excluded.query.tolist() == [0, 0, 2]
    last = excluded.part(1, 3)
    assert last.items.tolist() == [6]
    assert last.query.tolist() == [1]
    candidates = Candidates.of(torch.tensor([6, 7]), torch.tensor([4]), room(8))
    held = candidates.holding(excluded.query, excluded.items, 3)
    assert held.tolist() == [[True, False, False], [False] * 3, [False, True, False]]


def test_what_a_query_knows_is_no_negative_of_it() -> None:
    """Of items with the logits log 2, log 3, log 5 the query likes the first; all are drawn."""
    none = torch.zeros(1, dtype=torch.long)
    negatives = Negatives(SamplingConfig(), torch.ones(3), Positives(none, none, 1, 3))

    def loss(*known: int) -> Tensor:
        excluded = Excluded(torch.tensor(known, dtype=torch.long), torch.tensor([len(known)]))
        logits = torch.tensor([[2.0, 3.0, 5.0]]).log()
        return negatives.loss(torch.ones(1, 1), none, none, none, lambda _: logits, None, excluded)

    torch.testing.assert_close(loss().item(), -log(2 / 10))
    torch.testing.assert_close(loss(1).item(), -log(2 / 7))
    torch.testing.assert_close(loss(0, 2).item(), -log(2 / 5))  # what is liked stays in the sum


@pytest.mark.parametrize("excluding", [False, True])
@pytest.mark.parametrize("queries", [1, BLOCK, BLOCK + 3])
def test_full_softmax_agrees_with_cross_entropy(queries: int, excluding: bool) -> None:
    """Loss and gradients, with several targets a query, some with none, and uneven weights."""
    torch.manual_seed(queries)
    asked = torch.randn(queries, 5, requires_grad=True)
    items = torch.randn(70, 5, requires_grad=True)
    row, liked = torch.randint(queries, (40,)).sort().values, torch.randint(70, (40,))
    weight = torch.rand(40)
    out = (torch.rand(queries, 71) < 0.3) & excluding  # the last column is no item
    excluded = Excluded(out.nonzero()[:, 1], torch.cumsum(out.sum(dim=1), 0))
    found = full_softmax(asked, items, Targets(row, liked, excluded if excluding else None), weight)
    out[row, liked] = False  # what a query likes stays among its items
    logits = (asked @ items.T).masked_fill(out[:, :70], -torch.inf)
    losses = F.cross_entropy(logits[row], liked, reduction="none")
    expected = (losses * weight).sum() / weight.sum()
    torch.testing.assert_close(found, expected)
    for one, other in zip(
        torch.autograd.grad(2 * found, (asked, items)),
        torch.autograd.grad(2 * expected, (asked, items)),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


#: what two groups of users like, of 204: item 0 is everybody's favourite, the next 100 items are
#: those of the first group, 100 more those of the second
OWN, OTHERS = [1.5] * 100, [0.5] * 100
LIKED = torch.tensor([[4.0, *OWN, *OTHERS], [4.0, *OTHERS, *OWN]]) / 204


def learned_scores(**fields: object) -> list[float]:
    """Learn a score for each group and item from planted positives and in-batch negatives.

    Returns how far a group's own items, and those of the other group, are above the favourite.
    """
    torch.manual_seed(0)
    config = SamplingConfig.model_validate({"sampler": "in-batch", "negatives": 64, **fields})
    nobody = torch.zeros(0, dtype=torch.int64)
    counts = (LIKED.sum(dim=0) * 204).round().long()
    negatives = Negatives(config, counts, Positives(nobody, nobody, 2, len(counts)))
    scores = torch.zeros(LIKED.shape, requires_grad=True)
    optimizer = torch.optim.Adam([scores], lr=0.03)
    groups = torch.arange(2)
    for _ in range(150):
        liked = torch.multinomial(LIKED, 1024, replacement=True).flatten()
        row = groups.repeat_interleave(1024)
        loss = negatives.loss(scores, groups, row, liked, lambda items: scores[:, items])
        (scores.grad,) = torch.autograd.grad(loss, scores)
        optimizer.step()
    found = scores.detach()
    above = found[:, 1:].view(2, 2, 100).mean(dim=2) - found[:, :1]
    return [above.diag().mean().item(), above.fliplr().diag().mean().item()]


def test_logq_recovers_the_order_that_in_batch_negatives_turn_around() -> None:
    """A softmax with negatives drawn from q learns log(p / q): what is popular is pushed down.

    Shares of the train rows: q = 4/204 for the favourite, 1/204 for the others. p / q is 1 for the
    favourite, 3/2 for a group's own items and 1/2 for the others: the own ones pass the favourite.
    With log q subtracted from the logits log p is learned, and the favourite is on top again.
    """
    own, others = learned_scores()
    assert own == pytest.approx(log(3 / 2), abs=0.15)
    assert others == pytest.approx(log(1 / 2), abs=0.15)
    own, others = learned_scores(logq=True)
    assert own == pytest.approx(log(1.5 / 4), abs=0.15)
    assert others == pytest.approx(log(0.5 / 4), abs=0.15)


def test_without_the_positives_correction_the_order_is_learned_all_the_same() -> None:
    own, others = learned_scores(logq=True, logq_positive=False)
    assert 0 > own > others


def test_seen_items_are_no_negatives() -> None:
    positives = Positives(
        torch.tensor([0, 0, 1, 0]), torch.tensor([3, 1, 2, 1]), n_users=3, n_items=5
    )
    candidates = Candidates.of(torch.tensor([1]), torch.tensor([2, 4]), room(5))
    assert candidates.items.tolist() == [1, 2, 4]
    assert positives.among(torch.tensor([0, 1, 2, 0]), candidates).tolist() == [
        [True, False, False],  # likes 3 too, which is no candidate
        [False, True, False],
        [False, False, False],
        [True, False, False],
    ]
    config = SamplingConfig(exclude_seen=True)
    negatives = Negatives(config, torch.ones(5, dtype=torch.int64), positives)
    scores = torch.tensor([[0.0, 5.0, 0.0, 9.0, 0.0]])
    user, row = torch.tensor([0]), torch.tensor([0])
    loss = negatives.loss(scores, user, row, torch.tensor([1]), lambda items: scores[:, items])
    # items 1 and 3 are the user's: e^5 / (e^5 + 3)
    assert loss.item() == pytest.approx(log(1 + 3 / torch.tensor(5.0).exp().item()), rel=1e-4)


def test_hard_negatives_are_the_best_unseen_items() -> None:
    positives = Positives(torch.tensor([0, 0, 1]), torch.tensor([3, 1, 2]), n_users=2, n_items=5)
    config = SamplingConfig(hard_negatives=4)
    negatives = Negatives(config, torch.ones(5, dtype=torch.int64), positives)
    ranked = torch.tensor([[3, 1, 0, 2, -1], [2, 4, 3, -1, -1]])
    # queries say which list they get
    negatives.search = lambda queries, k: ranked[queries[:, 0].long(), :k]
    found = negatives.hard(torch.tensor([[0.0], [1.0]]), torch.arange(2))
    # user 0 has seen 3 and 1: 0, then 2; user 1 has seen 2: 4, then 3
    assert sorted(found.tolist()) == [0, 2, 3, 4]
