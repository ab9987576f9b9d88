"""``--track NAME:WHERE``: the tracker's name, and a place that holds no password."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from recsys_core.errors import InputError, shorten, unknown_name
from recsys_core.extensions import foreign_code, named, points_of
from workbench.tracking.base import Tracker

#: entry points of packages that bring a tracker: name -> class
TRACKERS = "recsys_workbench.trackers"
#: name -> module with the class `Tracker`, package that it needs
_BUILTIN = {
    "tensorboard": ("workbench.tracking.tensorboard", "tensorboard"),
    "mlflow": ("workbench.tracking.mlflow", "mlflow"),
}
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:")
#: user and password before a host
_LOGIN = re.compile(r"(?<=://)[^/@\s]*@")
#: a secret among the parameters of an address
_SECRET = re.compile(r"((?:token|password|passwd|secret|key|sig|signature)=)[^&\s'\"]+", re.I)


@dataclass(frozen=True)
class Target:
    """A tracker and a place: ``mlflow:http://127.0.0.1:5000``."""

    name: str
    where: str

    def __str__(self) -> str:
        return f"{self.name}:{self.where}"

    @property
    def slug(self) -> str:
        """Name of the folder in a run folder that says what was sent there."""
        return f"{self.name}-{blake2b(str(self).encode(), digest_size=4).hexdigest()}"


def parse_target(text: str) -> Target:
    """Read ``NAME:WHERE``; a folder becomes an absolute path.

    Raises
    ------
    InputError
        It is not of that form, names no tracker, or holds a password.
    """
    name, colon, where = text.partition(":")
    if not (name and colon and where):
        raise InputError(
            f"--track '{without_secrets(shorten(text))}' is not of the form NAME:WHERE",
            "write e.g. --track tensorboard:curves, or --track mlflow:http://127.0.0.1:5000",
        )
    if name not in tracker_names():
        raise unknown_name("tracker", name, tracker_names())
    if without_secrets(where) != where:
        raise InputError(
            f"--track {name}: the address holds a password, which would be kept with the run",
            "leave it out; for MLflow set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, "
            "or MLFLOW_TRACKING_TOKEN",
        )
    return Target(name, where if _is_address(name, where) else str(Path(where).absolute()))


def without_secrets(text: str) -> str:
    """Take logins and tokens out of the addresses in a text.

    Examples
    --------
    >>> without_secrets("no answer from https://me:pass@host:5000/a?token=abc")
    'no answer from https://…@host:5000/a?token=…'
    """
    return _SECRET.sub(r"\1…", _LOGIN.sub("…@", text))


def _is_address(name: str, where: str) -> bool:
    """Tell an address from a folder: it has a scheme, or is a name that MLflow knows."""
    if name == "mlflow":
        return bool(_SCHEME.match(where)) or where == "databricks"
    return name != "tensorboard"


def tracker_names() -> list[str]:
    """List the names of all trackers, those of packages too, without importing any."""
    return list(dict.fromkeys([*_BUILTIN, *(point.name for point in points_of(TRACKERS))]))


def check_installed(target: Target) -> None:
    """Raise InputError when the package that a tracker needs is missing."""
    _, package = _BUILTIN.get(target.name, ("", ""))
    if package and find_spec(package) is None:
        raise InputError(
            f"--track {target.name}: the package {package} is not installed",
            f"install it: pip install 'recsys-workbench[{target.name}]'",
        )


def load_tracker(target: Target) -> Callable[[], Tracker]:
    """Import a tracker's class; what is returned makes one for the target.

    Raises
    ------
    InputError
        There is no such tracker, or its package does not load.
    """
    if target.name in _BUILTIN:
        made = import_module(_BUILTIN[target.name][0]).Tracker
        return lambda: made(target.where)
    for point in points_of(TRACKERS):
        if point.name == target.name:
            with foreign_code(named("tracker", point)):
                loaded = point.load()
            return lambda: loaded(target.where)
    raise unknown_name("tracker", target.name, tracker_names())
