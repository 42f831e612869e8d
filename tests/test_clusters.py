"""Joining a Ray cluster: where there is none."""

import socket

import pytest

from recbole_hail.clusters import joined
from recbole_hail.errors import UserError


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


@pytest.mark.parametrize(
    "address, why",
    [
        ("127.0.0.1:{free}", "refused"),  # Ray went on trying for minutes
        ("ray://127.0.0.1:{free}", "refused"),
        ("127.0.0.1:six", "'six' is no number of a port"),
        ("somewhere", "somewhere"),
    ],
)
def test_a_cluster_that_cannot_be_reached_is_a_message(address, why):
    address = address.format(free=free_port())
    with pytest.raises(UserError, match=f"ray_address: {address} cannot be reached: .*{why}"), joined(address, ""):
        pass
