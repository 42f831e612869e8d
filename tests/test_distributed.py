"""Several processes: what two train and measure together, and that none waits for one that has died."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from recbole import quick_start
from recbole.quick_start import run_recbole
from torch.multiprocessing.spawn import ProcessRaisedException
from torch.utils.data.distributed import dist

from recbole_hail import distributed
from recbole_hail.building import build_model
from recbole_hail.errors import SettingsError
from recbole_hail.training.checkpoints import read_checkpoint

# A command whose rank 1 does `deed` in its third step.
_BROKEN = """
import os, signal, sys, time
import torch
torch.set_num_threads(1)
from recbole_hail.cli import run_recbole
from recbole_hail.models.hail import HAIL

loss_parts, calls = HAIL.loss_parts, []

def breaking(self, batch):
    calls.append(1)
    parts = loss_parts(self, batch)
    if len(calls) == 3 and torch.distributed.is_initialized() and torch.distributed.get_rank() == 1:
        {deed}
    return parts

HAIL.loss_parts = breaking
if __name__ == "__main__":
    sys.exit(run_recbole.main())
"""


@pytest.fixture
def run_broken(cyclic, unused_port):
    """Two ranks of which one breaks, by command; returns its exit status and what it says on standard error.

    Torch left a file in the folder for temporary files for each rank that said why it failed.
    """

    def run(deed, *arguments):
        Path("broken.py").write_text(_BROKEN.format(deed=deed))
        Path("temporary").mkdir()
        line = [sys.executable, "broken.py", "--model=HAIL", "--dataset=cyclic", "--config_files=small.yaml"]
        line += ["--nproc=2", f"--port={unused_port}", *arguments]
        environment = {**os.environ, "TMPDIR": str(Path("temporary").absolute())}
        done = subprocess.run(line, capture_output=True, text=True, timeout=300, env=environment)
        assert not list(Path("temporary").glob("*errorfile*"))
        return done.returncode, done.stderr

    return run


@pytest.fixture
def run_ranks(cyclic, monkeypatch, unused_port):
    """Trains and tests with two ranks, through RecBole's own call; the test result.

    They are spawned as RecBole spawns them, told what to run by module and name: no main script imports the plugin.
    """
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def run(model: str, settings: dict) -> dict:
        return quick_start.run(model, "cyclic", config_dict=settings, nproc=2, port=unused_port)["test_result"]

    return run


def test_a_loss_that_is_not_finite_on_one_rank_ends_all_with_its_message(run_broken):
    """The other waited for half an hour, and nothing was said."""
    status, said = run_broken("parts = parts._replace(total=parts.total * float('nan'))")
    assert status == 2, said[-3000:]
    # Rank 1's gradient spoils the weights of both, so either may be the first to see it, in this step or the next.
    assert re.search(r"error: the loss is not finite at step [34]|error: weights are not finite", said), said[-3000:]
    assert said.count("error: ") == 1 and "Traceback" not in said


def test_a_rank_that_is_killed_ends_all(run_broken):
    status, said = run_broken("os.kill(os.getpid(), signal.SIGKILL)")
    assert status == 1, said[-3000:]
    assert "error: rank 1 was ended by SIGKILL, and the others were ended with it" in said
    assert "via SIGTERM" not in said, "torch's warnings read like failures of ours"


def test_a_rank_that_does_not_answer_ends_all_within_the_time_out(run_broken):
    status, said = run_broken("time.sleep(1000)", "--distributed_timeout=5")
    assert status == 2, said[-3000:]
    assert "error: rank 0: another rank was lost, or gave no answer within distributed_timeout" in said


def test_a_rank_that_raises_is_named_with_its_traceback():
    said = "\n\n-- Process 1 terminated with the following error:\nTraceback …\nKeyError: 'surprise'\n"
    message, status = distributed.explained(ProcessRaisedException(said, 1, 4711))
    assert status == 1 and message.startswith("rank 1 failed") and message.endswith("KeyError: 'surprise'")


def test_a_port_in_use_is_named(monkeypatch):
    """Two runs on one machine by their default port ended in a traceback."""

    def fail(*args):
        raise RuntimeError("The server socket has failed to listen. port: 5678, code: -98, name: EADDRINUSE")

    monkeypatch.setattr(distributed, "_run_recboles", fail)
    with pytest.raises(SettingsError, match="port: 5678 is in use"):
        distributed.run_recboles(0, {"config_dict": {"port": "5678"}})


def test_an_error_of_the_model_is_not_taken_for_a_lost_rank(monkeypatch):
    def fail(*args):
        raise RuntimeError("size mismatch for restored embedding")

    monkeypatch.setattr(distributed, "_run_recboles", fail)
    with pytest.raises(RuntimeError, match="size mismatch"):
        distributed.run_recboles(1, {})


def test_all_problems_of_a_rank_are_shown():
    said = "Traceback …\nrecbole_hail.errors.SettingsError: alpha: 2 must lie in [0, 1]; beta: 1 must lie in [0, 1)\n"
    message, status = distributed.explained(ProcessRaisedException(said, 0, 4711))
    assert (message, status) == ("alpha: 2 must lie in [0, 1]; beta: 1 must lie in [0, 1)", 2)


@pytest.mark.parametrize("value", [0, -1, True, "soon", None])
def test_the_time_out_must_be_a_positive_number(value):
    assert distributed.problems({"distributed_timeout": value}) == [
        f"distributed_timeout: {value!r} must be a positive number of seconds"
    ]


@pytest.mark.parametrize("count, processes", [(7, 2), (6, 3), (2, 3), (1, 1)])
def test_rows_come_together_in_order_and_repeated_ones_are_left_out(monkeypatch, count, processes):
    rows = torch.arange(count * 2).view(count, 2)
    longest = -(-count // processes)
    shares = [(rows.tolist() * processes)[rank::processes][:longest] for rank in range(processes)]

    def all_gather_object(gathered, mine):
        gathered[:] = [torch.tensor(share) for share in shares]

    monkeypatch.setattr(torch.distributed, "all_gather_object", all_gather_object)
    together = distributed.gather_rows(torch.tensor(shares[0]), count, {"world_size": processes})
    assert torch.equal(together, rows)


@pytest.mark.parametrize("model", ["HAIL", "SASRec"])
def test_what_recbole_evaluates_by_itself_is_that_of_one_process(build, monkeypatch, model):
    """It weighted ranks by numbers of batches, and counted questions twice that fill up a rank's share; 41 are odd."""
    mode = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "full"}
    made = build(model, eval_args=mode, metrics=["Hit", "MRR", "ItemCoverage"], topk=[1, 5, 10], valid_metric="MRR@10")
    alone = made.trainer.evaluate(made.test, load_best_model=False)
    assert len(made.test._dataset) % 2, "or nothing is repeated"
    made.config["single_spec"], made.config["world_size"] = False, 2
    monkeypatch.setattr(dist, "get_world_size", lambda: 2)
    held = {0: [], 1: []}  # what each rank brings, in order

    def evaluate(rank, all_gather_object):
        monkeypatch.setattr(dist, "get_rank", lambda: rank)
        monkeypatch.setattr(torch.distributed, "all_gather_object", all_gather_object)
        loader = type(made.test)(made.config, made.test._dataset, made.test._sampler)
        return made.trainer.evaluate(loader, load_best_model=False)

    def keep(rank):
        def all_gather_object(gathered, mine):
            held[rank].append(mine)
            gathered[:] = [mine, mine]

        return all_gather_object

    def share(gathered, mine):
        gathered[:] = next(shares)

    for rank in held:
        evaluate(rank, keep(rank))
    shares = zip(*held.values(), strict=True)
    together = evaluate(0, share)
    assert together == pytest.approx(alone, abs=1e-12)


