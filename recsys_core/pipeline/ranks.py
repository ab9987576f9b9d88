"""The processes of a job with ``nproc``: which jobs can have them, how they start, meet and end.

This process is rank 0: it has the run folder and says what is to be done. The others, which
`pipeline.rank` is the program of, load the data and do the same, each with its part of every batch.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys_core.compute.ranks import ALONE, PATIENCE, Group, Ranks, same_everywhere
from recsys_core.compute.threads import default_threads
from recsys_core.config import Config
from recsys_core.errors import InputError, LostProcessError
from recsys_core.pipeline.environment import code_fingerprint, package_versions
from recsys_core.pipeline.spec import JobSpec
from recsys_core.processes import BEREFT, python_command
from recsys_core.protocols.split import Split
from recsys_core.registry import ModelInfo
from recsys_core.values import counted

if TYPE_CHECKING:
    from torch.distributed import Store

#: seconds between two looks at processes that start, and that they get to meet and to end
_LOOK, _MEET, _END = 0.02, 120, 5.0
#: ranks that a command has started for all of its jobs
_standing: ContextVar[Ranks | None] = ContextVar("ranks", default=None)


def job_threads(spec: JobSpec) -> int:
    """Count the threads of each process of a job; by default they share the cores."""
    return spec.threads or max(1, default_threads() // spec.nproc)


def check_nproc(spec: JobSpec, config: Config, info: ModelInfo) -> None:
    """Check that as many processes as asked for can work on a job.

    Raises
    ------
    InputError
        The model, or one of its fields, is for one process; or there are more processes than rows
        in a batch.
    """
    if spec.nproc == 1:
        return
    asked = f"{spec.name}: nproc = {spec.nproc}"
    if not getattr(info.cls, "trains_together", False):
        raise InputError(
            f"{asked}: {spec.model} is trained by one process",
            "leave out --nproc (--threads is for all models), or use a ranking model, dssm, "
            "youtube-dnn, sasrec or hstu",
        )
    for field, alone, remedy in (
        ("hard_negatives", 0, "set hard_negatives to 0"),
        ("compile", False, "set compile to false"),
    ):
        value = getattr(config, field, alone)
        if value != alone:
            raise InputError(
                f"{asked}: {spec.model} with {field} = {value} is trained by one process",
                f"leave out --nproc, or {remedy}",
            )
    batch = getattr(config, "batch_size", spec.nproc)
    if spec.nproc > batch:
        raise InputError(
            f"{asked}: {spec.model} has batches of {batch} rows, fewer than processes",
            f"set --nproc to at most {batch}, or raise batch_size",
        )


@contextmanager
def gathered(spec: JobSpec, split: Split, data_dir: Path) -> Iterator[Ranks]:
    """Have the processes of a job inside, at work on the same job.

    Raises
    ------
    InputError
        A rank has other data, code or libraries, or could not load them.
    LostProcessError
        A rank was killed.
    """
    if spec.nproc == 1:
        yield ALONE
        return
    standing = _standing.get()
    if standing is None:
        with local_ranks(spec.nproc, gpus=_on_gpus(spec)) as ranks:
            yield _on_the_job(ranks, spec, split, data_dir)
    elif standing.size != spec.nproc:
        raise InputError(
            f"{spec.name}: nproc = {spec.nproc}, but {standing.size} processes were started",
            f"use --nproc {standing.size}, or start as many as the job asks for",
        )
    else:
        yield _on_the_job(standing, spec, split, data_dir)


def _on_gpus(spec: JobSpec) -> bool:
    if spec.device == "cpu":
        return False
    import torch

    found = int(torch.cuda.device_count())
    if found and ":" in spec.device:
        raise InputError(
            f"{spec.name}: device {spec.device} is one GPU, and each of {spec.nproc} processes "
            "needs its own",
            "use device cuda, or nproc 1",
        )
    if 0 < found < spec.nproc:
        raise InputError(
            f"{spec.name}: nproc = {spec.nproc}, and this machine has {counted(found, 'GPU')}",
            f"set --nproc to at most {found}, or --device cpu",
        )
    return found > 0


def _on_the_job(ranks: Ranks, spec: JobSpec, split: Split, data_dir: Path) -> Ranks:
    job = {"spec": spec.model_dump(mode="json"), "data_dir": str(data_dir.absolute())}
    ranks.agree(job)
    meet(ranks, {"facts": facts_of(spec, split)})
    return ranks


def facts_of(spec: JobSpec, split: Split) -> dict[str, str]:
    """Say what must be the same for all ranks."""
    return {
        "the split": split.fingerprint,
        "code": code_fingerprint(spec.model),
        **{f"package {name}": version for name, version in package_versions().items()},
    }


def meet(ranks: Ranks, said: dict[str, Any]) -> None:
    """Compare what ranks have before they begin.

    Parameters
    ----------
    said
        ``facts``, or the ``problem`` that kept this rank from having them.

    Raises
    ------
    InputError
        One has something else than the first, or a problem.
    """
    every = ranks.tell_all(said)
    for rank, other in enumerate(every):
        if "problem" in other:
            raise InputError(f"rank {rank} of {ranks.size}: {other['problem']}", other["remedy"])
    found = same_everywhere([other["facts"] for other in every])
    if found:
        raise InputError(
            found, "give all ranks the same data folder, and install the same versions"
        )


@contextmanager
def local_ranks(size: int, *, gpus: bool = False) -> Iterator[Ranks]:
    """Start the other processes on this machine; jobs inside use them, and they end with it.

    Parameters
    ----------
    gpus
        Whether each has the GPU of its number.

    Raises
    ------
    LostProcessError
        One was killed.
    """
    from torch.distributed import TCPStore

    store = TCPStore("127.0.0.1", 0, size, is_master=True, wait_for_workers=False)
    helpers: list[_Helper] = []
    ranks = None
    try:
        for rank in range(1, size):
            helpers.append(_Helper.start(rank, size, store.port, gpus))  # noqa: PERF401 - each ends
        _wait_for(helpers, store)
        ranks = make_group(store, 0, size, 0 if gpus else None, host="127.0.0.1")
        with used_for_all(ranks):
            yield ranks
            ranks.agree(None)
    except LostProcessError as error:
        raise _explained(helpers, error) from error
    finally:
        for helper in helpers:
            helper.end()
        if ranks is not None:
            ranks.close()


@contextmanager
def used_for_all(ranks: Ranks) -> Iterator[None]:
    """Let all jobs inside that ask for several processes have these, which wait for jobs."""
    token = _standing.set(ranks)
    try:
        yield
    finally:
        _standing.reset(token)


def make_group(store: Store, rank: int, size: int, gpu: int | None, host: str = "") -> Group:
    """Meet the other ranks.

    Parameters
    ----------
    gpu
        The GPU of this rank, where NCCL carries what they exchange; None: on CPUs gloo does.
    host
        Address of this machine at which the others reach it; empty: that of its name.
    """
    import torch
    from torch import distributed

    if gpu is not None:
        device = torch.device("cuda", gpu)
        torch.cuda.set_device(device)
        options = distributed.ProcessGroupNCCL.Options()
        options._timeout = PATIENCE
        return Group(distributed.ProcessGroupNCCL(store, rank, size, options), rank, size, device)
    options = distributed.ProcessGroupGloo._Options()
    options._timeout = timedelta(seconds=_MEET)
    options._threads = 2
    gloo = distributed.ProcessGroupGloo
    options._devices = [gloo.create_device(hostname=host) if host else gloo.create_default_device()]
    group = gloo(store, rank, size, options)
    group._set_default_timeout(PATIENCE)
    return Group(group, rank, size, torch.device("cpu"))


@dataclass
class _Helper:
    """A rank that this process has started, and what it complains of."""

    rank: int
    process: subprocess.Popen[bytes]
    complaints: Any

    @classmethod
    def start(cls, rank: int, size: int, port: int, gpus: bool = False) -> _Helper:
        complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it ends
        process = subprocess.Popen(  # noqa: S603 - this program
            python_command("-m", "recsys_core.pipeline.rank"),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
        )
        assert process.stdin is not None
        line = json.dumps({"rank": rank, "size": size, "port": port, "gpus": gpus})
        with suppress(BrokenPipeError):  # it is gone: who waits for it sees that
            process.stdin.write(line.encode() + b"\n")
            process.stdin.flush()
        return cls(rank, process, complaints)

    def end(self) -> None:
        """Let it go; its stdin tells it that nobody is left to work for."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(_END)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.complaints.close()

    def last_words(self) -> str:
        self.complaints.seek(0)
        words: str = self.complaints.read().decode(errors="replace").strip()
        return words or "it said nothing"


