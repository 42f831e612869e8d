"""Folders of runs: whole or not there, reused under the same settings, refused under others."""

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from recbole_hail.comparison.jobs import Share
from recbole_hail.comparison.notation import ModelSpec
from recbole_hail.comparison.runs import Run, RunFolder, Shared
from recbole_hail.errors import RunFailed, SettingsError, UserError

SHARED = Shared("chi18", "0123", {"max_steps": 5, "candidates": "strict"}, {"data_path": "/data"})
RUN = Run(ModelSpec("HAIL", (("peers", "1"),)), 2)


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path / "out", SHARED)


@pytest.fixture
def child(monkeypatch):
    """What stands in for the child process: `child.does` with its folder."""

    stub = SimpleNamespace(requests=[], does=_succeed)

    class Child:
        pid = None

        def __init__(self, folder):
            self.folder = folder

        def start(self):
            (self.folder / "log.txt").write_text("something\nerror: the loss is not a number\n")
            stub.requests.append(json.loads((self.folder / "request.json").read_text()))

        def join(self):
            self.exitcode = stub.does(self.folder)

    monkeypatch.setattr(Share, "child", lambda share, folder: Child(folder))
    return stub


def _succeed(folder):
    (folder / "record.json").write_text("{}")
    return 0


def _interrupt(folder):
    raise KeyboardInterrupt


def test_a_run_has_a_folder_once_it_is_finished(folder, child):
    with folder.held():
        assert not folder.has(RUN)
        folder.training(RUN).end()
        assert folder.has(RUN)
        assert sorted(path.name for path in folder.path(RUN).iterdir()) == ["log.txt", "record.json", "request.json"]
    (request,) = child.requests
    lists = str((folder.output / "candidates").absolute())
    assert request == {
        **{"model": "HAIL", "dataset": "chi18", "members": [], "threads": torch.get_num_threads()},
        "settings": {
            **{"max_steps": 5, "candidates": "strict", "data_path": "/data", "peers": "1", "seed": 2},
            "candidates_dir": lists,
        },
    }


def test_a_mean_is_asked_for_by_the_checkpoints_of_its_members(folder, child):
    mean = Run(ModelSpec("HAIL", members=2), 1, (Run(ModelSpec("HAIL"), 1), Run(ModelSpec("HAIL"), 1001)))
    with folder.held():
        folder.training(mean).end()
    assert child.requests[0]["members"] == [str((folder.path(part) / "model.pth").absolute()) for part in mean.members]


def test_a_finished_run_is_ranked_under_another_protocol_beside_its_own(folder, child):
    mean = Run(ModelSpec("HAIL", members=2), 1, (Run(ModelSpec("HAIL"), 1), Run(ModelSpec("HAIL"), 1001)))
    with folder.held():
        folder.training(RUN).end()
        assert folder.ranks(RUN, "strict") == folder.path(RUN) / "ranks.npz"
        before = {path.name for path in folder.path(RUN).iterdir()}
        child.does = lambda partial: (partial / "ranks.paper.npz").write_text("ranks") and 0
        folder.ranking(RUN, "paper").end()
        assert {path.name for path in folder.path(RUN).iterdir()} == before | {"ranks.paper.npz"}
        assert list(folder.runs.iterdir()) == [folder.path(RUN)]
        folder.path(mean).mkdir()
        folder.ranking(mean, "paper").end()
    of_one, of_mean = child.requests[1:]
    assert of_one["rank"] == "paper" and of_one["members"] == [str((folder.path(RUN) / "model.pth").absolute())]
    assert of_mean["members"] == [str((folder.path(part) / "model.pth").absolute()) for part in mean.members]


def test_a_ranking_that_fails_leaves_its_log_and_the_run_as_it_was(folder, child):
    with folder.held():
        folder.training(RUN).end()
        child.does = lambda partial: 2
        with pytest.raises(RunFailed, match="status 2: the loss is not a number"):
            folder.ranking(RUN, "paper").end()
    assert not folder.ranks(RUN, "paper").exists() and folder.has(RUN)
    assert (folder.runs / f"{folder.path(RUN).name}.paper.failed.txt").is_file()


def test_of_a_run_that_fails_the_log_remains_and_its_reason_is_said(folder, child):
    child.does = lambda folder: 2
    with folder.held(), pytest.raises(RunFailed, match="status 2: the loss is not a number; its log is") as raised:
        folder.training(RUN).end()
    assert str(raised.value).startswith("HAIL (peers=1), seed 2 failed")
    (log,) = folder.runs.iterdir()
    assert log.name.endswith(".failed.txt") and "something" in log.read_text()
    child.does = _succeed
    with folder.held():
        folder.training(RUN).end()
    assert list(folder.runs.iterdir()) == [folder.path(RUN)], "the log of the failure goes with its cause"


