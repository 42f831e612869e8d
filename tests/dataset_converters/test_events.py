"""Filtering, order, ranks and statistics."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_converters import ConversionError
from dataset_converters.events import Events, drop_rare, in_final_order, positive, ranks, statistics
from dataset_converters.report import Tally


def events(user, item, time=None, tie=None):
    user, item = np.array(user, np.int32), np.array(item, np.int32)
    return Events(
        user=user,
        item=item,
        users=pd.DataFrame({"user_id:token": [f"u{n}" for n in range(user.max(initial=-1) + 1)]}),
        items=pd.DataFrame({"item_id:token": [f"i{n}" for n in range(item.max(initial=-1) + 1)]}),
        tie=np.arange(len(user)) if tie is None else np.array(tie),
        time=None if time is None else np.array(time),
    )


def test_final_order_is_by_user_then_time_then_tie():
    made = in_final_order(events([2, 0, 2, 2, 0], [1, 3, 0, 3, 3], [5, 9, 5, 1, 2], [8, 0, 7, 9, 0]))
    assert made.users["user_id:token"].tolist() == ["u0", "u2"]
    assert made.users["events:float"].tolist() == [2, 3]
    assert made.items["item_id:token"].tolist() == ["i0", "i1", "i3"]
    assert made.user.tolist() == [0, 0, 1, 1, 1]
    assert made.item.tolist() == [2, 2, 2, 0, 1]
    assert ranks(made.user).tolist() == [0, 1, 0, 1, 2]


@given(
    rows=st.lists(st.tuples(st.integers(0, 5), st.integers(-3, 3)), max_size=60),
    scale=st.sampled_from([1, 10**18]),
    data=st.data(),
)
def test_final_order_is_that_of_sorting_by_three_keys(rows, scale, data):
    ties = data.draw(st.permutations(range(len(rows))))
    keys = sorted((user, time * scale, tie) for (user, time), tie in zip(rows, ties, strict=True))
    user, time = [row[0] for row in rows], [row[1] * scale for row in rows]
    made = in_final_order(events(user, [0] * len(rows), time, ties))
    names = made.users["user_id:token"].to_numpy()
    found = zip(names[made.user], made.time.tolist(), made.tie.tolist(), strict=True)
    assert list(found) == [(f"u{user}", time, tie) for user, time, tie in keys]


def test_ranks_of_nothing():
    assert ranks(np.zeros(0, np.int32)).tolist() == []


def test_statistics_by_hand():
    # sequences 0 1 0 1 | 2 3 4 | 5 5: lengths 4, 3, 2; the first and the last end in a repeat
    made = statistics(np.array([0, 0, 0, 0, 1, 1, 1, 2, 2]), np.array([0, 1, 0, 1, 2, 3, 4, 5, 5]))
    assert made["all"] == {
        **{"generators": 3, "elements": 6, "elements_seen": 6, "events": 9, "max": 4, "min": 2},
        **{"mean": 3.0, "std": 0.816497},
    }
    assert made["without_last_two"] == {
        **{"generators": 2, "elements": 6, "elements_seen": 3, "events": 3, "max": 2, "min": 1},
        **{"mean": 1.5, "std": 0.5},
    }
    assert made["repeat_rate"] == 0.666667


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4)), min_size=1, max_size=60))
def test_statistics_against_plain_python(rows):
    rows = sorted(rows, key=lambda row: row[0])
    sequences = {}
    for user, item in rows:
        sequences.setdefault(user, []).append(item)
    made = statistics(np.array([row[0] for row in rows]), np.array([row[1] for row in rows]))
    lengths = [len(sequence) for sequence in sequences.values()]
    assert made["all"]["mean"] == pytest.approx(np.mean(lengths), abs=1e-6)
    assert made["all"]["std"] == pytest.approx(np.std(lengths), abs=1e-6)
    assert (made["all"]["min"], made["all"]["max"]) == (min(lengths), max(lengths))
    short = [len(sequence) - 2 for sequence in sequences.values() if len(sequence) > 2]
    assert made["without_last_two"]["generators"] == len(short)
    assert made["without_last_two"]["events"] == sum(short)
    repeats = [sequence[-1] in sequence[:-1] for sequence in sequences.values()]
    assert made["repeat_rate"] == pytest.approx(np.mean(repeats), abs=1e-6)


def test_rare_elements_go_before_rare_generators_and_only_once():
    tally = Tally()
    kept = drop_rare(events([0, 0, 0, 1, 1], [0, 0, 1, 0, 1]), tally, 2, 3)
    assert kept.user.tolist() == [0, 0] and kept.item.tolist() == [0, 0]
    assert tally.dropped == {"elements with fewer than 3 events": 2, "generators with fewer than 2 events": 1}


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=80), st.integers(1, 4))
def test_core_has_no_rare_ids_left_and_loses_nothing_that_could_stay(rows, least):
    made = events([row[0] for row in rows], [row[1] for row in rows])
    tally = Tally()
    kept = drop_rare(made, tally, least, least, repeat=True)
    assert len(kept) + sum(tally.dropped.values()) == len(rows)
    left = list(rows)
    while True:
        users, items = [row[0] for row in left], [row[1] for row in left]
        smaller = [row for row in left if users.count(row[0]) >= least and items.count(row[1]) >= least]
        if smaller == left:
            break
        left = smaller
    assert list(zip(kept.user.tolist(), kept.item.tolist(), strict=True)) == left


@pytest.mark.parametrize("value", [0, -1, 2.5, "3", True, None])
def test_options_must_be_whole_numbers(value):
    with pytest.raises(ConversionError, match="--min-events is"):
        positive("--min-events", value)
