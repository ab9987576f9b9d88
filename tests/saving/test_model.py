"""A saved model and the histories beside it; in earlier versions both were one file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from recsys_core.reading import DamagedError
from recsys_core.run_folder import HISTORY
from recsys_core.saving.model import ARRAYS, read_model, write_model
from recsys_core.saving.npz import write_arrays

HEADER: dict[str, Any] = {"class": "It", "config": {}, "threshold": None, "fingerprint": "f"}


def arrays(item: int) -> dict[str, NDArray[Any]]:
    return {"history.items": np.array([1, item], np.int32), "catalogue": np.ones(3, np.bool_)}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    write_model(tmp_path / "it", HEADER, arrays(2))
    write_model(tmp_path / "other", HEADER, arrays(0))
    return tmp_path / "it"


def test_histories_lie_in_a_file_of_their_own(saved: Path) -> None:
    found = read_model(saved, "It")[1]
    assert {name: array.tolist() for name, array in found.items()} == {
        "history.items": [1, 2],
        "catalogue": [True] * 3,
    }
    with np.load(saved / HISTORY) as file:
        assert list(file) == ["history.items"]


def test_a_model_of_earlier_versions_has_them_among_the_others(saved: Path) -> None:
    (saved / HISTORY).unlink()
    write_arrays(saved / ARRAYS, arrays(2))
    assert read_model(saved, "It")[1]["history.items"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: file.write_bytes(file.read_bytes()[:-30]), "history.npz: "),
        (
            lambda file: file.write_bytes((file.parents[1] / "other" / HISTORY).read_bytes()),
            "history.npz is that of another model",
        ),
    ],
    ids=["truncated", "another"],
)
def test_other_histories_are_refused(
    saved: Path, damage: Callable[[Path], Any], message: str
) -> None:
    damage(saved / HISTORY)
    with pytest.raises(DamagedError, match=message):
        read_model(saved, "It")
