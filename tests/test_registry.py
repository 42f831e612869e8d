"""Our models and users' classes made from them: which parts of RecBole each of them has."""

import pytest
import recbole.data.dataset as data_of_recbole
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.data.dataset import DIENDataset, SequentialDataset
from recbole.model.context_aware_recommender import FM
from recbole.model.general_recommender import RaCT, RecVAE
from recbole.model.knowledge_aware_recommender import KGAT
from recbole.model.sequential_recommender import DIEN, SASRec
from recbole.quick_start import load_data_and_model, run_recbole
from recbole.trainer import KGATTrainer, RaCTTrainer, RecVAETrainer, Trainer
from recbole.utils import get_trainer, init_seed

from recbole_hail import users_models
from recbole_hail.cli.config import checked_config
from recbole_hail.data.dataset import HAILDataset
from recbole_hail.errors import CheckpointError, SettingsError
from recbole_hail.models.adaptive_denoising import RCE
from recbole_hail.models.hail import HAIL
from recbole_hail.registry import bind_parts


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
    sizes = {"n_layers": 1, "n_heads": 2, "hidden_size": 16, "inner_size": 16, "hidden_act": "gelu", "loss_type": "CE"}
    sizes |= {"hidden_dropout_prob": 0.1, "attn_dropout_prob": 0.1, "layer_norm_eps": 1e-12, "initializer_range": 0.02}
    settings = {**small, **sizes, "epochs": 1, "seed": 1, "train_neg_sample_args": None}

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


def test_a_loss_that_a_subclass_adds_is_trained(cyclic, small):
    """RecBole's users override calculate_loss, which the trainer never called."""

    class Heavy(HAIL):
        """With a penalty on the table of elements."""

        def calculate_loss(self, interaction):
            return super().calculate_loss(interaction) + 1e3 * self.item_embedding.weight.square().sum()

    class Other(HAIL):
        """With a loss that is none of the base's."""

        def calculate_loss(self, interaction):
            return self(interaction[self.ITEM_SEQ], interaction[self.ITEM_SEQ_LEN]).sum()

    settings = {**small, "epochs": 3, "seed": 1}

    def size(model):
        run_recbole(model, "cyclic", config_dict={**settings, "checkpoint_dir": model.__name__})
        (file,) = (cyclic / model.__name__).glob("*.pth")
        return load_data_and_model(str(file))[1].item_embedding.weight.norm()

    assert size(Heavy) < 0.7 * size(HAIL)
    with pytest.raises(TypeError, match="calculate_loss of Other does not come by that of its base"):
        size(Other)


def test_the_checkpoint_of_a_users_model_opens_once_its_class_is_known(cyclic, small, monkeypatch):
    """It "cannot be read: No module named 'lightgbm'", and run_recbole could not run the class at all."""

    class Mine(HAIL):
        """As it is."""

    result = run_recbole(Mine, "cyclic", config_dict={**small, "epochs": 1})
    (file,) = cyclic.glob("saved/Mine-*.pth")
    config, model, _, _, _, test = load_data_and_model(str(file))
    assert type(model) is Mine
    trainer = get_trainer(config["MODEL_TYPE"], "Mine")(config, model)
    assert trainer.evaluate(test, load_best_model=False) == result["test_result"]
    monkeypatch.setattr(users_models, "known", lambda name: [])  # as in a process that has not imported it
    with pytest.raises(CheckpointError, match=r"cannot be opened: model: Mine is a class of your own, of the module"):
        load_data_and_model(str(file))


@pytest.mark.parametrize(
    "base, trainer", [(RaCT, RaCTTrainer), (RecVAE, RecVAETrainer), (KGAT, KGATTrainer), (DIEN, Trainer), (FM, Trainer)]
)
def test_a_class_made_from_recboles_has_the_trainer_and_the_dataset_of_its_base(base, trainer):
    """RecBole's are found by name: RaCT's took 3 epochs, not 150, RecVAE and DIEN had a traceback."""
    bind_parts(type("OfMine", (base,), {}))
    assert get_trainer(base.type, "OfMine") is trainer
    assert getattr(data_of_recbole, "OfMineDataset", None) is (DIENDataset if base is DIEN else None)
    bind_parts(type(base.__name__, (SASRec,), {}))
    assert get_trainer(SASRec.type, base.__name__) is Trainer, "of another's name"
    bind_parts(base)
    assert get_trainer(base.type, base.__name__) is trainer
