"""ONNX graphs and faiss indices: the scripts' answers are those of the models, from files alone."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recsys_core.config import parse_config
from recsys_core.export.rankers import ranker_part
from recsys_core.export.recall import TOWERS, recall_part
from recsys_core.export.two_stage import two_stage_parts
from recsys_core.features.known import Known
from recsys_core.features.queries import Queries
from recsys_core.features.schema import FeatureSchema
from recsys_core.processes import python_command
from recsys_core.ranking.calibration import Calibration
from recsys_core.ranking.ranker import Ranker
from recsys_core.recall.base import RecallModel
from recsys_core.registry import model_info
from recsys_core.testing.planted import fit
from tests.export.served import EXAMPLES, ids, served
from tests.export.test_features import schema_named, split
from tests.export.test_plain import RANKING, SMALL
from tests.two_stage.build import fitted, planted

#: an export takes seconds: in everyday tests of extras some, the others in the soak test
FIRST = ("lr", "deepfm", "din", "ple", "dssm", "sasrec")


def _marked(names: Iterable[str]) -> list[Any]:
    return [
        pytest.param(name, marks=pytest.mark.extras if name in FIRST else pytest.mark.soak)
        for name in names
    ]


#: fields that say something to every model, and are few
FIELDS: list[dict[str, Any]] = [
    {"name": "user_id", "source": "user", "kind": "categorical"},
    {"name": "item_id", "source": "item", "kind": "categorical"},
    {"name": "genres", "source": "item", "kind": "multi"},
    {"name": "year", "source": "item", "kind": "numeric"},
    {"name": "cover", "source": "item", "kind": "vector"},
    {"name": "rated", "source": "item-history", "kind": "numeric", "column": "rating_mean"},
    {"name": "liked", "source": "user-history", "kind": "sequence", "share_embedding": "item_id"},
]


@pytest.fixture(autouse=True)
def _packages() -> None:
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")


def ranker_of(name: str) -> Ranker:
    """Give a model its features and weights of which none is 0, in place of training."""
    config: Any = model_info(name).cls.Config
    own = {key: value for key, value in SMALL.items() if key in config.model_fields}
    schema = FeatureSchema.model_validate({"name": "some", "features": FIELDS})
    ranker = Ranker(name, parse_config(config, own, name), schema)
    tasks = len(ranker.tasks)
    ranker.start(Queries.of_events(split().train), Known.of(split().train), tasks)
    with torch.no_grad():
        for weights in ranker.module.parameters():
            weights.add_(0.1 * torch.randn_like(weights))
        for each in ranker.module.modules():
            table: Any = getattr(each, "table", None)
            if table is not None and len(table) > tasks:
                table[0] = 0
    ranker.calibrations = {"like": Calibration(scores=(-1, 0.5), targets=(-2, 1), slope=0.7)}
    return ranker


@pytest.mark.parametrize("name", _marked(RANKING))
def test_a_ranking_model_scores_rows_alike(name: str, tmp_path: Path) -> None:
    ranker, known, test = ranker_of(name), Known.of(split().known), split().test
    data = test.dataset
    exported = served(
        tmp_path / "it",
        {"": ranker_part(ranker, known, "events")},
        data,
        split().known.histories(),
    )
    rows = [
        {
            "user": str(data.user_ids[user]),
            "item": str(data.item_ids[item]),
            "time": int(time),
        }
        for user, item, time in zip(test.user, test.item, test.timestamp, strict=True)
    ]
    wanted = ranker.score(Queries.of_events(test), known)
    np.testing.assert_allclose(exported.score(rows), wanted, rtol=1e-5, atol=1e-5)


def lists_are_the_same(model: RecallModel[Any], exported: Any, cut: Any) -> None:
    data, histories = cut.dataset, cut.known.histories()
    for user in range(0, data.n_users, 9):
        top = model.recommend(np.array([user]), 10, histories=histories.take(np.array([user])))
        found = exported.recommend(str(data.user_ids[user]), 10)
        assert [item for item, _ in found] == ids(top.items[0], data)
        np.testing.assert_allclose(
            [score for _, score in found], top.scores[0], rtol=1e-5, atol=1e-5
        )


@pytest.mark.parametrize("name", _marked(TOWERS))
def test_a_tower_lists_alike_by_vectors_and_by_index(name: str, tmp_path: Path) -> None:
    short: dict[str, Any] = {
        "dim": 4,
        "epochs": 1,
        "max_len": 6,
        "hidden": (4,),
        "blocks": 1,
        "heads": 2,
    }
    fields = {key: short[key] for key in short if key in model_info(name).cls.Config.model_fields}
    schema = schema_named("movielens-towers") if name in ("dssm", "youtube-dnn") else None
    model: Any = fit(name, split().train, schema=schema, **fields)
    known = split().known.histories()
    part = recall_part(name, model, index=True)
    exported = served(tmp_path / "it", {"": part}, split().dataset, known)
    lists_are_the_same(model, exported, split())
    assert exported.model.index is not None
    exported.model.index = None
    lists_are_the_same(model, exported, split())


@pytest.mark.extras
@pytest.mark.parametrize("name", ["mf", "lightgcn", "ials", "word2vec"])
def test_vectors_list_alike_by_index(name: str, tmp_path: Path) -> None:
    model: Any = fit(name, split().train, dim=4, epochs=1)
    part = recall_part(name, model, index=True)
    known = split().known.histories()
    exported = served(tmp_path / "it", {"": part}, split().dataset, known)
    lists_are_the_same(model, exported, split())


@pytest.mark.extras
@pytest.mark.parametrize("name", ["deepwalk-item", "deepwalk-user"])
def test_walks_list_alike(name: str, tmp_path: Path) -> None:
    model: Any = fit(name, split().train, dim=4, walks_per_node=1)
    known = split().known.histories()
    exported = served(tmp_path / "it", {"": recall_part(name, model)}, split().dataset, known)
    lists_are_the_same(model, exported, split())


@pytest.mark.extras
def test_two_stages_list_alike_in_a_process_without_this_program(tmp_path: Path) -> None:
    model, folder = fitted(), tmp_path / "it"
    parts = two_stage_parts(model, "run")
    exported = served(folder, parts, planted().dataset, planted().known.histories())
    lists_are_the_same(model, exported, planted())
    user = str(planted().dataset.user_ids[0])
    wanted = "".join(f"{item}\t{score:.6f}\n" for item, score in exported.recommend(user, 3))
    program = (
        "import runpy, sys; sys.modules['recsys_core'] = sys.modules['torch'] = None; "
        f"sys.path.insert(0, {str(EXAMPLES)!r}); "
        f"sys.argv = ['it', {str(folder)!r}, '--user', {user!r}, '--k', '3']; "
        f"runpy.run_path({str(EXAMPLES / 'serve_exported.py')!r}, run_name='__main__')"
    )
    done = subprocess.run(
        [*python_command(), "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == (wanted, "")
