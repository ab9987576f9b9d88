"""The examples in the docstrings are true."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest


@pytest.mark.parametrize("name", ["baseline", "gates", "markdown", "metrics"])
def test_docstring_examples(name: str) -> None:
    result = doctest.testmod(import_module(f"workbench.reports.{name}"))
    assert result.attempted > 0
    assert result.failed == 0
