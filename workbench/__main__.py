"""Entry point of `recsys-workbench` and `python -m workbench`."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

from recsys_core.compute.threads import wait_asleep


def main() -> int:
    """Run the command line with the arguments of the process; return the exit code."""
    wait_asleep()
    try:
        from workbench.store.streams import open_streams

        open_streams()
        from workbench.cli.completion import VARIABLE, answer
        from workbench.cli.main import cli, run_command_line

        if VARIABLE in os.environ:  # a shell asks what could follow
            return answer(cli)
        return run_command_line(sys.argv[1:], _open_session)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    finally:
        gc.freeze()  # the exit need not look through every module for garbage


def _open_session(runs_dir: Path, data_dir: Path) -> int:
    from workbench.tui.app import run_app

    return run_app(runs_dir, data_dir)


if __name__ == "__main__":
    sys.exit(main())
