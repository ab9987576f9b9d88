"""Files that are replaced as a whole: what stands under a name is complete."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a file beside `path` to write to; it takes its place when the block ends well."""
    partial = path.with_name(f"{path.name}.partial")
    yield partial
    partial.replace(path)
