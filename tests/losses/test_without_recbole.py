"""The losses and the networks must work where RecBole is not installed."""

import os
import subprocess
import sys
from pathlib import Path

import recbole_hail

PROGRAM = """
import sys


class WithoutRecBole:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] == "recbole" else self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)


sys.meta_path[:] = [WithoutRecBole(finder) for finder in sys.meta_path]

import torch
from recbole_hail.losses import hail_loss
from recbole_hail.networks import PeerNetworks, Sizes

sizes = Sizes(positions=4, hidden_size=8, inner_size=8)
networks = PeerNetworks(["bidirectional", "bidirectional"], sizes, elements=5)
hidden = networks(torch.tensor([[1, 2, 6]]), torch.tensor([2]))
hail_loss(networks.logits(hidden), torch.tensor([3])).backward()
foreign = {"recbole", "ray", "pandas", "hyperopt"} & {name.partition(".")[0] for name in sys.modules}
print("loaded:", sorted(foreign))
"""


def test_losses_and_networks_train_without_recbole():
    path = os.pathsep.join([str(Path(recbole_hail.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.strip() == "loaded: []"
