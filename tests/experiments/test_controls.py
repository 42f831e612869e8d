"""Which systems are compared with MED, and which factors are varied."""

import pytest

from recbole_hail.comparison.notation import parse_models
from recbole_hail.errors import SettingsError
from recbole_hail.experiments.controls import FACTORS, controls
from recbole_hail.experiments.systems import five_systems


def test_the_five_systems_are_written_as_a_person_writes_them_for_compare():
    """Only so are runs of `compare` found."""
    written = "HAIL,HAIL[distillation=mimicry],HAIL[distillation=none],ensemble(HAIL[peers=1],2),HAIL[peers=1]"
    assert list(five_systems().values()) == parse_models(written)
    written = (
        "HAIL[base_network=gru;peers=3],HAIL[base_network=gru;distillation=mimicry;peers=3],"
        "HAIL[base_network=gru;distillation=none;peers=3],ensemble(HAIL[base_network=gru;peers=1],3),"
        "HAIL[base_network=gru;peers=1]"
    )
    assert list(five_systems(3, base_network="gru").values()) == parse_models(written)


def test_every_control_stands_at_equal_steps_and_at_equal_time(budget):
    (experiment,) = controls(["main"], budget)
    (group,) = experiment.groups
    assert (group.reference, group.steps) == ("MED", 100)
    by_time = [row.label for row in group.rows if row.equal_time]
    assert by_time == [row.label for row in group.rows if not row.equal_time and row.label != "MED"]
    assert len(by_time) == 4


def test_the_levels_of_each_factor(budget):
    groups = {experiment.name: experiment.groups for experiment in controls(list(FACTORS), budget)}
    assert [group.steps for group in groups["controls-length"]] == [50, 100, 200]
    assert [group.title for group in groups["controls-peers"]] == ["T = 2", "T = 3"]
    assert [group.title for group in groups["controls-base"]] == ["bidirectional", "causal"]
    for name, labels in {
        "controls-alpha": ["MED, alpha = 0.3", "MED, alpha = 0.5", "MED, alpha falling from 1.0 to 0.0"],
        "controls-gamma": ["MED, gamma = 2.0"],
        "controls-denoising": ["MED, no denoising", "MED, denoise = authors"],
    }.items():
        (group,) = groups[name]
        assert [row.label for row in group.rows if row.label.startswith("MED,")] == labels
    for name, written in {
        "controls-peers": ["HAIL", "HAIL[peers=3]"],
        "controls-base": ["HAIL[base_network=bidirectional]", "HAIL[base_network=causal]"],
    }.items():
        assert [group.rows[0].spec for group in groups[name]] == [parse_models(model)[0] for model in written]
    falling = groups["controls-alpha"][0].rows[3].spec
    assert falling.settings == (("alpha", "1.0"), ("alpha_end", "0.0"))


@pytest.mark.parametrize("factors", [["main", "beta"], []])
def test_a_factor_that_there_is_not_is_named_with_those_there_are(budget, factors):
    with pytest.raises(SettingsError, match=r"factors: ('beta'|none) given; choose of main, length, alpha"):
        controls(factors, budget)
