"""Registration: settings in order, RecBole's own models, child processes, and no stale data."""

import json
from pathlib import Path

import pytest
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.quick_start import run_recbole
from recbole.utils import get_trainer, init_seed

import yaml
from recbole_hail.cli.common import checked_config
from recbole_hail.configuration import yaml_folder
from recbole_hail.data.dataset import HAILDataset
from recbole_hail.errors import DataError, SettingsError
from recbole_hail.models.adaptive_denoising import RCE
from recbole_hail.models.hail import HAIL
from recbole_hail.registry import MODELS

FULL = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "full"}


def test_settings_are_laid_over_one_another_in_order(workplace, monkeypatch):
    shipped = {name: yaml.safe_load((yaml_folder() / f"{name}.yaml").read_text()) for name in ("HAIL", "ml-100k")}
    Path("mine.yaml").write_text("warmup_steps: 7\nn_layers: 4\n")
    monkeypatch.setattr("sys.argv", ["x", "--n_layers=5"])
    config = Config(model="HAIL", dataset="ml-100k", config_file_list=["mine.yaml"])
    assert config["seed"] == 2020  # RecBole's overall.yaml
    assert config["ft_ratio"] == shipped["HAIL"]["ft_ratio"]
    assert shipped["ml-100k"]["MAX_ITEM_LIST_LENGTH"] != shipped["HAIL"]["MAX_ITEM_LIST_LENGTH"]
    assert config["MAX_ITEM_LIST_LENGTH"] == shipped["ml-100k"]["MAX_ITEM_LIST_LENGTH"]
    assert config["warmup_steps"] == 7  # over yaml/HAIL.yaml
    assert config["n_layers"] == 5  # the command line, over the file


@pytest.mark.parametrize("model", ["BERT4Rec", "SASRec", "GRU4Rec", "Pop", "BPR"])
@pytest.mark.parametrize("dataset", ["ml-100k", "chi18"])
def test_recboles_models_need_no_further_option(workplace, model, dataset):
    config = Config(model=model, dataset=dataset)
    assert config["eval_args"]["mode"] == {"valid": "uni99", "test": "uni99"}
    needs_none = model in ("BERT4Rec", "SASRec", "GRU4Rec", "Pop")
    assert (config["train_neg_sample_args"]["distribution"] == "none") == needs_none


@pytest.mark.parametrize(
    "model, alpha, beta", [("NAIS", 0.0, 0.5), ("FISM", 0.0, None), ("SASRec", None, None), ("HAIL", 0.5, 0.01)]
)
def test_alpha_and_beta_of_hail_are_not_those_of_recboles_models(workplace, model, alpha, beta):
    """yaml/chi18.yaml has both; NAIS normalises by exponents of these names."""
    config = Config(model=model, dataset="chi18")
    assert (config["alpha"], config["beta"]) == (alpha, beta)


def test_the_base_network_of_a_dataset_is_hails_and_no_other_systems(workplace):
    """yaml/chi18.yaml names one; what a system stands for, in its own yaml, comes after the dataset's."""
    chosen = yaml.safe_load((yaml_folder() / "chi18.yaml").read_text())["base_network"]
    assert Config(model="HAIL", dataset="chi18")["base_network"] == [chosen] * 2
    assert Config(model="RCE", dataset="chi18")["base_network"] == [chosen]
    for model, own in (("CSa", "csa"), ("DuroNetS", "duronet"), ("Informer", "informer")):
        assert Config(model=model, dataset="chi18")["base_network"] == [own]


@pytest.mark.parametrize("model", [name for name in MODELS if name != "HAIL"])
def test_all_our_models_are_evaluated_alike_where_the_dataset_says_nothing(workplace, model):
    """The rules had a topk and a valid_metric of their own, and run_recbole_group refused them beside HAIL."""
    ours, hails = (Config(model=name, dataset="no-yaml-of-its-own") for name in (model, "HAIL"))
    for name in ("eval_args", "metrics", "topk", "valid_metric", "candidates", "candidates_seed", "ties"):
        assert ours[name] == hails[name]


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
    run_recbole(model="HAIL", dataset="cyclic", config_dict={**small, "epochs": 1})
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


