"""Registration: RecBole's own models, child processes, and no stale data."""

import gc
import importlib
import os
import subprocess
import sys

import pytest
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.quick_start import run_recbole

import recbole_hail
from recbole_hail.data import caches
from recbole_hail.errors import DataError

FULL = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "full"}


@pytest.mark.parametrize("switch", [gc.enable, gc.disable])
def test_importing_leaves_the_garbage_collector_as_it_was(switch):
    switch()
    before = gc.isenabled()
    try:
        importlib.reload(recbole_hail)
        assert gc.isenabled() == before
    finally:
        gc.enable()


@pytest.mark.parametrize("model", ["BERT4Rec", "SASRec", "GRU4Rec", "Pop", "BPR"])
@pytest.mark.parametrize("dataset", ["ml-100k", "chi18"])
def test_recboles_models_need_no_further_option(workplace, model, dataset):
    config = Config(model=model, dataset=dataset)
    assert config["eval_args"]["mode"] == {"valid": "uni99", "test": "uni99"}
    needs_none = model in ("BERT4Rec", "SASRec", "GRU4Rec", "Pop")
    assert (config["train_neg_sample_args"]["distribution"] == "none") == needs_none


@pytest.mark.parametrize("model", ["BERT4Rec", "SASRec", "GRU4Rec", "Pop"])
def test_recboles_models_run_to_the_end(cyclic, model):
    settings = {"epochs": 1, "MAX_ITEM_LIST_LENGTH": 8, "eval_args": FULL, "show_progress": False, "repeatable": True}
    columns = {"load_col": {"inter": ["user_id", "item_id", "timestamp"]}}
    result = run_recbole(model=model, dataset="cyclic", config_dict={**settings, **columns})
    assert 0 <= result["test_result"]["mrr@10"] <= 1


def test_hail_gets_the_targets_that_recbole_gives_sasrec(cyclic, small):
    targets = {}
    for model in ("HAIL", "SASRec"):
        config = Config(model=model, dataset="cyclic", config_dict={**small, "eval_args": FULL})
        loaders = data_preparation(config, create_dataset(config))
        targets[model] = [
            {(row["user_id"].item(), row["item_id"].item()) for row in map(loader._dataset.__getitem__, range(120))}
            for loader in loaders[1:]
        ]
    assert targets["HAIL"] == targets["SASRec"]


def test_a_fresh_process_that_only_loads_a_checkpoint_knows_the_model(cyclic, small, run_python):
    run_recbole(model="HAIL", dataset="cyclic", config_dict={**small, "epochs": 1, "base_network": "bidirectional"})
    (checkpoint,) = cyclic.glob("saved/*.pth")
    done = run_python(
        "import recbole_hail\n"
        "from recbole.quick_start import load_data_and_model\n"
        "from recbole.utils import get_trainer\n"
        f"config, model, _, _, _, test = load_data_and_model({str(checkpoint)!r})\n"
        "trainer = get_trainer(config['MODEL_TYPE'], config['model'])(config, model)\n"
        "print(trainer.evaluate(test, load_best_model=False)['hit@10'])\n"
    )
    assert done.returncode == 0, done.stderr
    assert 0 < float(done.stdout) < 1


@pytest.mark.parametrize("model", ["HAIL", "SASRec"])
def test_a_saved_dataset_of_other_settings_is_not_reused(cyclic, small, model):
    """RecBole issue 2089: it goes on with the split of the day the file was written."""
    common = {**small, "save_dataset": True, "save_dataloaders": True}

    def sizes(leave_out):
        settings = {**common, "eval_args": {**FULL, "split": {"LS": leave_out}}}
        config = Config(model=model, dataset="cyclic", config_dict=settings)
        return [len(loader._dataset) for loader in data_preparation(config, create_dataset(config))]

    first = sizes("valid_and_test")
    assert sizes("test_only") == [first[0] + 120, 0, 120]
    assert sizes("valid_and_test") == first == [27 * 120, 120, 120]


@pytest.mark.parametrize("model", ["HAIL", "SASRec"])
def test_a_saved_dataset_of_the_same_settings_is_reused_and_gives_the_same_run(cyclic, small, model, caplog):
    settings = {**small, "save_dataset": True, "save_dataloaders": True, "epochs": 1, "eval_args": FULL}
    first = run_recbole(model=model, dataset="cyclic", config_dict=dict(settings))["test_result"]
    with caplog.at_level("INFO"):
        again = run_recbole(model=model, dataset="cyclic", config_dict=dict(settings))["test_result"]
    assert "Load filtered dataset from" in caplog.text and "Load split dataloaders from" in caplog.text
    assert again == first


