"""A saved recall model may be foreign: whatever its arrays are, it is refused or it works.

Native code follows indices without looking, so a test that fails here may end the process.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recsys_core.compute.threads import limited_threads
from recsys_core.errors import InputError
from recsys_core.registry import model_info, model_names
from recsys_core.saving.npz import map_arrays, write_arrays
from recsys_core.testing.foreign import (
    ARRAYS,
    a_missing_array_is_named,
    damaged_arrays_are_refused_or_do_no_harm,
)
from recsys_core.testing.planted import fit, planted

RECALL = [name for name in model_names() if model_info(name).stage == "recall"]
HEADER, HISTORY = "model.json", "history.npz"


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    with limited_threads(1):
        yield


@pytest.fixture(scope="module")
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model that was fitted for a moment."""
    name: str = request.param
    fields = model_info(name).cls.Config.model_fields
    short: dict[str, Any] = {
        "epochs": 1,
        "walks_per_node": 1,
        "dim": 4,
        "hidden": (4,),
        "blocks": 1,
        "max_len": 3,
    }
    folder = tmp_path_factory.mktemp(name)
    model = fit(name, planted()[0], **{key: short[key] for key in short if key in fields})
    model.save(folder)
    (folder / "name").write_text(name)
    return folder


every_model = pytest.mark.parametrize("saved", RECALL, indirect=True)


@every_model
def test_damaged_arrays_are_refused_or_do_no_harm(saved: Path, tmp_path: Path) -> None:
    damaged_arrays_are_refused_or_do_no_harm((saved / "name").read_text(), saved, tmp_path)


@every_model
def test_to_load_it_takes_no_compiler(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch._dynamo", None)  # seconds that nobody needs
    model_info((saved / "name").read_text()).cls.load(saved)


@every_model
def test_a_missing_array_is_named(saved: Path, tmp_path: Path) -> None:
    a_missing_array_is_named((saved / "name").read_text(), saved, tmp_path)


@pytest.mark.parametrize("saved", ["item-cf"], indirect=True)
def test_the_message_says_what_is_out_of_range(saved: Path, tmp_path: Path) -> None:
    for name in (HEADER, HISTORY):
        (tmp_path / name).write_bytes((saved / name).read_bytes())
    arrays = map_arrays(saved / ARRAYS)
    neighbours = arrays["neighbours"].copy()
    neighbours[0] = 10_000_000
    write_arrays(tmp_path / ARRAYS, {**arrays, "neighbours": neighbours})
    with pytest.raises(InputError, match=r"neighbours has 10,000,000, there are 49\n.*--fresh"):
        model_info("item-cf").cls.load(tmp_path)


@pytest.mark.parametrize("saved", ["popularity"], indirect=True)
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("threshold", "high"),
        ("threshold", {}),
        ("config", 5),
        ("config", None),
        ("class", []),
        ("format", "one"),
        ("fingerprint", 3),
    ],
)
def test_a_damaged_header_is_refused(saved: Path, tmp_path: Path, key: str, value: Any) -> None:
    header = json.loads((saved / HEADER).read_text())
    (tmp_path / HEADER).write_text(json.dumps({**header, key: value}))
    (tmp_path / ARRAYS).write_bytes((saved / ARRAYS).read_bytes())
    with pytest.raises(InputError, match=rf"damaged: model\.json has no proper '{key}'"):
        model_info("popularity").cls.load(tmp_path)
