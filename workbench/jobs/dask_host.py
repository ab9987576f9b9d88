"""Look after one job on a machine of a cluster.

``python -m workbench.jobs.dask_host RUNS_DIR``: started by the Dask worker, with a pipe as stdin.
It is the supervisor of a runs folder with that one job, so limits, requests to end and killed
workers are dealt with as at home. When the pipe is closed, because the Dask worker was killed or
nobody wants the result any more, it ends the job and deletes the folder.
"""

from __future__ import annotations

import select
import shutil
import sys
from pathlib import Path

from workbench.jobs.supervisor import Supervisor, serve


def main(runs_dir: str) -> int:
    """Do the job; return the exit code of the process."""
    folder = Path(runs_dir)

    def abandoned() -> bool:
        return bool(select.select([sys.stdin], [], [], 0)[0])

    supervisor = Supervisor(folder)
    serve(supervisor, linger=0.0, until=abandoned)
    if supervisor.closing:
        shutil.rmtree(folder.parent, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