def test_two_ranks_take_the_steps_of_one_process_with_twice_the_batch(cyclic, small, run_ranks):
    """Sequences of one length, next-element prediction and no dropout leave nothing to chance: gradients are equal."""
    exact = {"hidden_dropout_prob": 0.0, "base_network": "causal", "MAX_ITEM_LIST_LENGTH": 50, "learner": "sgd"}
    shared = {**small, **exact, "clip_grad_norm": None, "learning_rate": 0.5, "warmup_steps": 0, "epochs": 3}
    shared |= {"train_batch_tokens": None, "eval_step": 3}
    alone = {**shared, "train_batch_size": 120, "checkpoint_dir": "one"}
    result = run_recbole("HAIL", "cyclic", config_dict=alone)
    tested = run_ranks("HAIL", {**shared, "train_batch_size": 60, "checkpoint_dir": "two"})
    (written,) = Path("two").glob("*.pth")
    one, two = (read_checkpoint(file) for file in (next(Path("one").glob("HAIL*.pth")), written))
    assert one["run"]["steps"] == two["run"]["steps"] == 3
    for name, weight in one["state_dict"].items():
        torch.testing.assert_close(two["state_dict"][name], weight, rtol=1e-4, atol=1e-6, msg=name)
    assert tested == pytest.approx(result["test_result"], abs=0.02)
    record = json.loads(written.with_suffix(".json").read_text())
    assert record["results"]["test"]["mean"]["hit@10"] <= 1.0


@pytest.mark.parametrize("model", ["Pop", "SASRec"])
def test_two_ranks_of_a_model_of_recboles_find_what_one_of_them_has_saved(cyclic, small, run_ranks, model):
    """Each named the file by its own clock, and one looked in vain; of Pop's counts one rank's share was saved."""
    settings = {**small, "epochs": 1, "train_neg_sample_args": None, "seed": 1}
    tested = run_ranks(model, {**settings, "checkpoint_dir": "two"})
    (file,) = Path("two").glob("*.pth")
    if model == "Pop":
        alone = run_recbole("Pop", "cyclic", config_dict={**settings, "checkpoint_dir": "one"})
        (other,) = Path("one").glob("*.pth")
        counts = [read_checkpoint(path)["other_parameter"]["item_cnt"] for path in (file, other)]
        assert torch.equal(*counts) and tested == dict(alone["test_result"])


