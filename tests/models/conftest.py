"""What tests of models build."""

import pytest
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.utils import get_model, init_seed


@pytest.fixture
def prepared():
    """A model with random weights, the same for the same settings, and RecBole's three loaders."""

    def prepare(name: str, dataset: str, **settings):
        config = Config(model=name, dataset=dataset, config_dict=settings)
        init_seed(config["seed"], True)
        loaders = data_preparation(config, create_dataset(config))
        return get_model(name)(config, loaders[0]._dataset).eval(), loaders

    return prepare
