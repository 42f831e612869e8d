"""Tiny worlds whose right answers are known, written as RecBole datasets, and ways to run the plugin on them."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import settings

import recbole_hail  # noqa: F401  before any test imports RecBole
from recbole_hail.evaluation.kept_ranks import KeptRanks
from recbole_hail.threads import usable_cores

torch.set_num_threads(1)  # tests run side by side, one process for each core
settings.register_profile("busy", deadline=None)  # on a busy machine a slow example is no fault
settings.load_profile("busy")

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

# Half a minute or more each of one process, for a file's tests are run by one.
LONGEST = {
    *("test_benchmarks.py", "test_compare.py", "test_contract.py", "test_fused.py"),
    *("test_distributed.py", "test_run_hyper.py"),
}


def pytest_xdist_auto_num_workers(config):
    """One more than there are cores: for a quarter of the time tests wait for what they have started."""
    return usable_cores() + 1


def pytest_collection_modifyitems(items):
    """The longest files first, then those with few tests, which start processes: one left for the end idles a core."""
    tests = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.path.name not in LONGEST, tests[item.path]))


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
    """An empty working directory with clean process arguments, which RecBole reads as settings.

    What a test imports from it is forgotten afterwards: another test may have a module of the same name.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["pytest"])
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and tmp_path in Path(file).absolute().parents:
            del sys.modules[name]


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


@pytest.fixture
def start_command():
    """Starts a console command of the plugin, its output in the file `log`; it is ended with the test."""
    started = []

    def start(module: str, *arguments: str, log: Path) -> subprocess.Popen:
        line = [sys.executable, "-m", f"recbole_hail.cli.{module}", *arguments]
        with open(log, "w") as output:
            kwargs = {"stdout": output, "stderr": subprocess.STDOUT, "env": environment()}
            started.append(subprocess.Popen(line, **kwargs, preexec_fn=_listen_to_ctrl_c))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def _listen_to_ctrl_c() -> None:
    """What a shell starts in the background ignores Ctrl-C, and hands that down: so would the commands under test."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run_python(code: str, timeout: float = 300) -> subprocess.CompletedProcess:
    """Python code in a fresh process."""
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment(),
        preexec_fn=_listen_to_ctrl_c,
    )


@pytest.fixture(name="run_command")
def _run_command():
    return run_command


@pytest.fixture
def run_here(monkeypatch, capsys):
    """As `run_command`, in this process, for a fresh one takes seconds to import RecBole."""

    def run(module: str, *arguments: str) -> SimpleNamespace:
        monkeypatch.setattr(sys, "argv", [module, *arguments])
        capsys.readouterr()
        try:
            status = import_module(f"recbole_hail.cli.{module}").main()
        except SystemExit as left:
            status = left.code
        out, err = capsys.readouterr()
        return SimpleNamespace(returncode=status, stdout=out, stderr=err)

    return run


@pytest.fixture(name="run_python", scope="session")
def _run_python():
    return run_python


@pytest.fixture(name="write_dataset", scope="session")
def _write_dataset():
    return write_dataset


@pytest.fixture(scope="session")
def small():
    return dict(SMALL)


SAMPLED = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "uni99"}
# Settings under which RecBole's own evaluation says all that ours does.
RANKED = {
    "hidden_size": 16,
    "inner_size": 32,
    "embedding_size": 16,
    "n_layers": 1,
    "n_heads": 2,
    "MAX_ITEM_LIST_LENGTH": 6,
    "initializer_range": 0.5,
    "eval_args": SAMPLED,
    "metrics": ["Hit", "NDCG", "MRR"],
    "topk": [1, 5, 10, 100],  # the longest is as long as a list, so that RecBole's MRR@100 is the whole MRR
    "valid_metric": "MRR",
    "repeatable": True,
    "metric_decimal_place": 12,
    "eval_batch_size": 1000,
    "show_progress": False,
    "use_gpu": False,
    "gpu_id": "",
}


def repeating_sequences(generators: int = 40, elements: int = 120) -> dict[str, list[str]]:
    """Each generator goes back to what it has had half of the time; four events to twenty."""
    draw = random.Random(1)
    world = {}
    for generator in range(generators):
        events = []
        for _ in range(draw.randint(4, 20)):
            old = events and draw.random() < 0.5
            events.append(draw.choice(events) if old else f"e{draw.randrange(elements)}")
        world[f"g{generator}"] = events
    world["all"] = [f"e{element}" for element in range(elements)]  # so that every element is known
    return world


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """A model of the repeating world with random weights, its trainer and RecBole's three loaders."""
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model, get_trainer, init_seed

    folder = tmp_path_factory.mktemp("world")
    write_dataset(folder / "dataset", "world", repeating_sequences())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["pytest"])

        def make(name: str, dataset: str = "world", **settings):
            config = Config(model=name, dataset=dataset, config_dict={**RANKED, **settings})
            init_seed(config["seed"], True)
            train, valid, test = data_preparation(config, create_dataset(config))
            model = get_model(name)(config, train._dataset).eval()
            trainer = get_trainer(config["MODEL_TYPE"], name)(config, model)
            trainer.eval_collector.data_collect(train)
            parts = {"train": train, "valid": valid, "test": test}
            return SimpleNamespace(config=config, model=model, trainer=trainer, folder=folder, ranked=RANKED, **parts)

        yield make


@pytest.fixture(scope="session")
def predict_by_view():
    """What a model predicts for rows by each of its views, [views, N]."""

    def predict(model, interaction):
        own, found = model.view, []
        for view in range(len(model.views)):
            model.view = view
            found.append(model.predict(interaction))
        model.view = own
        return torch.stack(found)

    return predict


@pytest.fixture
def threads():
    """Sets how many threads torch has until the test ends."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture
def write_run():
    """Writes record and ranks as a run leaves them: `ranks` [N, views, 3], one generator for each question."""

    def write(
        folder, ranks, *, views=("model",), repeat=None, generators=None, predict_with="mean", candidates=None, **record
    ):
        folder.mkdir(parents=True)
        asked = candidates or {"protocol": "strict", "drawn": 99, "seed": 2020, "hash": "abc"}
        names = np.array(generators or [f"g{row}" for row in range(len(ranks))])
        repeat = np.zeros(len(ranks), dtype=bool) if repeat is None else repeat
        KeptRanks(np.asarray(ranks), list(views), names, repeat, asked).write(folder / "ranks.npz")
        kept = {"settings": {"predict_with": predict_with}, "training seconds": 1.0, "parameters": 10}
        (folder / "record.json").write_text(json.dumps(kept | record))

    return write


@pytest.fixture(scope="session")
def contents():
    """The bytes of every file below a folder, by its path."""
    return lambda folder: {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def unused_port() -> str:
    """A port of this machine that nothing listens on."""
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        return str(taken.getsockname()[1])
