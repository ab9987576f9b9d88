"""Made-up sets of any size: exactly as large as asked for, the same again, with tastes to find."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from recsys_core.data import large
from recsys_core.data.large import Sizes, generate
from recsys_core.data.prepared_checks import check_dataset
from recsys_core.errors import InputError
from recsys_core.evaluation.recommendations import evaluate_recommendations
from recsys_core.protocols.registry import make_protocol
from tests.data.test_command import run
from tests.recall.build import fit


@pytest.mark.parametrize(
    "sizes",
    [
        Sizes(2_000, 100, 50),
        Sizes(300, 100, 6),  # three events each of six films
        Sizes(2_500, 100, 50),  # half of the films each: nobody may choose freely
        Sizes(1_000, 20, 1_000),  # each film once
    ],
)
def test_it_is_as_large_as_it_should_be(sizes: Sizes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "BLOCK_USERS", 32)
    dataset = generate("made", sizes)
    check_dataset(dataset, rows_expected=True)
    assert (dataset.n_interactions, dataset.n_users, dataset.n_items) == (
        sizes.rows,
        sizes.users,
        sizes.items,
    )
    assert dataset.n_repeats == 0
    assert np.bincount(dataset.item, minlength=sizes.items).min() >= 1
    assert (
        3 <= np.bincount(dataset.user).min() <= np.bincount(dataset.user).max() <= sizes.items / 2
    )
    assert set(dataset.rating) <= {1, 2, 3, 4, 5}
    # each user's events are in order of time
    assert np.array_equal(dataset.timeline, np.arange(sizes.rows))


def test_the_seed_decides() -> None:
    made, again = generate("made", Sizes(900, 50, 40)), generate("other", Sizes(900, 50, 40))
    assert made.fingerprint == again.fingerprint
    assert generate("made", Sizes(900, 50, 40, seed=1)).fingerprint != made.fingerprint


def test_there_are_tastes_to_find() -> None:
    split = make_protocol({"name": "user-timeline"}).split(generate("made", Sizes(9_000, 300, 200)))
    users = np.unique(split.test.user)
    found = {}
    for name in ("popularity", "item-cf"):
        lists = fit(name, split.train).recommend(users, 10, histories=split.requests(users)).items
        found[name] = evaluate_recommendations(users, lists, split, [10]).metrics["ndcg@10"]
    assert found["item-cf"] > 1.2 * found["popularity"]


@pytest.mark.parametrize(
    ("sizes", "remedy"),
    [
        (Sizes(299, 100, 50), "choose 300 rows or more"),
        (Sizes(400, 100, 401), "choose 401 rows or more"),
        (Sizes(2_501, 100, 50), "choose 2,500 rows or fewer"),
        (Sizes(100, 0, 50), "choose 1 to"),
    ],
)
def test_what_cannot_be_is_refused(sizes: Sizes, remedy: str) -> None:
    with pytest.raises(InputError) as refused:
        sizes.check()
    assert remedy in refused.value.remedy


def test_the_command_and_making_it_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = ("--rows", "900", "--users", "50", "--items", "40")
    where = ("--data-dir", str(tmp_path))
    assert run("data", "make", "large", "--name", "made", *sizes, "--json", *where) == 0
    meta = json.loads(capsys.readouterr().out)
    assert (meta["interactions"], meta["items_without_events"]) == (900, 0)
    assert run("data", "make", "large", "--name", "ml-1m", *sizes, *where) == 2
    assert "name of another data set" in capsys.readouterr().err
    (tmp_path / "made" / "columns" / "item.npy").write_bytes(b"")
    assert run("data", "describe", "made", "--json", *where) == 0
    out, err = capsys.readouterr()
    assert "preparing it again" in err
    assert json.loads(out)["fingerprint"] == meta["fingerprint"]
