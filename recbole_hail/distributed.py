"""Several processes, RecBole's ranks: how they meet, share out rows, and end when one of them has ended."""

import logging
import multiprocessing
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.context import SpawnProcess
from pathlib import Path

import recbole.quick_start.quick_start
import torch
from torch import Tensor
from torch.multiprocessing.spawn import ProcessContext, ProcessException, ProcessExitedException

from recbole_hail import checks
from recbole_hail.devices import gpus_of
from recbole_hail.errors import FileError, RankLost, SettingsError
from recbole_hail.interrupts import interrupts_held
from recbole_hail.threads import usable_cores

# A rank that loses another is given time to be ended by the process that started both, which knows which one died.
_SECONDS_TO_BE_ENDED = 10
_SECONDS_TO_END = 5  # for a rank that was asked to
_ENDING = (signal.SIGINT, signal.SIGTERM)
# What gloo, nccl and the store that ranks meet by say of a rank that does not answer.
_LOST = re.compile("gloo|nccl|TCPStore|Broken pipe|Connection (reset|refused|closed)|socket", re.IGNORECASE)
_CHECKS = [("distributed_timeout", checks.positive[0], f"{checks.positive[1]} of seconds")]

_run_recboles = recbole.quick_start.quick_start.run_recboles


def problems(config) -> list[str]:
    """What is wrong with the settings of several processes."""
    return checks.check(config, _CHECKS)


@contextmanager
def started_undisturbed() -> Iterator[None]:
    """Ranks that are being started leave Ctrl-C to this process, which ends them; each would die with a traceback.

    Those that outlive another are ended as soon as this process ends them itself: one that waits in C for the lost rank
    does not hear SIGTERM, and torch gives it half a minute, and warns of it. The files in which ranks say why they
    failed are removed, which torch reads and leaves in the folder for temporary files.
    """
    start, join, wait = SpawnProcess.start, ProcessContext.join, ProcessContext._join_procs_with_timeout
    log = logging.getLogger(ProcessContext.__module__)

    def masked(process):
        with interrupts_held():
            start(process)

    def tidied(context, *timeouts):
        try:
            return join(context, *timeouts)
        except ProcessException:
            for file in map(Path, context.error_files):
                file.unlink(missing_ok=True)
            raise

    SpawnProcess.start, ProcessContext.join, level = masked, tidied, log.level
    ProcessContext._join_procs_with_timeout = lambda context, _: wait(context, _SECONDS_TO_END)
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        SpawnProcess.start, ProcessContext.join, ProcessContext._join_procs_with_timeout = start, join, wait
        log.setLevel(level)


def terminate_ranks() -> None:
    """Ends the ranks that this process has started, also those that do not listen."""
    started, deadline = multiprocessing.active_children(), time.monotonic() + _SECONDS_TO_END
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C would leave them behind
    for rank in started:
        rank.terminate()
    for rank in started:
        rank.join(max(deadline - time.monotonic(), 0))
        rank.kill()
        rank.join()
    signal.signal(signal.SIGINT, before)


def _leave(*_) -> None:
    """Ends a rank once: Ctrl-C reaches it too, and a second signal would cut off what the first has it tidy up."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def run_recboles(rank, *args):
    """RecBole's entry of a spawned rank, under a name whose import registers the plugin in that process."""
    try:
        for number in _ENDING:  # Ray, where it is imported, has a handler of its own
            signal.signal(number, _leave)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        _run_recboles(rank, *args)
    except KeyboardInterrupt:  # the command that started the ranks says so; what files needed is done
        sys.stdout.flush()
        os._exit(130)
    except OSError as error:
        if error.filename is None:
            raise
        raise FileError(error) from None
    except RuntimeError as error:
        if "EADDRINUSE" in str(error):
            port = args[-1]["config_dict"]["port"]
            raise SettingsError([f"port: {port} is in use, by another run perhaps; give another"]) from None
        if not _LOST.search(str(error)):
            raise
        time.sleep(_SECONDS_TO_BE_ENDED)
        raise RankLost(
            f"rank {rank}: another rank was lost, or gave no answer within distributed_timeout "
            f"({str(error).splitlines()[0]})"
        ) from None


def explained(error: ProcessException) -> tuple[str, int]:
    """What to say of a rank that failed, and the exit status; the other ranks have been ended."""
    rank = f"rank {error.error_index}"
    if isinstance(error, ProcessExitedException):
        how = f"was ended by {error.signal_name}" if error.signal_name else f"left with status {error.exit_code}"
        return f"{rank} {how}, and the others were ended with it", 1
    if said := re.search(r"^recbole_hail\.errors\.\w+: (.*)", error.msg, re.MULTILINE | re.DOTALL):
        return said[1].strip(), 2
    return f"{rank} failed, and the others were ended with it:{error.msg}".rstrip(), 1


def join_group(config: dict) -> torch.device:
    """Joins the other ranks: through nccl where `gpu_id` names GPUs and there are any, else through gloo on the CPU.

    Whatever a rank then waits for, it waits for `distributed_timeout` seconds at most. The device is the rank's own.
    """
    gpus = gpus_of(config["gpu_id"]) if torch.cuda.is_available() else []
    rank, here = config["local_rank"], config["nproc"]
    if 0 < len(gpus) < here:
        raise SettingsError([f"gpu_id: {config['gpu_id']} names fewer GPUs than nproc: {here}; name one for each"])
    if gpus and (there := torch.cuda.device_count()) < here:
        raise SettingsError([f"gpu_id: of {config['gpu_id']} only {there} can be used on this machine; name others"])
    device = torch.device("cuda", rank) if gpus else torch.device("cpu")
    if gpus:
        torch.cuda.set_device(device)
    else:
        torch.set_num_threads(max(usable_cores() // here, 1))
    torch.distributed.init_process_group(
        backend="nccl" if gpus else "gloo",
        rank=global_rank(config),
        world_size=config["world_size"],
        init_method=f"tcp://{config['ip']}:{config['port']}",
        timeout=timedelta(seconds=config["distributed_timeout"]),
    )
    return device


def global_rank(config) -> int:
    """This rank's among those of all machines."""
    return config["local_rank"] + config["offset"]


def draw_apart(config) -> None:
    """RecBole seeds a rank by its number on its machine: the first ranks of two machines would drop the same units."""
    if config["offset"]:
        torch.manual_seed(config["seed"] + global_rank(config))


def shard(config) -> slice:
    """The rows of this rank: every world_size-th."""
    return slice(global_rank(config), None, config["world_size"])


def from_rank_0(value):
    """Rank 0's value on every rank; in a process alone, its own."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return value
    shared = [value]
    torch.distributed.broadcast_object_list(shared, src=0)
    return shared[0]


def gather_rows(rows: Tensor, count: int, config) -> Tensor:
    """The rows of all ranks in order, [count, …]; what a rank holds beyond its shard repeats others and is left out."""
    processes = config["world_size"]
    shards = [None] * processes
    torch.distributed.all_gather_object(shards, rows)
    whole = rows.new_zeros(count, *rows.shape[1:])
    for rank, theirs in enumerate(shards):
        whole[rank::processes] = theirs[: len(range(rank, count, processes))]
    return whole