def test_a_child_that_ends_before_it_says_anything_is_a_failed_run(folder, monkeypatch):
    """As when memory runs out while it starts."""
    killed = SimpleNamespace(pid=None, exitcode=-9, start=lambda: None, join=lambda: None)
    monkeypatch.setattr(Share, "child", lambda share, partial: killed)
    with folder.held(), pytest.raises(RunFailed, match="was ended by signal 9 after it said nothing"):
        folder.training(RUN).end()


def test_of_a_run_that_is_interrupted_nothing_remains(folder, child):
    child.does = _interrupt
    with folder.held(), pytest.raises(KeyboardInterrupt):
        folder.training(RUN).end()
    assert not list(folder.runs.iterdir())


def test_what_a_killed_command_left_is_cleared_away(folder, child):
    partial = folder.runs / f".{folder.path(RUN).name}"
    partial.mkdir(parents=True)
    (partial / "record.json").write_text("half")
    with folder.held():
        assert not partial.exists() and not folder.has(RUN)
        folder.training(RUN).end()


def test_everything_that_makes_a_run_makes_another_folder(tmp_path, folder):
    variants = [
        replace(RUN, seed=3),
        replace(RUN, spec=ModelSpec("HAIL", (("peers", "2"),))),
        replace(RUN, spec=ModelSpec("HAIL")),
        replace(RUN, spec=replace(RUN.spec, members=2)),
        replace(RUN, spec=replace(RUN.spec, model="SASRec")),
    ]
    paths = {folder.path(run) for run in (RUN, *variants)}
    for changed in ({"dataset": "nyc16"}, {"data": "4567"}, {"settings": {"max_steps": 6, "candidates": "strict"}}):
        paths.add(RunFolder(folder.output, replace(SHARED, **changed)).path(RUN))
    assert len(paths) == 9
    assert RunFolder(folder.output, replace(SHARED, machine={"data_path": "/other"})).path(RUN) == folder.path(RUN)
    assert folder.path(RUN).name.startswith("HAIL-peers=1-2-")


def test_long_settings_still_make_a_name_that_file_systems_take(folder):
    run = Run(ModelSpec("HAIL", (("base_network", "['causal', 'gru'] / " + "x" * 300),)), 1)
    assert len(folder.path(run).name) < 100 and "/" not in folder.path(run).name


def test_other_settings_are_refused_and_nothing_is_changed(folder, child, contents):
    with folder.held():
        folder.training(RUN).end()
    before = contents(folder.output)
    folder.check({})
    other = RunFolder(folder.output, replace(SHARED, data="4567", settings={"max_steps": 9, "candidates": "strict"}))
    with pytest.raises(SettingsError) as raised:
        other.check({})
    assert "data was 0123, is 4567" in str(raised.value) and "max_steps was 5, is 9" in str(raised.value)
    assert "candidates" not in str(raised.value).split("(")[1]
    assert contents(folder.output) == before


def test_settings_under_which_nothing_was_finished_can_be_mended(folder, child):
    """The first run may be the one that finds topk too large for the data."""
    child.does = lambda folder: 2
    with folder.held(), pytest.raises(RunFailed):
        folder.training(RUN).end()
    RunFolder(folder.output, replace(SHARED, data="4567")).check({})


def test_a_run_that_is_killed_says_so(folder, child):
    child.does = lambda folder: -9
    with folder.held(), pytest.raises(RunFailed, match="was ended by signal 9 after"):
        folder.training(RUN).end()


def test_a_folder_of_something_else_is_refused(folder):
    folder.check({})  # not there yet
    folder.output.mkdir()
    folder.check({})  # empty
    (folder.output / "thesis.tex").write_text("")
    with pytest.raises(SettingsError, match="holds something else than a comparison"):
        folder.check({})


def test_two_commands_do_not_write_to_one_folder(folder):
    with folder.held(), pytest.raises(UserError, match="another command is writing"), folder.held():
        pass
    with folder.held():
        pass  # released


def test_a_run_that_shares_the_machine_has_one_gpu_of_those_given(folder, child):
    several = RunFolder(folder.output, replace(SHARED, machine={"gpu_id": "4,5,6"}))
    with several.held():
        for number in range(4):
            several.training(RUN, Share(number, 4)).end()
            several.training(replace(RUN, seed=7), Share()).end()
            shutil.rmtree(several.path(RUN)), shutil.rmtree(several.path(replace(RUN, seed=7)))
    given = [request["settings"]["gpu_id"] for request in child.requests]
    assert given[::2] == ["4", "5", "6", "4"] and set(given[1::2]) == {"4,5,6"}
