"""Presets and numbers of steps."""

import pytest

from recbole_hail.errors import SettingsError
from recbole_hail.experiments.budgets import PRESETS, read_budget

DATASETS = ("chi18", "nyc16", "toys", "ml-1m")


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_preset_knows_every_dataset_and_has_five_seeds_and_levels(dataset):
    steps = [read_budget(preset, dataset).steps for preset in PRESETS]
    assert steps == sorted(steps) and len(set(steps)) == 3
    for preset in PRESETS:
        budget = read_budget(preset, dataset)
        assert budget.seeds == [1, 2, 3, 4, 5]
        assert set(budget.levels) == {"length", "alpha", "falling_alpha", "gamma", "peers", "base_network"}


def test_the_gpu_preset_is_the_papers_budget():
    assert read_budget("gpu", "chi18").steps == 100_000 and read_budget("gpu", "ml-1m").steps == 400_000
    assert read_budget("gpu", "chi18").settings["learning_rate"] == 1e-4


def test_a_number_is_steps_and_seeds_of_the_command_line_win():
    budget = read_budget("42", "anything", seeds=[7])
    assert (budget.steps, budget.seeds) == (42, [7])


@pytest.mark.parametrize("preset", PRESETS)
def test_nothing_stops_before_its_steps(preset):
    """Tables said 300 steps of runs that had stopped early after 81."""
    assert read_budget(preset, "chi18").settings["stopping_step"] == 1_000_000


@pytest.mark.parametrize("asked, dataset", [("huge", "chi18"), ("0", "chi18"), ("-3", "chi18"), ("cpu", "ml-100k")])
def test_what_is_no_budget_is_named(asked, dataset):
    with pytest.raises(SettingsError, match=f"budget: '?{asked}"):
        read_budget(asked, dataset)
