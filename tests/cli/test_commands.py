"""The console commands, those that depend on it in processes of their own."""

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from recbole_hail import interrupts
from recbole_hail.cli import common
from recbole_hail.cli.common import guarded

FULL = "--eval_args={'split':{'LS':'valid_and_test'},'order':'TO','group_by':'user','mode':'full'}"


def run_hail(run, *arguments):
    return run("run_recbole", "--model=HAIL", "--dataset=cyclic", "--config_files=small.yaml", *arguments)


def test_run_recbole_trains_evaluates_saves_and_prints_the_table(cyclic, run_command):
    done = run_hail(run_command, "--epochs=2", "--show_progress=True")
    assert done.returncode == 0, done.stderr
    log = done.stdout + done.stderr
    assert "Train     1" in log and "test result by view" in log and "| mean   |" in log
    assert len(list(cyclic.glob("saved/HAIL-*.pth"))) == len(list(cyclic.glob("saved/HAIL-*.json"))) == 1


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["--model=HAIL", "--alpha=2", "--beta=1"], ["alpha: 2 must lie in [0, 1]", "beta: 1 must lie in [0, 1)"]),
        (["--model=HAILL"], ["model: 'HAILL'", "did you mean HAIL?"]),
        (["--model=bert4rec"], ["did you mean BERT4Rec"]),
        (["--dataset=nowhere"], ["nowhere is not at dataset/nowhere/nowhere.inter", "dataset_converters"]),
        (["--dataset=nyc16"], ["python -m dataset_converters download nyc16", "python -m dataset_converters nyc"]),
        (["--config_files=no.yaml"], ["no.yaml"]),
        (["--config_files=broken.yaml"], ["config_files: broken.yaml is not valid yaml"]),
        (["--config_files=empty.yaml"], ["config_files: empty.yaml holds no settings"]),
        (["--config_files=list.yaml"], ["config_files: list.yaml holds no settings"]),
        (["--config_files=latin.yaml"], ["config_files: latin.yaml is not text in utf-8"]),
        (["--metrics=['Nonsense']"], ["There is no metric named 'Nonsense'"]),
        (["--USER_ID_FIELD=who"], ["has no field who", "as in --USER_ID_FIELD=user_id"]),  # proposed the last column
        (["--dataset=unordered"], ["has no field timestamp", "their numbers do", "awk", "timestamp:float"]),
        (["--dataset=timeless"], ["has no field timestamp", "user_id, item_id, when", "--TIME_FIELD=when"]),
        (
            ["--metrics=[]", "--topk=[]", "--eval_args=5"],
            ["metrics: [] names none", "topk: [] names none", "eval_args: 5 must hold split, order and mode"],
        ),
        (["--nproc=0"], ["argument --nproc: '0' must be a whole number of at least 1"]),  # trained nothing, in silence
        (["--nproc=2", "--world_size=1"], ["world_size: 1 processes on all machines have no room for nproc: 2"]),
        (["--nproc=2", "--port=abc"], ["argument --port: 'abc' must be a whole number from 0 to 65535"]),
        (["--nproc=2", "--port=99999"], ["argument --port: '99999' must be"]),
        (["--alpha", "0.3"], ["--alpha: is no argument of run_recbole", "are written --name=value"]),  # was passed over
        (["--resume=no.pth"], ["resume: no.pth does not exist"]),
        (
            ["--alpha=0.3", "--epochs=1", "--alpha=0.5"],
            ["error: alpha: given as 0.3 and as 0.5; leave out all but one"],
        ),
    ],
)
def test_bad_input_is_one_message_and_status_2(cyclic, run_here, arguments, expected):
    Path("broken.yaml").write_text("a: [1\nb: }")
    Path("empty.yaml").write_text("# alpha: 0.5\n")
    Path("list.yaml").write_text("- alpha\n")
    Path("latin.yaml").write_bytes("alpha: 0.5  # caf\u00e9\n".encode("latin-1"))
    Path("dataset/unordered").mkdir()
    Path("dataset/unordered/unordered.inter").write_text("user_id:token\titem_id:token\n1\t1\n")
    Path("dataset/timeless").mkdir()
    Path("dataset/timeless/timeless.inter").write_text("user_id:token\titem_id:token\twhen:float\n1\t1\t1\n")
    defaults = ["--model=HAIL", "--dataset=cyclic"]
    given = [d for d in defaults if not any(a.startswith(d.split("=")[0] + "=") for a in arguments)]
    done = run_here("run_recbole", *given, *arguments)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    for text in expected:
        assert text in done.stderr
    assert not list(cyclic.glob("saved/*.pth"))


