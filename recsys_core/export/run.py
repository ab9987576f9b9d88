"""From the folder of a run to an export of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from recsys_core import __version__
from recsys_core.data.dataset import Dataset
from recsys_core.data.interactions import Histories
from recsys_core.events import Event, OnEvent, ignore
from recsys_core.export.folder import write_export
from recsys_core.export.part import Arrays, ExportFormat, Part
from recsys_core.export.recall import check_format, formats_of, recall_part
from recsys_core.features.known import Known
from recsys_core.pipeline.recommender import Recommender
from recsys_core.pipeline.saved_run import load_run_split
from recsys_core.registry import ModelInfo, model_info
from recsys_core.run_folder import MODEL, read_result
from recsys_core.saving.new_folder import check_new_folder


def export_run(
    run_dir: Path,
    data_dir: Path,
    file_format: ExportFormat,
    folder: Path,
    on_event: OnEvent = ignore,
) -> dict[str, Any]:
    """Write the model of a run, and what is known of its users, into a new folder.

    Returns
    -------
    The manifest.

    Raises
    ------
    InputError
        The run has no model, or none of this form; its data set is gone or has changed; a package
        is missing; or the folder is there already or cannot be written.
    """
    check_new_folder(folder)
    result = read_result(run_dir)
    info, where = model_info(result["model"]), f"run {run_dir.name}"
    check_format(info, file_format, where)
    if "onnx" in formats_of(info):
        from recsys_core.export.graph import require_exporter  # loads torch

        require_exporter()
    on_event(Event("export", message=f"loading {run_dir.name}"))
    if info.stage == "ranking":
        parts, dataset, histories = _ranking(result, run_dir, data_dir)
    else:
        parts, dataset, histories = _recommending(info, run_dir, data_dir, file_format, where)
    about = {
        "program": f"recsys-workbench {__version__}",
        "stage": info.stage,
        "model": info.name,
        "run": {
            "id": run_dir.name,
            "label": result.get("label"),
            "all_rows": bool(result.get("refit_of")),
        },
        "dataset": {"name": dataset.name, "fingerprint": dataset.fingerprint},
    }
    return write_export(folder, parts, known_data(dataset, histories), about, on_event)


def _ranking(
    result: dict[str, Any], run_dir: Path, data_dir: Path
) -> tuple[dict[str, Part], Dataset, Histories]:
    from recsys_core.export.rankers import ranker_part
    from recsys_core.ranking.ranker import Ranker

    ranker = Ranker.load(run_dir / MODEL)
    split = load_run_split(result, run_dir, data_dir)
    part = ranker_part(ranker, Known.of(split.known), "events")
    return {"": part}, split.dataset, split.known.histories()


def _recommending(
    info: ModelInfo, run_dir: Path, data_dir: Path, file_format: ExportFormat, where: str
) -> tuple[dict[str, Part], Dataset, Histories]:
    recommender = Recommender.load(run_dir, data_dir)
    dataset, model = recommender.dataset, recommender.model
    histories = recommender.known_of(np.arange(dataset.n_users, dtype=np.int32))
    if info.stage == "two-stage":
        from recsys_core.export.two_stage import two_stage_parts
        from recsys_core.two_stage.model import TwoStage

        assert isinstance(model, TwoStage)
        return two_stage_parts(model, where), dataset, histories
    part = recall_part(info.name, model, index=file_format == "faiss")  # type: ignore[arg-type]
    return {"": part}, dataset, histories


def known_data(dataset: Dataset, histories: Histories) -> Arrays:
    """Lay out original ids, and the histories by which users of the data set are asked."""
    arrays: Arrays = {
        "user_ids": dataset.user_ids,
        "item_ids": dataset.item_ids,
        "history.offsets": histories.offsets,
        "history.items": histories.items,
        "history.ratings": histories.ratings,
        "history.times": histories.timestamps,
    }
    if histories.asked is not None:
        arrays["history.asked"] = histories.asked
    best, latest = dataset.rating.max(initial=0), dataset.timestamp.max(initial=0)
    arrays["default_event"] = np.array([best, latest], dtype=np.float64)
    return arrays
