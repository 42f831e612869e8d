"""Search spaces: what a file may say, what a value becomes, and that every mistake in it is named."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recbole.config import Config

from recbole_hail.configuration import yaml_folder
from recbole_hail.errors import SettingsError
from recbole_hail.settings import known_settings, of_the_question
from recbole_hail.tuning.space import Dimension, check_space, grid, is_grid, read_space

LINES = (
    "# a comment",
    "",
    "alpha choice [0.1, 0.5]",
    "base_network choice ['causal', ('causal', 'gru')]",
    "learning_rate loguniform -9, -4",
    "hidden_size quniform 16,64,16",
    "dropout uniform 0,0.5",
)


def space_of(tmp_path, *lines):
    file = tmp_path / "some.hyper"
    file.write_text("\n".join(lines))
    return read_space(file)


def test_reads_every_kind_as_recbole_does(tmp_path):
    from recbole.trainer import HyperTuning

    space = space_of(tmp_path, *LINES)
    assert space == {
        "alpha": Dimension("choice", [0.1, 0.5]),
        "base_network": Dimension("choice", ["causal", ["causal", "gru"]]),
        "learning_rate": Dimension("loguniform", [-9, -4]),
        "hidden_size": Dimension("quniform", [16, 64, 16]),
        "dropout": Dimension("uniform", [0, 0.5]),
    }
    (tmp_path / "theirs.hyper").write_text("\n".join(LINES[2:]))
    assert HyperTuning._build_space_from_file(tmp_path / "theirs.hyper").keys() == space.keys()


@pytest.mark.parametrize(
    "line",
    [
        *("bogus", "alpha choice 3", "alpha choice []", "alpha choice [open]", "alpha range 0,1"),
        *("alpha uniform 0", "alpha uniform 1,0", "alpha uniform 'a','b'", "alpha quniform 0,1"),
    ],
)
def test_every_line_that_cannot_be_used_is_named(tmp_path, line):
    with pytest.raises(SettingsError) as error:
        space_of(tmp_path, "beta choice [0.0]", line, "gamma what")
    assert [problem.split(" is ")[0].split(" of ")[0] for problem in error.value.problems] == [
        "params_file: line 2",
        "params_file: line 3",
    ]
    assert repr(line) in error.value.problems[0]


def test_an_empty_space_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="has no setting to search"):
        space_of(tmp_path, "# nothing")


@given(st.floats(-9, -4))
def test_what_is_told_of_a_draw_is_what_is_trained(logarithm):
    dimension = Dimension("loguniform", [-9, -4])
    value = dimension.value(math.exp(logarithm))
    assert value == pytest.approx(math.exp(logarithm), rel=1e-3)
    assert dimension.value(dimension.drawn(value)) == value


def test_whole_bounds_and_steps_give_whole_numbers():
    assert repr(Dimension("quniform", [16, 64, 16]).value(32.0)) == "32"
    assert repr(Dimension("quniform", [0, 1, 0.25]).value(0.5)) == "0.5"


@pytest.mark.parametrize(
    "bounds, drawn, values",
    [
        ([1, 5, 3], [0.0, 3.0, 6.0], [3, 3, 3]),  # Hyperopt draws them: 0 layers ended a search for good
        ([16, 64, 16], [16.0, 64.0], [16, 64]),
        ([0.1, 0.3, 0.1], [0.1, 3 * 0.1], [0.1, 0.3]),
    ],
)
def test_quniform_stays_within_its_bounds(bounds, drawn, values):
    dimension = Dimension("quniform", bounds)
    assert [dimension.value(number) for number in drawn] == values
    assert set(values) <= set(dimension.tried()) and all(bounds[0] <= v <= bounds[1] for v in dimension.tried())


@pytest.mark.parametrize("bounds, drawn", [([0, 0.99999], 0.999985), ([0.12344, 1], 0.123441)])
def test_rounding_leaves_no_bound(bounds, drawn):
    """A dropout of 1, which no model takes, would have ended the search."""
    assert bounds[0] <= Dimension("uniform", bounds).value(drawn) <= bounds[1]


def test_a_choice_that_is_written_twice_is_one(tmp_path):
    """The grid had a trial that was never made."""
    space = space_of(tmp_path, "alpha choice [0.5,0.5,0.7]", "base_network choice ['gru',['gru','causal'],'gru']")
    assert space["alpha"].values == [0.5, 0.7] and space["base_network"].values == ["gru", ["gru", "causal"]]


def test_a_choice_in_quotes_is_what_a_trial_makes_of_it(tmp_path):
    """RecBole's own spaces have them; `[16,8]` in quotes and without were two settings."""
    space = space_of(tmp_path, "mlp choice ['[16,8]', [16, 8], '[32,16]']", "train choice ['False', 'True', 'adam']")
    assert space["mlp"].values == [[16, 8], [32, 16]]
    assert space["train"].values == [False, True, "adam"]


