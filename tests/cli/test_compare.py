"""`recbole-hail compare` from end to end: real trainings of tiny networks and of the rules."""

import csv
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from recbole_hail import configuration
from recbole_hail.cli import main
from recbole_hail.comparison.notation import UNTRAINED

MODELS = "HAIL,HAIL[peers=1],ensemble(HAIL[peers=1],2)"
SHARED = ("--dataset=cyclic", "--config_files=small.yaml", "--candidates=strict", "--max_steps=12", "--epochs=1")
FORMS = ("txt", "csv", "md", "tex")
FILES = {*(f"table.{form}" for form in FORMS), "chart.png", "settings.json", ".lock", "runs", "candidates"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder of a comparison, made by the first test that asks for it."""
    return tmp_path_factory.mktemp("compare") / "cyclic"


@pytest.fixture
def compare(cyclic, monkeypatch, capsys):
    """Runs the command in this process; returns exit status, standard output and standard error."""

    def run(*arguments, shared=SHARED):
        given = {argument.partition("=")[0] for argument in arguments}
        shared = [argument for argument in shared if argument.partition("=")[0] not in given]
        monkeypatch.setattr(sys, "argv", ["recbole-hail", "compare", *shared, *arguments])
        status = main.main()
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def done(compare, finished):
    """A finished comparison of one seed in the working directory."""
    if not finished.exists():
        status, out, err = compare(f"--models={MODELS}", "--seeds=1")
        assert status == 0, out + err
        shutil.copytree("comparisons/cyclic", finished)
    else:
        shutil.copytree(finished, "comparisons/cyclic")
    return Path("comparisons/cyclic")


def rows(folder: Path) -> dict[str, dict]:
    """The table by model, without the columns that a clock fills."""
    with open(folder / "table.csv") as file:
        table = list(csv.DictReader(file))
    return {row["model"]: {k: v for k, v in row.items() if not k.startswith("training s")} for row in table}


def test_the_table_has_models_controls_and_rules(done):
    assert {path.name for path in done.iterdir()} == FILES
    table = rows(done)
    assert list(table) == ["HAIL", "HAIL (peers=1)", "mean of 2 HAIL (peers=1)", *UNTRAINED]
    assert float(table["MarkovChain"]["HR@1"]) == 1, "the next element is certain"
    assert float(table["GeneratorFrequency"]["HR@1"]) == 0, "in a circle nothing comes back soon"
    assert int(float(table["mean of 2 HAIL (peers=1)"]["parameters"])) == 2 * int(
        float(table["HAIL (peers=1)"]["parameters"])
    )
    (lists,) = {row["candidates"] for row in table.values()}
    assert "strict 99" in lists and f"lists {lists.split('lists ')[1][:12]}" in (done / "table.tex").read_text()
    logs = [folder / "log.txt" for folder in (done / "runs").iterdir()]
    assert len(logs) == len(UNTRAINED) + 4 and all(
        "test result" in log.read_text() for log in logs if "mean" not in str(log)
    )


def test_a_second_call_trains_nothing_and_another_seed_only_what_is_new(done, compare, contents):
    before = contents(done / "runs")
    status, out, err = compare(f"--models={MODELS}", "--seeds=1", "--test=bootstrap")
    assert status == 0 and err.count("there already") == len(UNTRAINED) + 4 and ": training" not in err
    assert "paired bootstrap" in " ".join(out.split()) and "there already" not in out, "tables stand alone in a file"
    assert contents(done / "runs") == before
    status, _, err = compare("--models=HAIL", "--seeds=1,2")
    assert status == 0 and [line for line in err.splitlines() if line.endswith(": training")] == [
        f"[{len(UNTRAINED) + 2}/{len(UNTRAINED) + 2}] HAIL, seed 2: training"
    ]
    assert before.items() <= contents(done / "runs").items()
    assert rows(done)["HAIL"]["HR@1 sd"] != "" and rows(done)["Pop"]["HR@1 sd"] == ""


def servers(process: int) -> list[psutil.Process]:
    """The processes that it forks runs from, one."""
    started = psutil.Process(process).children()
    return [child for child in started if "multiprocessing.forkserver" in " ".join(child.cmdline())]


def test_finished_runs_are_ranked_under_another_protocol_without_training(compare, done, contents):
    """Another protocol was another folder, and all of it was trained again."""
    before = contents(done / "runs")
    status, _, err = compare(f"--models={MODELS}", "--seeds=1", "--also=full,strict", "--intervals")
    assert status == 0 and err.count("ranking under full") == len(UNTRAINED) + 4 and ": training" not in err
    assert "ranking under strict" not in err, "that of the training"
    assert {path.name for path in done.iterdir()} == {
        *FILES,
        *(f"table-full.{form}" for form in FORMS),
        "chart-full.png",
    }
    assert before.items() <= contents(done / "runs").items()
    full, own = ((done / f"table{under}.md").read_text() for under in ("-full", ""))
    assert "candidates: full" in full and "candidates: strict 99" in own
    assert re.search(r"\| MarkovChain \| \*\*1\.000\*\* \\\[0\.969, 1\.000\\\]", full), (
        "what is certain is first of all"
    )
    status, _, err = compare(f"--models={MODELS}", "--seeds=1", "--also=full")
    assert status == 0 and "ranking" not in err, "it was ranked already"


def test_a_row_is_named_anew_without_training(compare, done, contents):
    before = contents(done / "runs")
    status, _, err = compare("--models=all=HAIL,one network = HAIL[peers=1]", "--seeds=1")
    assert status == 0 and ": training" not in err and {"all", "one network"} < rows(done).keys()
    assert contents(done / "runs") == before
    status, _, err = compare("--models=Pop=HAIL,HAIL[peers=1]")
    assert status == 2 and "HAIL and Pop would both be Pop in the table; name one, as in 'another=Pop'" in err


@pytest.mark.parametrize(
    "argument, told",
    [
        ("--candidates=full", "--also=PROTOCOL, which ranks the runs that are there under another"),
        ("--train_batch_size=5", "giving train_batch_size to some alone, as in SASRec[train_batch_size=…]"),
        ("--topk=[1,7]", "name another folder\n"),
    ],
)
def test_a_folder_of_other_settings_is_refused_with_what_keeps_its_runs(compare, done, argument, told):
    status, _, err = compare("--models=HAIL", "--seeds=1", argument)
    assert status == 2 and "was written with other settings" in err and told in err


def test_a_protocol_that_there_is_not_is_refused_before_anything_is_trained(compare):
    status, _, err = compare("--models=HAIL", "--also=full,stric")
    assert status == 2 and "candidates: 'stric' must be one of" in err and not Path("comparisons").exists()


def test_ctrl_c_while_a_run_is_starting_is_one_message(cyclic, start_command):
    """What runs are forked from imports for seconds; it ended in these with a traceback after the message."""
    log = Path("compare.log")
    asked = ("--models=Pop", "--seeds=1", "--jobs=2", "--output=begun")
    running = start_command("main", "compare", *SHARED, *asked, log=log)
    deadline = time.monotonic() + 200
    while not (family := servers(running.pid)):
        assert running.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)
    time.sleep(0.5)
    for process in (*family, running):  # as a terminal does
        process.send_signal(signal.SIGINT)
    assert running.wait(60) == 130
    said = log.read_text()
    assert (
        said.endswith("interrupted; 0 of 6 runs are there, and the same command goes on\n") and "Traceback" not in said
    )
    assert not psutil.wait_procs(family, timeout=20)[1]


def test_a_command_that_is_killed_goes_on_and_gives_the_same_table(done, compare, cyclic):
    expected = rows(done)
    for gone in ("Pop-*", "HAIL-peers=1-1-*", "mean-*"):
        shutil.rmtree(next((done / "runs").glob(gone)))
    command = [sys.executable, "-m", "recbole_hail.cli.main", "compare", *SHARED, f"--models={MODELS}", "--seeds=1"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "HAIL (peers=1), seed 1: training" in line:
            break
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    _, alive = psutil.wait_procs(family, timeout=20)
    assert family and not alive, "the run in progress ends with its command"
    assert list((done / "runs").glob("Pop-*")) and not list((done / "runs").glob("HAIL-peers=1-1-*"))
    status, _, err = compare(f"--models={MODELS}", "--seeds=1", "--jobs=2")
    assert status == 0, err
    assert "Pop, seed 1: there already" in err and "HAIL (peers=1), seed 1: done" in err
    assert not list((done / "runs").glob(".*"))
    assert rows(done) == expected


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["--candidates=unfair"], "candidates: 'unfair' must be one of"),
        (["--models=HAILL"], "did you mean HAIL?"),
        (["--models=HAIL[peers=1"], "models: 'HAIL[peers=1' cannot be read"),
        (["--metrics=['Nonsense']"], "There is no metric named 'Nonsense'"),
        (["--topk=[1,500]"], "topk: 500 is more than the target and the 99 candidates"),
        (["--seeds=one"], "seeds: 'one' must be whole numbers"),
        (["--minutes-per-model=soon"], "max_minutes: 'soon' must be a positive number"),
        (["--max_steps=13"], "was written with other settings (max_steps was 12, is 13)"),
        (["--candidates=paper"], "(candidates was strict, is paper)"),
        (["--learning_rate=0.5"], "(learning_rate was 0.01, is 0.5)"),
        (["--output=."], "holds something else than a comparison"),
        (["--dataset=nowhere", "--output=comparisons/cyclic"], "nowhere is not at"),
        (["--output=small.yaml"], "output: small.yaml cannot be a folder"),
        (["--models=HAIL,DeepFM"], "DeepFM: DeepFM learns from labels and has no ranking to compare"),
        (["--models=HAIL,CFKG"], "CFKG: CFKG reads a knowledge graph"),  # all was trained, and no table made
        (["--models=HAIL,FDSA"], "FDSA: selected_features: class of the .item file is not loaded; add --load_col="),
        (["seeds"], "seeds: is no argument of compare"),
        (["--ray_address=127.0.0.1:1"], "ray_address: 127.0.0.1:1 cannot be reached"),
        (["--alpha=0.1", "--alpha=0.2"], "alpha: given as 0.1 and as 0.2; leave out all but one"),  # took the last
    ],
)
def test_bad_input_is_one_message_and_status_2_and_changes_nothing(
    done, compare, cyclic, arguments, expected, contents
):
    before = contents(cyclic)
    status, out, err = compare("--models=HAIL", "--seeds=1", *arguments)
    assert status == 2, out
    assert expected in err and err.startswith("error: ") and "Traceback" not in err
    assert contents(cyclic) == before


def test_another_dataset_of_the_same_name_is_refused(done, compare, contents):
    with open("dataset/cyclic/cyclic.inter", "a") as file:
        file.write("g0\te1\t999\n")
    before = contents(done)
    status, _, err = compare("--models=HAIL", "--seeds=1")
    assert status == 2 and "was written with other settings (data was" in err
    assert err.endswith("name another folder\n"), "data are no setting to give to some models alone"
    assert contents(done) == before


def test_runs_of_other_shipped_settings_are_refused(done, compare, monkeypatch, tmp_path, contents):
    """They were known by what was given alone: under a yaml that had changed since, the table was that of old runs."""
    shutil.copytree(configuration.yaml_folder(), tmp_path / "shipped")
    shipped = tmp_path / "shipped" / "HAIL.yaml"
    shipped.write_text(shipped.read_text().replace("gamma: 1.0 ", "gamma: 2.0 "))
    monkeypatch.setattr(configuration, "yaml_folder", lambda: tmp_path / "shipped")
    before = contents(done)
    for asked in ("HAIL", "ensemble(HAIL[peers=1],2)", "HAIL[peers=3]"):
        status, _, err = compare(f"--models={asked}", "--seeds=1", "--dry-run")
        assert status == 2 * ("peers=3" not in asked) and ("(gamma was 1.0, is 2.0)" in err) == bool(status)
    assert contents(done) == before


def test_a_dry_run_says_what_is_there_and_writes_nothing(done, compare, contents):
    before = contents(done)
    status, out, _ = compare("--models=HAIL,SASRec", "--seeds=1", "--dry-run")
    assert status == 0
    assert "HAIL, seed 1: reused" in out and "SASRec, seed 1: to be trained" in out
    assert contents(done) == before


def test_a_dry_run_promises_no_runs_that_the_data_do_not_allow(compare, write_dataset, contents):
    """It did, and each run ended with the message."""
    write_dataset(Path("dataset"), "few", {f"g{g}": [f"e{(g + i) % 12}" for i in range(9)] for g in range(20)})
    before = contents(Path())
    status, out, err = compare("--models=HAIL", "--seeds=1", "--dataset=few", "--dry-run", "--save_dataset=True")
    assert status == 2 and not out and "but few has only 12; rank all of them with --candidates=full" in err
    assert contents(Path()) == before


def test_a_protocol_beside_that_of_the_training_is_refused_where_it_finds_too_few(compare, write_dataset, contents):
    """It was ranked among 11 under a caption that said 99; as --candidates it was refused."""
    write_dataset(Path("dataset"), "few", {f"g{g}": [f"e{(g + i) % 12}" for i in range(9)] for g in range(20)})
    asked, before = ("--models=HAIL", "--dataset=few", "--dry-run"), contents(Path())
    status, out, err = compare(*asked, "--candidates=full", "--also=full,strict")
    assert status == 2 and not out
    assert "candidates: strict draws 99 other elements, but few has only 12; leave it out of --also, or train" in err
    advised = "--candidates=strict --eval_args=\"{'mode': 'uni11'}\""
    assert err.endswith(f"under it, with {advised}\n")
    assert compare(*asked, *shlex.split(advised), "--also=full")[0] == 0
    assert contents(Path()) == before


def test_a_diverging_model_is_left_out_and_named(done, compare):
    status, _, err = compare("--models=HAIL,HAIL[learning_rate=1e30;warmup_steps=0]", "--seeds=1")
    assert status == 2 and "Traceback" not in err
    assert "error: not every model is in the tables" in err
    label = "HAIL (learning_rate=1e30, warmup_steps=0), seed 1"
    assert f"error: {label} failed with status 2: " in err and "not finite" in err
    assert list(rows(done)) == ["HAIL", *UNTRAINED]
