"""Which GPUs are used, on a machine that has none: what RecBole's settings say, and what would be moved where."""

import os
from types import SimpleNamespace

import pytest
import torch
from recbole.config import Config
from recbole.utils import get_gpu_usage, utils

from recbole_hail import devices, distributed
from recbole_hail.errors import SettingsError
from recbole_hail.training.checkpoints import from_plain, read_checkpoint, write_checkpoint

META = torch.device("meta")  # stands for a device that is not the CPU


@pytest.fixture
def gpus(monkeypatch):
    """As if the machine had some, of which CUDA_VISIBLE_DEVICES may hide all but those it names."""

    def have(count):
        def seen():
            visible = os.environ.get("CUDA_VISIBLE_DEVICES")
            return count if visible is None else sum(gpu.isdecimal() and int(gpu) < count for gpu in visible.split(","))

        monkeypatch.setattr(torch.cuda, "is_available", lambda: seen() > 0)
        monkeypatch.setattr(torch.cuda, "device_count", seen)

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    return have


@pytest.mark.parametrize("given", ["0,1", "0, 1", (0, 1), [0, 1], "[0, 1]"])
def test_several_gpus_are_text_in_recboles_form(given, gpus):
    """Of a list, as yaml gives it, RecBole made "[0, 1]", which names none, and trained on the CPU."""
    gpus(2)
    config = Config("Pop", "ml-100k", config_dict={"gpu_id": given})
    assert (config["gpu_id"], os.environ["CUDA_VISIBLE_DEVICES"]) == ("0,1", "0,1")
    assert config["device"].type == "cuda"


@pytest.mark.parametrize("settings", [{"use_gpu": False}, {"gpu_id": ""}])
def test_no_gpu_is_used_where_none_is_asked_for(settings, gpus):
    """`use_gpu: False` did nothing."""
    gpus(1)
    assert Config("Pop", "ml-100k", config_dict={})["device"].type == "cuda"
    config = Config("Pop", "ml-100k", config_dict=settings)
    assert config["device"].type == "cpu" and config["gpu_id"] == ""


def test_ranks_take_the_first_gpus_where_there_are_enough(gpus):
    """The default of one GPU for all made --nproc=2 an error on every machine that has GPUs."""
    for count, expected in ((4, "0,1,2"), (3, "0,1,2"), (2, ""), (0, "")):
        gpus(count)
        os.environ["CUDA_VISIBLE_DEVICES"] = "0"  # of the command, which read RecBole's default
        assert devices.first_gpus(3) == expected


@pytest.mark.parametrize("named, says", [("0", "names fewer GPUs than nproc: 2"), ("0,7", "of 0,7 only 1 can be used")])
def test_gpus_that_ranks_lack_are_named(named, says, gpus, monkeypatch):
    gpus(2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    config = {"gpu_id": named, "local_rank": 0, "nproc": 2, "offset": 0}
    with pytest.raises(SettingsError, match=says):
        distributed.join_group(config)


def test_a_checkpoint_is_opened_on_what_this_process_sees(gpus, tmp_path, monkeypatch):
    """It asked for the GPUs it was trained on, whatever CUDA_VISIBLE_DEVICES said."""
    gpus(1)
    for trained_on in ("", "3"):
        config = Config("Pop", "ml-100k", config_dict={"gpu_id": trained_on})
        write_checkpoint({"config": config, "state_dict": {}}, tmp_path / f"{trained_on}.pth")
    for visible, expected in (("0", "cuda"), ("", "cpu")):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        assert read_checkpoint(tmp_path / "3.pth")["config"]["device"].type == expected
        assert read_checkpoint(tmp_path / ".pth")["config"]["device"].type == "cpu"
        assert os.environ["CUDA_VISIBLE_DEVICES"] == visible


def test_counts_come_back_from_a_gpu_as_arrays():
    """The rules, which keep them so, could not be tested there."""
    on_gpu = SimpleNamespace(cpu=lambda: torch.tensor([1.0, 2.0]))
    assert from_plain({"numpy array": on_gpu}).tolist() == [1.0, 2.0]


def test_what_a_model_keeps_beside_its_weights_goes_to_its_device(build):
    """Pop's counts and LightGCN's embeddings stayed on the CPU where a checkpoint was opened on a GPU."""
    model = build("Pop").model
    model.device = META
    kept = {"item_cnt": torch.zeros(3, 1), "max_cnt": [torch.zeros(1), {"deep": torch.zeros(2)}], "name": "x"}
    model.other_parameter_name = list(kept)
    model.load_other_parameter(kept)
    assert model.item_cnt.device == model.max_cnt[0].device == model.max_cnt[1]["deep"].device == META
    assert model.name == "x"


def test_a_run_on_the_cpu_does_not_ask_for_a_gpus_memory(gpus):
    """RecBole raised at the very end of a run, where an earlier one of the process had seen a GPU."""
    gpus(1)
    for ask in (get_gpu_usage, utils.get_gpu_usage):
        assert ask(torch.device("cpu")) == "0.0 / 0.0"
