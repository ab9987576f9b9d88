"""TensorBoard: a folder of event files per run, below the folder that was named."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.hparams import api_pb2 as hparams
from tensorboard.plugins.hparams import metadata
from tensorboard.plugins.hparams.plugin_data_pb2 import (
    HParamsPluginData,
    SessionEndInfo,
    SessionStartInfo,
)
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from workbench.tracking.base import End, Point, Start


class Tracker:
    """Writes event files; tags are those of the curves, ``test/METRIC`` and the bounds below it."""

    def __init__(self, where: str) -> None:
        self._folder = Path(where)
        self._writer: EventFileWriter | None = None

    def begin(self, start: Start, earlier: str) -> str:
        """Open a file in the run's folder; of a run that goes on, one more."""
        folder = self._folder / start.run_id
        self._writer = EventFileWriter(str(folder))
        if not earlier:
            job = _text("job", _table({**start.tags, **start.params}))
            self._write([_session_start(start), job], start.started)
        self._flush()
        return str(folder)

    def log(self, points: Sequence[Point]) -> None:
        """Write values of curves."""
        for point in points:
            self._write([_scalar(point.name, point.value)], point.time, point.step)
        self._flush()

    def end(self, end: End) -> None:
        """Write metrics, their bounds and the report."""
        found = [_scalar(f"test/{name}", value) for name, value in end.metrics.items()]
        for name, (low, high) in end.intervals.items():
            found += [_scalar(f"test/{name}/low", low), _scalar(f"test/{name}/high", high)]
        texts = [_text("end", _table(end.tags))]
        if end.summary:
            texts += [_text("report", end.summary), _text("model", _table(end.params))]
        self._write([*found, *texts, _session_end(end)], end.ended, end.step)
        if self._writer is not None:
            self._writer.close()

    def _write(self, values: Iterable[Summary], at: float, step: int = 0) -> None:
        assert self._writer is not None, "it has begun"
        together = Summary()
        for value in values:
            together.MergeFrom(value)
        self._writer.add_event(Event(wall_time=at or time.time(), step=step, summary=together))

    def _flush(self) -> None:
        assert self._writer is not None, "it has begun"
        self._writer.flush()


def _session_start(start: Start) -> Summary:
    """Say which settings a run has, for the table of hyper-parameters."""
    info = SessionStartInfo(start_time_secs=start.started)
    for name, value in start.params.items():
        info.hparams[name].string_value = value
    return _of_session(metadata.SESSION_START_INFO_TAG, HParamsPluginData(session_start_info=info))


def _session_end(end: End) -> Summary:
    succeeded = end.state == "succeeded"
    status = hparams.STATUS_SUCCESS if succeeded else hparams.STATUS_FAILURE
    info = SessionEndInfo(status=status, end_time_secs=end.ended)
    return _of_session(metadata.SESSION_END_INFO_TAG, HParamsPluginData(session_end_info=info))


def _of_session(tag: str, content: HParamsPluginData) -> Summary:
    described = metadata.create_summary_metadata(content)
    return Summary(value=[Summary.Value(tag=tag, metadata=described, tensor=metadata.NULL_TENSOR)])


def _scalar(tag: str, value: float) -> Summary:
    return Summary(value=[Summary.Value(tag=tag, simple_value=value)])


def _text(tag: str, markdown: str) -> Summary:
    tensor = TensorProto(
        dtype=DT_STRING,
        string_val=[markdown.encode()],
        tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)]),
    )
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
    return Summary(value=[Summary.Value(tag=tag, tensor=tensor, metadata=metadata)])


def _table(values: Mapping[str, str]) -> str:
    """Write names and values as a Markdown table."""
    lines = [f"| {_cell(name)} | {_cell(value)} |" for name, value in values.items()]
    return "\n".join(["| name | value |", "|---|---|", *lines])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
