"""Jobs on the machines of a Ray cluster, each in a child process of a worker, as they are here."""

import multiprocessing
import socket
from pathlib import Path

from recbole_hail.clusters import gpus_of_a_worker, has_gpus
from recbole_hail.comparison.jobs import Share
from recbole_hail.errors import UserError
from recbole_hail.files import read_json, write_json

_SECONDS_TO_END = 10  # that a worker has before it is killed


class Cluster:
    """The one that was joined (see `clusters.joined`), with a job on each of its cores, or on each GPU.

    Args:
        gpu_id: RecBole's setting; empty where no GPU is to be used.
        jobs: at most so many at a time; None: as many as there is room for.
    """

    def __init__(self, gpu_id: str, jobs: int | None = None):
        import ray

        self.gpus = int(has_gpus(gpu_id))
        room = max(int(ray.cluster_resources()["GPU" if self.gpus else "CPU"]), 1)
        self.jobs = min(jobs or room, room)

    def share(self, number: int) -> "RayShare":
        return RayShare(self.gpus)


class RayShare:
    """What a job may use of a cluster: one thread, and one GPU where there are any. Which, Ray decides."""

    threads = 1

    def __init__(self, gpus: int):
        self.gpus = gpus

    def gpu_id(self, given) -> str:
        return ""

    def child(self, folder: Path) -> "RayChild":
        return RayChild(folder, self.gpus)


class RayChild:
    """What stands here for the process of a job elsewhere; to be used as one of `multiprocessing`."""

    def __init__(self, folder: Path, gpus: int):
        self.folder, self.gpus = folder, gpus
        self.pid = self.exitcode = None
        self.sentinel, self._ended = multiprocessing.Pipe(duplex=False)

    def start(self) -> None:
        import ray

        work = ray.remote(num_cpus=1, num_gpus=self.gpus, max_retries=0)(_work)
        self._task = work.remote(str(self.folder.absolute()))
        self.pid = self._task.task_id().hex()
        self._task.future().add_done_callback(lambda _: self._ended.close())

    def join(self) -> None:
        import ray
        from ray.exceptions import RayError, RayTaskError

        try:
            self.exitcode = ray.get(self._task)
        except RayError as error:
            why = error.cause if isinstance(error, RayTaskError) else error
            with open(self.folder / "log.txt", "a", encoding="utf-8") as log:
                log.write(f"\nerror: ray: {' '.join(str(why).split())}\n")
            self.exitcode = 1

    def kill(self) -> None:
        """Ends the job, with its worker where that does not end it soon; nothing if it has ended."""
        import ray

        ray.cancel(self._task)
        if not ray.wait([self._task], timeout=_SECONDS_TO_END)[0]:
            ray.cancel(self._task, force=True)


def _work(folder: str) -> int:
    """In a worker: the exit status of the job's process."""
    request = Path(folder, "request.json")
    if not request.is_file():
        raise UserError(f"{socket.gethostname()} has no {folder}; the machines of a cluster must share OUTPUT's folder")
    asked = read_json(request)
    asked["settings"]["gpu_id"] = gpus_of_a_worker()
    write_json(request, asked)
    child = Share().child(Path(folder))
    child.start()
    try:
        while child.is_alive():
            child.join(0.2)  # between two of these Ray can interrupt a job that is cancelled
    finally:
        child.kill()
        child.join()
    return child.exitcode
