"""The modules that decide the outcome of a job beside its model: others may have written them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from recsys_core.evaluation.extended import metric_modules
from recsys_core.extensions import is_own
from recsys_core.features.schema import FeatureSchema
from recsys_core.features.statistics import STATISTICS
from recsys_core.pipeline.spec import JobSpec, stage_of
from recsys_core.protocols.registry import make_protocol
from recsys_core.registry import model_info, model_names


def modules_behind(spec: JobSpec, schemas: list[FeatureSchema]) -> tuple[str, ...]:
    """Name the modules of what takes part beside the model, of which extensions may be.

    The models inside the model, the statistics that are read, the protocol and the metrics.
    """
    read = {feature.reads for schema in schemas for feature in schema.features}
    statistics = [each for name, each in STATISTICS.items() if name in read]
    inner = {model_info(name).cls.__module__ for name in models_inside(spec.params)}
    found = {*inner, *(each.compute.__module__ for each in statistics)}
    return tuple(sorted({*(name for name in found if not is_own(name)), *judging_modules(spec)}))


def judging_modules(spec: JobSpec) -> tuple[str, ...]:
    """Name the modules of extensions that judge a job: of the protocol and the metrics."""
    judged = metric_modules("rows" if stage_of(spec) == "ranking" else "lists")
    protocol = type(make_protocol(spec.protocol)).__module__
    return tuple(sorted(name for name in {*judged, protocol} if not is_own(name)))


def models_inside(value: Any) -> Iterator[str]:
    """Find the names of models at any depth of a configuration: ``{model: NAME}``."""
    if isinstance(value, Mapping):
        if isinstance(value.get("model"), str) and value["model"] in model_names():
            yield value["model"]
        value = value.values()
    if isinstance(value, Collection) and not isinstance(value, str):
        for each in value:
            yield from models_inside(each)
