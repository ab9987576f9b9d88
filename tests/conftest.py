"""What holds for all tests."""

from __future__ import annotations

import gc
import os
import pkgutil
import sys
from collections.abc import Iterator
from importlib import import_module, util
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import recsys_core
from tests.rewriting import collect_constants, rewrite_modules

gc.disable()

# Tests run side by side, one process a core, and their work is small: more threads than that only
# wait for each other. Set before any library reads it, and inherited by the processes tests start.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

# Workers that they start are as important as they are, see there.
_BACKGROUND = str(Path(__file__).parent / "background")
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [_BACKGROUND, os.environ.get("PYTHONPATH")])
)

# They start many processes, each of which would compile the packages anew where this is set.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A property that takes long on a machine that does much else is no worse a property.
settings.register_profile(
    "patient", settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
)
settings.load_profile("patient")

#: coverage leaves out: what is measured is the core, as its own tests reach it;
#: `--cov=workbench` measures all tests
_UNMEASURED = {"accuracy", "conformance", "jobs", "reports", "sameness", "tui", "workbench"}
#: and those that go the same ways again and again
_REPEATING = {"test_feature_oracles.py", "test_lightgcn.py", "test_event_times.py", "test_mf.py"}


def _measures_workbench(config: pytest.Config) -> bool:
    return "workbench" in (config.getoption("cov_source", None) or [])


_LIBRARIES = ("torch", "sklearn.metrics", "gensim.models", "optuna", "pandas", "scipy.sparse")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Prepare the modules before several processes read them."""
    if session.config.getoption("dist", "no") != "no" and not hasattr(
        session.config, "workerinput"
    ):
        here = Path(__file__).parent
        rewrite_modules(session.config, here)
        collect_constants(here.parent / "recsys_core", here.parent / "workbench")


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """Let the tracer of coverage see how the core is imported, and then wait for the first test.

    It would follow every line of what the tests import, and of how pytest compiles them.
    """
    if _measures_workbench(session.config):
        yield
        return
    tracer = sys.gettrace()
    sys.settrace(None)
    if tracer is not None and session.config.getoption("dist", "no") == "no":  # tests are run here
        for name in _LIBRARIES:
            if util.find_spec(name.partition(".")[0]):
                import_module(name)
        sys.settrace(tracer)
        for module in pkgutil.walk_packages(recsys_core.__path__, "recsys_core."):
            import_module(module.name)
        sys.settrace(None)
    yield
    sys.settrace(tracer)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what coverage does not measure, when it is measured."""
    if not config.pluginmanager.hasplugin("_cov") or _measures_workbench(config):
        return
    here = Path(__file__).parent

    def is_measured(item: pytest.Item) -> bool:
        repeating = item.path.name in _REPEATING or (
            hasattr(item, "obj") and getattr(item.obj, "is_hypothesis_test", False)
        )
        return not repeating and item.path.relative_to(here).parts[0] not in _UNMEASURED

    config.hook.pytest_deselected(items=[item for item in items if not is_measured(item)])
    items[:] = filter(is_measured, items)


def pytest_collection_finish() -> None:
    """Spare the garbage collector what the imports left, and let it come more seldom.

    At its usual pace it takes a sixth of the time of the screens.
    """
    gc.freeze()
    gc.set_threshold(50_000)
    gc.enable()