def test_a_bad_setting_in_a_process_of_its_own(cyclic, run_command):
    done = run_hail(run_command, "--alpha=2")
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.startswith("error: alpha: 2 must lie in [0, 1]")
    assert not list(cyclic.glob("saved/*.pth"))


def test_a_misspelt_setting_is_pointed_out(cyclic, run_here):
    done = run_hail(run_here, "--epochs=1", "--alhpa=0.3")
    assert done.returncode == 0
    assert "warning: --alhpa is not a setting of HAIL; did you mean --alpha?" in done.stderr


def test_a_batch_size_that_does_nothing_is_pointed_out(cyclic, run_here):
    """Steps hold train_batch_tokens positions where these are set; RecBole printed the size as if it were in force."""
    Path("bare.yaml").write_text("hidden_size: 8\nmax_steps: 2\ncandidates: strict\n")  # as small.yaml, with tokens
    given = ("run_recbole", "--model=HAIL", "--dataset=cyclic", "--config_files=bare.yaml", "--train_batch_size=4")
    said = "warning: --train_batch_size does nothing for HAIL, whose steps hold train_batch_tokens positions; add"
    assert said in run_here(*given).stderr
    assert said not in run_here(*given, "--train_batch_tokens=None").stderr


@pytest.mark.parametrize(("model", "warned"), [("HAIL", True), ("GRU4Rec", False)])
def test_weights_that_nothing_loads_are_pointed_out(cyclic, run_here, model, warned):
    """`preload_weight` is a setting of RecBole's, and HAIL passed over it."""
    Path("weights.yaml").write_text("preload_weight: {iid: vector}\nadditional_feat_suffix: vectors\n")
    done = run_here("run_recbole", f"--model={model}", "--dataset=nowhere", "--config_files=weights.yaml")
    assert ("warning: preload_weight does nothing for HAIL; leave it out" in done.stderr) == warned
    assert done.returncode == 2 and "nowhere is not at" in done.stderr


@pytest.mark.parametrize(("mode", "warned"), [("uni99", True), ("pop99", False)])
def test_digits_that_nothing_rounds_to_are_pointed_out(cyclic, run_here, mode, warned):
    """`metric_decimal_place` is RecBole's, and where the plugin ranks metrics had all their digits nevertheless."""
    given = ("--metric_decimal_place=2", f"--eval_args={{'mode': '{mode}'}}")
    done = run_here("run_recbole", "--model=GRU4Rec", "--dataset=nowhere", *given)
    assert ("warning: metric_decimal_place does nothing for GRU4Rec; metrics are kept whole" in done.stderr) == warned


@pytest.mark.parametrize(("more", "warned"), [([], True), (["--candidates=strict"], False)])
def test_settings_of_named_protocols_are_pointed_out_where_recbole_evaluates(cyclic, run_here, more, warned):
    """They did nothing, and nothing said so."""
    given = ("--ties=optimistic", "--candidates_seed=3", "--eval_args={'mode': 'pop99'}", *more)
    done = run_here("run_recbole", "--model=GRU4Rec", "--dataset=nowhere", *given)
    said = "warning: ties and candidates_seed do nothing for GRU4Rec, which RecBole evaluates by itself under these"
    assert (said in done.stderr) == warned


def test_a_setting_that_is_like_none_is_pointed_out(cyclic, run_here):
    """`--output_dir` for `--output` did nothing, in silence."""
    done = run_hail(run_here, "--epochs=1", "--zzz=3", "--nproc=1")
    assert done.returncode == 0
    (warning,) = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
    assert warning.startswith("warning: --zzz is no setting of HAIL; unless code of yours reads it,")


