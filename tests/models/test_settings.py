"""Wrong settings: each named with its value and what to do, all of them at once."""

import pytest
from recbole.config import Config
from recbole.data import create_dataset

from recbole_hail.errors import DataError, SettingsError


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"alpha": 1.5}, "alpha: 1.5 must lie in [0, 1]"),
        ({"alpha": "high"}, "alpha: 'high' must lie in [0, 1]"),
        ({"alpha": True}, "alpha: True must lie in [0, 1]"),
        ({"alpha_end": -0.5}, "alpha_end: -0.5 must lie in [0, 1], or be ~ to keep alpha as it is"),
        ({"beta": 1.0}, "beta: 1.0 must lie in [0, 1)"),
        ({"beta": -0.1}, "beta: -0.1 must lie in [0, 1)"),
        ({"learner": "foo"}, "learner: 'foo' must be one of adam, adamw, sgd"),
        ({"clip_grad_norm": 5}, "clip_grad_norm: 5 must be {max_norm: a positive number}"),
        ({"clip_grad_norm": {"max_norm": -1}}, "clip_grad_norm: {'max_norm': -1} must be"),  # went uphill
        ({"gamma": -1}, "gamma: -1 must not be negative"),
        ({"peers": 0}, "peers: 0 must be a whole number of at least 1"),
        ({"peers": 1.5}, "peers: 1.5 must be a whole number of at least 1"),
        ({"n_heads": 3}, "n_heads: 3 must divide hidden_size: 64"),
        ({"base_network": "cnn"}, "base_network: 'cnn' must be one of bidirectional, causal, gru"),
        ({"base_network": ["causal", "bidirectional"]}, "same positions"),
        ({"base_network": ["causal"] * 3}, "base_network: 3 names for peers: 2; give one name, or one per peer"),
        ({"predict_with": 3}, "predict_with: 3 must be mean or a peer from 1 to 2"),
        ({"predict_with": "best"}, "predict_with: 'best' must be mean or a peer from 1 to 2"),
        ({"distillation": "kd"}, "distillation: 'kd' must be one of med, mimicry, none"),
        ({"denoise": "no"}, "denoise: 'no' must be one of paper, authors"),
        ({"schedule": "cosine"}, "schedule: 'cosine' must be one of linear, noam, constant"),
        ({"mask_ratio": 0}, "mask_ratio: 0 must lie between 0 and 1"),
        ({"positive_term": "yes"}, "positive_term: 'yes' must be True or False"),
        ({"transform": "crop_itemseq"}, "transform: crop_itemseq is for batches of RecBole's own"),  # did nothing
        ({"valid_metric": "MRR@7"}, "valid_metric: 'MRR@7' must be one of Hit@1"),
        # RecBole would trip over these.
        ({"eval_args": {"order": "RO"}}, "eval_args: order 'RO' must be TO for a sequential model"),
        ({"eval_args": {"split": {"LS": "foo"}}}, "eval_args: split {'LS': 'foo'} must be one of"),
        ({"eval_args": {"split": {"XX": [1]}}}, "eval_args: split {'XX': [1]} must be one of"),
        ({"log_wandb": True}, "log_wandb: True needs wandb, which is not installed"),
        ({"epochs": "abc"}, "epochs: 'abc' must be a whole number of at least 0"),
        ({"seed": -1}, "seed: -1 must be a whole number from 0 to"),
        ({"weight_decay": None}, "weight_decay: None must not be negative"),
        ({"base_network": 5}, "base_network: '5' must be one of bidirectional, causal, gru"),
    ],
)
def test_each_problem_is_named(workplace, settings, message):
    with pytest.raises(SettingsError) as caught:
        Config(model="HAIL", dataset="ml-100k", config_dict=settings)
    assert [problem for problem in caught.value.problems if message in problem]


def test_all_problems_are_reported_together(workplace):
    with pytest.raises(SettingsError) as caught:
        Config(model="HAIL", dataset="ml-100k", config_dict={"alpha": 2, "beta": 2, "n_heads": 5, "peers": -1})
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["peers", "alpha", "beta", "n_heads"]


@pytest.mark.parametrize(
    "given, peers, expected",
    [
        ("causal", 3, ["causal"] * 3),
        ("causal,gru", 2, ["causal", "gru"]),
        ("[causal,gru]", 2, ["causal", "gru"]),
        (["gru"], 2, ["gru", "gru"]),
        (["gru", "causal"], 2, ["gru", "causal"]),
    ],
)
def test_base_network_becomes_one_name_per_peer(workplace, given, peers, expected):
    config = Config(model="HAIL", dataset="ml-100k", config_dict={"base_network": given, "peers": peers})
    assert config["base_network"] == expected


def test_resume_is_refused_where_it_cannot_be_exact(workplace):
    with pytest.raises(SettingsError, match="resume: BPR"):
        Config(model="BPR", dataset="ml-100k", config_dict={"resume": "x.pth", "valid_metric": "MRR@10"})


def test_what_eval_args_leaves_out_keeps_its_default(workplace):
    """RecBole fills it with a random split in random order."""
    config = Config(model="SASRec", dataset="ml-100k", config_dict={"eval_args": {"mode": "full"}})
    assert config["eval_args"]["split"] == {"LS": "valid_and_test"} and config["eval_args"]["order"] == "TO"
    assert config["eval_args"]["mode"] == {"valid": "full", "test": "full"}


def test_a_dataset_that_filters_leave_empty_is_one_message(workplace):
    settings = {"user_inter_num_interval": "[100000,inf)"}
    with pytest.raises(DataError, match="ml-100k cannot be loaded: Some feat is empty"):
        create_dataset(Config(model="HAIL", dataset="ml-100k", config_dict=settings))
