"""Our models and users' classes made from them: which parts of RecBole each of them has."""

import pytest
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.data.dataset import SequentialDataset
from recbole.model.sequential_recommender import SASRec
from recbole.quick_start import run_recbole
from recbole.trainer import Trainer
from recbole.utils import get_trainer, init_seed

from recbole_hail.cli.config import checked_config
from recbole_hail.data.dataset import HAILDataset
from recbole_hail.errors import SettingsError
from recbole_hail.models.adaptive_denoising import RCE
from recbole_hail.models.hail import HAIL


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


def test_a_name_that_a_users_class_had_is_given_back(cyclic, small):
    """After a subclass of HAIL of that name RecBole's own model got HAIL's data, and ended in a TypeError."""
    settings = {**small, "epochs": 1, "seed": 1, "train_neg_sample_args": None}
    before = run_recbole("SASRec", "cyclic", config_dict=settings)

    class SASRec(HAIL):
        """Of another's name."""

    assert create_dataset(Config(model=SASRec, dataset="cyclic", config_dict=settings)).__class__ is HAILDataset
    assert run_recbole("SASRec", "cyclic", config_dict=settings) == before


def test_a_users_model_by_the_name_of_one_of_ours_is_the_users(cyclic, small):
    """It was taken for ours, with HyperRec's settings and windows, and ended in a KeyError."""
    settings = {**small, "epochs": 1, "seed": 1, "train_neg_sample_args": None}

    def parts(config):
        return create_dataset(config).__class__, get_trainer(config["MODEL_TYPE"], config["model"])

    ours = parts(Config(model="HyperRec", dataset="cyclic", config_dict=settings))

    class HyperRec(SASRec):
        """Of another's name."""

    config = Config(model=HyperRec, dataset="cyclic", config_dict=settings)
    assert parts(config) == (SequentialDataset, Trainer) and config["periods"] is None
    train, *_ = data_preparation(config, create_dataset(config))
    get_trainer(config["MODEL_TYPE"], config["model"])(config, HyperRec(config, train._dataset)).fit(train, saved=False)
    assert parts(Config(model="HyperRec", dataset="cyclic", config_dict=settings)) == ours
