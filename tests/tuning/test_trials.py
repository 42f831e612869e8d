"""The file of trials: whole at any time, read again as written, refused where it belongs to another search."""

import json

import pytest

from recbole_hail.errors import SettingsError, UserError
from recbole_hail.tuning.trials import DIVERGED, FINISHED, Trial, TrialsFolder

SEARCHED = {"alpha": 0.5, "space": {"beta": {"kind": "choice", "values": (0.0, 0.1)}}}
FIRST = Trial({"beta": 0.0}, FINISHED, score=0.1 + 0.2, valid={"mrr": 0.3}, test={"mrr": 0.2}, steps=5, seconds=1.5)
SECOND = Trial({"beta": 0.1}, DIVERGED, reason="the loss is not finite")


def test_trials_are_read_again_as_they_were_kept(tmp_path):
    folder = TrialsFolder(tmp_path / "new", SEARCHED)
    with folder.held():
        folder.keep(FIRST)
        folder.keep(SECOND)
    again = TrialsFolder(tmp_path / "new", SEARCHED)
    with again.held():
        assert again.trials == [FIRST, SECOND]
    assert len((tmp_path / "new" / "trials.jsonl").read_text().splitlines()) == 2


def test_the_trials_of_another_search_are_refused_and_left_alone(tmp_path):
    folder = TrialsFolder(tmp_path, SEARCHED)
    with folder.held():
        folder.keep(FIRST)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(SettingsError, match=r"another search \(alpha was 0\.5, is 0\.7\); name another folder"):
        TrialsFolder(tmp_path, {**SEARCHED, "alpha": 0.7}).held().__enter__()
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_trials_that_cannot_be_read_are_named(tmp_path):
    folder = TrialsFolder(tmp_path, SEARCHED)
    with folder.held():
        folder.keep(FIRST)
    (tmp_path / "trials.jsonl").write_text("alpha:0.5\n")
    with pytest.raises(SettingsError, match=r"output: .*trials.jsonl holds no trials \(.*\); name another folder"):
        TrialsFolder(tmp_path, SEARCHED).held().__enter__()


def test_a_search_without_trials_can_become_another(tmp_path):
    with TrialsFolder(tmp_path, SEARCHED).held():
        pass
    other = {**SEARCHED, "alpha": 0.7}
    with TrialsFolder(tmp_path, other).held():
        assert json.loads((tmp_path / "search.json").read_text())["alpha"] == 0.7


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(SettingsError, match="holds something else than a search"):
        TrialsFolder(tmp_path, SEARCHED).held().__enter__()
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_two_commands_cannot_add_to_one_file(tmp_path):
    with TrialsFolder(tmp_path, SEARCHED).held(), pytest.raises(UserError, match="another command is writing to"):
        TrialsFolder(tmp_path, SEARCHED).held().__enter__()
