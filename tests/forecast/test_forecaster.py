"""Forecasts against scores computed directly, and what cannot be forecast."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from recbole.data.interaction import Interaction
from recbole.quick_start import run_recbole

import recbole_hail
from recbole_hail.errors import DataError, SettingsError
from recbole_hail.forecast import Forecaster
from recbole_hail.forecast.likeliest import jensen_shannon

MODELS = [
    ("HAIL", {"peers": 2}),
    ("HAIL", {"peers": 2, "base_network": "causal"}),
    ("SASRec", {}),
    ("BERT4Rec", {}),
    ("GRU4Rec", {}),
    ("Caser", {}),
    ("GeneratorFrequency", {}),
    ("GeneratorKNN", {}),
]


def direct_scores(made, histories: list[list[str]], users: list[str]) -> torch.Tensor:
    """[B, n_items] of the live model, a row at a time; rules are given the whole history, networks its newest six."""
    live, dataset = made.live, made.live.train._dataset
    longest = 6 if list(live.model.parameters()) else 30
    found = []
    for history, user in zip(histories, users, strict=True):
        numbers = [dataset.token2id("item_id", element) for element in history][-longest:]
        padded = numbers + [0] * (longest - len(numbers))
        row = {"item_id_list": [padded], "item_length": [len(numbers)], "user_id": [dataset.token2id("user_id", user)]}
        with torch.no_grad():
            found.append(live.model.full_sort_predict(Interaction({k: torch.tensor(v) for k, v in row.items()}))[0])
    scores = torch.stack([scores.view(-1) for scores in found])
    if not list(live.model.parameters()):  # shares of the counts, with one event spread over all
        scores = (scores + 1 / (scores.shape[1] - 1)).log()
    scores[:, 0] = -torch.inf
    return scores


@pytest.mark.parametrize("name, settings", MODELS)
def test_a_forecast_is_what_the_model_says_of_the_whole_history(saved, name, settings):
    made = saved(name, **settings)
    forecaster = Forecaster.load(made.path)
    generators = ["g3", "g0", "g17"]
    found = forecaster.forecast(generators, k=5)
    scores = direct_scores(made, [made.world[g] for g in generators], generators)
    shares = torch.softmax(scores.double() / forecaster.calibration.temperature, dim=1)
    best, top = shares.topk(5, dim=1)
    for row, (generator, forecast) in enumerate(zip(generators, found, strict=True)):
        assert forecast.generator == generator and forecast.events == len(made.world[generator])
        assert [one.probability for one in forecast.predictions] == pytest.approx(best[row].tolist(), rel=1e-3)
        of_top = {forecaster.elements.tokens[number] for number in top[row].tolist()}
        tied = float(shares[row].sort(descending=True).values[5]) == pytest.approx(float(best[row, -1]), rel=1e-6)
        assert tied or {one.element for one in forecast.predictions} == of_top
        for one in forecast.predictions:
            assert one.times_before == made.world[generator].count(one.element)


def test_everybody_is_forecast_and_all_probabilities_sum_to_one(saved):
    made = saved("HAIL", peers=2)
    forecaster = Forecaster.load(made.path)
    elements = len(forecaster.elements.tokens) - 1
    found = forecaster.forecast(k=elements)
    assert {forecast.generator for forecast in found} == made.world.keys()
    for forecast in found:
        shares = np.array([[one.probability, *one.peers] for one in forecast.predictions])
        np.testing.assert_allclose(shares.sum(0), 1, atol=1e-5)
        assert (np.diff(shares[:, 0]) <= 0).all()
        assert sum(one.times_before for one in forecast.predictions) == len(made.world[forecast.generator])


def test_peers_stand_beside_their_mean_with_how_far_they_differ(saved):
    made = saved("HAIL", peers=2)
    forecaster = Forecaster.load(made.path)
    assert forecaster.peers == ["peer 1", "peer 2"]
    (found,) = forecaster.forecast(["g5"], k=4)
    live = made.live
    numbers = torch.tensor([[live.train._dataset.token2id("item_id", element) for element in made.world["g5"][-6:]]])
    with torch.no_grad():
        hidden = live.model.encode(numbers, torch.tensor([numbers.shape[1]]))
        shares = (live.model.score_encoded(hidden)[:2, 0] / forecaster.calibration.temperature).softmax(1)
    for one in found.predictions:
        number = live.train._dataset.token2id("item_id", one.element)
        assert one.peers == pytest.approx(shares[:, number].tolist(), rel=1e-3)
    tokens = forecaster.elements.tokens
    assert found.first_answers == tuple(tokens[number] for number in shares.argmax(1).tolist())
    one, two = shares[:, 1:].double()
    middle = (one + two) / 2
    by_hand = ((one * (one / middle).log2()).sum() + (two * (two / middle).log2()).sum()) / 2
    assert found.divergence == pytest.approx(float(by_hand), rel=1e-2)


def test_divergence_of_known_distributions():
    apart = torch.tensor([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]])
    assert jensen_shannon(apart).tolist() == pytest.approx([1.0, 0.0])


def test_a_model_without_peers_has_none(saved):
    (found,) = Forecaster.load(saved("SASRec").path).forecast(["g5"], k=1)
    assert found.divergence is None and found.first_answers == () and found.predictions[0].peers == ()


def test_new_sequences_are_scored_as_the_same_history_of_a_generator_is(saved):
    made = saved("HAIL", peers=2)
    forecaster = recbole_hail.Forecaster.load(made.path)
    names = ["g1", "g2", "g30"]
    of_generators = [forecast.predictions for forecast in forecaster.forecast(names, k=3)]
    together = forecaster.predict([made.world[name] for name in names], k=3)
    for name, expected, found in zip(names, of_generators, together, strict=True):
        alone = forecaster.predict(made.world[name], k=3)
        for other in (found, alone):
            assert [one.element for one in other] == [one.element for one in expected]
            assert [one.probability for one in other] == pytest.approx([one.probability for one in expected], rel=1e-4)


def test_newer_events_follow_the_history_and_unknown_ones_are_named(saved):
    made = saved("HAIL", peers=2)
    forecaster = Forecaster.load(made.path)
    newer = {"g1": ["e4", "nothing", "e9"], "somebody": ["e9"], "nobody": ["nothing"]}
    known, new, empty = forecaster.forecast(["g1", "somebody", "nobody"], newer=newer, k=3)
    assert known.predictions == forecaster.predict([*made.world["g1"], "e4", "e9"], k=3)
    assert known.events == len(made.world["g1"]) + 2 and known.skipped == ("nothing",)
    assert new.predictions == forecaster.predict(["e9"], k=3) and new.words == "not in the training data"
    assert empty.predictions == [] and empty.events == 0 and empty.skipped == ("nothing",)
    assert known.known and not new.known and known.about == new.about == {}
    assert len(forecaster.forecast(["g1"])[0].predictions) == 10
    everybody = forecaster.forecast(newer=newer, k=1)
    assert {forecast.generator for forecast in everybody} == {*made.world, "somebody", "nobody"}


def test_a_generators_whole_history_counts_for_rules_however_long(saved):
    made = saved("GeneratorFrequency")
    (found,) = Forecaster.load(made.path).forecast(["all"], k=3)
    assert found.events == 120
    (one, *_) = Forecaster.load(made.path).forecast(["all"], newer={"all": ["e0"]}, k=3)[0].predictions
    assert one.element == "e0" and one.times_before == 2, "the first event of 120, which no network of length 6 sees"


def test_chances_of_a_group_are_the_sum_of_its_elements(saved):
    forecaster = Forecaster.load(saved("SASRec").path)
    (found,) = forecaster.forecast(["g7"], k=120)
    group = {one.element: one.probability for one in found.predictions if one.element in ("e1", "e2", "e3")}
    chances = forecaster.chances([forecaster.elements.find(element) for element in group], ["g7"])
    assert chances == {"g7": pytest.approx(sum(group.values()), rel=1e-5)}
    one = forecaster.elements.find(next(iter(group)))
    assert forecaster.chances([one, one], ["g7"]) == forecaster.chances([one], ["g7"]), "an element counts once"


def test_generators_are_ordered_by_the_chance_of_a_group(saved):
    """Adding up the ten likeliest of each by hand gave less: the group's others were not among them."""
    made = saved("SASRec")
    forecaster = Forecaster.load(made.path)
    group = [forecaster.elements.find(f"e{number}") for number in range(1, 40)]
    newer = {"g7": ["e1", "nothing"], "new": ["e2"], "nobody": ["nothing"]}
    found = forecaster.of_group(group, newer=newer)
    assert {one.generator for one in found} == {*made.world, "new", "nobody"}
    assert found[-1].generator == "nobody" and found[-1].probability is None and found[-1].skipped == ("nothing",)
    shares = [one.probability for one in found[:-1]]
    assert shares == sorted(shares, reverse=True)
    assert forecaster.chances(group, newer=newer) == {one.generator: one.probability for one in found[:-1]}
    (g7,) = (one for one in found if one.generator == "g7")
    assert g7.events == len(made.world["g7"]) + 1 and g7.known and not found[-1].known
    assert g7.times_before == 1 + sum(event in {f"e{number}" for number in range(1, 40)} for event in made.world["g7"])


