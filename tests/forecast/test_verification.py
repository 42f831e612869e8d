"""Ranks of newer events against a slow loop and against counts by hand, and what is said of known ranks."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_hail.data.words import Words
from recbole_hail.errors import DataError
from recbole_hail.evaluation.metrics import Ranks
from recbole_hail.evaluation.ranking import chosen_view
from recbole_hail.evaluation.significance import wilson_interval
from recbole_hail.forecast import Forecaster
from recbole_hail.forecast.history_times import Event
from recbole_hail.forecast.scoring import logits
from recbole_hail.forecast.verification import METRICS, Verification, verify
from recbole_hail.forecast.verification_output import FORMATS, caption, conclusions
from recbole_hail.forecast.verification_tables import tables

MODELS = [
    ("HAIL", {"peers": 2}),
    ("HAIL", {"peers": 2, "predict_with": 2, "base_network": "causal"}),
    ("SASRec", {}),
    ("Caser", {}),
    ("GeneratorFrequency", {}),
    ("GeneratorKNN", {}),
]
# Of the repeating world, and some that it does not know.
NEWER = st.lists(
    st.tuples(st.sampled_from(["g1", "g2", "g3", "G3", "new"]), st.sampled_from(["e1", "e2", "e3", "e90", "nothing"])),
    max_size=12,
)


def as_events(pairs) -> list[Event]:
    return [Event(line, generator, element, "", "") for line, (generator, element) in enumerate(pairs, 2)]


def slow_ranks(forecaster, pairs) -> list[tuple[int, int]]:
    """Elements before the one that came, and tied with it, one forecast for each event."""
    trained, elements = forecaster.trained, forecaster.elements
    events, start = trained.histories()
    newer, found = {}, []
    for name, element in pairs:
        generator = forecaster.generators.number(name)
        if generator is None:
            continue
        before = newer.setdefault(generator, [])
        history = np.array([*events[start[generator] : start[generator + 1]], *before])
        scores = logits(trained, [history], np.array([generator]))[chosen_view(trained.model)][0, 1:]
        number = elements.number(element)
        if number is None:
            found.append((len(scores), 0))
            continue
        own = scores[number - 1]
        found.append((int((scores > own).sum()), int((scores == own).sum()) - 1))
        before.append(number)
    return found


@pytest.mark.parametrize("name, given_settings", MODELS)
def test_many_at_once_rank_as_one_forecast_for_each_event(saved, name, given_settings):
    forecaster = Forecaster.load(saved(name, **given_settings).path)

    @settings(max_examples=15, derandomize=True)
    @given(NEWER)
    def ranked_alike(pairs):
        pairs = [("g1", "e1"), *pairs]
        ranks = verify(forecaster, as_events(pairs)).ranks[name]
        assert [*zip(ranks.higher.tolist(), ranks.ties.tolist(), strict=True)] == slow_ranks(forecaster, pairs)

    ranked_alike()


@pytest.mark.parametrize("name, given_settings", MODELS)
def test_the_next_event_has_its_place_in_a_forecast_of_today(saved, name, given_settings):
    made = saved(name, **given_settings)
    forecaster = Forecaster.load(made.path)
    names = list(made.world)[:9]
    forecasts = forecaster.forecast(names, k=120)
    came = {one.generator: one.predictions[3 * place].element for place, one in enumerate(forecasts)}
    found = verify(forecaster, {name: [element] for name, element in came.items()})
    for place, ranks in enumerate(zip(found.ranks[name].higher, found.ranks[name].ties, strict=True)):
        assert ranks[0] <= 3 * place <= sum(ranks)
    assert found.chance == pytest.approx([one.predictions[0].probability for one in forecasts], rel=1e-4)


@settings(max_examples=15, derandomize=True)
@given(NEWER)
def _counted_by_hand(forecaster, world, pairs):
    pairs = [("g2", "e2"), ("g2", "e2"), *pairs]
    found = verify(forecaster, as_events(pairs))
    popularity = Counter(element for elements in world.values() for element in elements)
    newer, row = {}, 0
    for name, element in pairs:
        if name == "new":
            continue
        history = newer.setdefault(name.lower(), [*world[name.lower()]])
        if element in popularity:
            own = Counter(history)
            for count, key in (
                ("GeneratorFrequency", lambda e, own=own: (own[e], popularity[e])),
                ("Pop", popularity.get),
            ):
                keys = [key(other) for other in popularity]
                higher, ties = sum(k > key(element) for k in keys), sum(k == key(element) for k in keys) - 1
                assert (found.ranks[count].higher[row], found.ranks[count].ties[row]) == (higher, ties)
            history.append(element)
        row += 1
    assert row == len(found.place)


def test_counts_are_those_by_hand_with_the_newer_events_before(saved):
    made = saved("SASRec")
    _counted_by_hand(Forecaster.load(made.path), made.world)


def test_unknown_elements_are_misses_and_unknown_generators_are_left_out(saved):
    forecaster = Forecaster.load(saved("HAIL", peers=2).path)
    pairs = [("g1", "nothing"), ("new", "e1"), ("g2", "e4"), ("g1", "e9"), ("new", "nothing"), ("g1", "nothing")]
    found = verify(forecaster, as_events(pairs))
    assert found.generators == ["g1", "g2", "g1", "g1"] and found.place.tolist() == [0, 0, 1, 2]
    assert found.known.tolist() == [False, True, True, False]
    assert found.left_out == {"new": 2} and found.unknown == {"nothing": 2}
    of = found.values()
    assert of.keys() == {"HAIL", "GeneratorFrequency", "Pop", "guessing"}
    for by_metric in of.values():
        assert all(by_metric[metric][[0, 3]].tolist() == [0, 0] for metric in METRICS)
    assert of["guessing"]["hit@5"][1] == pytest.approx(5 / 120)
    assert of["guessing"]["mrr"][1] == pytest.approx(sum(1 / rank for rank in range(1, 121)) / 120)


def test_events_may_be_given_by_generator(saved):
    forecaster = Forecaster.load(saved("SASRec").path)
    one = verify(forecaster, as_events([("g1", "e4"), ("g2", "e5"), ("g1", "e9")]))
    other = verify(forecaster, {"g1": ["e4", "e9"], "g2": ["e5"]})
    assert other.generators == ["g1", "g1", "g2"]
    assert other.ranks["SASRec"].higher.tolist() == one.ranks["SASRec"].higher[[0, 2, 1]].tolist()
    with pytest.raises(DataError, match="newer events of g1: 'e4' is no list"):
        verify(forecaster, {"g1": "e4"})


def test_a_count_does_not_stand_beside_itself(saved):
    found = verify(Forecaster.load(saved("GeneratorFrequency").path), {"g1": ["e4"]})
    assert found.model == "GeneratorFrequency" and found.counts == ["Pop"]


@pytest.mark.parametrize("events", [{"new": ["e1", "e2"]}, {"new": []}, []])
def test_nothing_to_ask_is_an_error(saved, events):
    with pytest.raises(DataError, match=r"history: none of its [02] events is of a generator in the training data"):
        verify(Forecaster.load(saved("SASRec").path), events)


def test_days_are_those_of_the_events_that_are_asked(saved):
    forecaster = Forecaster.load(saved("SASRec").path)
    rows = [("g1", "0", "2025-01-03T10:00:00"), ("new", "0", "2025-02-01T00:00:00"), ("g2", "1", "2025-01-09T00:00:00")]
    events = [Event(2, generator, "e1", timestamp, time) for generator, timestamp, time in rows]
    assert verify(forecaster, events).days == ("2025-01-03", "2025-01-09")
    assert verify(forecaster, [event._replace(time="", timestamp="2025-01-04") for event in events]).days is not None
    assert verify(forecaster, [event._replace(time="") for event in events]).days is None


def made_up(model, frequency, pop=None, *, generators=None, chance=0.5, known=None) -> Verification:
    """Of ranks from 1 without ties, one generator for each."""
    rows = len(model)
    generators = generators or [f"g{row}" for row in range(rows)]
    ranks = {"HAIL": model, "GeneratorFrequency": frequency, "Pop": pop or [50] * rows, "guessing": [50] * rows}
    return Verification(
        generators,
        ["e1"] * rows,
        np.array([generators[:row].count(name) for row, name in enumerate(generators)]),
        np.ones(rows, dtype=bool) if known is None else np.array(known),
        {name: Ranks(np.array(of) - 1, np.zeros(rows, dtype=int), np.full(rows, 99)) for name, of in ranks.items()},
        np.full(rows, chance),
        Counter(),
        None,
    )


def said(found: Verification, name: str = "all") -> str:
    return "\n".join(conclusions(found, tables(found)[name]))


def test_means_are_of_the_next_and_of_all_events():
    of = tables(made_up([1, 2, 5, 20], [1, 1, 1, 1], generators=["a", "b", "a", "a"]))
    next_one, every = of["next"].scores["HAIL"], of["all"].scores["HAIL"]
    assert (of["next"].events, of["all"].events, of["all"].generators) == (2, 4, 2)
    assert [next_one[metric].mean for metric in METRICS] == [0.5, 1.0, 1.0, 0.75]
    assert [every[metric].mean for metric in METRICS] == [0.25, 0.75, 0.75, pytest.approx((1 + 0.5 + 0.2 + 0.05) / 4)]
    assert next_one["hit@1"].low == 0 and next_one["hit@1"].high == 1


def test_all_events_of_a_generator_are_drawn_together():
    apart = tables(made_up([1] * 50 + [2] * 50, [9] * 100))["all"].scores["HAIL"]["hit@1"]
    together = tables(made_up([1] * 50 + [2] * 50, [9] * 100, generators=[*"aabbccddee"] * 5 + [*"ffgghhiijj"] * 5))
    found = together["all"].scores["HAIL"]["hit@1"]
    assert apart.mean == found.mean == 0.5 and found.high - found.low > 2 * (apart.high - apart.low)


def test_it_is_said_plainly_which_side_a_difference_is_on():
    mixed = [1, 2] * 60
    assert "right first: HAIL cannot be told apart from GeneratorFrequency (+0.0 points, 95 % interval" in said(
        made_up(mixed, mixed[::-1])
    )
    better = said(made_up([1] * 60 + mixed, [2] * 60 + mixed))
    assert "right first: HAIL is 33.3 points better than GeneratorFrequency (95 % interval +26" in better
    assert "MRR: HAIL is 0.167 better than GeneratorFrequency (95 % interval +0.1" in better
    worse = said(made_up([2] * 60 + mixed, [9] * 180, [1] * 60 + mixed))
    assert "right first: HAIL is 33.3 points worse than Pop (95 % interval -4" in worse, "the better count"
    assert "so few" not in worse


def test_chances_are_held_against_what_came_true():
    mixed = [1, 2] * 60
    believed = "HAIL's first answers had a chance of 50.0 % on average, and 50.0 % of them came true"
    assert said(made_up(mixed, mixed)).splitlines()[-1] == believed
    assert said(made_up(mixed, mixed, chance=0.9)).endswith("50.0 % of them came true, fewer than forecast")
    assert said(made_up(mixed, mixed, chance=0.1)).endswith("50.0 % of them came true, more than forecast")


def test_nine_misses_are_no_sign_of_fewer_than_forecast():
    """0 of 9 at 16.2 % happens one time in five; it was "fewer than forecast", 0.0 % (0.0 to 0.0)."""
    chances = np.linspace(0.1, 0.224, 9)
    found = made_up([7] * 9, [7] * 9, chance=chances)
    table = tables(found)["all"]
    first = table.scores["HAIL"]["hit@1"]
    assert (first.mean, first.low) == (0, 0) and first.high == pytest.approx(wilson_interval(0, 9)[1])
    assert table.differences["hit@1"].estimate.low == -first.high, "either may have been first of some"
    less = table.came_true_less_chance
    assert less.high == pytest.approx(1.96 * np.sqrt((chances * (1 - chances)).sum()) / 9 - chances.mean())
    told = "right first: HAIL cannot be told apart from GeneratorFrequency (+0.0 points, 95 % interval -29.9 to +29.9)"
    assert told in said(found)
    assert "a chance of 16.2 % on average, and 0.0 % of them came true\n" in said(found)
    assert "0.0 % of them came true, fewer than forecast" in said(made_up([7] * 30, [7] * 30, chance=0.162))


def test_few_events_and_a_single_generator_are_told_of():
    few = said(made_up([1] * 99, [2] * 99))
    assert few.endswith("so few events say little: 99, fewer than 100")
    assert "so few" not in said(made_up([1] * 100, [2] * 100))
    alone = made_up([1] * 100, [2] * 100, generators=["a"] * 100)
    assert "HAIL differs by +100.0 points from GeneratorFrequency; one generator says nothing of others" in said(alone)
    assert tables(alone)["all"].scores["HAIL"]["mrr"].low is None


def _forecaster():
    trained = SimpleNamespace(config={"model": "HAIL", "dataset": "city"}, file="saved/HAIL.pth")
    known = {
        noun: Words(noun[:-1], np.array(["[PAD]", "likenone"]), Path("no.file")) for noun in ("generators", "elements")
    }
    return SimpleNamespace(days=None, trained=trained, **known)


@pytest.mark.parametrize("form", FORMATS)
def test_a_form_writes_what_a_single_generator_has(form):
    found = made_up([1, 4], [2, 4], generators=["a", "a"], known=[True, False])
    text = FORMATS[form](_forecaster(), found, tables(found), None)
    if form == "text":
        assert "of 1 generator\ncounted as misses: 1 event whose element the model does not know: " in text
        assert "every newer event (2)" in text
    elif form == "csv":
        header, first, *_ = text.splitlines()
        assert header.startswith("events,model,asked,generators,right_first,right_first_low,right_first_high,first_5,")
        assert first == "next,HAIL,1,1,1,,,1,,,1,,,1,,"
    else:
        read = json.loads(text)
        assert [event["rank"]["HAIL"] for event in read["events"]] == [1.0, None]
        assert read["tables"]["all"]["scores"]["HAIL"]["hit@1"] == {"mean": 0.5, "low": None, "high": None}


def test_one_table_is_enough_where_every_generator_has_one_event():
    found = made_up([1, 4], [2, 4])
    text = FORMATS["text"](_forecaster(), found, tables(found), "history: 1 event is old")
    assert text.count("right first  ") == 1 and "every newer event: the same, because no generator has two" in text
    assert "warning: history: 1 event is old" in text


def test_no_more_than_the_first_unknown_elements_are_listed():
    found = made_up([1] * 12, [2] * 12, generators=["a"] * 12, known=[False] * 12)
    found = replace(found, elements=[f"x{number}" for number in range(12)])
    assert caption(_forecaster(), found)[2].endswith("'x8' (1), 'x9' (1) and 2 more")
