"""The rules as RecBole models: made worlds that one rule solves and another cannot, and what a row's history is."""

import json
import random
import sys
from collections import Counter

import numpy as np
import pytest
import torch
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.data.interaction import Interaction
from recbole.quick_start import load_data_and_model, run_recbole
from recbole.utils import get_model

from recbole_hail.cli import run_recbole as command
from recbole_hail.data.dataset import CONTEXT_END, CONTEXT_START
from recbole_hail.models.rules import RULES
from recbole_hail.training.rules import RuleTrainer

FULL = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "full"}
COMMON = {
    "eval_args": FULL,
    "topk": [1, 3],
    "metrics": ["Hit", "MRR"],
    "valid_metric": "MRR@3",
    "show_progress": False,
    "use_gpu": False,
    "gpu_id": "",
}

# Each world is a list of sequences; the last element of each is the target.
FAVOURITES = [[f"e{g % 5}", f"e{(g + 1) % 5}", f"e{g % 5}", "x", f"e{g % 5}"] for g in range(20)]
SWITCHED = [[f"e{g % 5}"] * 9 + [f"f{g % 5}"] * 5 for g in range(20)]
CIRCLE = [[f"e{(g + step) % 6}" for step in range(12)] for g in range(24)]
# One of each kind has never had its target, which all others of its kind have most often.
KINDS = [[f"s{g % 4}"] * 3 + [f"t{g % 4}"] if g < 4 else [f"s{g % 4}"] + [f"t{g % 4}"] * 5 for g in range(20)]
# One event of one's own, and what everybody has.
POPULAR = [[f"own{g}", "p", "p", "p"] if g % 2 else [f"own{g}"] * 2 + ["q", "p"] for g in range(20)]


def run(folder, write_dataset, rule, rows, **settings) -> dict:
    write_dataset(folder / "dataset", "made", {f"g{g}": row for g, row in enumerate(rows)})
    return run_recbole(model=rule, dataset="made", config_dict={**COMMON, **settings}, saved=False)["test_result"]


@pytest.mark.parametrize(
    ("rule", "settings", "rows", "hit"),
    [
        ("GeneratorFrequency", {}, FAVOURITES, 1),
        ("GeneratorFrequency", {}, SWITCHED, 0),
        ("GeneratorFrequency", {}, CIRCLE, 0),
        ("GeneratorFrequency", {}, KINDS, 0.8),
        ("RecencyFrequency", {"half_life": 2, "concentration": 1}, SWITCHED, 1),
        ("RecencyFrequency", {"half_life": 1000, "concentration": 1}, SWITCHED, 0),
        ("SmoothedFrequency", {"concentration": 1}, POPULAR, 0.5),
        ("SmoothedFrequency", {"concentration": 100}, POPULAR, 1),
        ("MarkovChain", {"concentration": 1}, CIRCLE, 1),
        ("GeneratorKNN", {"power": 4, "weight": 20}, KINDS, 1),
        ("GeneratorKNN", {"power": 4, "weight": 0.01}, KINDS, 0.8),
    ],
)
def test_a_rule_solves_the_world_made_for_it(workplace, write_dataset, rule, settings, rows, hit):
    assert run(workplace, write_dataset, rule, rows, **settings)["hit@1"] == hit


def test_the_whole_history_is_counted_and_not_what_fits_into_a_list(workplace, write_dataset):
    rows = [[f"e{g % 5}"] * 6 + [f"e{(g + step) % 5}" for step in (1, 1, 1, 2)] + [f"e{g % 5}"] for g in range(20)]
    for longest in (2, 50):
        result = run(workplace, write_dataset, "GeneratorFrequency", rows, MAX_ITEM_LIST_LENGTH=longest)
        assert result["hit@1"] == 1


@pytest.fixture
def counted(workplace, write_dataset):
    """A rule that has counted a random world, and the loaders."""

    def build(rule: str, **settings):
        draw = random.Random(3)
        lengths = [2, 3, 4, *(draw.randint(4, 30) for _ in range(30))]
        rows = {f"g{g}": [f"e{draw.randint(1, 9)}" for _ in range(length)] for g, length in enumerate(lengths)}
        write_dataset(workplace / "dataset", "made", rows)
        config = Config(model=rule, dataset="made", config_dict={**COMMON, "MAX_ITEM_LIST_LENGTH": 40, **settings})
        loaders = data_preparation(config, create_dataset(config))
        model = get_model(rule)(config, loaders[0]._dataset)
        RuleTrainer(config, model).fit(loaders[0], saved=False)
        return model, loaders, rows

    return build


