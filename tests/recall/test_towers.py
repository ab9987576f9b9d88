"""Layers of the neural recall models against slow literal code."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from recsys_core.data.dataset import Categorical, Column, MultiCategorical, Numeric, Text
from recsys_core.recall.clock import moment_edges
from recsys_core.recall.dssm import DSSMConfig, Towers
from recsys_core.recall.sasrec import Block, SASRecConfig, Transformer
from recsys_core.recall.sequences import Window
from recsys_core.recall.sequential import Network
from recsys_core.recall.side_tables import SideTable
from recsys_core.recall.towers import Attributes, Events, HistoryPooling, Inputs
from recsys_core.recall.youtube_dnn import YouTubeDNNConfig, YouTubeNetwork

N_ITEMS, N_USERS, DIM = 12, 4, 8
DAY = 86_400


def genres(*rows: list[int]) -> MultiCategorical:
    offsets = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    codes = np.array([code for row in rows for code in row], dtype=np.int32)
    return MultiCategorical(offsets, codes, np.array(["a", "b", "c"]))


def inputs() -> Inputs:
    job: dict[str, Column] = {"job": Categorical(np.array([0, 1, 0, -1], np.int32), np.array([]))}
    kinds: dict[str, Column] = {"genres": genres(*([[0], [1, 2], []] * 4))}
    return Inputs(
        N_ITEMS,
        np.array([1, 3, 5], np.float32),
        SideTable.of(job, N_USERS),
        SideTable.of(kinds, N_ITEMS),
        moment_edges(np.arange(N_ITEMS * DAY, step=DAY)),
    )


def window(items: list[list[int]], queries: int = 1) -> Window:
    numbers = torch.tensor(items)
    ratings = (numbers % 4 + 1) * (numbers > 0)
    counts = (numbers > 0).cumsum(dim=1)
    times = DAY * counts * (numbers > 0)  # an event a day
    users, ages = torch.arange(len(items)), torch.zeros(len(items), 1)
    return Window(numbers, ratings, users, ages, times, counts[:, -queries:])


NETWORKS = ["youtube-dnn", "youtube-dnn, clock", "dssm", "sasrec"]


def network(name: str) -> Network:
    torch.manual_seed(0)
    built: Network
    if name.startswith("youtube-dnn"):
        fields = YouTubeDNNConfig(dim=DIM, history=4, hidden=(16,), clock="clock" in name)
        built = YouTubeNetwork(inputs(), fields)
    elif name == "dssm":
        built = Towers(inputs(), DSSMConfig(dim=DIM, history=4, user_hidden=(16,)))
    else:
        built = Transformer(inputs(), SASRecConfig(dim=DIM, history=6))
    for parameter in built.parameters():  # zeros at the start would hide mistakes
        nn.init.normal_(parameter, std=0.5)
    return built.eval()


def test_attributes_worked_by_hand() -> None:
    columns: dict[str, Column] = {
        "year": Numeric(np.array([1990, np.nan, 1995], np.float32)),
        "genres": genres([2, 0], [], [1]),
        "title": Text(np.array(["x", "y", "z"])),
        "zip": Categorical(np.array([0, 1, 2], np.int32), np.array(["1", "2", "3"])),
    }
    table = SideTable.of(columns, 3)
    # genres first, by name: a, b, c are rows 1, 2, 3; the years 1990 and 1995 are 4 and 5; the
    # title is free text and no zip code is shared
    assert table.values.tolist() == [[3, 1, 4], [0, 0, 0], [2, 0, 5], [0, 0, 0]]
    assert table.weights.tolist() == [[0.5, 0.5, 1], [0, 0, 0], [1, 0, 1], [0, 0, 0]]
    assert table.n_rows == 6
    layer = Attributes(table, DIM)
    found = layer(torch.tensor([0, 3]))
    rows = layer.embedding
    torch.testing.assert_close(found, torch.stack([(rows[3] + rows[1]) / 2 + rows[4], 0 * rows[0]]))
    assert Attributes(SideTable.of({}, 3), DIM).all().tolist() == [[0] * DIM] * 4


def test_events_are_id_attributes_and_rating() -> None:
    layer = Events(inputs(), DIM)
    found = layer(replace(window([[0, 2]]), ratings=torch.tensor([[0, 3]])))
    attributes = layer.attributes(torch.tensor([1]))[0]
    torch.testing.assert_close(found[0, 1], layer.item[1] + attributes + layer.rating[3])
    assert found[0, 0].tolist() == [0] * DIM
    # asked for so few, it computes just those; in training, all items once
    few = layer.eval()(replace(window([[0, 2]]), ratings=torch.tensor([[0, 3]])))
    torch.testing.assert_close(few, found, rtol=0, atol=0)


def test_pooling_agrees_with_literal_code() -> None:
    torch.manual_seed(1)
    pool = HistoryPooling(DIM, heads=2, length=3)
    nn.init.normal_(pool.position)
    events, known = torch.randn(2, 6, DIM), torch.ones(2, 6, dtype=torch.bool)
    known[1, :4] = False
    events[1, :4] = 0
    found = pool(events, known, queries=2)
    for row in range(2):
        for query in range(2):
            latest = 4 + query
            columns = [c for c in range(latest - 2, latest + 1) if known[row, c]]
            for head in range(2):
                scores = [
                    pool.content.weight[head] @ events[row, c] + pool.position[latest - c, head]
                    for c in columns
                ]
                weights = torch.softmax(torch.stack(scores), dim=0)
                wanted = sum(
                    (w * events[row, c] for w, c in zip(weights, columns, strict=True)),
                    torch.zeros(DIM),
                )
                part = found[row, query, head * DIM : (head + 1) * DIM]
                torch.testing.assert_close(part, wanted, rtol=1e-5, atol=1e-6)


def literal_block(block: Block, x: Tensor, known: list[bool]) -> Tensor:
    """One sequence, position by position, head by head."""
    dim = x.shape[1]
    size = dim // block.heads
    query, key, value = block.projection(block.before_attention(x)).split(dim, dim=1)
    rows = []
    for i in range(len(x)):
        visible = [j for j in range(i + 1) if known[j] or j == i]
        parts = []
        for head in range(block.heads):
            part = slice(head * size, (head + 1) * size)
            scores = torch.stack([query[i, part] @ key[j, part] for j in visible]) / size**0.5
            weights = torch.softmax(scores, dim=0)
            parts.append(weights @ value[visible][:, part])
        rows.append(torch.cat(parts))
    x = x + block.output(torch.stack(rows))
    after: Tensor = x + block.layers(block.before_layers(x))
    return after


def test_a_block_agrees_with_literal_code() -> None:
    torch.manual_seed(2)
    block = Block(SASRecConfig(dim=DIM, heads=2)).eval()
    x, known = torch.randn(1, 5, DIM), [False, True, True, False, True]
    order = torch.ones(5, 5, dtype=torch.bool).tril() & torch.tensor(known)
    seen = (order | torch.eye(5, dtype=torch.bool))[None, None]
    torch.testing.assert_close(
        block(x, seen)[0], literal_block(block, x[0], known), rtol=1e-4, atol=1e-5
    )


def test_softmax_weights_of_youtube_dnn_learn_from_histories_and_attributes() -> None:
    net = network("youtube-dnn")
    assert isinstance(net, YouTubeNetwork)
    (found,) = net.vectors(torch.tensor([5]))
    genres_b_and_c = (net.events.attributes.embedding[2] + net.events.attributes.embedding[3]) / 2
    # item 5 is of no genre, item 4 of both: see `inputs`
    torch.testing.assert_close(found, net.output[5] + net.events.item[5])
    (found,) = net.vectors(torch.tensor([4]))
    torch.testing.assert_close(found, net.output[4] + net.events.item[4] + genres_b_and_c)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_future_is_never_seen(name: str) -> None:
    net = network(name)
    one, other = window([[1, 2, 3, 4, 5, 6]], 4), window([[1, 2, 3, 4, 9, 10]], 4)
    first, second = net(one, 4), net(other, 4)
    torch.testing.assert_close(first[:, :2], second[:, :2])  # after 3 and after 4
    assert (first[:, 2:] - second[:, 2:]).abs().min() > 0


@pytest.mark.parametrize("name", NETWORKS)
def test_padding_never_changes_a_query(name: str) -> None:
    net = network(name)
    torch.testing.assert_close(
        net(window([[7, 8, 9]]), 1), net(window([[0, 0, 0, 7, 8, 9]]), 1), rtol=1e-5, atol=1e-6
    )
    beside = net(window([[0, 0, 0, 7, 8, 9], [1, 2, 3, 4, 5, 6]]), 1)[:1]
    torch.testing.assert_close(net(window([[7, 8, 9]]), 1), beside, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_nobody_asking_is_no_error(name: str) -> None:
    nobody = Window(*(part[:0] for part in vars(window([[1, 2, 3]])).values()))
    assert network(name)(nobody, 1).shape == (0, 1, DIM)


@pytest.mark.parametrize("name", ["youtube-dnn", "dssm"])
def test_events_older_than_the_history_are_not_read(name: str) -> None:
    net = network(name)
    torch.testing.assert_close(
        net(window([[1, 2, 3, 4, 5, 6]]), 1), net(window([[9, 0, 3, 4, 5, 6]]), 1)
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_order_ratings_and_attributes_matter(name: str) -> None:
    net = network(name)
    plain = window([[1, 2, 3]])
    query = net(plain, 1)
    others = [
        window([[2, 1, 3]]),
        replace(plain, ratings=torch.ones_like(plain.ratings)),
        replace(plain, users=plain.users + 1),  # another job
    ]
    for other in others:
        assert (net(other, 1) - query).abs().max() > 1e-3
    # users 0 and 2 have the same job; nothing is known of users 3 and 4
    for one, same in ((0, 2), (3, 4)):
        pair = [net(replace(plain, users=torch.tensor([user])), 1) for user in (one, same)]
        torch.testing.assert_close(*pair)
