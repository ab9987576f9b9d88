"""The interactive session as `--serve` starts it for a browser: one process a tab."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from workbench.tui.app import open_app, run_session

#: seconds between looks at whether the server is still there
_WATCH_SECONDS = 1.0


def main(arguments: list[str]) -> int:
    """Open the session on a runs and a data folder; it ends with the server that started it.

    A tab that is closed ends it through Textual's own message; a server that was killed sends
    none (textual-serve #16), so the parent process is watched too.
    """
    runs_dir, data_dir = map(Path, arguments)
    server = os.getppid()

    def watch() -> None:
        if os.getppid() != server:
            app.exit(return_code=1)

    app = open_app(runs_dir, data_dir)
    app.call_later(app.set_interval, _WATCH_SECONDS, watch)
    return run_session(app)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
