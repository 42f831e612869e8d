import ctypes.util
import resource
import subprocess
import sys

import pytest

from recbole_hail.training import memory

STEPS = """
import resource, sys
import torch
from recbole_hail.training import memory
if sys.argv[1] == "held":
    memory.hold_free_memory()
def step():  # 80 MB in pieces that glibc takes from its heap
    pieces = [torch.empty(2**20).fill_(1.0) for _ in range(20)]
    top = pieces.pop()
for _ in range(5):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how):
    done = subprocess.run([sys.executable, "-c", STEPS, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs glibc")
def test_freed_memory_is_held_for_the_next_step():
    pages = 5 * 80 * 2**20 / resource.getpagesize()
    assert faults("held") < pages / 20 < faults("given back")


@pytest.mark.parametrize("call", [memory.hold_free_memory, memory.release_free_memory])
def test_another_c_library_has_no_such_calls(monkeypatch, call):
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: object())
    call()
