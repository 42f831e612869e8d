"""What the benchmarks measure with, and the parts of them that run in a moment."""

import json
import logging
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import torch

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(autouse=True)
def benchmarks_can_be_imported(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def test_runs_take_turns():
    import measuring

    order = []
    found = measuring.alternate({name: lambda name=name: order.append(name) for name in "ab"}, 3)
    assert order == list("ababab")
    assert found.keys() == {"a", "b"}


def test_the_exponent_of_known_growth():
    import measuring

    assert measuring.exponent([1, 2, 4, 8], [3.0, 6.0, 12.0, 24.0]) == pytest.approx(1.0)
    assert measuring.exponent([10, 20, 40], [5.0, 20.0, 80.0]) == pytest.approx(2.0)


def test_a_child_has_a_peak_of_its_own_and_its_failure_is_told():
    import measuring

    code = "import json, sys, measuring; before = measuring.peak_memory(); held = bytearray(int(sys.argv[1])); "
    code += "print(json.dumps({'before': before, 'after': measuring.peak_memory()}))"
    peaks = measuring.in_child(code, "200000000")
    assert 190e6 < peaks["after"] - peaks["before"] < 210e6, "it is not that of this process, which holds more"
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        measuring.in_child("1 / 0")


def test_figures_are_written_beside_the_machine(tmp_path):
    import measuring

    measuring.write(tmp_path / "found.json", [{"seconds": 1.5}])
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["results"] == [{"seconds": 1.5}]
    assert {"processors", "python"} <= found["machine"].keys()


@pytest.mark.parametrize("name", ["training", "evaluation", "loading", "against_bert4rec"])
def test_a_missing_dataset_is_a_message_and_status_2(name, tmp_path):
    """It was a traceback."""
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), f"--data_path={tmp_path}"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert ended.returncode == 2 and "Traceback" not in ended.stderr
    assert "error: dataset: " in ended.stderr and str(tmp_path) in ended.stderr


@pytest.mark.parametrize("base_network", ["bidirectional", "causal"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_step_of_the_gpu_benchmark_learns(base_network, dtype):
    import gpu

    training = gpu.Training(base_network, torch.device("cpu"), elements=20, sequences=2, dtype=dtype)
    losses = [float(training.step()) for _ in range(5)]
    assert losses[-1] < losses[0]


def test_operations_of_products_that_add_are_counted_too():
    """The loss makes the table's gradient so: a third of its operations was left out."""
    import gpu

    to, left, right = torch.zeros(3, 5), torch.ones(3, 4), torch.ones(4, 5)
    assert gpu.operations_of(lambda: to.addmm_(left, right)) == gpu.operations_of(lambda: left @ right) == 2 * 3 * 4 * 5


@pytest.mark.skipif(torch.cuda.is_available(), reason="says so only where there is no GPU")
def test_the_gpu_benchmark_says_that_it_needs_one(monkeypatch):
    import gpu

    monkeypatch.setattr(sys, "argv", ["gpu.py"])
    with pytest.raises(SystemExit, match="needs a GPU"):  # Python writes it and ends with status 1
        gpu.main()


def test_the_plain_networks_predict_like_ours_in_shape_and_leave_padding_out():
    from plain import Batch, PlainNetworks

    networks = PlainNetworks(elements=7, width=6, peers=2, dropout=0.0).eval()
    sequences = torch.tensor([[1, 8, 3, 0, 0, 0], [8, 2, 0, 0, 0, 0]])
    positions = torch.tensor([1, 6])
    wide = networks(Batch(sequences, positions, torch.tensor([2, 5])))
    assert wide.shape == (2, 2, 7)
    narrow = networks(Batch(sequences[:, :3], torch.tensor([1, 3]), torch.tensor([2, 5])))
    torch.testing.assert_close(wide, narrow)


def test_the_evaluation_benchmark_ranks_the_same_lists_both_ways(cyclic, monkeypatch):
    """It once took the trainer's note of a phase for the phase itself."""
    import evaluation

    given = ["--dataset=cyclic", "--models", "SASRec", "--length=5", "--output=out.json"]
    monkeypatch.setattr(sys, "argv", ["evaluation.py", *given])
    evaluation.main()
    rows = json.loads(Path("out.json").read_text())["results"]
    assert [row["path"] for row in rows[:3]] == ["ours, drawing", "ours, again", "RecBole's"]
    assert rows[1]["ndcg@10"] == pytest.approx(rows[2]["ndcg@10"], abs=1e-9)


SMALLEST = {  # options of a benchmark, and how many rows they make
    "training": (
        "--data_path=dataset --parts padding peers data elements --every 5 --steps 1 --rounds 1",
        2 + 4 + 4 + 4,
    ),
    "loading": ("--data_path=dataset --datasets toys --rounds 1", 3),
    "loss": ("--elements 246 --threads 1 --rounds 1", 2),
    "layers": ("--peers 1 --rounds 1", 14),
    "informer": ("--lengths 20 40 --batch 2 --rounds 1", 3),
    "against_bert4rec": ("--data_path=dataset --minutes 0.02 --runs", 2),
}


@pytest.mark.parametrize("program", SMALLEST)
def test_every_benchmark_runs(workplace, write_dataset, threads, monkeypatch, program):
    """That of training once called a step as it no longer was."""
    sequences = {f"g{g}": [f"e{(g + i) % 110}" for i in range(20)] for g in range(300)}
    for dataset in ("chi18", "toys"):
        write_dataset(workplace / "dataset", dataset, sequences)
    options, rows = SMALLEST[program]
    named = ["HAIL, causal, T = 1"] if options.endswith("--runs") else []
    monkeypatch.setattr(sys, "argv", [program, *options.split(), *named, "--output=out.json"])
    try:
        import_module(program).main()
    finally:
        logging.disable(logging.NOTSET)
    assert len(json.loads(Path("out.json").read_text())["results"]) == rows
