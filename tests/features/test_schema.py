"""Schemas as people write them, and what they are told when one is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys_core.data.dataset import Categorical, Vectors
from recsys_core.errors import InputError
from recsys_core.features.feature import Feature
from recsys_core.features.schema import (
    FeatureSchema,
    default_schema,
    load_schema,
    read_schema,
)
from recsys_core.features.schema_files import schema_files, schema_names
from tests.features.build import films

GOOD = """\
name: mine
features:
  - {name: user_id, source: user, kind: categorical}
  - name: film
    source: item
    column: item_id
    kind: categorical
    transform: {name: vocabulary, min_count: 2}
  - {name: genres, source: item, kind: multi, pooling: sum, embedding_size: 8}
"""


def write(folder: Path, text: str) -> str:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_schema_file(tmp_path: Path) -> None:
    schema = load_schema(write(tmp_path, GOOD), films())
    assert [feature.reads for feature in schema.features] == ["user_id", "item_id", "genres"]
    assert schema.features[2].embedding_size == 8
    assert FeatureSchema.model_validate_json(schema.model_dump_json()) == schema


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "column: item_id",
            "colum: item_id",
            r"unknown field of feature 'film' \(mine.yaml, line 4\) 'colum'\ndid you mean 'column'",
        ),
        (
            "pooling: sum",
            "pooling: max",
            r"feature 'genres' \(mine.yaml, line 9\): pooling = 'max'",
        ),
        ("kind: multi, ", "", r"feature 'genres' \(mine.yaml, line 9\): field 'kind' is missing"),
        ("min_count: 2", "min_count: 0", r"feature 'film' \(mine.yaml, line 4\): transform"),
        ("column: item_id", "column: item", r"'film' \(mine.yaml, line 4\).*'item'\n.*'item_id'"),
        (
            "column: item_id",
            "column: title",
            r"feature 'film' \(mine.yaml, line 4\): title is free",
        ),
        (
            "kind: multi, pooling: sum",
            "kind: numeric",
            r"'genres'.*several values.*\n.*kind: multi",
        ),
        ("name: film", "name: user_id", r"schema mine.yaml.*'user_id' occurs twice"),
        (
            "name: vocabulary, min_count: 2",
            "name: log",
            r"'log' does not fit a categorical feature",
        ),
        (
            "name: vocabulary, min_count: 2",
            "name: bucketize, edges: [2, 1]",
            r"line 4\).*edges must be in ascending order",
        ),
        (
            "  - {name: user_id, source: user, kind: categorical}",
            "  - user_id",
            r"line 3: 'user_id'",
        ),
        ("features:", "fields:", r"'features' must be a list"),
        ("source: user, kind", "source: [user, kind", r"line 3, column .* is not valid YAML"),
    ],
)
def test_errors_name_feature_and_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(InputError, match=r"(?s)" + message):
        load_schema(write(tmp_path, GOOD.replace(old, new)), films())


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        ({"column": "rating", "kind": "numeric"}, "the rating is what is predicted"),
        ({"column": "minute", "kind": "numeric"}, r"'minute'\n.*valid: hour, timestamp, weekday"),
        ({"column": "hour", "kind": "multi"}, "hour has one value per row"),
    ],
)
def test_interaction_columns(tmp_path: Path, feature: dict[str, Any], message: str) -> None:
    text = f"name: mine\nfeatures:\n  - { {'name': 'x', 'source': 'interaction', **feature} }\n"
    with pytest.raises(InputError, match=r"(?s)" + message):
        load_schema(write(tmp_path, text), films())


def test_nothing_is_counted_by_a_vector(tmp_path: Path) -> None:
    """No two items share one; it is not among the attributes that are offered either."""
    data = films()
    data.item_columns["looks"] = Vectors(np.zeros((data.n_items, 2), np.float32))
    by = "{name: taste, source: user-history, kind: numeric, column: positive_share, by: looks}"
    with pytest.raises(InputError, match=r"feature 'taste' .*by item.* 'looks'") as error:
        load_schema(write(tmp_path, f"name: mine\nfeatures:\n  - {by}\n"), data)
    assert "genres" in str(error.value)
    assert str(error.value).count("looks") == 1


def test_no_such_schema(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'movies'\n.*one of: ids, movielens"):
        load_schema("movies", films())
    with pytest.raises(InputError, match="no such file"):
        load_schema(str(tmp_path / "absent.yaml"), films())


def test_packaged_schemas_load() -> None:
    assert [feature.name for feature in load_schema("ids", films()).features] == [
        "user_id",
        "item_id",
    ]
    with pytest.raises(InputError, match=r"'occupation' \(movielens.yaml, line 8\) \(films\)"):
        load_schema("movielens", films())
    assert schema_names() == [
        "ids",
        "movielens",
        "movielens-context",
        "movielens-full",
        "movielens-full-crosses",
        "movielens-full-others",
        "movielens-numbers",
        "movielens-towers",
        "two-stage",
    ]


def test_default_schema_takes_ids_and_shared_attributes() -> None:
    data = films()
    owners = len(data.user_ids)
    many = np.array([f"zip {number}" for number in range(owners)])
    data.user_columns["zip"] = Categorical(np.arange(owners, dtype=np.int32), many)
    schema = default_schema(data)
    # films has three users: no attribute of theirs is shared by four a value
    names = [feature.name for feature in schema.features]
    assert names == ["user_id", "item_id", "year", "price", "genres"]
    wide = Categorical(np.zeros(owners, np.int32) - 1, np.array([], dtype=np.str_))
    data.user_columns["empty"] = wide
    assert "empty" in [feature.name for feature in default_schema(data).features]


def test_defaults_and_descriptions() -> None:
    feature = Feature.model_validate({"name": "x", "source": "user", "kind": "categorical"})
    assert (feature.reads, feature.pooling, feature.transform) == ("x", "mean", None)
    assert all(field.description for field in Feature.model_fields.values())
    assert all(field.description for field in FeatureSchema.model_fields.values())


def test_features_that_a_merge_brings_have_no_line_of_their_own(tmp_path: Path) -> None:
    merged = "base: &base\n  features: [{name: a, source: user, kind: categorical, x: 1}]\n"
    with pytest.raises(InputError, match=r"feature 'a' \(mine.yaml\) 'x'"):
        load_schema(write(tmp_path, f"{merged}<<: *base\nname: x\n"), films())


def test_features_that_stand_there_twice_are_the_last_ones(tmp_path: Path) -> None:
    twice = "name: x\nfeatures: [1, 2]\nfeatures:\n- {name: a, source: user, kynd: multi}\n"
    with pytest.raises(InputError, match=r"feature 'a' \(mine.yaml, line 4\) 'kynd'"):
        load_schema(write(tmp_path, twice), films())


def test_a_schema_that_extends_a_name_that_none_has(tmp_path: Path) -> None:
    path = write(tmp_path, f"extends: base\n{GOOD}")
    problem = r"no feature schema is called 'base'\ngive a path ending in .yaml, or one of: ids, "
    with pytest.raises(InputError, match=problem):
        read_schema(Path(path))
    with pytest.raises(InputError, match=problem):
        schema_files(path, Path())


def test_a_schema_that_extends_itself_by_another_name(tmp_path: Path) -> None:
    path = write(tmp_path, f"extends: ../{tmp_path.name}/mine.yaml\n{GOOD}")
    with pytest.raises(InputError, match="which extends it"):
        load_schema(path, films())
