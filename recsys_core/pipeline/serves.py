"""Whether a model can serve the users and items that a protocol asks for."""

from __future__ import annotations

from recsys_core.config import Config
from recsys_core.errors import InputError
from recsys_core.pipeline.spec import JobSpec
from recsys_core.protocols.split import Split
from recsys_core.registry import model_info


def cannot_serve(spec: JobSpec, config: Config, split: Split) -> InputError | None:
    """Say why a model cannot serve users or items that nothing was learned of; None: it can."""
    if split.train.new_items is not None and model_info(spec.model).stage == "two-stage":
        return InputError(
            f"protocol {split.protocol} asks for items that no channel learned from: two-stage does"
            " not recommend them",
            "use dssm or youtube-dnn, which read attributes and vectors of items",
        )
    strange = _without_new_users(spec, config) if len(split.query) else None
    if strange is None:
        return None
    return InputError(
        f"protocol {split.protocol} asks for users whom no model learned from:"
        f" {strange} serves only those of its train rows",
        "use models that build a user from events, e.g. item-cf, ease, mf or sasrec, or another"
        " protocol",
    )


def _without_new_users(spec: JobSpec, config: Config) -> str | None:
    """Name the recall model of a job, or of its channels, that cannot serve new users."""
    channels = getattr(config, "channels", ())
    names = [spec.model, *(channel.model for channel in channels if channel.model)]
    classes = {name: model_info(name).cls for name in names}
    return next(
        (name for name, cls in classes.items() if not getattr(cls, "serves_new_users", True)), None
    )
