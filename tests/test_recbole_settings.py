"""Settings of RecBole's own that it trips over, or passes over in silence."""

import pytest
from recbole.config import Config

from recbole_hail.errors import SettingsError

SPLIT = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "uni99"}


def said(model="HAIL", **settings) -> str:
    with pytest.raises(SettingsError) as error:
        Config(model=model, dataset="chi18", config_dict=settings)
    return "; ".join(error.value.problems)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"user_inter_num_interval": 5}, "user_inter_num_interval: 5 must be an interval such as [5,inf)"),
        ({"item_inter_num_interval": "[9,5]"}, "item_inter_num_interval: [9, 5] must be an interval"),
        ({"val_interval": {"timestamp": "0-8"}}, "val_interval: {'timestamp': '0-8'} must name for each field"),
        ({"eval_args": {**SPLIT, "mode": "labeled"}}, "mode labeled has rows with labels and no candidates"),
        ({"eval_args": {**SPLIT, "mode": "unixx"}}, "eval_args: mode 'unixx' must be full, labeled, uni99"),
        ({"eval_args": {**SPLIT, "mode": {"valid": "full", "test": "uni"}}}, "eval_args: mode 'uni' must be full"),
        ({"eval_args": {"splt": 1}}, "eval_args: 'splt' is none of split, order, group_by and mode"),
        ({"metrics": ["AUC"]}, "valid_metric: 'MRR' must be one of AUC (metrics and topk)"),
        ({"metrics": ["GAUC"]}, "valid_metric: 'MRR' must be one of GAUC (metrics and topk)"),
        ({"valid_metric": None}, "valid_metric: None names no metric"),
        ({"checkpoint_dir": None}, "checkpoint_dir: None names no folder; leave it out for saved/"),
        ({"load_col": ["user_id"]}, "load_col: ['user_id'] must name columns by file"),
        ({"load_col": None, "unload_col": {"inter": ["timestamp"]}}, "unload_col: {'inter': ['timestamp']} leaves out"),
        (
            {"load_col": {"inter": ["user_id", "item_id"]}, "unload_col": {"inter": ["rating"]}},
            "and load_col: {'inter': ['user_id', 'item_id']} both choose columns of inter; leave one out",
        ),
        (
            {"unused_col": {"inter": ["item_id"]}},
            "unused_col: {'inter': ['item_id']} leaves out item_id, which is needed",
        ),
        ({"discretization": {"timestamp": {"method": "ED"}}}, "discretization: timestamp orders the events"),
        ({"seed": 2**32}, "seed: 4294967296 must be a whole number from 0 to 4294967295"),
        ({"loss_decimal_place": -1}, "loss_decimal_place: -1 must be a whole number"),
        ({"loss_decimal_place": "abc"}, "loss_decimal_place: 'abc' must be a whole number"),
        ({"learner": "sparse_adam"}, "learner: 'sparse_adam' must be one of"),
        ({"eval_args": {**SPLIT, "group_by": "user_id"}}, "group_by 'user_id' must be user or none; did you mean user"),
        ({"worker": -1}, "worker: -1 must be a whole number of at least 0"),
        ({"clip_grad_norm": {"max_norm": 1, "foo": 1}}, "clip_grad_norm: {'max_norm': 1, 'foo': 1} must be"),
        (
            {"benchmark_filename": ["a", "b", "c"], "candidates": "full"},
            "benchmark_filename: ['a', 'b', 'c'] brings rows",
        ),
    ],
)
def test_wrong_values_are_named(workplace, settings, message):
    """A filter that could not be read filtered nothing; the others were tracebacks, some after hours of training."""
    assert message in said(**settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"user_inter_num_interval": "[5,inf)", "item_inter_num_interval": "(0, 3] ; [5,1e3)"},
        {"user_inter_num_interval": "[5,9]"},
        {"user_inter_num_interval": "[5,infinity)"},
        {"val_interval": {"timestamp": "[-1.5,+8)", "item_id": ["a", "b"]}},
        {"metrics": ["GAUC"], "valid_metric": "GAUC", "eval_args": {**SPLIT, "mode": "full"}},
        {"metrics": ["ItemCoverage", "Hit"], "valid_metric": "itemcoverage@10"},
        {"clip_grad_norm": {"max_norm": 1, "norm_type": 2}, "unused_col": {"inter": ["timestamp"]}},
        {"numerical_features": ["timestamp"]},
        {"load_col": {"inter": "*", "item": ["item_id"]}, "unload_col": {"inter": ["rating"], "user": ["age"]}},
        {"eval_args": {**SPLIT, "split": {"RS": [8, 1, 1]}, "group_by": "None"}},  # as ~ of yaml, and as its None
        {"eval_args": {**SPLIT, "group_by": None}, "worker": 2},
        {"metrics": ["RMSE"], "eval_args": {**SPLIT, "mode": "labeled"}, "eval_step": 0},  # of no validation
        {"benchmark_filename": ["a", "b", "c"], "load_col": None, "unload_col": {"inter": ["timestamp"]}},
    ],
)
def test_right_values_are_taken(workplace, settings):
    Config(model="HAIL", dataset="chi18", config_dict=settings)


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        ("SASRec", {"train_batch_size": 0}, "train_batch_size: 0 must be a whole number of at least 1"),
        ("SASRec", {"eval_batch_size": "abc"}, "eval_batch_size: 'abc' must be a whole number of at least 1"),
        ("SASRec", {"learning_rate": -1}, "learning_rate: -1 must be a positive number"),
        ("HAIL", {"learning_rate": True}, "learning_rate: True must be a positive number"),
        ("HAIL", {"initializer_range": True}, "initializer_range: True must be a positive number"),
        ("SASRec", {"topk": [2.5]}, "topk: [2.5] must be whole numbers of at least 1"),
        ("SASRec", {"epochs": 1.5}, "epochs: 1.5 must be a whole number of at least 0"),
        ("SASRec", {"n_heads": 3}, "n_heads: 3 must divide hidden_size: 64"),
        ("SASRec", {"n_layers": 0}, "n_layers: 0 must be a whole number of at least 1"),
        ("SASRec", {"hidden_dropout_prob": 1.5}, "hidden_dropout_prob: 1.5 must lie in [0, 1]"),
        ("GRU4Rec", {"embedding_size": 0}, "embedding_size: 0 must be a whole number of at least 1"),
        ("BPR", {"weight_decay": -0.1}, "weight_decay: -0.1 must not be negative"),
        ("Pop", {"seed": None}, "seed: None must be a whole number"),
        ("BPR", {"eval_args": {**SPLIT, "order": "XX"}}, "eval_args: order 'XX' must be TO (by time) or RO (at"),
        ("BPR", {"learner": "foo"}, "learner: 'foo' must be one of adam, adamw, sgd, adagrad, rmsprop, sparse_adam"),
        ("HAIL", {"eval_batch_size": 0, "n_heads": 3}, "n_heads: 3 must divide hidden_size: 64; eval_batch_size: 0"),
    ],
)
def test_wrong_values_of_any_models_settings_are_named(workplace, model, settings, message):
    """They were tracebacks, for RecBole's own models and in searches over them."""
    parts = said(model, **settings).split("; ")
    assert all(any(part.startswith(wanted) for part in parts) for wanted in message.split("; "))
    assert len(parts) == len(settings)


