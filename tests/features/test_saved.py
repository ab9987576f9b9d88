"""The features beside a saved tower: they belong to its weights, or the model is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest

from recsys_core.compute.runtime import Runtime
from recsys_core.compute.threads import limited_threads
from recsys_core.config import parse_config
from recsys_core.data.dataset import Categorical
from recsys_core.data.interactions import Interactions
from recsys_core.errors import InputError
from recsys_core.events import Event
from recsys_core.features.saved import FEATURES
from recsys_core.features.schema import FeatureSchema
from recsys_core.recall.neural.sequential import SequentialModel
from recsys_core.registry import model_info
from recsys_core.saving.model import HEADER
from recsys_core.two_stage.channels import Channels
from recsys_core.two_stage.config import ChannelConfig
from tests.protocols.build import random_dataset

SMALL: dict[str, Any] = {"dim": 4, "epochs": 2, "batch_size": 16, "max_len": 9}
IDS = {"name": "item_id", "source": "item", "kind": "categorical"}
EVENTS = {"name": "events", "source": "user-history", "kind": "sequence", "column": "all"}


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    with limited_threads(1):
        yield


def reading(*features: dict[str, Any]) -> FeatureSchema:
    return FeatureSchema.model_validate({"name": "test", "features": [IDS, *features]})


def of_user(column: str) -> FeatureSchema:
    return reading({"name": column, "source": "user", "kind": "categorical"})


def rows() -> Interactions:
    """Users have two attributes of two values each."""
    data = random_dataset(0, n_users=12, n_items=10, n=60)
    for column, every in (("tall", 2), ("young", 3)):
        codes = (np.arange(12) % every % 2).astype(np.int32)
        data.user_columns[column] = Categorical(codes, np.array(["no", "yes"]))
    return Interactions.in_time_order(data, np.arange(60), 4.0)


def model_of(
    schema: FeatureSchema | None, runtime: Runtime | None = None, name: str = "dssm", **more: int
) -> SequentialModel[Any]:
    cls = model_info(name).cls
    model: SequentialModel[Any] = cls(
        parse_config(cls.Config, {**SMALL, **more}, name), runtime, schema
    )
    return model


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Models of one shape that read another attribute each."""
    folders = {}
    for column in ("tall", "young"):
        folders[column] = tmp_path_factory.mktemp(column)
        with limited_threads(1):
            model_of(of_user(column)).fit(rows()).save(folders[column])
    return folders


@pytest.mark.parametrize("part", [FEATURES, "known"])
def test_features_of_another_model_are_refused(
    saved: dict[str, Path], part: str, tmp_path: Path
) -> None:
    copytree(saved["tall"], tmp_path, dirs_exist_ok=True)
    other = saved["young"] / part
    if other.is_dir():
        copytree(other, tmp_path / part, dirs_exist_ok=True)
    else:
        (tmp_path / part).write_bytes(other.read_bytes())
    with pytest.raises(InputError, match="damaged"):
        model_of(None).load(tmp_path)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("features",), None),
        (("encoder", "query", "features", 0, "fitted"), {"name": "hashed", "buckets": 0}),
        (("encoder", "query", "features", 0, "fitted"), {"name": "hashed", "buckets": 10**12}),
        (
            ("encoder", "query", "features", 0, "fitted"),
            {"name": "vector", "numbers": 2, "deviation": 1},
        ),
        (
            ("encoder", "query", "features", 0, "fitted"),
            {"name": "events", "of": "nothing", "values": [], "centre": 0},
        ),
        (("encoder", "query", "features", 0, "feature", "of"), ["nothing"]),
    ],
)
def test_damaged_features_are_refused(
    saved: dict[str, Path], where: tuple[Any, ...], value: Any, tmp_path: Path
) -> None:
    copytree(saved["tall"], tmp_path, dirs_exist_ok=True)
    content = json.loads((tmp_path / FEATURES).read_text())
    *path, last = where
    inner = content
    for step in path:
        inner = inner[step]
    inner[last] = value
    (tmp_path / FEATURES).write_text(json.dumps(content))
    with pytest.raises(InputError, match="the saved model is damaged"):
        model_of(None).load(tmp_path)


def test_a_header_of_an_earlier_version_says_so(saved: dict[str, Path], tmp_path: Path) -> None:
    copytree(saved["tall"], tmp_path, dirs_exist_ok=True)
    header = json.loads((tmp_path / HEADER).read_text())
    header["config"]["attributes"] = True
    (tmp_path / HEADER).write_text(json.dumps(header))
    with pytest.raises(InputError, match=r"made by an earlier version\?\)\ntrain it again"):
        model_of(None).load(tmp_path)


def test_a_checkpoint_of_other_features_is_refused(tmp_path: Path) -> None:
    """Both schemas give networks of one shape: nothing else would tell."""

    class StopError(Exception):
        pass

    def interrupt(event: Event) -> None:
        if event.metrics:
            raise StopError

    runtime = Runtime(checkpoint=tmp_path / "checkpoint")
    first = model_of(of_user("tall"), runtime, epochs=4)
    with pytest.raises(StopError):
        first.fit(rows(), on_event=lambda event: interrupt(event) if event.step == 2 else None)
    with pytest.raises(InputError, match="features"):
        model_of(of_user("young"), runtime, epochs=4).fit(rows())


def test_inner_channels_read_as_many_events_as_the_final_one(tmp_path: Path) -> None:
    """Of a run, whose schema leaves the length to the model, and without a look at a file."""
    model_of(reading({**EVENTS, "event_fields": ["rating"]})).fit(rows()).save(tmp_path)
    config = ChannelConfig(model="dssm", params=SMALL)
    final = Channels.fit((config,), rows(), saved={"dssm": tmp_path})
    inner = Channels.fit((config,), rows(), like=final)
    for channels in (final, inner):
        model = channels.models["dssm"]
        assert isinstance(model, SequentialModel)
        assert model.inputs.length == 9
