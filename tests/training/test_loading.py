"""A checkpoint opened with its data, what is refused, and that looking leaves no trace."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from recbole.quick_start import run_recbole

from recbole_hail.errors import CheckpointError, DataError
from recbole_hail.training.checkpoints import prune_to_peer, read_checkpoint, write_checkpoint
from recbole_hail.training.loading import open_run


@pytest.fixture(scope="module")
def run(build, tmp_path_factory):
    """The checkpoint of a run on `world`, which `build` has made the dataset of the working directory."""
    folder = tmp_path_factory.mktemp("saved")
    run_recbole(
        model="HAIL", dataset="world", config_dict={**build("Pop").ranked, "epochs": 1, "checkpoint_dir": str(folder)}
    )
    (checkpoint,) = folder.glob("*.pth")
    return checkpoint


def test_the_model_its_data_and_its_record_are_there_and_nothing_is_written(run, contents):
    before = contents(Path.cwd()), contents(run.parent)
    with open_run(run) as found:
        weights = read_checkpoint(run)["state_dict"]
        assert all(torch.equal(value.cpu(), weights[name]) for name, value in found.model.state_dict().items())
        assert not found.model.training and (found.train.phase, found.test.phase) == ("train", "test")
        assert len(found.test) == 41 and found.record == json.loads(run.with_suffix(".json").read_text())
    assert (contents(Path.cwd()), contents(run.parent)) == before


def test_a_model_cut_down_to_one_peer_has_no_record(run, tmp_path):
    write_checkpoint(prune_to_peer(read_checkpoint(run), 2), tmp_path / "one.pth")
    with open_run(tmp_path / "one.pth") as found:
        assert found.record is None and found.model.views == ["peer 1"]


def test_data_of_other_elements_are_refused(run, tmp_path, write_dataset):
    write_dataset(tmp_path, "world", {f"g{g}": [f"e{(g + i) % 105}" for i in range(9)] for g in range(110)})
    with (
        pytest.raises(
            CheckpointError,
            match=r"was not trained on the data in .*world \(.* is \[\d+, \d+\], and would be \[.*--data_path",
        ),
        open_run(run, data_path=str(tmp_path)),
    ):
        pass


def test_data_that_number_their_elements_otherwise_are_refused(run, tmp_path, write_dataset):
    """The same elements in another order fit in every size, and every answer would be another element."""
    with open_run(run) as found:
        tokens = found.train.field2id_token["item_id"][1:].tolist()
    others = {f"g{g}": [tokens[-(g + i) % len(tokens)] for i in range(9)] for g in range(len(tokens))}
    write_dataset(tmp_path, "world", others)
    with (
        pytest.raises(CheckpointError, match="other elements, or in another order; there it has 120 elements"),
        open_run(run, data_path=str(tmp_path)),
    ):
        pass


def test_missing_data_are_named_with_the_ways_to_get_them(run, tmp_path):
    with pytest.raises(DataError, match=r"(?s)world is not at .*or name the folder.*--data_path"):  # noqa: SIM117
        with open_run(run, data_path=str(tmp_path)):
            pass


@pytest.mark.parametrize(
    "text, message",
    [
        (
            '{"model": "SASRec", "dataset": "world", "settings": {}, "results": {}}',
            "is of SASRec on world, but .* holds",
        ),
        ('{"model": "HAIL", "dataset": "mars", "settings": {}, "results": {}}', "is of HAIL on mars"),
        ('{"model": "HAIL", "dataset": "world"}', "cannot be read"),  # was taken for a run's
        ('{"model": "HAIL", "dataset": "world", "settings": [], "results": {}}', "cannot be read"),
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
    ],
)
def test_a_record_of_something_else_is_refused(run, tmp_path, text, message):
    shutil.copy(run, tmp_path / "model.pth")
    (tmp_path / "record.json").write_text(text)
    with pytest.raises(CheckpointError, match=message), open_run(tmp_path / "model.pth"):
        pass