def test_a_spawned_process_knows_the_model_without_the_main_script_importing_the_plugin(cyclic, small, run_python):
    """Two ranks on the CPU, started as RecBole starts them: spawned, told what to run by module and name."""
    Path("settings.json").write_text(json.dumps({**small, "epochs": 1}))
    done = run_python(
        "import json, sys\n"
        "from importlib import import_module\n"
        "import_module('recbole_hail')\n"
        "from recbole.quick_start import run\n"
        "print(run('HAIL', 'cyclic', config_dict=json.load(open('settings.json')), nproc=2, port='29717'))\n"
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "'test_result'" in done.stdout
    assert len(list(cyclic.glob("saved/*.pth"))) == 1
    record = json.loads(next(cyclic.glob("saved/*.json")).read_text())
    assert record["results"]["test"]["mean"]["hit@10"] <= 1.0


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


def test_a_saved_dataset_of_changed_data_is_not_reused(cyclic, small, write_dataset):
    config = Config(model="HAIL", dataset="cyclic", config_dict={**small, "save_dataset": True})
    create_dataset(config)
    write_dataset(cyclic / "dataset", "cyclic", {"g1": list("abcdef"), "g2": list("bcdefa")})
    config = Config(model="HAIL", dataset="cyclic", config_dict={**small, "save_dataset": True})
    assert create_dataset(config).item_num == 7


@pytest.mark.parametrize(
    "sequences, settings, message",
    [
        ({"g": [f"e{i}" for i in range(40)]}, {}, r"only 40; use --eval_args=.*'mode': 'full'"),
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


def test_a_subclass_of_ours_is_used_as_its_base_is(cyclic, small):
    """RecBole takes a class for a model; that of a user had neither HAIL's settings nor its loader."""

    class MyHAIL(HAIL):
        """As it is."""

    class MyRCE(RCE):
        """On RCE's own settings."""

    for model in (MyHAIL, MyRCE):
        init_seed(1, True)
        config = Config(model=model, dataset="cyclic", config_dict={**small, "epochs": 1, "seed": 1})
        dataset = create_dataset(config)
        train, valid, _ = data_preparation(config, dataset)
        trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model(config, train._dataset))
        found, _ = trainer.fit(train, valid, saved=False, show_progress=False)
        base = model.__mro__[1].__name__
        assert found == run_recbole(base, "cyclic", config_dict={**small, "epochs": 1, "seed": 1})["best_valid_score"]


def test_a_subclass_is_no_name_to_propose(cyclic, small):
    """It was looked for in its base's module, and every command of the process ended in a StopIteration."""

    class MyHAIL(HAIL):
        """As it is."""

    Config(model=MyHAIL, dataset="cyclic", config_dict=small)
    assert checked_config("HAIL", "cyclic", None, small)["model"] == "HAIL"
    with pytest.raises(SettingsError, match="model: 'MyHAI' is not a model of RecBole or of this plugin"):
        checked_config("MyHAI", "cyclic", None, small)


@pytest.mark.parametrize(
    ("model", "columns"),
    [
        ("DeepFM", {"inter": {"rating"}}),
        ("CKE", {"inter": {"user_id", "timestamp"}, "kg": {"head_id"}, "link": {"entity_id"}}),
        ("FDSA", {"inter": {"item_id", "timestamp"}, "item": {"class"}}),
    ],
)
def test_features_and_knowledge_graphs_of_ml_100k_are_read(workplace, model, columns):
    """yaml/ml-100k.yaml took away all columns but three: these models ended in tracebacks."""
    config = Config(model=model, dataset="ml-100k")
    for file, needed in columns.items():
        assert needed <= set(config["load_col"][file])
    assert config["metrics"] == (["AUC", "LogLoss"] if model == "DeepFM" else ["Hit", "NDCG", "MRR"])
    create_dataset(config)


def test_a_name_that_a_users_class_had_is_given_back(cyclic, small):
    """After a subclass of HAIL of that name RecBole's own model got HAIL's data, and ended in a TypeError."""
    settings = {**small, "epochs": 1, "seed": 1, "train_neg_sample_args": None}
    before = run_recbole("SASRec", "cyclic", config_dict=settings)

    class SASRec(HAIL):
        """Of another's name."""

    assert create_dataset(Config(model=SASRec, dataset="cyclic", config_dict=settings)).__class__ is HAILDataset
    assert run_recbole("SASRec", "cyclic", config_dict=settings) == before


def test_resume_from_nothing_is_refused(cyclic, small):
    """`--resume=$(ls saved/*.latest.pth)` where there is none trained from the start, in silence."""
    with pytest.raises(SettingsError, match="resume: is empty"):
        Config(model="HAIL", dataset="cyclic", config_dict={**small, "resume": ""})


def test_a_renamed_time_takes_no_other_file_away(workplace):
    """Where RecBole's columns lack the time, it was added to a list of events' columns alone: no knowledge graph."""
    ordered = {"eval_args": {"split": {"TS": [0.8, 0.1, 0.1]}, "order": "TO", "mode": "full"}}
    config = Config(model="CKE", dataset="cyclic", config_dict={"TIME_FIELD": "when", **ordered})
    assert config["load_col"].keys() == {"inter", "kg", "link"} and "when" in config["load_col"]["inter"]
