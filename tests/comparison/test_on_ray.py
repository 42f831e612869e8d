"""Jobs on a real Ray cluster of two nodes: how they end, and that nothing of them is left."""

import os
import shutil
import time
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest
from ray.cluster_utils import Cluster as Nodes

from recbole_hail.clusters import joined
from recbole_hail.comparison import on_ray
from recbole_hail.comparison.jobs import Job, JobPool, Machine
from recbole_hail.comparison.on_ray import Cluster
from recbole_hail.errors import RunFailed, UserError

NOTHING = {"threads": 1, "members": [], "model": "HAIL", "dataset": "nowhere", "settings": {}}


@pytest.fixture(scope="module")
def cluster():
    nodes = Nodes(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    nodes.add_node(num_cpus=1)
    with joined(nodes.address, ""):
        yield Cluster("")
    nodes.shutdown()


def job(folder: Path, share, name: str = "one", **asked) -> Job:
    return Job(name, folder / name, {**NOTHING, **asked}, lambda made: None, share)


def test_there_is_a_job_on_each_core_unless_fewer_are_asked_for(cluster):
    assert (cluster.jobs, Cluster("", 1).jobs, Cluster("", 9).jobs) == (2, 1, 2)
    assert cluster.share(1).threads == 1 and cluster.share(1).gpu_id("0,1") == ""


def test_jobs_that_fail_say_why_as_they_do_here_and_leave_their_logs(cluster, tmp_path):
    with JobPool(cluster) as pool:
        for name in "ab":
            pool.begin(name, lambda share, name=name: job(tmp_path, share, name))
        for _ in "ab":
            what, ended = pool.next_to_end()
            with pytest.raises(RunFailed, match=rf"{what} failed with status 2: .*nowhere.*; its log is .*failed.txt"):
                ended.end()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.failed.txt", "b.failed.txt"]


def test_a_worker_that_is_lost_is_a_failed_job(cluster, tmp_path, begun):
    running = begun(cluster)
    worker = running.process.parent()
    while "ray::" not in " ".join(worker.cmdline()):  # the server that it forks from is between
        worker = worker.parent()
    worker.kill()
    with pytest.raises(RunFailed, match=r"one failed with status 1: ray: .*died"):
        running.job.end()
    assert [path.name for path in tmp_path.iterdir()] == ["one.failed.txt"]
    assert not psutil.wait_procs([running.process], timeout=20)[1]


def test_a_job_that_is_abandoned_ends_and_leaves_nothing(cluster, tmp_path, begun):
    running = begun(cluster)
    running.job.abandon()
    assert not psutil.wait_procs([running.process], timeout=20)[1]
    assert not list(tmp_path.iterdir())


@pytest.fixture
def begun(tmp_path):
    """Begins a job that waits for its data, which are a pipe that nobody writes to."""

    class Begun:
        def __init__(self, cluster):
            folder = tmp_path.parent / f"{tmp_path.name} data" / "nowhere"
            folder.mkdir(parents=True)
            os.mkfifo(folder / "nowhere.inter")
            self.job = job(tmp_path, cluster.share(0), settings={"data_path": str(folder.parent)})
            self.process = self._process()

        def _process(self) -> psutil.Process:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                for process in psutil.process_iter(["cwd"]):
                    if process.info["cwd"] == str(self.job.folder):
                        return process
                time.sleep(0.05)
            raise AssertionError("no process works in the job's folder")

    return Begun


def test_a_machine_that_does_not_see_the_folder_says_so(tmp_path):
    with pytest.raises(UserError, match=r"has no .*nowhere; the machines of a cluster must share OUTPUT's folder"):
        on_ray._work(str(tmp_path / "nowhere"))


def test_a_run_on_a_cluster_is_that_of_one_machine(cluster, cyclic, small):
    settings = {**small, "data_path": str(cyclic / "dataset"), "max_steps": 6, "candidates": "strict"}
    asked = {"dataset": "cyclic", "settings": settings}
    for name, machine in (("here", Machine()), ("there", cluster)):
        made = Job(
            name, cyclic / name, {**NOTHING, **asked}, partial(shutil.copytree, dst=cyclic / name), machine.share(0)
        )
        made.end()
    here, there = (np.load(cyclic / name / "ranks.npz") for name in ("here", "there"))
    assert here.files == there.files and all(np.array_equal(here[part], there[part]) for part in here.files)
    assert "test result" in (cyclic / "there" / "log.txt").read_text()