def test_ctrl_c_says_how_a_training_goes_on(cyclic, start_command):
    """It said "interrupted", and what to do next stood in the documentation."""
    settings = ["--dataset=cyclic", "--config_files=small.yaml", "--epochs=99999", "--stopping_step=99999"]
    running = start_command("run_recbole", *settings, log=Path("said"))
    deadline = time.monotonic() + 120
    while not list(Path("saved").glob("HAIL-*.latest.pth")):
        assert running.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    assert running.wait(60) == 130
    (latest,) = Path("saved").glob("HAIL-*.latest.pth")
    assert Path("said").read_text().endswith(f"\ninterrupted; --resume=saved/{latest.name} goes on from there\n")


@pytest.mark.parametrize("module, arguments", [("run_hyper", ["--help"]), ("main", ["report", "--checkpoint=no.pth"])])
def test_ctrl_c_while_a_command_is_still_importing_is_one_message(workplace, start_command, module, arguments):
    """It was a traceback out of whatever was being imported."""
    running = start_command(module, *arguments, log=Path("log"))
    deadline = time.monotonic() + 60
    while b"libtorch_cpu" not in Path(f"/proc/{running.pid}/maps").read_bytes():
        assert running.poll() is None and time.monotonic() < deadline
    running.send_signal(signal.SIGINT)
    assert running.wait(60) == 130
    assert Path("log").read_text() == "interrupted\n"


def test_ctrl_c_waits_for_what_is_being_started_where_there_are_other_threads():
    """The mask of one thread leaves the signal to the others, and Python ended the start of a process halfway."""
    stop = threading.Event()
    other = threading.Thread(target=stop.wait)
    other.start()
    before, reached = signal.signal(signal.SIGINT, signal.default_int_handler), False
    try:
        with pytest.raises(KeyboardInterrupt), interrupts.interrupts_held():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.2)
            reached = True
        assert reached and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    finally:
        signal.signal(signal.SIGINT, before)
        stop.set()
        other.join()


