"""Models by name, from this package and from others."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from recsys_core import registry
from recsys_core.errors import InputError
from recsys_core.registry import model_info, model_names, register_model


def test_listing_names_imports_no_model() -> None:
    code = (
        "import sys; from recsys_core.registry import model_names; assert 'mf' in model_names();"
        "print([m for m in ('torch', 'pandas', 'recsys_core.recall.mf') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", model_names())
def test_every_model_registers_under_its_name(name: str) -> None:
    info = model_info(name)
    assert info.name == name
    assert info.title
    assert info.paper
    assert info.cls.Config.model_config["extra"] == "forbid"


def test_unknown_names_offer_the_nearest() -> None:
    with pytest.raises(InputError, match="unknown model 'itemcf'\ndid you mean 'item-cf'"):
        model_info("itemcf")


def test_a_name_is_registered_once() -> None:
    model_info("popularity")
    with pytest.raises(InputError, match="model 'popularity' is registered twice"):
        register_model("popularity", stage="recall", title="x", paper="x")(
            type("Other", (), {"__module__": "elsewhere"})
        )


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("no_such_module:Model", "plug-in model 'mine' .* does not load: No module named"),
        ("json:JSONDecoder", "plug-in model 'mine' .* did not register that name"),
    ],
)
def test_broken_plugins_are_named(
    monkeypatch: pytest.MonkeyPatch, target: str, message: str
) -> None:
    point = EntryPoint("mine", target, registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry, "_plugins", lambda: {"mine": point})
    assert "mine" in model_names()
    with pytest.raises(InputError, match=message):
        model_info("mine")
