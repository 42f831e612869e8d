"""CSa as a RecBole model: what it learns, and its own settings."""

import pytest
from recbole.config import Config
from recbole.data import create_dataset
from recbole.quick_start import run_recbole

from recbole_hail.errors import SettingsError
from recbole_hail.models.csa import CSa

FULL = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "full"}


def test_learns_which_element_follows_from_few_distances_too(workplace, write_dataset, small):
    sequences = {f"g{g}": [f"e{(5 * g + i) % 6}" for i in range(24)] for g in range(100)}
    write_dataset(workplace / "dataset", "circle", sequences)
    settings = {
        **small,
        "log_sparse": True,
        "epochs": 40,
        "eval_step": 40,
        "learning_rate": 0.005,
        "train_batch_tokens": 1000,
        "initializer_range": 0.1,  # 0.02 needs far more steps to leave uniform attention
        "MAX_ITEM_LIST_LENGTH": 10,  # windows as long as the network's input train every position that is asked for
        "eval_args": FULL,
        "topk": [1, 5],
        "valid_metric": "MRR@5",
    }
    result = run_recbole(model="CSa", dataset="circle", config_dict=settings, saved=False)
    assert result["test_result"]["hit@1"] == 1.0


def test_settings_reach_the_network(cyclic, small):
    settings = {**small, "kernel_width": 5, "log_sparse": True, "local_window": 2}
    config = Config(model="CSa", dataset="cyclic", config_dict=settings)
    model = CSa(config, create_dataset(config))
    attention = model.networks.peers[0].layers[0].attention
    assert attention.query_key.kernel_size == (5,)
    assert (attention.log_sparse, attention.local_window) == (True, 2)
    assert model.views == ["peer 1"]


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"kernel_width": 0}, "kernel_width: 0 must be a whole number of at least 1"),
        ({"kernel_width": 2.5}, "kernel_width: 2.5 must be a whole number of at least 1"),
        ({"log_sparse": "no"}, "log_sparse: 'no' must be True or False"),
        ({"local_window": 0}, "local_window: 0 must be a whole number of at least 1"),
        ({"base_network": "causal"}, "base_network: 'causal' must be csa for CSa"),
        ({"distillation": "med"}, "distillation: 'med' must be none for CSa"),
        ({"alpha": 2}, "alpha: 2 must lie in [0, 1]"),
    ],
)
def test_each_problem_is_named(workplace, settings, message):
    with pytest.raises(SettingsError) as caught:
        Config(model="CSa", dataset="ml-100k", config_dict=settings)
    assert caught.value.problems == [message]