def test_ctrl_c_ends_a_command_once_it_runs(workplace, monkeypatch):
    """What stands in for Ctrl-C while a command is imported must not end it without its files in order."""
    monkeypatch.setattr(sys, "orig_argv", ["python", "/bin/run_recbole", "--model=HAIL"])
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        interrupts.end_a_command_that_starts()
        assert signal.getsignal(signal.SIGINT) is interrupts._end
        assert guarded(lambda: signal.raise_signal(signal.SIGINT)) == 130
        for line in (["-c", "import recbole_hail", "run_recbole"], ["x.py", "-m", "recbole_hail.cli.main"], ["-i"], []):
            monkeypatch.setattr(sys, "orig_argv", ["python", *line])
            interrupts.end_a_command_that_starts()
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, "no command of ours"
        monkeypatch.setattr(sys, "orig_argv", ["python", "-W", "ignore", "-u", "-m", "recbole_hail.cli.main"])
        interrupts.end_a_command_that_starts()
        assert signal.getsignal(signal.SIGINT) is interrupts._end
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_setting_of_other_models_is_pointed_out(cyclic, run_here):
    """`--warmup_steps` was proposed to be `--max_steps`."""
    done = run_here(
        "run_recbole", "--model=SASRec", "--dataset=cyclic", "--config_files=small.yaml", "--epochs=1", FULL,
        "--warmup_steps=5", "--metrics=['Hit','MRR']", "--topk=[1,10]", "--valid_metric=MRR@10",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "warning: --warmup_steps is a setting of other models and does nothing for SASRec\n" in done.stderr
    assert "did you mean" not in done.stderr


def test_a_misspelt_setting_of_a_file_is_pointed_out(cyclic, run_here):
    """It was passed over in silence."""
    Path("misspelt.yaml").write_text("epochs: 1\nalhpa: 0.3\nnote of mine: 5\ndevice: cpu\n")
    files = "--config_files=small.yaml misspelt.yaml"
    done = run_here("run_recbole", "--model=HAIL", "--dataset=cyclic", files)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("warning: ") == 2
    assert "warning: alhpa is not a setting of HAIL; did you mean alpha?" in done.stderr
    assert "warning: device is not a setting of HAIL; did you mean use_gpu?" in done.stderr


def test_prune_writes_a_model_of_one_peer(cyclic, run_command, run_here):
    assert run_hail(run_here, "--epochs=1").returncode == 0
    (checkpoint,) = cyclic.glob("saved/*.pth")
    done = run_command("main", "prune", "--peer=2", str(checkpoint), "one.pth")
    assert done.returncode == 0, done.stderr
    assert "peer 2 of 2" in done.stdout
    again = run_here("main", "prune", "--peer=2", str(checkpoint), "one.pth")
    assert again.returncode == 2 and "one.pth exists" in again.stderr
    itself = run_here("main", "prune", "--peer=2", str(checkpoint), str(checkpoint), "--overwrite")
    assert itself.returncode == 2 and "is the checkpoint itself" in itself.stderr, "the other peers would be lost"
    beyond = run_here("main", "prune", "--peer=3", str(checkpoint), "other.pth")
    assert beyond.returncode == 2 and "peer: 3 must lie between 1" in beyond.stderr


def test_a_diverging_run_is_one_message_and_status_2(cyclic, run_here):
    done = run_hail(run_here, "--learning_rate=1e30", "--warmup_steps=0", "--epochs=3")
    assert done.returncode == 2, done.stderr[-3000:]
    assert "Traceback" not in done.stderr and "not finite" in done.stderr


def test_an_error_in_spawned_ranks_is_one_message_and_status_2(workplace, write_dataset, run_command):
    write_dataset(workplace / "dataset", "poor", {f"g{g}": [f"e{i}" for i in range(20)] for g in range(5)})
    done = run_command("run_recbole", "--model=HAIL", "--dataset=poor", "--nproc=2", "--port=29719")
    assert done.returncode == 2, done.stderr[-3000:]
    assert done.stderr.count("error: eval_args: mode uni99") == 1


def test_a_folder_that_cannot_be_made_is_one_message_and_status_2(cyclic, run_here):
    """A file called log, where RecBole wants a folder, ended in a traceback."""
    Path("log").write_text("mine")
    done = run_hail(run_here, "--epochs=1")
    assert done.returncode == 2, done.stderr[-3000:]
    assert "error: file: ./log cannot be read or written: File exists" in done.stderr and "Traceback" not in done.stderr
    assert Path("log").read_text() == "mine"


@pytest.mark.parametrize("broken, status", [(KeyboardInterrupt(), 130), (BrokenPipeError(), 141)])
def test_a_command_that_is_cut_off_ends_without_a_traceback(broken, status, capfd, monkeypatch):
    def command():
        raise broken

    assert guarded(command) == status
    assert "Traceback" not in capfd.readouterr().err


def test_sigterm_ends_a_command_as_ctrl_c_does(run_python):
    """It cut all off where it stood: what `finally` undoes was left half done, and nothing was said."""
    code = "import os, sys; from recbole_hail.cli.common import guarded\n"
    code += "def command():\n    try:\n        os.kill(os.getpid(), 15)\n    finally:\n        print('undone')\n"
    done = run_python(code + "sys.exit(guarded(command))")
    assert (done.returncode, done.stdout, done.stderr) == (143, "undone\n", "ended by SIGTERM\n")


def ended_by_sigterm() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_sigterm_is_told_from_ctrl_c_where_another_raises_it_anew(capfd):
    """Ray does: a search of its own that was ended by SIGTERM left with Ctrl-C's 130."""

    def command():
        try:
            ended_by_sigterm()
        except KeyboardInterrupt:
            raise KeyboardInterrupt("of another") from None

    assert (guarded(command), capfd.readouterr().err) == (143, "ended by SIGTERM\n")


def test_sigterm_that_a_library_catches_is_still_told():
    """The command went on and left with status 0."""

    def command():
        with suppress(KeyboardInterrupt):
            ended_by_sigterm()

    assert guarded(command) == 143


def test_sigterm_while_ctrl_c_ends_the_ranks_changes_nothing(monkeypatch, capfd):
    """It was a traceback, and left behind ranks that do not listen."""
    monkeypatch.setattr(common.distributed, "terminate_ranks", lambda: print(ended_by_sigterm(), "all ended"))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert guarded(lambda: signal.raise_signal(signal.SIGINT)) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert capfd.readouterr() == ("None all ended\n", "interrupted\n")
