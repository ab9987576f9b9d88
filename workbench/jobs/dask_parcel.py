"""What travels between a run folder here and a worker of a cluster: plain values and bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from recsys_core.data.registered import FORMAT
from recsys_core.errors import shorten
from workbench.jobs.queue import ENTRY, Entry
from workbench.store.files import StoreError, read_json, replacing
from workbench.store.runs import (
    CHECKPOINT,
    ENVIRONMENT,
    METRICS,
    MODEL,
    RESULTS,
    Run,
    Status,
)

#: contents by path below a folder
Files = dict[str, bytes]
#: of a prepared data set
_COLUMNS, _META = "columns", "meta.json"


def read_files(folder: Path, names: tuple[str, ...]) -> Files:
    """Read files, and all that lies in folders, of those `names` that are there."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for name in names
        for path in _below(folder / name)
    }


def _below(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir():
        yield from sorted(inner for inner in path.rglob("*") if inner.is_file())


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write what `read_files` read, in that order.

    Raises
    ------
    StoreError
        They cannot be written, or a path leads out of the folder.
    """
    root = folder.resolve()
    for name, content in files.items():
        path = folder / name
        if not path.resolve().is_relative_to(root):
            raise StoreError(f"{folder}: the cluster sent a file for another place: {name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            partial.write_bytes(content)


def _name(value: object) -> str:
    """Take the name of a file or folder, and nothing that leads elsewhere.

    Raises
    ------
    StoreError
        It is none.
    """
    if not isinstance(value, str) or value in {"", ".", ".."} or {"/", "\0"} & set(value):
        raise StoreError(f"the cluster sent a job with '{shorten(value)}' where a name belongs")
    return value


def pack_job(run: Run, entry: Entry) -> dict[str, Any]:
    """Pack what a worker needs to do a job, except the data set."""
    spec = dict(run.spec)
    name, meta = _prepared(str(spec["dataset"]), Path(entry.data_dir), offline=entry.offline)
    files = read_files(Path(entry.folder), _schema_files(spec, Path(entry.folder)))
    return {
        "run_id": run.run_id,
        "spec": {**spec, "dataset": name},
        "entry": asdict(replace(entry, after=(), scheduler="", trial="", track=(), offline=True)),
        "data": {"name": name, "fingerprint": meta["fingerprint"]},
        "files": read_files(run.path, (CHECKPOINT, ENVIRONMENT)),
        "folder": files,
    }


def _schema_files(spec: Mapping[str, Any], folder: Path) -> tuple[str, ...]:
    """Name the schema files that a job reads in its folder, those that they extend included.

    Raises
    ------
    StoreError
        One lies elsewhere: it would not be where the worker looks.
    """
    from recsys_core.features.schema_files import schema_files  # slow to import

    names = []
    for schema in _schemas(spec):
        if not isinstance(schema, str) or Path(schema).is_absolute():
            continue
        for file in schema_files(schema, folder):
            if not file.resolve().is_relative_to(folder.resolve()):
                raise StoreError(
                    f"feature schema {file} lies outside of {folder}, which is sent to the worker",
                    "put it there, or give an absolute path that the worker has, too",
                )
            names.append(file.resolve().relative_to(folder.resolve()).as_posix())
    return tuple(names)


def _schemas(spec: Mapping[str, Any]) -> Iterator[Any]:
    """Name the feature schemas of a job: its model's, its channels' and its ranker's."""
    yield spec.get("features")
    params = spec.get("params", {})
    channels = params.get("channels")
    parts = [params.get("ranker"), *(channels if isinstance(channels, list) else ())]
    yield from (part.get("features") for part in parts if isinstance(part, dict))


def _prepared(dataset: str, data_dir: Path, *, offline: bool) -> tuple[str, dict[str, Any]]:
    """Find the prepared data set of a job, prepared first where it was not."""
    path = data_dir / dataset / _META
    if not path.is_file() or read_json(path).get("format") != FORMAT:
        from recsys_core.data.load import load_dataset

        dataset = load_dataset(dataset, data_dir, offline=offline).name
    return dataset, read_json(data_dir / dataset / _META)


def pack_data(entry: Entry, name: str) -> Files:
    """Read a prepared data set; meta.json comes last."""
    return read_files(Path(entry.data_dir) / name, (_COLUMNS, _META))


def unpack_job(job: Mapping[str, Any], root: Path, data_dir: Path) -> Run:
    """Lay out a job in a queue of its own below `root`, ready to be started."""
    run_id = _name(job["run_id"])
    folder = root / "folder"
    folder.mkdir()
    write_files(folder, job["folder"])
    run = Run(root / "runs" / run_id)
    run.path.mkdir(parents=True)
    write_files(run.path, job["files"])
    run.write_spec(job["spec"])
    values = {**job["entry"], "folder": str(folder), "data_dir": str(data_dir)}
    write_files(run.path, {ENTRY: json.dumps(values).encode()})
    run.write_status(Status("queued"))
    return run


def find_data(job: Mapping[str, Any], cache: Path) -> Path | None:
    """Find a data folder of this machine that holds the job's data set; None when there is none.

    That of the job itself is one, where the machines share a disk.
    """
    name, fingerprint = _name(job["data"]["name"]), _name(job["data"]["fingerprint"])
    for folder in (Path(job["entry"]["data_dir"]), cache / fingerprint):
        path = folder / name / _META
        if path.is_file() and _is_same(read_json(path), fingerprint):
            return folder
    return None


def _is_same(meta: Mapping[str, Any], fingerprint: str) -> bool:
    """Tell whether a prepared set is the one meant, in a format that this version reads."""
    return meta.get("fingerprint") == fingerprint and meta.get("format") == FORMAT


def keep_data(job: Mapping[str, Any], data: Files, cache: Path) -> Path:
    """Keep a data set that was sent, for other jobs too."""
    folder = cache / _name(job["data"]["fingerprint"])
    write_files(folder / _name(job["data"]["name"]), data)
    return folder


def pack_result(run: Run) -> dict[str, Any]:
    """Pack what came of a job."""
    status = run.status()
    parts = (ENVIRONMENT, RESULTS, MODEL, METRICS)
    return {
        "state": status.state,
        "reason": status.reason or "",
        "cpu_seconds": status.cpu_seconds,
        "peak_rss_mb": status.peak_rss_mb,
        "files": read_files(
            run.path, parts if status.state == "succeeded" else (ENVIRONMENT, CHECKPOINT)
        ),
    }