def test_the_default_is_ten_elements_or_all_that_there_are(tmp_path, monkeypatch, write_dataset):
    """With nine elements `forecast` refused a number that nobody had given."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["pytest"])
    write_dataset(tmp_path / "dataset", "few", {f"g{g}": [f"e{(g + i) % 9}" for i in range(12)] for g in range(20)})
    settings = {"show_progress": False, "use_gpu": False, "candidates": "full", "topk": [1, 5]}
    run_recbole(model="MarkovChain", dataset="few", config_dict=settings)
    forecaster = Forecaster.load(next(tmp_path.glob("saved/*.pth")))
    assert len(forecaster.predict(["e1"])) == len(forecaster.forecast(["g1"])[0].predictions) == 9
    with pytest.raises(SettingsError, match=r"k \(--topk\): 10 must lie between 1 and the model's 9"):
        forecaster.predict(["e1"], k=10)


def test_the_next_element_of_a_circle_is_certain(cyclic, small):
    """Every element is followed by the next one; at most what smoothing spreads over the others is left to them."""
    from recbole.quick_start import run_recbole

    run_recbole(model="MarkovChain", dataset="cyclic", config_dict={"show_progress": False, "use_gpu": False})
    forecaster = Forecaster.load(next(cyclic.glob("saved/*.pth")))
    for first in (0, 41, 107):
        best, second = forecaster.predict([f"e{first}", f"e{first + 1}"], k=2)
        assert best.element == f"e{first + 2}" and best.probability > 0.99
        assert second.probability < 0.01
    assert forecaster.calibration.ece_after < 0.01
    events = (cyclic / "dataset" / "cyclic" / "cyclic.inter").read_text().splitlines()[1:]
    newest = dict(event.split("\t")[:2] for event in events)  # later ones replace those before
    for forecast in forecaster.forecast(["g0", "g1"], k=1):
        following = (int(newest[forecast.generator][1:]) + 1) % 110
        assert forecast.predictions[0].element == f"e{following}"


def test_newer_events_of_one_generator_by_two_names_are_put_together(saved):
    """Of "5|STREET" and "5|street" the last had counted, and the events of the other were gone without a word."""
    made = saved("HAIL", peers=2)
    forecaster = Forecaster.load(made.path)
    newer = {"g1": ["e4", "e5"], "G1": ["e9"], "new": ["e1"], "New": ["e2"]}
    (found,) = forecaster.forecast(["g1"], newer=newer, k=3)
    assert found.events == len(made.world["g1"]) + 3
    assert found.predictions == forecaster.predict([*made.world["g1"], "e4", "e5", "e9"], k=3)
    names = [forecast.generator for forecast in forecaster.forecast(newer=newer, k=1)]
    assert names == [*forecaster.generators.tokens[1:], "new", "New"], "new generators may differ in case alone"


def test_arrays_and_columns_are_taken_as_lists_of_names(saved):
    forecaster = Forecaster.load(saved("HAIL", peers=2).path)
    sequence = ["e1", "e7"]
    expected = forecaster.predict(sequence, k=3)
    column = pd.Series(sequence, index=[5, 9])
    assert forecaster.predict(np.array(sequence), k=np.int64(3)) == expected
    assert forecaster.predict(column, k=3) == forecaster.predict((name for name in sequence), k=3) == expected
    # The same two at once: another number of sequences may be multiplied in another order, and round otherwise.
    both = [sequence, ["e3"]]
    assert forecaster.predict(pd.Series(both, index=[5, 9]), k=3) == forecaster.predict(both, k=3)
    newer = {"g1": ["e4"]}
    (found,) = forecaster.forecast(newer=newer, generators=pd.Series(["g1"]), k=3)
    assert forecaster.forecast(["g1"], newer=pd.Series(newer), k=3) == [found]


def test_elements_that_are_numbers_may_be_given_as_such(tmp_path, monkeypatch, write_dataset):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["pytest"])
    write_dataset(
        tmp_path / "dataset", "numbers", {str(g): [str((g + i) % 110) for i in range(12)] for g in range(110)}
    )
    run_recbole(model="MarkovChain", dataset="numbers", config_dict={"show_progress": False, "use_gpu": False})
    forecaster = Forecaster.load(next(tmp_path.glob("saved/*.pth")))
    assert forecaster.predict([24, 57], k=3) == forecaster.predict(np.array([24, 57]), k=3)
    assert forecaster.predict(np.array([24, 57]), k=3) == forecaster.predict(["24", "57"], k=3)
    assert forecaster.forecast([44], newer={44: [57]}, k=3) == forecaster.forecast(["44"], newer={"44": ["57"]}, k=3)


@pytest.mark.parametrize(
    "ask, error, message",
    [
        (lambda f: f.forecast(["g99"]), DataError, "generator: the model knows no 'g99'; did you mean 'g9'"),
        (lambda f: f.predict(["e1", "f17"]), DataError, "element: the model knows no 'f17'; did you mean 'e17'"),
        (lambda f: f.predict([]), DataError, "nothing to predict from"),
        (lambda f: f.predict([["e1"], []]), DataError, "nothing to predict from"),
        (lambda f: f.forecast(["g1"], k=0), SettingsError, r"k \(--topk\): 0 must lie between 1 and the model's 120"),
        (
            lambda f: f.predict(["e1"], k=121),
            SettingsError,
            r"k \(--topk\): 121 must lie between 1 and the model's 120",
        ),
        (
            lambda f: f.predict(["e1"], k=2.0),
            SettingsError,
            r"k \(--topk\): 2.0 must lie between 1 and the model's 120",
        ),
        (lambda f: f.predict("e1"), DataError, r"sequence: 'e1' is no list; give one, as in \['e1'\]"),
        (lambda f: f.predict([["e1"], "e2"]), DataError, "sequence: 'e2' is no list"),
        (lambda f: f.predict(["e1", float("nan")]), DataError, "element: the model knows no 'nan'"),
        (lambda f: f.predict(["e1", None]), DataError, "element: the model knows no 'None'"),
        (lambda f: f.forecast("g1"), DataError, r"generator: 'g1' is no list; give one, as in \['g1'\]"),
        (lambda f: f.forecast(newer={"g1": "e4"}), DataError, "newer events of g1: 'e4' is no list"),
        (lambda f: f.predict(["e1"], k=True), SettingsError, r"k \(--topk\): True must lie"),
        (lambda f: f.predict(np.array("e1")), DataError, "sequence: array.* is no list"),
        (lambda f: f.predict(None), DataError, r"sequence: None is no list; give one, as in \['A', 'B'\]"),
        (lambda f: f.forecast(newer=["e1"]), DataError, r"newer: \['e1'\] does not say whose events they are"),
        (lambda f: f.chances(["e1"]), DataError, "element: the model has the numbers 1 to 120, and no 'e1'"),
        (lambda f: f.chances([121]), DataError, "element: the model has the numbers 1 to 120, and no 121"),
    ],
)
def test_what_cannot_be_asked_is_told(saved, ask, error, message):
    with pytest.raises(error, match=message):
        ask(Forecaster.load(saved("SASRec").path))


def test_hyperrec_scores_histories_that_are_not_the_datasets(saved):
    """Its rows pointed into the dataset, which a new sequence is no part of."""
    found = Forecaster.load(saved("HyperRec", periods=2).path).predict([["e1", "e2"], ["e3"]], k=2)
    assert [len(predictions) for predictions in found] == [2, 2]


def test_the_benchmark_measures_one_peer(saved, tmp_path):
    benchmark = Path(__file__).parents[2] / "benchmarks" / "forecast.py"
    arguments = ["--checkpoint", saved("HAIL", peers=2).path, "--output", tmp_path / "out.json"]
    sizes = ["--sequences=20", "--length=4", "--rounds=1", "--threads=1"]
    done = subprocess.run([sys.executable, benchmark, *arguments, *sizes], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    (row,) = json.loads((tmp_path / "out.json").read_text())["results"]
    assert row["model"] == "HAIL causal" and row["a second"] == pytest.approx(20 / row["seconds"])