def _wait_for(helpers: list[_Helper], store: Store) -> None:
    """Wait until all are ready to meet, or one is gone."""
    while store.add("ready", 0) < len(helpers):
        if any(helper.process.poll() is not None for helper in helpers):
            raise LostProcessError("a rank ended before it began")
        time.sleep(_LOOK)


def _explained(helpers: list[_Helper], error: LostProcessError) -> InputError:
    """Say which rank is gone and why: others follow it."""
    until = time.monotonic() + _END
    while time.monotonic() < until:
        for helper in helpers:
            code = helper.process.poll()
            who = f"rank {helper.rank} of {len(helpers) + 1}"
            if code is not None and code < 0:
                why = "; if nobody did that, memory ran out" if code == -9 else ""
                return LostProcessError(f"{who} was killed (signal {-code}{why})")
            if code not in (None, 0, BEREFT):
                words = helper.last_words()
                failed = InputError(f"{who} failed: {words.splitlines()[-1]}")
                failed.add_note(words)
                return failed
        time.sleep(_LOOK)
    return error


#: what a rank does with a job: the job as it was told, and the ranks
Work = Callable[[dict[str, Any], Ranks], None]


def serve(ranks: Ranks, work: Work) -> None:
    """Do what the first rank says, job after job, until it has none any more."""
    while True:
        job: dict[str, Any] | None = ranks.agree(None)
        if job is None:
            return
        work(job, ranks)