def rows_of(loader) -> Interaction:
    return loader._dataset[np.arange(len(loader._dataset))]


def test_events_of_a_generator_first_met_in_validation_are_its_own(counted):
    """They were counted as those of nobody, user 0."""
    split = {"split": {"RS": [0.05, 0.85, 0.1]}, "group_by": None, "order": "TO", "mode": "full"}
    model, (train, _, _), _ = counted("GeneratorKNN", train_on_valid=True, eval_args=split)
    dataset = train._dataset
    counts = model.training_counts.toarray().sum(axis=1)
    assert counts[0] == 0 and np.count_nonzero(counts) > len(set(dataset.inter_feat["user_id"].tolist()))
    assert counts.sum() == dataset.sequences.length.sum()


@pytest.mark.parametrize("rule", RULES)
def test_only_events_before_the_target_reach_its_score(counted, rule):
    model, (_, valid, _), _ = counted(rule)
    interaction = rows_of(valid)
    before = model.full_sort_predict(interaction)
    unchanged = model.elements
    for row, target in enumerate(interaction[CONTEXT_END].tolist()):
        model.elements = unchanged.copy()
        model.elements[target:] = model.elements[target:] % 9 + 1  # the target, all after it, and other generators
        after = model.full_sort_predict(interaction[[row]])[0]
        torch.testing.assert_close(after, before[row], rtol=0, atol=1e-12)
        model.elements = unchanged.copy()
        model.elements[target - 1] = model.elements[target - 1] % 9 + 1
        changed = model.full_sort_predict(interaction[[row]])[0]
        assert (changed - before[row])[1:].abs().max() > 1e-3


@pytest.mark.parametrize("train_on_valid", [False, True])
def test_popularity_transitions_and_neighbours_come_from_the_training_part(counted, train_on_valid):
    model, (train, _, _), rows = counted("GeneratorKNN", train_on_valid=train_on_valid)
    dataset = train._dataset
    # LS keeps the last two of four or more for validation and test, of three the last, of two none.
    held_out = {name: max(min(len(row) - 2, 2) - (train_on_valid and len(row) > 3), 0) for name, row in rows.items()}
    training = {name: row[: len(row) - held_out[name]] for name, row in rows.items()}
    elements = dataset.id2token("item_id", np.arange(dataset.item_num))
    for user, counts in enumerate(model.training_counts.toarray()):
        name = dataset.id2token("user_id", user)
        assert counts.tolist() == [Counter(training.get(name, []))[element] for element in elements]
    everything = Counter(element for row in training.values() for element in row)
    expected = [everything[element] / (everything.total() + 1) for element in elements]
    np.testing.assert_allclose(model.popularity, expected)
    chain, *_ = counted("MarkovChain", train_on_valid=train_on_valid)
    assert chain.transitions.sum() == sum(len(row) - 1 for row in training.values())


@pytest.mark.parametrize("rule", RULES)
def test_rows_made_by_hand_bring_their_history_themselves(counted, rule):
    model, (_, _, test), _ = counted(rule)
    interaction = rows_of(test)
    fields = [field for field in interaction.interaction if field not in (CONTEXT_START, CONTEXT_END)]
    by_hand = Interaction({field: interaction[field] for field in fields})
    assert torch.equal(model.full_sort_predict(by_hand), model.full_sort_predict(interaction))
    assert torch.equal(model.predict(by_hand), model.predict(interaction))


def test_a_row_without_a_generator_has_every_generator_for_a_neighbour(counted):
    model, (_, _, test), _ = counted("GeneratorKNN")
    interaction = rows_of(test)
    unknown = Interaction({field: interaction[field] for field in ("item_id_list", "item_length", "item_id")})
    assert not torch.equal(model.full_sort_predict(unknown), model.full_sort_predict(interaction))
    assert model.full_sort_predict(unknown)[:, 1:].isfinite().all()


@pytest.mark.parametrize("rule", RULES)
def test_padding_is_never_predicted(counted, rule):
    model, (_, _, test), _ = counted(rule)
    scores = model.full_sort_predict(rows_of(test))
    assert scores.dtype == torch.float64
    assert torch.isneginf(scores[:, 0]).all() and scores[:, 1:].isfinite().all()


