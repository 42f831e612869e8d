"""Every model is asked the same questions and ranked among the same lists, whatever rows RecBole makes for it."""

import pytest
from recbole.config import Config
from recbole.data import create_dataset, data_preparation

from recbole_hail.evaluation.candidates import PROTOCOLS
from recbole_hail.evaluation.phase import Phase
from recbole_hail.evaluation.protocol import protocol_of


@pytest.fixture
def uneven(workplace, write_dataset):
    """Generators with 1 to 6 events, 30 of each, over 120 elements."""
    sequences = {f"g{g}": [f"e{(7 * g + 11 * i) % 120}" for i in range(1 + g % 6)] for g in range(180)}
    write_dataset(workplace / "dataset", "uneven", sequences)
    return workplace


def phases(model: str, protocol: str) -> list[Phase]:
    settings = {
        "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "uni99"},
        **{"candidates": protocol, "metrics": ["Hit", "MRR"], "topk": [1], "valid_metric": "MRR", "repeatable": True},
        **{
            "MAX_ITEM_LIST_LENGTH": 5,
            "train_neg_sample_args": None,
            "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
        },
    }
    config = Config(model, "uneven", config_dict=settings)
    _, valid, test = data_preparation(config, create_dataset(config))
    parts = {"valid": valid._dataset, "test": test._dataset}
    return [Phase(config, part, name, *protocol_of(config, name)) for name, part in parts.items()]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_models_that_are_not_sequential_are_asked_what_the_others_are(uneven, protocol):
    """RecBole leaves one or two events out of a generator with two or three, but of its prefixes only one or none."""
    of_sequential, of_pop = phases("SASRec", protocol), phases("Pop", protocol)
    assert [phase.hash for phase in of_pop] == [phase.hash for phase in of_sequential]
    for one, other in zip(of_sequential, of_pop, strict=True):
        assert one.generators.tolist() == other.generators.tolist()
        assert one.repeat.tolist() == other.repeat.tolist()
    assert [len(phase.rows) for phase in of_pop] == [90, 120], "validation needs 4 events, a test 3"
