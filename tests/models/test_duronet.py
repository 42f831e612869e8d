"""DuroNet-s as a RecBole model; what it shares with the others is in test_contract."""

import pytest
from recbole.config import Config
from recbole.data import create_dataset
from recbole.utils import get_model

from recbole_hail.errors import SettingsError


def test_the_width_of_the_context_is_a_setting(cyclic, small):
    config = Config(model="DuroNetS", dataset="cyclic", config_dict={**small, "kernel_width": 5})
    model = get_model("DuroNetS")(config, create_dataset(config))
    assert model.views == ["peer 1"] and model.predicts == "next"
    assert [layer.point_wise.kernel_width for layer in model.networks.peers[0].layers] == [5]


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"kernel_width": 0}, "kernel_width: 0 must be a whole number of at least 1"),
        ({"kernel_width": 2.5}, "kernel_width: 2.5 must be a whole number of at least 1"),
        ({"kernel_width": True}, "kernel_width: True must be a whole number of at least 1"),
        ({"base_network": "gru"}, "base_network: 'gru' must be duronet for DuroNetS"),
    ],
)
def test_bad_settings_are_named(workplace, settings, message):
    with pytest.raises(SettingsError) as caught:
        Config(model="DuroNetS", dataset="ml-100k", config_dict=settings)
    assert caught.value.problems == [message]


def test_all_problems_are_told_at_once(workplace):
    settings = {"kernel_width": 0, "learning_rate": 0, "distillation": "med"}
    with pytest.raises(SettingsError) as caught:
        Config(model="DuroNetS", dataset="ml-100k", config_dict=settings)
    assert sorted(problem.split(":")[0] for problem in caught.value.problems) == sorted(settings)
