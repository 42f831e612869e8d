"""Searches by command: what is tried, kept, refused and written, and that a killed one goes on."""

import csv
import json
import re
import signal
import sys
import time
from pathlib import Path

import pytest
from recbole.quick_start import run_recbole

from recbole_hail.cli import run_hyper

FOLDER = Path("hyper/HAIL-cyclic")
SPACE = "alpha choice [0.25,0.75]\nbeta choice [0.0,0.02]\n"
GIVEN = ["--model=HAIL", "--dataset=cyclic", "--config_files=small.yaml", "--params_file=space.hyper"]


@pytest.fixture
def search(cyclic, monkeypatch):
    """`run_hyper` on the cyclic world in this process; returns its exit status."""
    Path("space.hyper").write_text(SPACE)

    def run(*arguments, space=SPACE):
        Path("space.hyper").write_text(space)
        monkeypatch.setattr(sys, "argv", ["run_hyper", *GIVEN, *arguments])
        return run_hyper.main()

    return run


def trials():
    return [json.loads(line) for line in (FOLDER / "trials.jsonl").read_text().splitlines()]


def test_searches_the_grid_and_leaves_table_plot_and_results(search, capsys, recwarn):
    assert search("--epochs=1", "--tool=Hyperopt") == 0
    assert not [warning for warning in recwarn if "is not a setting" in str(warning.message)], (
        "of `dataset`, each trial"
    )
    said = "".join(capsys.readouterr())
    kept = trials()
    assert sorted((trial["settings"]["alpha"], trial["settings"]["beta"]) for trial in kept) == [
        *((0.25, 0.0), (0.25, 0.02)),
        *((0.75, 0.0), (0.75, 0.02)),
    ]
    assert all(trial["steps"] == 3 and trial["seconds"] > 0 for trial in kept)
    for number in range(1, 5):
        assert f"trial {number} of 4: alpha" in said
    best = max(kept, key=lambda trial: trial["score"])
    assert f"best so far {best['score']:.5g}" in said and "best settings: alpha:" in said
    rows = list(csv.DictReader((FOLDER / "table.csv").open()))
    assert [float(row["valid mrr"]) for row in rows] == sorted((trial["score"] for trial in kept), reverse=True)
    assert [row["chosen"] for row in rows] == ["*", "", "", ""]
    assert float(rows[0]["test hit@10"]) == best["test"]["hit@10"]
    results = (FOLDER / "hyper.result").read_text()
    assert results.count("Valid result:") == 4 and "alpha:0.25, beta:0.02" in results
    assert (FOLDER / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_the_best_settings_make_the_best_trial_again(search, workplace):
    assert search("--epochs=1", "--max_evals=2", "--candidates=strict", "--valid_metric=new_MRR") == 0
    text = (FOLDER / "best.yaml").read_text()
    best = max(trials(), key=lambda trial: trial["score"])
    assert text.startswith(f"# HAIL on cyclic: valid new_mrr {best['score']}, the best of 2 trials\n")
    again = run_recbole("HAIL", "cyclic", config_file_list=[str(FOLDER / "best.yaml")])
    assert again["best_valid_score"] == best["score"] and again["test_result"] == best["test"]


def test_the_best_settings_of_a_space_in_quotes_are_those_of_its_trial(search, workplace, monkeypatch):
    """RecBole does not convert text of files: `mf_train: 'False'` trained another model, in silence."""
    Path("quoted.yaml").write_text("mf_embedding_size: '8'\n")
    space = "mf_train choice ['False']\nmlp_hidden_size choice ['[16,8]']\n"
    files = "--config_files=small.yaml quoted.yaml"
    assert search("--model=NeuMF", files, "--epochs=1", "--output=out", space=space) == 0
    text = Path("out/best.yaml").read_text()
    assert "mf_train: false\nmlp_hidden_size:\n- 16\n- 8\n" in text and "mf_embedding_size: 8\n" in text
    (trial,) = map(json.loads, Path("out/trials.jsonl").read_text().splitlines())
    monkeypatch.setattr(sys, "argv", ["run_recbole"])
    again = run_recbole("NeuMF", "cyclic", config_file_list=["out/best.yaml"])
    assert again["test_result"] == trial["test"]


def test_goes_on_with_what_is_missing(search, capsys):
    assert search("--epochs=1", "--max_evals=2") == 0
    first = (FOLDER / "trials.jsonl").read_text()
    assert "trials are missing" not in capsys.readouterr().out
    assert search("--epochs=1") == 0
    assert (FOLDER / "trials.jsonl").read_text().startswith(first)
    kept = len(trials())
    capsys.readouterr()
    assert kept > 1 and search("--epochs=1", "--max_evals=1") == 0
    said = capsys.readouterr().out
    assert f"cyclic, {kept} trials, best" in said and "missing" not in said, "it said 5 of 3 trials"
    settings = [trial["settings"] for trial in trials()]
    assert len(settings) == 4 and all(settings.count(each) == 1 for each in settings)
    assert search("--epochs=1") == 0, "nothing is missing: the results are written again"
    assert len(trials()) == 4


@pytest.mark.parametrize(
    "arguments, space, message",
    [
        (["--epochs=2"], SPACE, "epochs was 1, is 2"),
        (["--epochs=1", "--gamma=2"], SPACE, "gamma was 1.0, is 2"),
        (["--epochs=1"], "alpha choice [0.25]\n", "space was"),
    ],
)
def test_trials_of_another_search_are_refused(search, capsys, arguments, space, message):
    assert search("--epochs=1", "--max_evals=1") == 0
    before = (FOLDER / "trials.jsonl").read_bytes()
    assert search(*arguments, space=space) == 2
    assert message in capsys.readouterr().err
    assert (FOLDER / "trials.jsonl").read_bytes() == before


def test_a_setting_that_is_given_and_searched_is_refused(search, capsys):
    """The space won, without a word."""
    assert search("--epochs=1", "--alpha=0.3", space="alpha choice [0.6,0.7]\n") == 2
    assert "alpha: 0.3 is given for all trials, but the space searches it; leave out one" in capsys.readouterr().err
    assert not FOLDER.exists()


@pytest.mark.parametrize("name", ["tpe", "bayes"])
def test_tpe_has_recboles_name_too_and_tries_a_space_of_ranges(search, name):
    assert search("--epochs=1", f"--algo={name}", "--max_evals=2", space="alpha uniform 0.1,0.9\n") == 0
    assert len(trials()) == 2 and all(0.1 <= trial["settings"]["alpha"] <= 0.9 for trial in trials())


def test_a_trial_that_diverges_is_kept_and_the_search_goes_on(search, capsys):
    space = "learning_rate choice [0.01,1e30]\nbeta choice [0.0,0.02]\n"
    assert search("--epochs=3", "--warmup_steps=0", space=space) == 0
    assert sorted(trial["status"] for trial in trials()) == ["diverged", "diverged", "finished", "finished"]
    rows = list(csv.DictReader((FOLDER / "table.csv").open()))
    assert [row["status"] for row in rows] == ["finished", "finished", "diverged", "diverged"]
    assert "diverged: the loss is not finite" in capsys.readouterr().err


def test_settings_that_are_impossible_together_are_an_outcome(search, capsys):
    """Each was possible by itself; the search ended there, and whenever it was called again, and tried no others."""
    assert search("--epochs=1", space="hidden_size choice [16,18]\nn_heads choice [1,4]\n") == 0
    found = {(trial["settings"]["hidden_size"], trial["settings"]["n_heads"]): trial["status"] for trial in trials()}
    assert found == {(16, 1): "finished", (16, 4): "finished", (18, 1): "finished", (18, 4): "impossible"}
    assert "impossible: n_heads: 4 must divide hidden_size: 18" in capsys.readouterr().err


def test_a_long_trial_says_how_it_goes(search, monkeypatch, capsys):
    """Trials of an hour said nothing until they ended."""
    monkeypatch.setattr("recbole_hail.tuning.search._SAY_EVERY", 0)
    assert search("--epochs=3", space="alpha choice [0.25]\n") == 0
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "trial 1 of 1: alpha 0.25: training"
    assert [re.fullmatch(r"alpha 0\.25: mrr [\d.]+ after (\d) steps", line)[1] for line in said[1:3]] == ["3", "6"]
    assert said[3].startswith("trial 1 of 1: alpha 0.25: mrr")
    monkeypatch.setattr("recbole_hail.tuning.search._SAY_EVERY", 3600)
    assert search("--epochs=3", "--output=quiet", space="alpha choice [0.25]\n") == 0
    assert "steps" not in capsys.readouterr().err


def test_stops_after_trials_without_progress(search, monkeypatch, capsys):
    from recbole_hail.tuning import with_hyperopt
    from recbole_hail.tuning.trials import FINISHED, Trial

    scores = iter([0.1, 0.3, 0.2, 0.1, 0.4])
    monkeypatch.setattr(
        with_hyperopt,
        "train",
        lambda fixed, settings, _: Trial(settings, FINISHED, next(scores), {"mrr": 0}, {"mrr": 0}),
    )
    assert search("--early_stop=2", space="alpha choice [0.1,0.2,0.3,0.4,0.5,0.6]\n") == 0
    assert [trial["score"] for trial in trials()] == [0.1, 0.3, 0.2, 0.1]
    said = capsys.readouterr().out
    assert "ended by early_stop=2: no better trial followed the best" in said
    assert "missing" not in said, "the same command would train nothing"


@pytest.mark.parametrize(
    "arguments, space, messages",
    [
        (["--tool=grid"], SPACE, ["tool: 'grid' must be Hyperopt or Ray"]),
        (["--tool=ray", "--algo=tpe", "--early_stop=3"], SPACE, ["algo: tpe waits", "early_stop: 3 is Hyperopt's"]),
        (["--scheduler=asha"], SPACE, ["scheduler: asha is Ray's"]),
        (["--max_evals=0"], SPACE, ["max_evals: 0 must be"]),
        (["--display_file=plot.html"], SPACE, ["display_file: plot.html must end in .png, .svg or .pdf"]),
        (["--algo=exhaustive"], "alpha uniform 0.1,0.9\n", ["algo: exhaustive needs a space of choices"]),
        ([], "alhpa choice [0.1]\nbeta choice [0.0,1]\n", ["did you mean alpha?", "beta: 1 must lie in [0, 1)"]),
        ([], "bogus\n", ["line 1 of space.hyper is 'bogus'"]),
        (["--nproc=2"], SPACE, ["nproc: 2 cannot be had, for a trial is one process"]),
        (["--output_file=space.hyper"], SPACE, ["output_file: space.hyper is another file of this search"]),
        (["--output=o", "--output_file=o/trials.jsonl"], SPACE, ["output_file: o/trials.jsonl is another file"]),
        (["--output=o", "--display_file=small.yaml"], SPACE, ["display_file: small.yaml must end in .png"]),
        (["--output=space.hyper"], SPACE, ["output: space.hyper cannot be a folder"]),
        ([], "learning_rate loguniform -4,1000\n", ["params_file: learning_rate: the bounds of loguniform are log"]),
        ([], "n_layers quniform 1,2,3\n", ["params_file: n_layers: no multiple of 3 lies within [1, 2]"]),
        ([], "hidden_size quniform 16,20,1\n", ["n_heads: 2 must divide hidden_size: 17"]),
        (["--resume=space.hyper"], SPACE, ["resume: space.hyper cannot be continued by a search"]),
        (["--train_on_valid=True"], SPACE, ["train_on_valid: True leaves nothing to choose settings by"]),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_written(search, capsys, arguments, space, messages):
    assert search(*arguments, space=space) == 2
    said = capsys.readouterr().err
    assert all(message in said for message in messages)
    assert not Path("hyper").exists() and not Path("saved").exists()


def test_the_shipped_space_of_the_model_is_the_default(search, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["run_hyper", *GIVEN[:3], "--epochs=1", "--max_evals=1"])
    assert run_hyper.main() == 0
    assert json.loads((FOLDER / "search.json").read_text())["space"].keys() == {"alpha", "beta"}


def test_an_unknown_space_is_refused_with_those_there_are(search, capsys):
    assert search("--params_file=no.hyper") == 2
    said = capsys.readouterr().err
    assert "params_file: no.hyper does not exist" in said and "HAIL-wide.hyper" in said


def test_a_search_without_validation_is_one_message(search, capsys):
    assert search("--epochs=1", "--eval_step=0") == 2
    assert "valid_metric: MRR was never measured" in capsys.readouterr().err
    assert not (FOLDER / "trials.jsonl").exists()


def wait_for(condition, process, seconds=300):
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None and time.monotonic() < deadline, "ended before it could be interrupted"
        time.sleep(0.02)


def ended(number):
    return lambda: (FOLDER / "trials.jsonl").is_file() and len(trials()) >= number


ALPHAS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]  # so many that a busy machine cannot finish them before it is interrupted


def test_a_killed_and_an_interrupted_search_keep_what_they_have_and_go_on(search, start_command):
    space = f"alpha choice {ALPHAS}\n"
    Path("space.hyper").write_text(space)
    command = ["run_hyper", *GIVEN, "--epochs=6"]
    killed = start_command(*command, log=Path("killed.log"))
    wait_for(ended(1), killed)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    after_kill = trials()
    interrupted = start_command(*command, log=Path("interrupted.log"))
    wait_for(ended(len(after_kill) + 1), interrupted)
    interrupted.send_signal(signal.SIGINT)
    assert interrupted.wait(300) == 130
    said, after_interrupt = Path("interrupted.log").read_text(), trials()
    assert "Traceback" not in said and "--resume" not in said, "which no search takes"
    assert not list(Path("saved").glob("*.latest.pth")), "of the trial that is begun anew"
    assert re.search(r"(\n1 trial is|\n\d+ trials are) missing; the same command continues from here\n", said)
    assert after_interrupt[: len(after_kill)] == after_kill and len(after_interrupt) < len(ALPHAS)
    for name in ("table.txt", "table.csv", "table.md", "plot.png", "best.yaml"):
        assert (FOLDER / name).is_file(), name
    assert search("--epochs=6", space=space) == 0
    settings = [trial["settings"]["alpha"] for trial in trials()]
    assert trials()[: len(after_interrupt)] == after_interrupt and sorted(settings) == ALPHAS


def test_ray_ends_poor_trials_early_and_tells_why_trials_failed(cyclic, start_command):
    """By validation, with the command's settings; a failure was a traceback of Ray's, which knows the reason later."""
    log = Path("ray.log")
    Path("space.hyper").write_text("alpha choice [0.25,0.75]\neval_step choice [1,0]\n")
    found = start_command("run_hyper", *GIVEN, "--tool=Ray", "--epochs=3", "--peers=3", log=log)
    assert found.wait(400) == 2, log.read_text()[-3000:]
    by_status = {}
    for trial in trials():
        by_status.setdefault(trial["status"], []).append(trial)
    assert sorted(trial["settings"]["alpha"] for trial in trials()) == [0.25, 0.75]
    assert all(trial["settings"]["eval_step"] == 1 for trial in trials())
    assert by_status.keys() <= {"finished", "stopped"}
    assert all(trial["steps"] == 9 and trial["test"] for trial in by_status["finished"])
    assert all(trial["steps"] < 9 and not trial["test"] for trial in by_status.get("stopped", []))
    for checkpoint in (trial["checkpoint"] for trial in by_status["finished"]):
        record = json.loads(Path(checkpoint).with_suffix(".json").read_text())
        assert record["settings"]["peers"] == 3, "settings of the command line reach the workers"
    said = log.read_text()
    assert "best settings: alpha:" in said and "Traceback" not in said
    assert "alpha 0.75, eval_step 0: failed" in said
    last = said.splitlines()[-1]
    assert last.startswith("error: 2 trials failed, to be tried again by the same command; that of alpha 0.")
    assert "eval_step 0: valid_metric: MRR was never measured" in last
