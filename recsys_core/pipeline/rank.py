"""A process that works on a job beside others: ``python -m recsys_core.pipeline.rank``.

It is told on stdin which rank it is and where the first one is. When stdin ends, nobody is left to
work for, and it ends, too, whatever it does: no orphans stay.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys_core.processes import BEREFT

if TYPE_CHECKING:
    from recsys_core.compute.ranks import Ranks


def main() -> int:
    """Work until the first rank has no job any more; return the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):  # the first one writes how the job ended
        signal.signal(number, signal.SIG_DFL)
    line = sys.stdin.buffer.readline()
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    # what follows is slow to import, and who started this may be gone meanwhile
    from torch.distributed import TCPStore

    from recsys_core.errors import LostProcessError
    from recsys_core.extensions import load_extensions
    from recsys_core.pipeline.ranks import make_group, serve
    from recsys_core.reading import parse_json

    told = parse_json(line)
    load_extensions()
    store = TCPStore("127.0.0.1", told["port"], told["size"], is_master=False)
    store.add("ready", 1)
    gpu = told["rank"] if told["gpus"] else None
    try:
        serve(make_group(store, told["rank"], told["size"], gpu, host="127.0.0.1"), work_on)
    except LostProcessError:
        return BEREFT
    return 0


def _end_with_stdin() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os._exit(BEREFT)


def work_on(job: dict[str, Any], ranks: Ranks) -> None:
    """Do a rank's part of a job."""
    from recsys_core.errors import InputError
    from recsys_core.pipeline.ranks import facts_of, meet
    from recsys_core.pipeline.run import load_split, run_among
    from recsys_core.pipeline.spec import read_stored

    said: dict[str, Any]
    try:
        spec = read_stored(job["spec"], "the job of the first rank")
        split = load_split(spec, data_dir=Path(job["data_dir"]), offline=True)
        said = {"facts": facts_of(spec, split)}
    except (InputError, OSError, MemoryError) as error:
        problem = error.problem if isinstance(error, InputError) else repr(error)
        said = {"problem": problem, "remedy": getattr(error, "remedy", "")}
    try:
        meet(ranks, said)
    except InputError:  # as all others: the first one says it
        return
    run_among(ranks, spec, split, data_dir=Path(job["data_dir"]))


if __name__ == "__main__":
    code = 1
    try:
        code = main()
    except BaseException:  # noqa: BLE001 - the first rank reads it
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(code)  # threads of the group may still wait
