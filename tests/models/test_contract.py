"""What every model of the plugin promises; a model is tested here as soon as it stands in `registry.MODELS`."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.quick_start import load_data_and_model, run_recbole
from recbole.utils import get_model, init_seed

from recbole_hail.cli import run_recbole as command
from recbole_hail.data.loader import TARGET_POSITION
from recbole_hail.models.windowed import WindowedRecommender
from recbole_hail.registry import MODELS

ALL = list(MODELS)
TRAINED = [name for name in ALL if issubclass(get_model(name), WindowedRecommender)]

# What learns the circle of elements in a few seconds, beside the small networks of all tests. Windows are as long as
# the input, so that every position that prediction uses is trained; the paper's initialisation of 0.02 needs far more
# steps.
COMMON = {
    "initializer_range": 0.1,
    "MAX_ITEM_LIST_LENGTH": 10,
    "train_batch_tokens": 250,
    "epochs": 10,
    "eval_step": 10,
    "eval_batch_size": 4096,
    "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "full"},
    "topk": [1, 5],
    "valid_metric": "MRR@5",
}
# What a model needs beside the common settings.
SETTINGS = {
    "DML": {"epochs": 20, "eval_step": 20},  # peers that imitate one another learn slowly from some starts
    "TCE": {"drop_steps": 100},
    "Informer": {"predicted_elements": 2},
}


def circle(change_last: int = 0) -> dict[str, list[str]]:
    """Six elements that follow one another in a circle; the last `change_last` of each sequence break the rule."""
    steps = [[*range(24 - change_last), *range(27 - change_last, 27)] for _ in range(100)]
    return {f"g{g}": [f"e{(5 * g + step) % 6}" for step in row] for g, row in enumerate(steps)}


@pytest.fixture
def make(workplace, write_dataset, small):
    """A model trained for `epochs`, 0 for its random start, and RecBole's three loaders."""

    def build(name: str, *, sequences=None, epochs: int = 0):
        write_dataset(workplace / "dataset", "circle", sequences or circle())
        settings = {**small, **COMMON, **SETTINGS.get(name, {}), "epochs": epochs}
        config = Config(model=name, dataset="circle", config_dict=settings)
        init_seed(config["seed"], True)
        loaders = data_preparation(config, create_dataset(config))
        model = get_model(name)(config, loaders[0]._dataset)
        if epochs:
            MODELS[name].trainer(config, model).fit(loaders[0], saved=False)
        return model.eval(), loaders

    return build


@pytest.fixture(scope="module")
def run(request, tmp_path_factory, write_dataset, small):
    """One run of `run_recbole` for each model, which the tests of this file share."""
    name, folder = request.param, tmp_path_factory.mktemp(request.param)
    write_dataset(folder / "dataset", "circle", circle())
    settings = {**small, **COMMON, **SETTINGS.get(name, {}), "data_path": str(folder / "dataset")}
    settings["checkpoint_dir"] = str(folder / "saved")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["pytest"])
        result = run_recbole(model=name, dataset="circle", config_dict=settings)
        (checkpoint,) = folder.glob(f"saved/{name}-*[0-9].pth")
        loaded = [load_data_and_model(str(checkpoint)) for _ in range(2)]
    models = [model.eval() for _, model, *_ in loaded]
    config, _, _, train, valid, test = loaded[0]
    return SimpleNamespace(name=name, config=config, result=result, models=models, train=train, valid=valid, test=test)


def rows(loader):
    """All rows of an evaluation loader with their histories, as the model is given them."""
    return loader._dataset[np.arange(len(loader._dataset))]


@torch.no_grad()
def scores(model, interaction):
    return model.full_sort_predict(interaction)


def cut(interaction, row: int):
    """One row alone, its history without padding."""
    length = int(interaction["item_length"][row])
    alone = interaction[torch.tensor([row])]
    for field, value in alone.interaction.items():
        if value.dim() == 2:
            alone.interaction[field] = value[:, :length]
    return alone


for_all = pytest.mark.parametrize("run", ALL, indirect=True)
for_trained = pytest.mark.parametrize("run", TRAINED, indirect=True)


@for_trained
def test_learns_which_element_follows(run):
    assert run.result["test_result"]["hit@1"] >= 0.95


@for_trained
def test_the_loss_is_finite_and_falls(run):
    run.train.set_epoch(run.config["epochs"] - 1)
    batch = next(iter(run.train))
    init_seed(run.config["seed"], True)
    start = get_model(run.name)(run.config, run.train._dataset).eval()
    with torch.no_grad():
        before, after = (model.calculate_loss(batch) for model in (start, run.models[0]))
    assert before.isfinite() and after.isfinite()
    assert after < 0.5 * before


@for_trained
def test_of_a_history_that_is_too_long_the_newest_elements_count(run):
    """Networks that predict the next element ended in an IndexError."""
    model, most = run.models[0], run.config["MAX_ITEM_LIST_LENGTH"]
    history = torch.arange(2 * most)[None] % (model.n_items - 1) + 1
    lengths = torch.tensor([2 * most])
    with torch.no_grad():
        long = model.encode(history, lengths)
        torch.testing.assert_close(model.encode(history[:, most:], lengths - most), long)


@for_all
def test_a_saved_model_loads_and_scores_as_it_did(run):
    of_test = rows(run.test)
    first, second = (scores(model, of_test) for model in run.models)
    assert torch.equal(first, second)
    best = scores(run.models[0], of_test)[:, 1:].argmax(1) + 1
    hits = (best == of_test["item_id"]).double().mean()
    assert float(hits) == pytest.approx(run.result["test_result"]["hit@1"], abs=5e-5)


