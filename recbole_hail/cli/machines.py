"""Where the runs of a comparison go on: so many at a time here, or on a Ray cluster."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from recbole_hail import clusters
from recbole_hail.cli.common import at_least_1
from recbole_hail.comparison.jobs import Machine
from recbole_hail.comparison.on_ray import Cluster


def add_jobs(parser: argparse.ArgumentParser) -> None:
    """How many runs go on at a time, and where; for `machine_of`."""
    parser.add_argument(
        "--jobs",
        type=at_least_1,
        help="number of runs at a time, each on its share of cores (default: 1, or all that a cluster has room for)",
    )
    parser.add_argument(
        "--ray_address", help="a running Ray cluster for the runs, as host:port or auto (default: none)"
    )


@contextmanager
def machine_of(arguments: argparse.Namespace, gpu_id: str) -> Iterator[Machine | Cluster]:
    """Where runs go on, by what `add_jobs` read; a cluster is joined for as long as the context lasts."""
    if arguments.ray_address is None:
        yield Machine(arguments.jobs or 1)
        return
    with clusters.joined(arguments.ray_address, gpu_id):
        yield Cluster(gpu_id, arguments.jobs)