@pytest.mark.parametrize(("model", "settings"), [("LightGCN", {"n_layers": 0}), ("NARM", {"dropout_probs": [0, 1]})])
def test_settings_of_recboles_models_are_left_to_them(workplace, model, settings):
    Config(model=model, dataset="chi18", config_dict=settings)


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        ("BPR", {"learner": "adamx"}, "sparse_adam; did you mean adam?"),
        ("SASRec", {"loss_type": "foo"}, "loss_type: 'foo' must be one of CE, BPR"),
        ("SASRec", {"loss_type": "bpr"}, "loss_type: 'bpr' must be one of CE, BPR; did you mean BPR?"),
        ("HAIL", {"hidden_act": "gleu"}, "did you mean gelu?"),
    ],
)
def test_the_name_that_is_meant_is_told(workplace, model, settings, message):
    """Of RecBole's models another learner was Adam after a warning, and another loss a traceback."""
    assert message in said(model, **settings)


def test_losses_of_models_whose_input_is_their_own_are_left_to_them(workplace):
    Config(model="CDAE", dataset="chi18", config_dict={"loss_type": "MSE"})


@pytest.mark.parametrize(
    ("negatives", "message"),
    [
        ({"sample_num": 0}, "train_neg_sample_args: sample_num: 0 must be a whole number of at least 1"),
        ({"sample_num": "by"}, "train_neg_sample_args: sample_num: 'by' must be a whole number of at least 1"),
        ({"dynamic": True}, "train_neg_sample_args: candidate_num: 0 must be a whole number of at least 1"),
        ({"by": 2}, "train_neg_sample_args: 'by' is none of distribution, sample_num, alpha, dynamic"),
        ({"sample_nm": 2}, "'sample_nm' is none of distribution, sample_num, alpha, dynamic, candidate_num; did you"),
    ],
)
def test_numbers_of_negatives_that_are_none_are_refused(workplace, negatives, message):
    """They were tracebacks, or passed over."""
    assert message in said("BPR", train_neg_sample_args={"distribution": "uniform", **negatives})
    Config(model="BPR", dataset="chi18", config_dict={"train_neg_sample_args": {"distribution": "None"}})


@pytest.mark.parametrize("model", ["GRU4RecKG", "KSR"])
def test_an_order_that_nobody_gave_is_not_blamed(model, workplace):
    """RecBole leaves these two out of what it gives all sequential models."""
    config = Config(model=model, dataset="mine", config_dict={"load_col": None})
    assert config["eval_args"]["order"] == "TO" and config["eval_args"]["split"] == {"LS": "valid_and_test"}
    with pytest.raises(SettingsError, match="order 'RO' must be TO"):
        Config(model=model, dataset="mine", config_dict={"eval_args": {"order": "RO"}})