def test_a_saved_dataset_of_another_version_is_not_reused(cyclic, small, monkeypatch, caplog):
    """What was pickled before an upgrade was opened after it."""
    settings = {**small, "save_dataset": True}
    create_dataset(Config(model="HAIL", dataset="cyclic", config_dict=settings))
    monkeypatch.setattr(caches, "versions", lambda: {"recbole-hail": "another"})
    with caplog.at_level("INFO"):
        create_dataset(Config(model="HAIL", dataset="cyclic", config_dict=settings))
    assert "Load filtered dataset from" not in caplog.text and "Saving filtered dataset into" in caplog.text


def test_a_saved_dataset_of_changed_data_is_not_reused(cyclic, small, write_dataset):
    config = Config(model="HAIL", dataset="cyclic", config_dict={**small, "save_dataset": True})
    create_dataset(config)
    write_dataset(cyclic / "dataset", "cyclic", {"g1": list("abcdef"), "g2": list("bcdefa")})
    config = Config(model="HAIL", dataset="cyclic", config_dict={**small, "save_dataset": True})
    assert create_dataset(config).item_num == 7


def test_a_saved_dataset_of_data_of_the_same_size_and_time_is_not_reused(cyclic, small, caplog):
    """What an archive with fixed times had unpacked over the file was passed over."""
    settings, file = {**small, "save_dataset": True}, cyclic / "dataset/cyclic/cyclic.inter"
    create_dataset(Config(model="HAIL", dataset="cyclic", config_dict=settings))
    times = os.stat(file).st_atime_ns, os.stat(file).st_mtime_ns
    file.write_text(file.read_text().replace("\te1\t", "\te2\t"))
    os.utime(file, ns=times)
    with caplog.at_level("INFO"):
        create_dataset(Config(model="HAIL", dataset="cyclic", config_dict=settings))
    assert "Load filtered dataset from" not in caplog.text


@pytest.mark.parametrize(
    "sequences, settings, message",
    [
        ({"g": [f"e{i}" for i in range(40)]}, {}, r"only 40; rank all of them with --candidates=full$"),
        ({f"g{i}": [f"e{i}", f"e{i + 1}"] for i in range(150)}, {}, "nothing for validation and test.*4 events"),
        (
            {"g": [f"e{i}" for i in range(40)]},
            {"eval_args": FULL, "topk": [100]},
            "topk: 100 is more than the 40 elements",
        ),
    ],
)
def test_a_dataset_that_cannot_be_evaluated_is_refused(workplace, write_dataset, small, sequences, settings, message):
    write_dataset(workplace / "dataset", "poor", sequences)
    with pytest.raises(DataError, match=message):
        run_recbole(model="HAIL", dataset="poor", config_dict={**small, **settings})
    assert not list(workplace.glob("saved/*.pth"))


def test_ctrl_c_while_a_file_is_read_is_no_fault_of_the_file(cyclic, small, monkeypatch):
    """pandas loses the KeyboardInterrupt and says that reading failed: an interrupted search left with status 2."""
    import pandas as pd

    def interrupted(*args, **kwargs):
        raise pd.errors.ParserError("Error tokenizing data. C error: Calling read(nbytes) on source failed.")

    config = Config(model="HAIL", dataset="cyclic", config_dict=dict(small))
    monkeypatch.setattr(pd, "read_csv", interrupted)
    with pytest.raises(KeyboardInterrupt):
        create_dataset(config)


def test_importing_twice_registers_once(workplace):
    from recbole_hail.plugin import register

    before = Config.__init__
    register()
    assert Config.__init__ is before


def test_what_was_imported_is_not_looked_through_for_garbage_next():
    """What a program made next cost it a fifth of a second, ten times what a Config takes."""
    code = "import gc, recbole_hail; young = len(gc.get_objects(generation=0)) + len(gc.get_objects(generation=1)); "
    code += "print(gc.isenabled(), gc.get_freeze_count(), young < 1000 < len(gc.get_objects(generation=2)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "True 0 True\n", done.stderr
