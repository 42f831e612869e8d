"""Where runs go on, by the arguments."""

import argparse
from contextlib import contextmanager

import pytest
import ray

from recbole_hail import clusters
from recbole_hail.cli.machines import add_jobs, machine_of
from recbole_hail.comparison.jobs import Machine
from recbole_hail.comparison.on_ray import Cluster


@pytest.fixture
def asked(monkeypatch):
    """The arguments that are given; no cluster is there but one of three cores and two GPUs."""
    joined = []

    @contextmanager
    def join(address, gpu_id):
        joined.append((address, gpu_id))
        yield

    monkeypatch.setattr(clusters, "joined", join)
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 3.0, "GPU": 2.0})

    def parsed(*given):
        parser = argparse.ArgumentParser()
        add_jobs(parser)
        arguments = parser.parse_args(given)
        arguments.joined = joined
        return arguments

    return parsed


@pytest.mark.parametrize("given, jobs", [((), 1), (("--jobs=3",), 3)])
def test_one_run_at_a_time_here_unless_more_are_asked_for(asked, given, jobs):
    arguments = asked(*given)
    with machine_of(arguments, "0") as machine:
        assert isinstance(machine, Machine) and machine.jobs == jobs and not arguments.joined


@pytest.mark.parametrize("given, gpu_id, jobs", [((), "", 3), ((), "0", 2), (("--jobs=1",), "0", 1)])
def test_all_that_a_cluster_has_room_for(asked, given, gpu_id, jobs):
    arguments = asked("--ray_address=first:6379", *given)
    with machine_of(arguments, gpu_id) as machine:
        assert isinstance(machine, Cluster) and machine.jobs == jobs and machine.share(0).gpus == bool(gpu_id)
    assert arguments.joined == [("first:6379", gpu_id)]
