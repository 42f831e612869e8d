"""Informer as a RecBole model: what it learns, what it is asked, and its own settings."""

import pytest
import torch
from recbole.config import Config
from recbole.quick_start import run_recbole

from recbole_hail.data.loader import TARGET_POSITION
from recbole_hail.errors import SettingsError

FULL = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "full"}


@pytest.mark.parametrize("own", [{}, {"distil": False, "sampling_factor": 1, "decoder_layers": 2}])
def test_learns_which_element_follows(workplace, write_dataset, small, own):
    sequences = {f"g{g}": [f"e{(5 * g + i) % 6}" for i in range(24)] for g in range(60)}
    write_dataset(workplace / "dataset", "circle", sequences)
    settings = {
        **small,
        "predicted_elements": 3,
        "n_layers": 2,
        "epochs": 20,
        "eval_step": 20,
        "learning_rate": 0.005,
        "train_batch_tokens": 1000,
        "initializer_range": 0.1,  # 0.02 needs far more steps to leave uniform attention
        "MAX_ITEM_LIST_LENGTH": 14,
        "eval_args": FULL,
        "topk": [1, 5],
        "valid_metric": "MRR@5",
    }
    result = run_recbole(model="Informer", dataset="circle", config_dict={**settings, **own}, saved=False)
    assert result["test_result"]["hit@1"] >= 0.95


@pytest.fixture
def built(cyclic, small, prepared):
    return lambda **settings: prepared("Informer", "cyclic", **{**small, **settings})


def test_the_first_placeholder_after_the_history_answers(built):
    model, _ = built(predicted_elements=4)
    short, full = torch.zeros(1, 20, dtype=torch.long), torch.arange(1, 21)[None]
    short[0, :3] = torch.tensor([5, 6, 7])
    sequences, lengths, asked = model.ask(torch.cat([short, full]), torch.tensor([3, 20]))
    assert sequences[0].tolist() == [5, 6, 7] + [0] * 17
    assert sequences[1].tolist() == [*range(5, 21), 0, 0, 0, 0]  # room for the placeholders
    assert lengths.tolist() == [7, 20] and asked.tolist() == [3, 16]


def test_training_asks_as_evaluation_does(built):
    """The first target of a training row is predicted from what `encode` makes of the same history."""
    model, (train, _, _) = built(predicted_elements=4)
    batch = next(iter(train))
    history, width = batch["item_length"] - 4, batch["item_id_list"].shape[1]
    row, column = batch[TARGET_POSITION] // width, batch[TARGET_POSITION] % width
    first = column == history[row]
    of_training = model.hidden_at_targets(batch)[:, first]
    torch.testing.assert_close(of_training, model.encode(batch["item_id_list"], history), rtol=0, atol=1e-5)


def test_settings_reach_the_network(built):
    model, _ = built(predicted_elements=2, start_length=7, sampling_factor=1.5, distil=False, decoder_layers=3)
    network = model.networks.peers[0]
    assert (network.predicted_elements, network.start_length, len(network.decoder)) == (2, 7, 3)
    assert len(network.distilling) == 0 and network.layers[0].attention.sampling_factor == 1.5


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"predicted_elements": 0}, "predicted_elements: 0 must be a whole number of at least 1"),
        ({"start_length": 0}, "start_length: 0 must be a whole number of at least 1"),
        ({"sampling_factor": 0}, "sampling_factor: 0 must be a positive number"),
        ({"sampling_factor": "c"}, "sampling_factor: 'c' must be a positive number"),
        ({"distil": 1}, "distil: 1 must be True or False"),
        ({"decoder_layers": 0}, "decoder_layers: 0 must be a whole number of at least 1"),
        (
            {"predicted_elements": 50},
            "predicted_elements: 50 must be less than MAX_ITEM_LIST_LENGTH: 50, which holds the history too",
        ),
        ({"base_network": "causal"}, "base_network: 'causal' must be one of informer"),
        ({"distillation": "med"}, "distillation: 'med' must be none for Informer"),
    ],
)
def test_each_problem_is_named(workplace, settings, message):
    with pytest.raises(SettingsError) as caught:
        Config(model="Informer", dataset="ml-100k", config_dict=settings)
    assert caught.value.problems == [message]


@pytest.mark.parametrize("model", ["HAIL", "CSa"])
def test_networks_of_informer_are_not_for_models_that_train_on_windows(workplace, model):
    with pytest.raises(SettingsError, match="base_network: 'informer' must be one of bidirectional, causal"):
        Config(model=model, dataset="ml-100k", config_dict={"base_network": "informer"})