def test_a_choice_comes_back_from_its_index():
    dimension = Dimension("choice", ["causal", ["causal", "gru"]])
    assert [dimension.value(dimension.drawn(value)) for value in dimension.values] == dimension.values


def test_the_grid_has_every_combination_once_in_an_order_of_the_seed(tmp_path):
    space = space_of(tmp_path, "alpha choice [0.1,0.2,0.3]", "beta choice [0.0,0.01,0.02,0.03]")
    points = grid(space, 1)
    assert len(points) == 12 and all(points.count(point) == 1 for point in points)
    assert grid(space, 1) == points != grid(space, 2)
    assert len({point["alpha"] for point in points[:6]}) == 3, "a part of the grid is spread over it"


def test_names_and_values_are_tried_one_by_one_and_all_problems_shown():
    def config_of(settings):
        ((name, value),) = settings.items()
        if value > 1:
            raise SettingsError([f"{name}: {value} is too much"])

    space = {
        "alpha": Dimension("choice", [0.5, 2, 3]),
        "alhpa": Dimension("choice", [0.5]),
        "lr": Dimension("loguniform", [-1, 1]),
    }
    with pytest.raises(SettingsError) as error:
        check_space(space, {"alpha", "lr"}, config_of)
    assert error.value.problems == [
        "params_file: alpha: 2 is too much",
        "params_file: alpha: 3 is too much",
        "params_file: alhpa is not a setting of this model; did you mean alpha?",
        f"params_file: lr: {math.e} is too much",
    ]


@pytest.mark.parametrize("name, choices_alone", [("HAIL", True), ("HAIL-wide", False)])
def test_the_shipped_spaces_fit_the_model(workplace, name, choices_alone):
    space = read_space(yaml_folder() / "hyper" / f"{name}.hyper")
    assert is_grid(space) == choices_alone
    config = Config(model="HAIL", dataset="chi18")
    check_space(space, known_settings(config), lambda tried: Config(model="HAIL", dataset="chi18", config_dict=tried))


def test_the_shipped_grid_is_the_papers():
    """Section 5.1.3: alpha in {0.1, …, 0.9}, beta in {0, 0.01, 0.02, 0.03}."""
    space = read_space(yaml_folder() / "hyper" / "HAIL.hyper")
    assert space["alpha"].values == [round(tenth / 10, 1) for tenth in range(1, 10)]
    assert space["beta"].values == [0.0, 0.01, 0.02, 0.03]


def test_the_wide_space_has_what_it_is_for():
    space = read_space(yaml_folder() / "hyper" / "HAIL-wide.hyper")
    assert {"learning_rate", "hidden_dropout_prob", "peers", "mask_ratio", "base_network"} <= space.keys()


@pytest.mark.parametrize("name", ["train_on_valid", "candidates", "valid_metric", "eval_args", "val_interval"])
def test_what_changes_the_question_is_not_searched(workplace, name):
    """A model that was trained on its validation targets won, and scores under two protocols were compared."""
    config = Config(model="HAIL", dataset="chi18")
    known, asked = known_settings(config), of_the_question(config)
    with pytest.raises(SettingsError, match=f"params_file: {name} changes the question"):
        check_space({name: Dimension("choice", [1])}, known, dict, asked)


@pytest.mark.parametrize("name", ["MAX_ITEM_LIST_LENGTH", "load_col", "normalize_all", "eval_batch_size"])
def test_what_changes_the_input_alone_may_be_searched(workplace, name):
    config = Config(model="HAIL", dataset="chi18")
    check_space({name: Dimension("choice", [9])}, known_settings(config), dict, of_the_question(config))


def test_a_setting_that_stands_twice_or_with_a_step_of_none_is_refused(tmp_path):
    """The later line won in silence, and a step of 0 was a NaN in Hyperopt."""
    with pytest.raises(SettingsError, match=r"line 2 of .* has alpha again"):
        space_of(tmp_path, "alpha choice [0.1]", "alpha choice [0.2]")
    with pytest.raises(SettingsError, match="n_layers quniform 1,2,0"):
        space_of(tmp_path, "n_layers quniform 1,2,0")


def test_a_space_in_another_encoding_is_said_to_be_so(tmp_path):
    (tmp_path / "latin.hyper").write_bytes("# caf\u00e9\nalpha choice [0.1]\n".encode("latin-1"))
    with pytest.raises(SettingsError, match=r"latin\.hyper is not text in utf-8"):
        read_space(tmp_path / "latin.hyper")
    (tmp_path / "marked.hyper").write_text("alpha choice [0.1]\n", encoding="utf-8-sig")
    assert read_space(tmp_path / "marked.hyper").keys() == {"alpha"}
