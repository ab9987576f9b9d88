"""Values user by user beside a JSON report, so that later runs can be tested against it.

`report.json` has them in `report.users.npz`: plain arrays in a zip, which NumPy reads without
unpickling anything.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.errors import InputError, shorten
from recsys_core.reading import is_file, open_regular
from workbench.reports.folder import ReportRun, by_label
from workbench.reports.metrics import headline_first
from workbench.store.files import replacing
from workbench.store.packed import OfUsers, metric_of_users
from workbench.store.runs import RESULTS

#: ending of the file beside report.json
ENDING = ".users.npz"
#: bytes of an array at most, unpacked, and how many times its packed size it may have
_LARGEST, _RATIO, _RATIO_FROM = 2**31, 2_000, 2**22
_DAMAGE = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError, KeyError)
_AGAIN = "write both again: recsys-workbench eval --report FILE.json; or delete that file"


def path_beside(report: Path) -> Path:
    """Name the file of values beside a JSON report.

    Examples
    --------
    >>> path_beside(Path("ci/last.json"))
    PosixPath('ci/last.users.npz')
    """
    return report.with_suffix(ENDING)


def write_user_values(runs: Sequence[ReportRun], path: Path) -> None:
    """Write the values of all labels, means over seeds; without any, remove what is there.

    The arrays are `split` and `runs`, the fingerprint and the run ids of the report; `labels`; and
    for the label at place N `N/metrics`, `N/users` (their numbers, ascending) and `N/values`, shape
    (metrics, users), NaN where not defined; where a metric weighs users, values whose mean is the
    metric. The same values give the same bytes.

    Raises
    ------
    StoreError
        A results file is damaged, or the place cannot be written.
    """
    groups = by_label(run for run in runs if run.succeeded)
    labels = [label for label, each in groups.items() if any(run.user_metrics for run in each)]
    if not labels:
        path.unlink(missing_ok=True)
        return
    done = groups[labels[0]][0]
    with replacing(path) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        _write(archive, "split", np.array(done.split_fingerprint))
        _write(archive, "runs", np.array([run.run_id for run in runs]))
        _write(archive, "labels", np.array(labels))
        for place, label in enumerate(labels):
            for name, array in _of_label(groups[label]).items():
                _write(archive, f"{place}/{name}", array)


def _of_label(runs: Sequence[ReportRun]) -> dict[str, NDArray[Any]]:
    names = headline_first(frozenset.intersection(*(run.user_metrics for run in runs)))
    read = [
        [metric_of_users(run.path / RESULTS, name, tested=True) for run in runs] for name in names
    ]
    every = [users for columns in read for users, _ in columns]
    users = np.unique(np.concatenate([np.array([], dtype=np.int64), *every]))
    values = np.full((len(names), len(users)), np.nan)
    for row, columns in zip(values, read, strict=True):
        total = np.zeros(len(users))
        for mine, of_users in columns:
            column = np.full(len(users), np.nan)
            column[np.searchsorted(users, mine)] = of_users
            total += column
        row[:] = total / len(runs)
    return {
        "metrics": np.array(names, dtype=np.str_),
        "users": users.astype(np.int32),
        "values": values,
    }


def _write(archive: zipfile.ZipFile, name: str, array: NDArray[Any]) -> None:
    member = zipfile.ZipInfo(f"{name}.npy")  # of 1980: the same values give the same bytes
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = 0o600 << 16
    with archive.open(member, "w", force_zip64=True) as content:
        np.lib.format.write_array(content, array, allow_pickle=False)


@dataclass(frozen=True)
class UserValues:
    """What `write_user_values` wrote, by label and metric."""

    path: Path
    labels: Mapping[str, int]
    _read: dict[str, dict[str, OfUsers]] = field(default_factory=dict)

    def of(self, label: str, metric: str) -> OfUsers:
        """Give the defined values of a metric; of no users where there are none.

        Raises
        ------
        InputError
            The file is damaged.
        """
        if label in self.labels and label not in self._read:
            self._read[label] = self._of_label(label)
        return self._read.get(label, {}).get(metric) or OfUsers.nobody()

    def _of_label(self, label: str) -> dict[str, OfUsers]:
        arrays = (f"{self.labels[label]}/{name}" for name in ("metrics", "users", "values"))
        metrics, users, values = _read(self.path, *arrays)
        if values.dtype.kind != "f" or values.shape != (*metrics.shape, *users.shape):
            raise _damaged(self.path, f"the values of '{shorten(label)}' have another shape")
        if users.dtype.kind not in "iu" or (np.diff(users) <= 0).any():
            raise _damaged(self.path, f"the users of '{shorten(label)}' are not in order")
        return {
            metric: OfUsers(users[known], row[known])
            for metric, row in zip(metrics.tolist(), values, strict=True)
            for known in [np.isfinite(row)]
        }


def read_user_values(
    report: Path, fingerprint: str | None, runs: Sequence[Mapping[str, Any]]
) -> UserValues | None:
    """Open the values beside a JSON report; None where there are none.

    Parameters
    ----------
    fingerprint, runs
        Of the report: the values must be of its split and its runs.

    Raises
    ------
    InputError
        They are of others, or the file is damaged.
    """
    path = path_beside(report)
    if not is_file(path):
        return None
    split, run_ids, labels = _read(path, "split", "runs", "labels")
    if str(split) != fingerprint:
        raise InputError(
            f"{path}: its values are of another split ({shorten(split)}) than {report.name}"
            f" ({fingerprint})",
            _AGAIN,
        )
    if run_ids.tolist() != [run.get("run_id") for run in runs]:
        raise InputError(f"{path}: its values are of other runs than {report.name}", _AGAIN)
    return UserValues(path, {str(label): place for place, label in enumerate(labels.tolist())})


def _read(path: Path, *names: str) -> list[NDArray[Any]]:
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            return [_read_one(archive, name) for name in names]
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}", _AGAIN) from None
    except _DAMAGE as error:
        raise _damaged(path, shorten(error)) from None


def _read_one(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    member = archive.getinfo(f"{name}.npy")
    allowed = min(_LARGEST, max(_RATIO_FROM, _RATIO * member.compress_size))
    if member.file_size > allowed:
        raise ValueError(f"{name} unpacks to far more than its size")
    with archive.open(member) as content:
        array: NDArray[Any] = np.lib.format.read_array(content, allow_pickle=False)
    return array


def _damaged(path: Path, why: str) -> InputError:
    return InputError(f"{path}: damaged: {why}", _AGAIN)
