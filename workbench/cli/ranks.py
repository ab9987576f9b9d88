"""``torchrun … -m workbench.cli.ranks train …``: agents of torchrun start the processes of a job.

The first one works as `recsys-workbench` does, on a run folder of its machine, with ``--nproc`` as
many as there are. The others do what it says; they need the same data folder, at the same path.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from recsys_core.errors import InputError, LostProcessError


def main(arguments: list[str]) -> int:
    """Work as the rank that the environment says; return the exit code of the process."""
    if "RANK" not in os.environ:
        sys.stderr.write(
            "error: workbench.cli.ranks is started by torchrun\n"
            "on one machine: recsys-workbench train --nproc N\n"
        )
        return 2
    from torch.distributed import PrefixStore, rendezvous

    from recsys_core.pipeline.rank import work_on
    from recsys_core.pipeline.ranks import make_group, serve, used_for_all

    store, rank, size = next(rendezvous("env://"))
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    ranks = make_group(PrefixStore(f"job/{attempt}", store), rank, size, None)
    if rank:
        from recsys_core.extensions import load_extensions

        load_extensions()
        with suppress(LostProcessError):
            serve(ranks, work_on)
        return 0
    from workbench.cli.main import run_command_line

    with used_for_all(ranks):
        code = run_command_line([*arguments, "--nproc", str(size)], _no_session)
    with suppress(LostProcessError):
        ranks.agree(None)
    return code


def _no_session(runs_dir: Path, data_dir: Path) -> int:
    raise InputError("torchrun starts no session", "name a command, e.g. train")


if __name__ == "__main__":
    exit_code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)  # threads of the group may still wait
