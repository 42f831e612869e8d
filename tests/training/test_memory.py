import os
import platform
import resource
import subprocess
import sys

import pytest

from recbole_hail.training import memory

STEPS = """
import ctypes, resource, sys
import torch
sys.path.insert(0, sys.argv[2])
import memory  # by itself, for the package imports much
for threshold in (memory.TRIM_THRESHOLD, memory.MMAP_THRESHOLD):  # glibc moves them by itself until they are set
    ctypes.CDLL(None).mallopt(threshold, 2**17)
if sys.argv[1] == "held":
    memory.hold_free_memory()
def step():
    pieces = [torch.empty(2**20).fill_(1.0) for _ in range(20)]  # 80 MB
for _ in range(5):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how, **environment):
    command = [sys.executable, "-c", STEPS, how, os.path.dirname(memory.__file__)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**kept, **environment})
    return int(done.stdout)


PAGES = 5 * 80 * 2**20 / resource.getpagesize()
needs_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")


@needs_glibc
def test_freed_memory_is_held_for_the_next_step():
    assert faults("held") < PAGES / 20 < faults("given back")


@needs_glibc
def test_what_the_user_has_chosen_stays():
    assert faults("held", MALLOC_TRIM_THRESHOLD_="131072") > PAGES / 20


@pytest.mark.parametrize("call", [memory.hold_free_memory, memory.release_free_memory])
def test_another_c_library_has_no_such_calls(monkeypatch, call):
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: object())
    call()
