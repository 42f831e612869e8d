"""Ray, of this machine or of a cluster, for searches and sweeps."""

import logging
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from recbole_hail import numpy_aliases
from recbole_hail.errors import UserError
from recbole_hail.threads import usable_cores

_SECONDS_TO_ANSWER = 20


@contextmanager
def joined(address: str | None, gpu_id: str) -> Iterator[None]:
    """Ray, for as long as the context lasts.

    Args:
        address: of a running cluster as host:port, "auto" for the one of this machine; None starts Ray here.
        gpu_id: RecBole's setting; empty where no GPU is to be used.

    Raises:
        UserError: there is no such cluster, or it was lost.
    """
    import ray

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # or Ray tells its makers of every command
    os.environ.setdefault("RAY_worker_niceness", "0")  # Ray's 15 stops work where anything else is running
    # Workers import Ray before they see anything of ours, and Ray needs the names that numpy 2 removed.
    hook = {"worker_process_setup_hook": numpy_aliases.restore}
    here = {"address": "local", "include_dashboard": False, "num_cpus": usable_cores()}  # Ray counts the machine's
    if gpu_id:
        here["num_gpus"] = torch.cuda.device_count()  # which Ray does not find in some containers
    where = {"address": address} if address else here
    on_sigterm = signal.getsignal(signal.SIGTERM)
    try:
        _knock(address)
        ray.init(**where, logging_level=logging.ERROR, log_to_driver=False, runtime_env=hook)
    except (OSError, ValueError) as error:
        raise UserError(f"ray_address: {address} cannot be reached: {error}") from None
    signal.signal(signal.SIGTERM, on_sigterm or signal.SIG_DFL)  # Ray's own aborts, with results half written
    try:
        yield
    except Exception as error:
        if (lost := _lost(error)) is None:
            raise
        raise UserError(f"ray: the command was cut off from its cluster ({lost})") from None
    finally:
        ray.shutdown()


def _knock(address: str | None) -> None:
    """OSError or ValueError where nobody listens, or it is no address; Ray itself tries for minutes."""
    host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
    if colon and not port.isdecimal():
        raise ValueError(f"{port!r} is no number of a port")
    if colon:
        socket.create_connection((host, int(port)), timeout=_SECONDS_TO_ANSWER).close()


def gpus_of_a_worker() -> str:
    """Those that Ray gave the worker this is called in, as `gpu_id`."""
    import ray

    return ",".join(map(str, ray.get_gpu_ids()))


def has_gpus(gpu_id: str) -> bool:
    """Whether GPUs are asked for and the cluster that was joined has any."""
    import ray

    return bool(gpu_id) and ray.cluster_resources().get("GPU", 0) >= 1


def _lost(error: BaseException | None) -> Exception | None:
    """The error of Ray's own that led to `error`, which Tune wraps in one way or another; None where there is none."""
    from ray.exceptions import RayError

    while error is not None and not isinstance(error, RayError):
        error = error.__cause__ or error.__context__
    return error
