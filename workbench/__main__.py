"""Entry point of `recsys-workbench` and `python -m workbench`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line with the arguments of the process; return the exit code."""
    try:
        from workbench.cli.main import run_command_line

        return run_command_line(sys.argv[1:])
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130


if __name__ == "__main__":
    sys.exit(main())