def test_each_history_is_counted_once_however_many_candidates_it_has(counted, monkeypatch):
    model, (_, _, test), _ = counted("GeneratorFrequency")
    interaction = rows_of(test)[[4, 7, 5]]
    repeated = interaction.repeat_interleave(5)
    repeated.update(Interaction({"item_id": torch.arange(15) % 9 + 1}))
    counted_rows = []
    scores = model.scores
    monkeypatch.setattr(
        model, "scores", lambda histories, users: counted_rows.append(users) or scores(histories, users)
    )
    of_each = model.predict(repeated)
    assert [len(users) for users in counted_rows] == [3]
    expected = model.full_sort_predict(interaction).repeat_interleave(5, dim=0)
    assert torch.equal(of_each, expected.gather(1, repeated["item_id"][:, None]).squeeze(1))


@pytest.mark.parametrize("rule", RULES)
def test_a_checkpoint_scores_as_the_model_that_wrote_it(counted, workplace, rule):
    model, (train, valid, test), _ = counted(rule)
    trainer = RuleTrainer(model_config(workplace, rule), model)
    trainer.fit(train, valid)
    opened = torch.load(trainer.saved_model_file, weights_only=True)
    assert opened["state_dict"] == {}
    _, loaded, _, _, _, again = load_data_and_model(trainer.saved_model_file)
    assert torch.equal(loaded.full_sort_predict(rows_of(again)), model.full_sort_predict(rows_of(test)))


def model_config(workplace, rule):
    return Config(model=rule, dataset="made", config_dict={**COMMON, "MAX_ITEM_LIST_LENGTH": 40})


def test_counting_is_timed_and_told_of_as_one_epoch(counted, workplace):
    model, (train, valid, _), _ = counted("MarkovChain")
    trainer, told = RuleTrainer(model_config(workplace, "MarkovChain"), model), []
    score, _ = trainer.fit(train, valid, saved=False, callback_fn=lambda *epoch: told.append(epoch))
    assert told == [(0, score)] and score > 0
    assert 0 < trainer.budget.seconds < 60


@pytest.mark.parametrize("metrics", [["AUC", "LogLoss"], ["ItemCoverage"]])
def test_recboles_own_evaluation_of_sampled_candidates_takes_the_scores(workplace, write_dataset, metrics):
    """RecBole writes scores into a float32 matrix, which takes no float64."""
    settings = {"metrics": metrics, "valid_metric": metrics[0] + "@3" * (metrics == ["ItemCoverage"])}
    sampled = {**FULL, "mode": "uni3"}
    result = run(workplace, write_dataset, "GeneratorKNN", FAVOURITES, eval_args=sampled, **settings)
    assert all(np.isfinite(value) for value in result.values())


def test_what_has_counted_the_answers_of_validation_is_not_validated(cyclic, small):
    """Its best validation result was a hit rate of 0.32 where the test had 0.06."""
    result = run_recbole(model="MarkovChain", dataset="cyclic", config_dict={**small, "train_on_valid": True})
    assert not result["best_valid_result"] and result["test_result"]["hit@1"] == 1
    (record,) = cyclic.glob("saved/*.json")
    assert "valid" not in json.loads(record.read_text())["results"]


@pytest.mark.parametrize(
    ("rule", "argument", "message"),
    [
        ("SmoothedFrequency", "--concentration=0", "concentration: 0 must be a positive number"),
        ("RecencyFrequency", "--half_life=0", "half_life: 0 must be a positive number"),
        ("RecencyFrequency", "--concentration=none", "concentration: 'none' must be a positive number"),
        ("MarkovChain", "--concentration=True", "concentration: True must be a positive number"),
        ("GeneratorKNN", "--power=-1", "power: -1 must be a positive number"),
        ("GeneratorKNN", "--weight=-20", "weight: -20 must be a positive number"),
        ("GeneratorFrequency", "--train_on_valid=2", "train_on_valid: 2 must be True or False"),
        ("GeneratorFrequency", "--resume=x.pth", "resume: GeneratorFrequency counts in one go"),
        ("GeneratorFrequency", "--nproc=2", "nproc: 2 is more than the one process"),
        ("GeneratorFrequency", "--nproc 2", "nproc: 2 is more than the one process"),  # was found by two ranks
    ],
)
def test_bad_settings_are_messages_and_status_2(workplace, monkeypatch, capsys, rule, argument, message):
    monkeypatch.setattr(sys, "argv", ["run_recbole", f"--model={rule}", *argument.split()])
    assert command.main() == 2
    assert f"error: {message}" in capsys.readouterr().err
    assert not list(workplace.iterdir())
