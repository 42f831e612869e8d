"""A world with repeats and new targets, and models of it with random weights."""

import random
import sys
from types import SimpleNamespace

import pytest
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.utils import get_model, get_trainer, init_seed

SAMPLED = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "uni99"}
SETTINGS = {
    "hidden_size": 16,
    "inner_size": 32,
    "embedding_size": 16,
    "n_layers": 1,
    "n_heads": 2,
    "MAX_ITEM_LIST_LENGTH": 6,
    "initializer_range": 0.5,
    "eval_args": SAMPLED,
    "metrics": ["Hit", "NDCG", "MRR"],
    "topk": [1, 5, 10, 100],  # the longest is as long as a list, so that RecBole's MRR@100 is the whole MRR
    "valid_metric": "MRR",
    "metric_decimal_place": 12,
    "eval_batch_size": 1000,
    "show_progress": False,
    "use_gpu": False,
    "gpu_id": "",
}


def sequences(generators: int = 40, elements: int = 120) -> dict[str, list[str]]:
    """Each generator goes back to what it has had half of the time; four events to twenty."""
    draw = random.Random(1)
    world = {}
    for generator in range(generators):
        events = []
        for _ in range(draw.randint(4, 20)):
            old = events and draw.random() < 0.5
            events.append(draw.choice(events) if old else f"e{draw.randrange(elements)}")
        world[f"g{generator}"] = events
    world["all"] = [f"e{element}" for element in range(elements)]  # so that every element is known
    return world


@pytest.fixture(scope="module")
def build(tmp_path_factory, write_dataset):
    """A model of the world with random weights, its trainer and RecBole's three loaders."""
    folder = tmp_path_factory.mktemp("world")
    write_dataset(folder / "dataset", "world", sequences())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["pytest"])

        def make(name: str, dataset: str = "world", **settings):
            config = Config(model=name, dataset=dataset, config_dict={**SETTINGS, **settings})
            init_seed(config["seed"], True)
            train, valid, test = data_preparation(config, create_dataset(config))
            model = get_model(name)(config, train._dataset).eval()
            trainer = get_trainer(config["MODEL_TYPE"], name)(config, model)
            trainer.eval_collector.data_collect(train)
            return SimpleNamespace(
                config=config, model=model, trainer=trainer, train=train, valid=valid, test=test, folder=folder
            )

        yield make
