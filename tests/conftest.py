"""Tiny worlds whose right answers are known, written as RecBole datasets, and ways to run the plugin on them."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

import recbole_hail  # noqa: F401  before any test imports RecBole

REPOSITORY = Path(__file__).parent.parent
SHARED = REPOSITORY.parent / "shared"

# Small networks and few steps; tests of commands write them as a settings file.
SMALL = {
    "n_layers": 1,
    "n_heads": 2,
    "hidden_size": 32,
    "inner_size": 64,
    "hidden_dropout_prob": 0.1,
    "attn_dropout_prob": 0.0,
    "MAX_ITEM_LIST_LENGTH": 20,
    "train_batch_tokens": 2000,
    "warmup_steps": 5,
    "learning_rate": 0.01,
    "epochs": 3,
    "eval_step": 1,
    "eval_batch_size": 40000,
    "show_progress": False,
    "use_gpu": False,
    "gpu_id": "",
}


def write_dataset(folder: Path, name: str, sequences: dict[str, list[str]]) -> Path:
    """`sequences` as folder/name/name.inter, each generator's events in order."""
    rows = [
        f"{generator}\t{element}\t{rank}"
        for generator, elements in sequences.items()
        for rank, element in enumerate(elements)
    ]
    path = folder / name / f"{name}.inter"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["user_id:token\titem_id:token\ttimestamp:float", *rows]) + "\n", encoding="utf-8")
    return path


def cyclic_sequences(*, elements: int = 110, generators: int = 120, length: int = 30, seed: int = 0):
    """Every element is followed by the next one in a circle, so the next element is certain."""
    draw = random.Random(seed)
    starts = [draw.randrange(elements) for _ in range(generators)]
    return {f"g{g}": [f"e{(start + i) % elements}" for i in range(length)] for g, start in enumerate(starts)}


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """An empty working directory with clean process arguments, which RecBole reads as settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["pytest"])
    return tmp_path


@pytest.fixture
def cyclic(workplace):
    """The cyclic world as dataset `cyclic` in the working directory, with a settings file of small networks."""
    write_dataset(workplace / "dataset", "cyclic", cyclic_sequences())
    Path("small.yaml").write_text("\n".join(f"{name}: {json.dumps(value)}" for name, value in SMALL.items()))
    return workplace


@pytest.fixture
def shared():
    """Folder of the authors' data; tests that need it are skipped where it is not."""
    if not SHARED.is_dir():
        pytest.skip("needs the folder shared/ with the authors' data beside the repository")
    return SHARED


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}


def run_command(module: str, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess:
    """A console command of the plugin in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", f"recbole_hail.cli.{module}", *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment(),
    )


def run_python(code: str, timeout: float = 300) -> subprocess.CompletedProcess:
    """Python code in a fresh process."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=timeout, env=environment()
    )


@pytest.fixture(name="run_command")
def _run_command():
    return run_command


@pytest.fixture(name="run_python")
def _run_python():
    return run_python


@pytest.fixture(name="write_dataset", scope="session")
def _write_dataset():
    return write_dataset


@pytest.fixture
def small():
    return dict(SMALL)
