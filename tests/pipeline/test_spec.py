"""Jobs of earlier versions: who writes an old name is told the new one; stored jobs are read."""

from __future__ import annotations

import pytest

from recsys_core.config import Config, names_of_today, parse_config
from recsys_core.errors import InputError
from recsys_core.features.feature import Feature
from recsys_core.pipeline.run import model_config
from recsys_core.pipeline.spec import JobSpec, read_stored
from recsys_core.recall.dssm import DSSMConfig
from recsys_core.registry import BUILTIN, model_info
from recsys_core.two_stage.config import InnerConfig

HISTORY = {"name": "h", "source": "user-history"}


def configs() -> list[type[Config]]:
    found = [model_info(name).cls.Config for name in BUILTIN]
    return [config for config in [*found, Feature, InnerConfig] if names_of_today(config)]


@pytest.mark.parametrize("config", configs())
def test_every_old_name_is_an_error_that_names_the_new_one(config: type[Config]) -> None:
    for old, new in names_of_today(config).items():
        assert old not in config.model_fields
        with pytest.raises(InputError, match=f"^m: '{old}' is called '{new}' now\nwrite {new}$"):
            parse_config(config, {old: 1}, "m")


def test_renamed_fields_are_inherited() -> None:
    assert names_of_today(DSSMConfig) == {
        "average_decay": "ema_decay",
        "hnsw_links": "hnsw_m",
        "hnsw_search": "hnsw_ef_search",
        "ivf_lists": "ivf_nlist",
        "ivf_probes": "ivf_nprobe",
        "history": "max_len",
        "pools": "heads",
    }


def test_a_stored_job_is_read_with_the_names_of_today() -> None:
    channels = [{"model": "ease", "params": {"rating_weight": 2}}, {"model": "popularity"}]
    ranker = {"model": "deepfm", "params": {"average_decay": 0.5}}
    params = {"channels": channels, "ranker": ranker, "inner": {"cut": "folds"}}
    stored = {"dataset": "sample", "model": "two-stage", "params": params}
    with pytest.raises(InputError, match="in inner: 'cut' is called 'split' now"):
        model_config(parse_config(JobSpec, stored, "spec.yaml"))
    spec = read_stored(stored, "spec.yaml")
    model_config(spec)
    assert spec.params == {
        "channels": [{"model": "ease", "params": {"rating_exponent": 2}}, {"model": "popularity"}],
        "ranker": {"model": "deepfm", "params": {"ema_decay": 0.5}},
        "inner": {"split": "folds"},
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"kind": "numeric", "column": "likes"}, {"kind": "numeric", "column": "positive_count"}),
        (
            {"kind": "numeric", "column": "likeness", "by": "genres"},
            {"kind": "numeric", "column": "similarity", "by": "genres"},
        ),
        (
            {"kind": "sequence", "column": "all", "event_fields": ["rating", "pause"]},
            {"kind": "sequence", "column": "all", "event_fields": ["rating", "interval"]},
        ),
    ],
)
def test_columns_of_histories_are_renamed_too(
    old: dict[str, object], new: dict[str, object]
) -> None:
    with pytest.raises(InputError, match=r"'\w+' is called '\w+' now"):
        parse_config(Feature, HISTORY | old, "feature h")
    assert Feature.current(HISTORY | old) == HISTORY | new
    parse_config(Feature, HISTORY | new, "feature h")