@for_all
def test_evaluation_is_deterministic(run):
    of_test = rows(run.test)
    torch.manual_seed(1)
    first = scores(run.models[0], of_test)
    torch.manual_seed(2)
    assert torch.equal(scores(run.models[0], of_test), first)


@for_all
def test_scores_do_not_depend_on_padding_or_batch_mates(run):
    interaction = rows(run.test)
    for row in range(10):  # histories of 1 to 10 elements, padding after them
        interaction["item_length"][row] = row + 1
        for field, value in interaction.interaction.items():
            if value.dim() == 2:
                interaction[field][row, row + 1 :] = 0
    together = scores(run.models[0], interaction)
    for row in range(12):
        alone = scores(run.models[0], cut(interaction, row))
        torch.testing.assert_close(alone[0], together[row], rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", TRAINED)
def test_scores_do_not_depend_on_the_parts_that_threads_encode(make, threads, monkeypatch, name):
    model, (_, _, test) = make(name)
    asked = rows(test)
    with torch.no_grad():
        whole = model.full_sort_predict(asked)
        monkeypatch.setattr("recbole_hail.models.windowed.POSITIONS_AT_A_TIME", 35)
        for count in (1, 3):
            threads(count)
            torch.testing.assert_close(model.full_sort_predict(asked), whole, rtol=1e-4, atol=1e-5)


def test_dropout_and_autocast_of_the_caller_hold_for_all_that_is_encoded(make, threads, monkeypatch):
    """Parts on other threads would draw in an order left to chance, and in full precision."""
    threads(3)
    monkeypatch.setattr("recbole_hail.models.windowed.POSITIONS_AT_A_TIME", 35)
    model, (_, _, test) = make("HAIL")
    asked = rows(test)
    with torch.no_grad():
        monkeypatch.setattr("recbole_hail.models.windowed.side_by_side", None)  # not to be called
        with torch.autocast("cpu", dtype=torch.bfloat16):
            model.full_sort_predict(asked)
        model.train().full_sort_predict(asked)


@for_all
def test_predict_agrees_with_full_sort_predict(run):
    of_test = rows(run.test)
    with torch.no_grad():
        of_targets = run.models[0].predict(of_test)
    expected = scores(run.models[0], of_test).gather(1, of_test["item_id"][:, None]).squeeze(1)
    torch.testing.assert_close(of_targets, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ALL)
def test_what_comes_after_a_target_does_not_change_its_score(make, name):
    """Trained and asked with other test elements, then with other validation elements too."""
    model, (_, valid, test) = make(name, epochs=2)
    of_valid, of_test = scores(model, rows(valid)), scores(model, rows(test))
    model, (_, valid, test) = make(name, sequences=circle(change_last=1), epochs=2)
    assert torch.equal(scores(model, rows(valid)), of_valid)
    assert torch.equal(scores(model, rows(test)), of_test)
    model, (_, valid, test) = make(name, sequences=circle(change_last=2), epochs=2)
    assert torch.equal(scores(model, rows(valid)), of_valid)
    assert not torch.equal(scores(model, rows(test)), of_test), "the validation element is part of its history"


@pytest.mark.parametrize("name", TRAINED)
def test_no_position_sees_what_it_is_trained_to_predict(make, name):
    """Masked and placeheld elements are not in the input; a position of next elements sees none after it."""
    model, (train, _, _) = make(name)
    batch = next(iter(train))
    if model.predicts != "next":
        at_targets = batch["item_id_list"].flatten()[batch[TARGET_POSITION]]
        assert ((at_targets == 0) | (at_targets == model.mask_token)).all() and len(at_targets)
        return
    before = model.hidden_at_targets(batch)
    column = batch[TARGET_POSITION] % batch["item_id_list"].shape[1]
    batch["item_id_list"][:, 5:] = batch["item_id_list"][:, 5:] % 6 + 1
    changed = model.hidden_at_targets(batch)
    assert torch.equal(changed[:, column < 5], before[:, column < 5])
    assert not torch.equal(changed[:, column >= 5], before[:, column >= 5])


@pytest.mark.parametrize("name", TRAINED)
def test_bad_settings_are_messages_and_status_2(workplace, monkeypatch, capsys, name):
    monkeypatch.setattr(
        sys, "argv", ["run_recbole", f"--model={name}", "--learning_rate=0", "--hidden_size=none", "--epochs=-1"]
    )
    assert command.main() == 2
    printed = capsys.readouterr().err
    for setting in ("learning_rate: 0 ", "hidden_size: 'none' ", "epochs: -1 "):
        assert f"error: {setting}" in printed


@pytest.mark.parametrize("name", TRAINED)
def test_a_model_reads_as_much_of_a_history_as_it_says(make, name):
    """The page about a model once said that all of a history was read of which its placeholders cut off a part."""
    model, *_ = make(name)
    model.eval()
    longest = model.longest_history
    draw = torch.Generator().manual_seed(1)
    history = torch.randint(1, 7, (1, 10), generator=draw)

    def changes(from_the_end: int) -> bool:
        other = history.clone()
        other[0, -from_the_end] = other[0, -from_the_end] % 6 + 1
        before, after = (model.score_encoded(model.encode(row, torch.tensor([10]))[0]) for row in (history, other))
        return not torch.equal(before, after)

    with torch.no_grad():
        assert changes(longest) and (longest == 10 or not changes(longest + 1))
