"""Settings in order: RecBole's, the shipped ones, the user's; what stands in none of them, and what is refused."""

from pathlib import Path

import pytest
import yaml
from recbole.config import Config
from recbole.data import create_dataset

from recbole_hail.configuration import yaml_folder
from recbole_hail.errors import SettingsError
from recbole_hail.registry import MODELS


@pytest.mark.parametrize("model", ["HAIL", "GeneratorKNN", "SASRec", "BPR"])
def test_columns_by_other_names_are_those_that_are_loaded(workplace, model):
    """Whoever named the fields as the message before had said was told that load_col, never given, left them out."""
    named = {"USER_ID_FIELD": "person", "ITEM_ID_FIELD": "thing", "TIME_FIELD": "when"}
    given = {"eval_args": {"order": "TO"}, **named}
    config = Config(model=model, dataset="own", config_dict=given)
    assert config["load_col"] == {"inter": ["person", "thing", "when"]}
    config = Config(model=model, dataset="own", config_dict={**given, "load_col": {"inter": ["user_id"]}})
    assert config["load_col"]["inter"][0] == "user_id"


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


@pytest.mark.parametrize("model", ["HAIL", "SASRec"])
@pytest.mark.parametrize("filters", [{"val_interval": {"rating": "[4,inf)"}}, {"threshold": {"rating": 3}}])
def test_columns_that_filters_go_by_are_loaded(workplace, model, filters):
    """HAIL said of one that the file has that it is not defined."""
    columns = Config(model=model, dataset="own", config_dict=filters)["load_col"]["inter"]
    assert sorted(columns) == ["item_id", "rating", "timestamp", "user_id"]


def test_resume_from_nothing_is_refused(cyclic, small):
    """`--resume=$(ls saved/*.latest.pth)` where there is none trained from the start, in silence."""
    with pytest.raises(SettingsError, match="resume: is empty"):
        Config(model="HAIL", dataset="cyclic", config_dict={**small, "resume": ""})


def test_a_renamed_time_takes_no_other_file_away(workplace):
    """Where RecBole's columns lack the time, it was added to a list of events' columns alone: no knowledge graph."""
    ordered = {"eval_args": {"split": {"TS": [0.8, 0.1, 0.1]}, "order": "TO", "mode": "full"}}
    config = Config(model="CKE", dataset="cyclic", config_dict={"TIME_FIELD": "when", **ordered})
    assert config["load_col"].keys() == {"inter", "kg", "link"} and "when" in config["load_col"]["inter"]


def test_a_misspelt_setting_of_a_dictionary_is_pointed_out(cyclic, small):
    """It was passed over in silence."""
    given = {**small, "alhpa": 0.3, "note of mine": 5, "world_size": 1}
    with pytest.warns(UserWarning) as warned:
        Config(model="HAIL", dataset="cyclic", config_dict=given)
    assert [str(warning.message) for warning in warned] == ["alhpa is not a setting of HAIL; did you mean alpha?"]
    assert warned[0].filename == __file__


def test_settings_of_one_model_in_a_dictionary_for_all_are_no_slips(cyclic, small, recwarn):
    """SASRec, given what HAIL was, warned: warmup_steps is not a setting of SASRec; did you mean max_steps?"""
    Config(model="SASRec", dataset="cyclic", config_dict={**small, "warmup_steps": 10, "train_batch_tokens": 64})
    Config(model="HAIL", dataset="cyclic", config_dict={**small, "drop_steps": 10})
    assert not [warning for warning in recwarn if "is not a setting" in str(warning.message)]


@pytest.mark.parametrize("model", ["HAIL", "GeneratorKNN", "SASRec"])
@pytest.mark.parametrize("named", [{}, {"TIME_FIELD": "when"}])
def test_columns_that_are_not_to_be_loaded_leave_all_others(workplace, model, named):
    """It was refused for the shipped load_col, which the user had not given."""
    Path("dataset/own").mkdir(parents=True)
    time = named.get("TIME_FIELD", "timestamp")
    header = f"user_id:token\titem_id:token\t{time}:float\trating:float\tplace:token\n"
    Path("dataset/own/own.inter").write_text(header + "".join(f"a\tx{i}\t{i}\t1\tp\n" for i in range(5)))
    config = Config(model=model, dataset="own", config_dict={"unload_col": {"inter": ["rating"]}, **named})
    assert set(create_dataset(config).inter_feat) == {"user_id", "item_id", time, "place"}
