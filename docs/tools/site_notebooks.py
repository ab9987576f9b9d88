"""Execute the notebooks of docs/notebooks and write each as a page: ``make docs``."""

from __future__ import annotations

import base64
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from traitlets.config import Config

from recsys_core.data.fetch import fetch_dataset
from recsys_core.data.importer import import_dataset

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "docs" / "notebooks"
BUILT = ROOT / "build" / "notebooks"
#: seconds that a cell may take
_PATIENCE = 240
_STYLE = re.compile(r"<style.*?</style>\s*", re.DOTALL)
#: how a notebook is opened, below its first heading
_OPEN = (
    "This page is a notebook, executed when the site was built: "
    "open `docs/notebooks/{name}.ipynb` to change it.\n"
)


def real_data(folder: Path) -> None:
    """Prepare MovieLens-100K: from the folder that tests read, else downloaded as by `eval`."""
    raw = os.environ.get("RECSYS_WORKBENCH_TEST_DATA")
    if raw and (Path(raw) / "ml-100k").is_dir():
        import_dataset(Path(raw) / "ml-100k", folder)
    else:
        fetch_dataset("ml-100k", folder)


def execute(path: Path, folder: Path) -> Any:
    """Run a notebook in an empty folder; a cell that fails ends the build."""
    notebook = nbformat.read(path, as_version=4)
    socket = str(folder / "kernel")  # a file: no port is opened
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        config=Config({"AsyncKernelManager": {"transport": "ipc", "ip": socket}}),
        timeout=_PATIENCE,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    return notebook


def page(notebook: Any, name: str) -> tuple[str, dict[str, bytes]]:
    """Write an executed notebook as Markdown, and its pictures."""
    pictures: dict[str, bytes] = {}
    parts = list(_parts(notebook, name, pictures))
    parts.insert(1, _OPEN.format(name=name))
    return "\n".join(parts), pictures


def _parts(notebook: Any, name: str, pictures: dict[str, bytes]) -> Iterator[str]:
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            yield from (f"{part}\n" for part in cell.source.split("\n\n", 1))
        elif cell.cell_type == "code":
            yield f"```python\n{cell.source}\n```\n"
            for output in _joined(cell.outputs):
                yield _output(output, name, pictures, cell.metadata.get("alt", "a plot"))


def _joined(outputs: list[Any]) -> Iterator[Any]:
    """Put together what was printed in pieces."""
    last = None
    for output in outputs:
        if output.output_type == "stream" and last is not None and last.output_type == "stream":
            last.text += output.text
            continue
        if last is not None:
            yield last
        last = output
    if last is not None:
        yield last


def _output(output: Any, name: str, pictures: dict[str, bytes], alt: str) -> str:
    """Write an output: a picture with the text of its cell's metadata, a table, or text."""
    if output.output_type == "stream":
        return f"```text\n{output.text.rstrip()}\n```\n"
    data = output.data
    if "image/png" in data:
        file = f"{name}-{len(pictures) + 1}.png"
        pictures[file] = base64.b64decode(data["image/png"])
        return f"![{alt}]({file})\n"
    if "text/html" in data:
        table = _STYLE.sub("", data["text/html"])
        return f'<div class="output" markdown="0">\n{table}\n</div>\n'
    return f"```text\n{data['text/plain'].rstrip()}\n```\n"


def build(path: Path, data: Path) -> None:
    """Execute a notebook beside a copy of the data and write its page."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        shutil.copytree(data, Path(folder) / "data")
        text, pictures = page(execute(path, Path(folder)), path.stem)
    BUILT.mkdir(parents=True, exist_ok=True)
    for name, content in pictures.items():
        (BUILT / name).write_bytes(content)
    (BUILT / f"{path.stem}.md").write_text(text, encoding="utf-8")
    sys.stdout.write(f"executed {path.relative_to(ROOT)}\n")


def main() -> None:
    """Execute all notebooks, two at a time."""
    programs = Path(sys.executable).parent
    os.environ |= {
        "COLUMNS": "80",
        "NO_COLOR": "1",
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",  # notebooks call recsys-workbench
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    shutil.rmtree(BUILT, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        real_data(Path(folder))
        list(pool.map(partial(build, data=Path(folder)), sorted(NOTEBOOKS.glob("*.ipynb"))))


if __name__ == "__main__":
    main()
