"""`recbole-hail paper` from end to end: real trainings of tiny networks, ranked under both protocols."""

import csv
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from recbole_hail.cli import main
from recbole_hail.comparison.notation import UNTRAINED

ARGUMENTS = ("table3", "--dataset=cyclic", "--config_files=small.yaml", "--budget=4", "--seeds=1", "--results=results")
FILES = [f"cyclic-table3-4{suffix}" for suffix in (".csv", ".md", ".png", ".runs.csv", ".tex")]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder of the runs and results of a command, made by the first test that asks for it."""
    return tmp_path_factory.mktemp("paper") / "done"


@pytest.fixture
def paper(cyclic, monkeypatch, capsys):
    """Runs the command in this process; returns exit status, standard output and standard error."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["recbole-hail", "paper", *arguments])
        status = main.main()
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def done(paper, finished):
    """A finished `paper table3` in the working directory."""
    if not finished.exists():
        status, out, err = paper(*ARGUMENTS)
        assert status == 0, out + err
        shutil.copytree(".", finished)
    else:
        shutil.copytree(finished, ".", dirs_exist_ok=True)
    return Path("experiments/cyclic/steps-4/runs")


def rows() -> list[dict]:
    """The table, without the columns that a clock fills."""
    with open("results/cyclic-table3-4.csv") as file:
        return [{k: v for k, v in row.items() if not k.startswith("training s")} for row in csv.DictReader(file)]


def test_both_protocols_with_rules_and_the_command(done):
    assert sorted(path.name for path in Path("results").iterdir()) == FILES
    text = Path("results/cyclic-table3-4.md").read_text()
    assert f"```\nrecbole-hail paper {' '.join(ARGUMENTS[:-1])}\n```" in text, "the command, but for its paths"
    table = rows()
    for protocol in ("strict", "paper"):
        own = {row["model"]: row for row in table if row["candidates"].startswith(protocol) and not row["less"]}
        assert {"MED M1", "mimicry M1", "MED, mean of its peers", *UNTRAINED} <= own.keys()
        assert float(own["MarkovChain"]["HR@1"]) == 1, "the next element is certain"
    assert len({row["candidates"] for row in table}) == 2
    for run in done.iterdir():
        strict, other = (json.loads(str(_lists(run / name))) for name in ("ranks.npz", "ranks.paper.npz"))
        assert (strict["protocol"], other["protocol"]) == ("strict", "paper")


def _lists(file: Path):
    with np.load(file) as kept:
        return kept["candidates"]


def test_what_is_missing_is_made_and_nothing_else(done, paper, contents):
    """As after a command that was killed between two runs, and with runs of `compare`, which have one protocol."""
    expected, before = rows(), contents(done)
    shutil.rmtree(next(done.glob("HAIL-distillation=mimicry-1-*")))
    next(done.glob("Pop-1-*")).joinpath("ranks.paper.npz").unlink()
    kept = {path for path in before if path.exists()}
    status, _, err = paper(*ARGUMENTS, "--jobs=2")
    assert status == 0, err
    assert [line.split("] ")[1] for line in err.splitlines() if line.endswith(": training")] == [
        "HAIL (distillation=mimicry), seed 1: training"
    ]
    assert err.count("ranking under paper") == 2 and "calibration" not in err
    assert rows() == expected and "--jobs" not in Path("results/cyclic-table3-4.md").read_text()
    after = contents(done)
    assert all(after[path] == before[path] for path in kept)
    assert {path for path in after if path.parent.parent == done} == {
        path for path in before if path.parent.parent == done
    }


def test_a_dry_run_says_what_is_there_and_how_long_the_rest_takes(done, paper, contents):
    before = contents(Path())
    shutil.rmtree(next(done.glob("HAIL-1-*")))
    status, out, _ = paper(*ARGUMENTS, "--dry-run")
    assert status == 0
    assert "steps-4 HAIL, seed 1: to be trained" in out and "steps-4 Pop, seed 1: reused" in out
    assert f"1 of {len(UNTRAINED) + 2} runs to be trained: about a minute of steps here" in out
    assert contents(Path()).items() <= before.items()


def test_a_dry_run_of_what_is_there_promises_no_time(done, paper):
    _, out, _ = paper(*ARGUMENTS, "--dry-run")
    assert out.splitlines()[-1] == f"0 of {len(UNTRAINED) + 2} runs to be trained"


def test_another_protocol_is_added_to_what_is_trained(done, paper):
    status, _, err = paper(*ARGUMENTS, "--also=full,paper")
    assert status == 0, err
    assert ": training" not in err and "under strict" not in err and "under paper" not in err
    assert {row["candidates"].split()[0].strip(",") for row in rows()} == {"strict", "paper", "full"}
    assert all((run / "ranks.full.npz").is_file() for run in done.iterdir())
    assert ", candidates full\n" in Path("results/cyclic-table3-4.md").read_text()


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (("--also=all",), "candidates: 'all' must be one of"),
        (("--learning_rate=0.5",), "learning_rate was 0.01, is 0.5"),
        (("--max_steps=9",), "max_steps: paper sets it itself; see --budget"),
        (("--peers=3", "--distillation=none"), "peers: paper sets it itself; leave it out"),
        (("--budget=long",), "budget: 'long' must be one of minimal, cpu, gpu or a number of steps"),
        (("--seeds=one",), "seeds: 'one' must be whole numbers"),
        (("--gama=2",), "gama: no model here has such a setting; did you mean gamma?"),
        (("--results=small.yaml",), "results: small.yaml cannot be a folder"),  # was told after all trainings
        (("--output=small.yaml/runs",), "small.yaml is none; name another"),
        (("--dataset=nowhere",), "nowhere is not at"),
        (("budget",), "budget: is no argument of paper"),
    ],
)
def test_bad_input_is_one_message_and_status_2_and_changes_nothing(done, paper, arguments, expected, contents):
    before = contents(Path())
    status, out, err = paper(*ARGUMENTS, *arguments)
    assert status == 2, out
    assert expected in err and err.startswith("error: ") and "Traceback" not in err
    assert contents(Path()) == before


def test_a_factor_that_there_is_not_is_refused(paper):
    status, _, err = paper("controls", "--dataset=cyclic", "--config_files=small.yaml", "--budget=4", "--factors=beta")
    assert status == 2 and "factors: 'beta' given; choose of main, length" in err


def test_what_to_do_about_few_elements_is_told_before_anything_is_measured(paper, write_dataset, contents):
    """It advised --candidates=full, which the command refuses, once its calibration had begun."""
    write_dataset(Path("dataset"), "few", {f"g{g}": [f"e{(g + i) % 12}" for i in range(9)] for g in range(20)})
    before = contents(Path())
    arguments = (*ARGUMENTS, "--dataset=few")
    status, _, err = paper(*arguments)
    assert status == 2 and "calibration" not in err and contents(Path()) == before
    assert err.endswith("""but few has only 12; draw fewer with --eval_args="{'mode': 'uni11'}"\n""")
    status, _, err = paper(*arguments, "--eval_args={'mode': 'uni11'}", "--epochs=9", "--dry-run")
    assert status == 0, err
