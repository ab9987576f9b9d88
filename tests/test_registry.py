"""Models by name, from this package and from others."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from recsys_core import extensions, registry
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


_REGISTERED = (
    "from recsys_core.config import Config\nfrom recsys_core.registry import register_model\n"
    "@register_model('mine', stage='recall', title='x', paper='x')\nclass Model:\n    {body}\n"
)
BROKEN = {
    "exits": "import sys\nsys.exit(0)\n",
    "raises": "raise RuntimeError('no GPU\\nsecond line')\n",
    "halved": "class Model(\n    pass\n",
    "bare": _REGISTERED.format(body="pass"),
    "staged": _REGISTERED.replace("recall", "recal").format(body="Config = Config"),
    "wordy": "raise RuntimeError('x' * 10_000)\n",
    "late": _REGISTERED.format(body="Config = Config") + "{}['late']\n",
}


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("no_such_module:Model", "plug-in model 'mine' .* does not load: No module named"),
        ("json:JSONDecoder", "plug-in model 'mine' .* did not register that name"),
        ("exits:Model", "plug-in model 'mine' .* does not load: SystemExit: 0"),
        ("raises:Model", "plug-in model 'mine' .* does not load: RuntimeError: no GPU"),
        ("halved:Model", r"plug-in model 'mine' .* does not load: SyntaxError: '\(' was never"),
        ("bare:Model", "plug-in model 'mine' .* does not load: model 'mine' has no Config"),
        (
            "staged:Model",
            "plug-in model 'mine' .* does not load: unknown stage .* 'recal'; did you",
        ),
        ("wordy:Model", "plug-in model 'mine' .* does not load: RuntimeError: x{100,120}…"),
        ("late:Model", "plug-in model 'mine' .* does not load: KeyError: 'late'"),
    ],
)
def test_broken_plugins_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, message: str
) -> None:
    for name, code in BROKEN.items():
        (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    point = EntryPoint("mine", target, extensions.MODELS)
    monkeypatch.setattr(registry, "_plugins", lambda: {"mine": point})
    assert "mine" in model_names()
    for _ in range(2):  # what an import left half-done is not taken for a model
        with pytest.raises(InputError, match=message):
            model_info("mine")
    assert model_info("popularity").name == "popularity", "the others are there"
