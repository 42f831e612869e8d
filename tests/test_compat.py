"""The shims, each against the fault it covers."""

from types import SimpleNamespace

import pytest
from recbole.config import Config
from recbole.quick_start import load_data_and_model, run_recbole
from recbole.utils import get_trainer


@pytest.fixture(scope="module")
def fresh(run_python):
    """What a fresh process finds: numpy's names with the plugin alone, anomaly detection after all is imported."""
    done = run_python(
        "import recbole_hail, numpy as np\n"
        "print(np.float is np.float64, np.bool8 is np.bool_)\n"
        "import recbole_hail.cli.config as config, torch\n"
        "config.checked_config('HAIL', 'ml-100k', None)\n"
        "import recbole.model.sequential_recommender.sine\n"
        "print(torch.is_anomaly_enabled())\n"
    )
    assert done.returncode == 0, done.stderr
    names, *_, anomaly = done.stdout.splitlines()
    return SimpleNamespace(names=names.split(), anomaly=anomaly)


def test_names_that_recbole_and_ray_use_are_there_without_a_config(fresh):
    """RecBole sets np.float only where a Config is constructed, so evaluating a loaded checkpoint died."""
    assert fresh.names == ["True", "True"]


def test_pop_counts_an_element_as_often_as_it_occurs(workplace, write_dataset):
    """RecBole's counts it once per batch, so that elements as common as all others share the top."""
    often = {f"g{g}": ["common", "common", "common", f"rare{g % 10}", "common", "common"] for g in range(50)}
    write_dataset(workplace / "dataset", "skewed", often)
    full = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "full"}
    columns = {"load_col": {"inter": ["user_id", "item_id", "timestamp"]}}
    settings = {"eval_args": full, "repeatable": True, "show_progress": False, **columns}
    run_recbole(model="Pop", dataset="skewed", config_dict=settings)
    _, model, dataset, *_ = load_data_and_model(str(next(workplace.glob("saved/Pop-*.pth"))))
    count = model.item_cnt[:, 0]
    assert count[dataset.token2id("item_id", "common")] == 150
    assert sorted(count.tolist())[-2] == 5


def test_runs_that_start_in_one_second_write_files_of_their_own(build, monkeypatch):
    """Two trials of a model of RecBole's wrote over one another's best."""
    monkeypatch.setattr("recbole.trainer.trainer.get_local_time", lambda: "now")
    files = {build(model).trainer.saved_model_file for model in ("SASRec", "SASRec", "HAIL", "HAIL", "GeneratorKNN")}
    assert len(files) == 5


def test_coverage_metrics_can_be_asked_for(cyclic, small):
    """RecBole's Collector moved plain counts to the CPU, as if they were tensors, and died."""
    settings = {**small, "epochs": 1, "metrics": ["MRR", "ItemCoverage", "GiniIndex"], "topk": [10]}
    result = run_recbole(model="HAIL", dataset="cyclic", config_dict={**settings, "valid_metric": "MRR@10"})
    assert 0 < result["test_result"]["itemcoverage@10"] <= 1


def test_anomaly_detection_stays_off_whatever_is_imported(fresh):
    """RecBole's SINE turns it on for the whole process, and the commands look through SINE's package."""
    assert fresh.anomaly.endswith("False")


def test_anomaly_detection_that_the_user_has_turned_on_stays_on(run_python):
    """The plugin turned it off whoever had turned it on."""
    done = run_python(
        "import torch\n"
        "torch.autograd.set_detect_anomaly(True)\n"
        "import recbole_hail\n"
        "import recbole.model.sequential_recommender.sine\n"
        "print(torch.is_anomaly_enabled())\n"
    )
    assert done.stdout.splitlines()[-1] == "True", done.stderr


@pytest.mark.parametrize("written", ["~", "None"])
def test_nothing_can_be_written_as_in_yaml_on_the_command_line(workplace, monkeypatch, written):
    """`--train_batch_tokens=~`, as the error message advises, was refused as text."""
    monkeypatch.setattr("sys.argv", ["run_recbole", f"--train_batch_tokens={written}"])
    assert Config(model="HAIL", dataset="ml-100k")["train_batch_tokens"] is None


@pytest.mark.parametrize("model", ["DIN", "LightGCN"])
def test_models_of_recbole_that_failed_run_to_their_end(workplace, write_dataset, small, model):
    """DIN lists a layer among its parameters, which became text; LightGCN fills a matrix as scipy no longer can."""
    write_dataset(workplace / "dataset", "few", {f"g{g}": [f"e{(g + i) % 20}" for i in range(8)] for g in range(30)})
    ranked = {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"}
    settings = {**small, "epochs": 1, "eval_args": ranked, "metrics": ["MRR"], "topk": [10], "valid_metric": "MRR@10"}
    found = run_recbole(model=model, dataset="few", config_dict=settings)
    (checkpoint,) = workplace.glob("saved/*.pth")
    config, opened, _, _, _, test = load_data_and_model(str(checkpoint))
    assert (
        get_trainer(config["MODEL_TYPE"], model)(config, opened).evaluate(test, load_best_model=False)
        == (found["test_result"])
    )
    layers = dict(opened.named_children())
    opened.load_other_parameter(dict.fromkeys(layers, "a layer's text, as older checkpoints have"))
    assert dict(opened.named_children()) == layers