def test_ctrl_c_ends_all_ranks_and_leaves_a_checkpoint_to_go_on_from(cyclic, start_command, unused_port):
    """Two ranks could not go on, for the silence of the second was another setting; at times there was a traceback."""
    given = ["--model=HAIL", "--dataset=cyclic", "--config_files=small.yaml", "--epochs=40", "--stopping_step=40"]
    given += ["--eval_step=40", "--nproc=2", f"--port={unused_port}"]
    log = Path("ranks.log")
    running = start_command("run_recbole", *given, log=log)
    deadline = time.monotonic() + 200
    while not (latest := list(cyclic.glob("saved/HAIL*.latest.pth"))):
        assert running.poll() is None and time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.05)
    ranks_of_it = children(running.pid)
    assert len(ranks_of_it) == 2
    running.send_signal(signal.SIGINT)
    assert running.wait(100) == 130
    assert log.read_text().endswith("interrupted\n") and "Traceback" not in log.read_text()
    assert not any(Path(f"/proc/{rank}").exists() for rank in ranks_of_it)
    state = read_checkpoint(latest[0])
    done = state["epoch"] + 1
    assert 0 < done < 40 and state["config"]["single_spec"] and not list(cyclic.glob("saved/.*"))
    again = start_command("run_recbole", *given, f"--resume={latest[0]}", log=log)
    assert again.wait(300) == 0, log.read_text()[-3000:]
    check_closing_lines(log.read_text())
    (record,) = (json.loads(path.read_text()) for path in cyclic.glob("saved/*.json"))
    assert [point["epoch"] for point in record["curve"]] == list(range(40))
    assert record["steps"] == 40 * state["run"]["steps"] / done and not latest[0].exists()


def check_closing_lines(said: str) -> None:
    """The first of several processes says them, once."""
    last = [re.findall(f"^{name}: (.*)$", said, re.MULTILINE) for name in ("result", "checkpoint", "next")]
    assert [len(found) for found in last] == [1, 1, 1], said[-3000:]
    (result,), (checkpoint,), (onwards,) = last
    assert "of 120 test targets" in result and "; ranked against 99 draws with replacement" in result
    assert checkpoint.startswith("saved/HAIL-") and onwards.startswith("recbole-hail forecast")


def children(process: int) -> list[int]:
    """The ranks that it has started."""
    found = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(child) for child in found if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def test_ctrl_c_while_ranks_are_starting_is_one_message(cyclic, start_command, unused_port):
    """Each rank died in its imports, with a traceback."""
    log = Path("ranks.log")
    given = ["--model=HAIL", "--dataset=cyclic", "--config_files=small.yaml", "--nproc=2", f"--port={unused_port}"]
    running = start_command("run_recbole", *given, log=log)
    deadline = time.monotonic() + 200
    while len(started := children(running.pid)) < 2:
        assert running.poll() is None and time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.05)
    time.sleep(0.5)
    for process in (*started, running.pid):  # as a terminal does
        os.kill(process, signal.SIGINT)
    assert running.wait(100) == 130
    assert log.read_text() == "interrupted\n"
    assert not any(Path(f"/proc/{process}").exists() for process in started)


def test_two_machines_that_share_a_folder_train_and_measure_together(cyclic, start_command, unused_port):
    """Each a command of one rank; both write the checkpoint and remove the latest."""
    given = ["--model=HAIL", "--dataset=cyclic", "--config_files=small.yaml", "--epochs=2", "--nproc=1"]
    given += ["--world_size=2", f"--port={unused_port}"]
    logs = [Path("first.log"), Path("second.log")]
    machines = [
        start_command("run_recbole", *given, f"--group_offset={first}", log=log) for first, log in enumerate(logs)
    ]
    for machine, log in zip(machines, logs, strict=True):
        assert machine.wait(300) == 0, log.read_text()[-3000:]
    results = [re.search("test result: .*", log.read_text())[0] for log in logs]
    assert results[0] == results[1]
    (checkpoint,) = cyclic.glob("saved/*.pth")
    assert not list(cyclic.glob("saved/.*"))
    record = json.loads(checkpoint.with_suffix(".json").read_text())
    assert record["steps"] == 4, "of an epoch's three batches each takes two, for one fills up the last round"


def test_first_ranks_of_two_machines_draw_apart(build):
    """RecBole seeds a rank by its number on its machine, so they dropped the same units."""
    made = build("HAIL")

    def seed_of(offset, local_rank=0):
        torch.manual_seed(made.config["seed"] + local_rank)  # as RecBole does before it builds a model
        made.config["offset"], made.config["local_rank"] = offset, local_rank
        build_model(made.config, made.train._dataset)
        return torch.initial_seed()

    seeds = [seed_of(offset, rank) for offset in (0, 2) for rank in (0, 1)]
    assert seeds == [made.config["seed"] + number for number in range(4)]
