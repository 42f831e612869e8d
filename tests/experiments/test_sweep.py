"""Where runs of experiments are, how many steps they take, and what is refused before anything is trained."""

from dataclasses import replace

import pytest

from recbole_hail.cli.config import checked_config
from recbole_hail.comparison.notation import UNTRAINED, ModelSpec, parse_models
from recbole_hail.comparison.plan import make_plan
from recbole_hail.comparison.runs import RunFolder
from recbole_hail.errors import SettingsError
from recbole_hail.experiments.controls import controls
from recbole_hail.experiments.figures import fig4, table2
from recbole_hail.experiments.sweep import Sweep


@pytest.fixture
def place(cyclic, fixed_costs, budget, config_of):
    """A sweep of experiments on the cyclic world, with the steps that fixed costs give."""

    def make(experiments, budget=budget, **settings):
        sweep = Sweep("cyclic", budget, ["small.yaml"], settings, cyclic / "experiments", config_of)
        sweep.place(experiments, lambda text: None)
        return sweep

    return make


def test_controls_at_equal_steps_and_time(place, budget):
    sweep = place(controls(["main"], budget))
    ((_, _, placed),) = sweep.groups
    found = {row.label: row.steps for row in placed if row.row.spec.model == "HAIL"}
    assert found == {
        "MED, 100 steps": 100,
        "mimicry, 100 steps (equal steps and time)": 100,
        "2 networks, cross-entropy only, 100 steps (equal steps and time)": 100,
        "mean of 2 independent networks, 100 steps each (equal steps and time)": 100,
        "one network, 100 steps (equal steps)": 100,
        "one network, 200 steps (equal time)": 200,
    }
    assert [row.label for row in placed][-len(UNTRAINED) :] == list(UNTRAINED)
    jobs = [(folder.output.name, str(run)) for folder, run in sweep.jobs()]
    assert len(jobs) == len(set(jobs)) == len(UNTRAINED) + 2 * 6 + 2, (
        "two seeds of six networks, a mean and a member each"
    )
    assert ("steps-100", "HAIL (peers=1), seed 1001") in jobs and ("steps-200", "HAIL (peers=1), seed 2") in jobs
    # 2 seeds: MED, mimicry and cross-entropy 20 s each, one network 10 + 20 s and the mean's other member 10 s.
    assert sweep.seconds_left() == pytest.approx(2 * (3 * 20 + 10 + 20 + 10))


def test_a_run_is_the_one_that_compare_makes(place, budget):
    sweep = place(controls(["main"], budget))
    settings = {"max_steps": "100", "candidates": "strict"}
    plan = make_plan(parse_models("HAIL"), [1], "cyclic", ["small.yaml"], settings, checked_config)
    folder = RunFolder(sweep.output / "steps-100", plan.shared)
    assert folder.path(plan.rows["HAIL"][0]) in {own.path(run) for own, run in sweep.jobs()}


@pytest.mark.parametrize("network", ["bidirectional", "causal"])
def test_groups_of_base_networks_are_what_they_are_called_whatever_all_runs_share(place, budget, network):
    """With --base_network=causal the group `bidirectional` was causal, and causal runs were trained twice."""
    sweep = place(controls(["main", "base"], budget), base_network=network)
    specs = {group.title: placed[0].row.spec for _, group, placed in sweep.groups}
    other = {"bidirectional": "causal", "causal": "bidirectional"}[network]
    assert specs.pop("T = 2") == specs.pop(network) == ModelSpec("HAIL")
    assert specs == {other: ModelSpec("HAIL", (("base_network", other),))}
    settings = {"max_steps": "100", "candidates": "strict", "base_network": network}
    plan = make_plan(parse_models("HAIL"), [1], "cyclic", ["small.yaml"], settings, checked_config)
    kept = RunFolder(sweep.output / "steps-100", plan.shared).path(plan.rows["HAIL"][0])
    assert kept in {folder.path(run) for folder, run in sweep.jobs()}, "what such a command has trained is found"
    assert len(sweep.jobs()) == len(place(controls(["base"], budget), base_network=network).jobs())


def test_a_setting_of_hail_alone_holds_where_other_systems_have_steps_of_their_own(place, budget):
    """Each number of steps has a plan, and one without HAIL took gamma for a setting that no model knows."""
    sweep = place([table2("cyclic", budget)], gamma="0.5")
    assert len(sweep.plans) > 1
    with pytest.raises(SettingsError, match="gama: no model here has such a setting; did you mean gamma"):
        place([table2("cyclic", budget)], gama="0.5")


def test_time_is_equal_to_that_of_the_groups_own_reference(place, budget):
    sweep = place(controls(["peers"], budget))
    three = next(placed for _, group, placed in sweep.groups if group.title == "T = 3")
    steps = {row.label: row.steps for row in three}
    assert steps["one network, 299 steps (equal time)"] == 299, "2.0 / 0.67 of 100"


def test_a_level_that_is_the_default_takes_the_defaults_runs(place, budget):
    sweep = place([fig4("cyclic", budget)])
    specs = {placed.row.label: placed.row.spec.settings for _, _, rows in sweep.groups for placed in rows}
    assert specs["alpha = 0.5"] == specs["beta = 0.0"] == ()
    assert specs["alpha = 0.3"] == (("alpha", "0.3"),)


def test_steps_that_the_passes_leave_no_room_for_are_refused(place, budget):
    with pytest.raises(SettingsError, match=r"epochs: the passes .* end after 1,000 steps of HAIL, before 1,001"):
        place([table2("cyclic", replace(budget, steps=1001))])


def test_a_folder_of_runs_with_other_settings_is_refused_and_left_alone(place, budget, write_run, contents):
    sweep = place(controls(["main"], budget))
    folder, run = sweep.jobs()[0]
    with folder.held():
        write_run(folder.path(run), [[[0, 0, 9]]])
    before = contents(sweep.output)
    with pytest.raises(SettingsError) as raised:
        place(controls(["main"], budget), learning_rate="0.5")
    assert "learning_rate was None, is 0.5" in str(raised.value) or "learning_rate was 0.01" in str(raised.value)
    assert contents(sweep.output) == before
