"""Whole sequences beside RecBole's rows: what came before a target, under every split and kind of dataset."""

import pickle
import random
from types import SimpleNamespace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recbole.data import create_dataset, data_preparation
from recbole.data.interaction import Interaction

from recbole_hail.data.history import EVENTS_BEFORE, attach_history

FIELDS = {"uid_field": "user_id", "iid_field": "item_id"}
# Two generators with repeats; each event carries its time, the file's rows are shuffled.
WORLD = {
    "u1": [(item, time) for time, item in enumerate("abacabd")],
    "u2": [(item, time + 3) for time, item in enumerate("ccbcc")],
}
ARGUMENTS = {"order": "TO", "group_by": "user", "mode": "full"}
RANKING = {"topk": [1], "metrics": ["Hit", "MRR"], "valid_metric": "MRR"}
BY_RECBOLE = {**RANKING, "valid_metric": "MRR@1"}
LEAVE_ONE_OUT = {**ARGUMENTS, "split": {"LS": "valid_and_test"}}
SPLITS = [{"LS": "valid_and_test"}, {"RS": [0.6, 0.2, 0.2]}, {"TS": [0.6, 0.2, 0.2]}]


def split(make_config, sequences, model, how, **settings):
    ranking = RANKING if model != "Pop" else BY_RECBOLE
    config = make_config(sequences, model=model, eval_args={**ARGUMENTS, "split": how}, **ranking, **settings)
    return [loader._dataset for loader in data_preparation(config, create_dataset(config))]


def known(part):
    """(generator, target, events before it, whether it is a repeat) of each row, by name."""
    feat, history = part.inter_feat, part.history
    repeat = history.repeats(feat["user_id"], feat["item_id"], feat[EVENTS_BEFORE])
    generators = part.id2token("user_id", feat["user_id"])
    elements = part.id2token("item_id", feat["item_id"])
    return set(zip(generators, elements, feat[EVENTS_BEFORE].tolist(), repeat.tolist(), strict=True))


def by_loop(sequences) -> set:
    return {
        (user, item, place, item in [before for before, _ in events[:place]])
        for user, events in sequences.items()
        for place, (item, _) in enumerate(events)
    }


def sequences_of(part) -> dict[str, str]:
    """The history of a part as names."""
    history = part.history
    ends = [*history.start[1:].tolist(), len(history.elements)]
    return {
        part.id2token("user_id", g): "".join(part.id2token("item_id", history.elements[history.start[g] : ends[g]]))
        for g in range(1, part.user_num)
    }


@pytest.mark.parametrize("how", SPLITS, ids=str)
@pytest.mark.parametrize("model", ["HAIL", "SASRec", "Pop"])
def test_every_split_of_every_dataset_knows_what_came_before(make_config, model, how):
    # RecBole refuses to split for Pop where a generator has had every element and several answers are ranked together.
    world = {**WORLD, "u3": [(item, time) for time, item in enumerate("efgefg")]}
    parts = split(make_config, world, model, how)
    rows = set().union(*map(known, parts))
    expected = by_loop(world)
    if model != "Pop":  # no row for a generator's first event
        expected = {row for row in expected if row[2] > 0}
    assert rows == expected
    assert [part.phase for part in parts] == ["train", "valid", "test"]
    for part in parts:
        assert sequences_of(part) == {"u1": "abacabd", "u2": "ccbcc", "u3": "efgefg"}


def test_the_parts_follow_one_another(make_config):
    parts = split(make_config, WORLD, "SASRec", {"LS": "valid_and_test"})
    assert known(parts[1]) == {("u1", "b", 5, True), ("u2", "c", 3, True)}
    assert known(parts[2]) == {("u1", "d", 6, False), ("u2", "c", 4, True)}


@pytest.mark.parametrize("model", ["HAIL", "SASRec", "Pop"])
def test_popularity_counts_the_training_part_with_first_events(make_config, model):
    parts = split(make_config, WORLD, model, {"LS": "valid_and_test"})
    popularity = parts[0].history.popularity
    counted = {name: int(popularity[parts[0].token2id("item_id", name)]) for name in "abcd"}
    assert counted == {"a": 3, "b": 2, "c": 3, "d": 0}  # abaca and ccb
    assert popularity[0] == 0


@pytest.mark.parametrize("model", ["HAIL", "SASRec"])
def test_popularity_of_a_split_by_time_knows_nothing_of_who_begins_after_it(make_config, model):
    """First events of generators without a row in training were counted."""
    world = {"u1": [(item, time) for time, item in enumerate("abababababab")], "u2": [("c", 90), ("a", 91)]}
    how = {**ARGUMENTS, "group_by": None, "split": {"RS": [0.8, 0.1, 0.1]}}
    config = make_config({**world, "u3": [("c", 95), ("a", 96)]}, model=model, eval_args=how, **RANKING)
    train, valid, test = (loader._dataset for loader in data_preparation(config, create_dataset(config)))
    assert [len(train), len(valid), len(test)] == [11, 1, 1]
    counted = {name: int(train.history.popularity[train.token2id("item_id", name)]) for name in "abc"}
    assert counted == {"a": 6, "b": 6, "c": 0}


@pytest.mark.parametrize("model", ["HAIL", "SASRec", "Pop"])
def test_a_file_may_have_columns_of_our_names(make_config, tmp_path, model):
    """SASRec ended in an AttributeError, taken for a dataset of ours by a column of its file."""
    expected = set().union(*map(known, split(make_config, WORLD, model, {"LS": "valid_and_test"})))
    file, names = tmp_path / "dataset" / "tiny" / "tiny.inter", "\tcontext_start:float\tevents_before:float\n"
    how = {"eval_args": LEAVE_ONE_OUT, "load_col": None, **(RANKING if model != "Pop" else BY_RECBOLE)}
    config = make_config(WORLD, model=model, **how)
    header, *rows = file.read_text().splitlines()
    file.write_text(header + names + "".join(f"{row}\t5\t3\n" for row in rows))
    parts = [loader._dataset for loader in data_preparation(config, create_dataset(config))]
    assert set().union(*map(known, parts)) == expected


def test_rows_that_all_hold_one_event_have_one_first_event_each(make_config):
    """With MAX_ITEM_LIST_LENGTH 1 every row looks like a generator's second event."""
    parts = split(make_config, WORLD, "GRU4Rec", {"LS": "valid_and_test"}, MAX_ITEM_LIST_LENGTH=1)
    assert sequences_of(parts[2]) == {"u1": "abacabd", "u2": "ccbcc"}
    assert known(parts[2]) == {("u1", "d", 6, False), ("u2", "c", 4, True)}


def test_a_generator_whose_rows_are_all_held_out(make_config):
    """Under a split by time of all events, a late generator may have no training row at all."""
    early = [(item, time) for time, item in enumerate("abacabdcab")]
    sequences = {"u1": early, "u2": [("c", 50), ("d", 51), ("c", 52)]}
    arguments = {**ARGUMENTS, "group_by": "none", "split": {"RS": [0.6, 0.2, 0.2]}}
    config = make_config(sequences, model="SASRec", eval_args=arguments, **RANKING)
    parts = [loader._dataset for loader in data_preparation(config, create_dataset(config))]
    assert sequences_of(parts[0]) == {"u1": "abacabdcab", "u2": "cdc"}
    assert ("u2", "c", 2, True) in known(parts[2])


def test_events_of_one_moment_keep_the_order_of_the_file(workplace, write_dataset, small):
    from recbole.config import Config

    folder = write_dataset(workplace / "dataset", "ties", {}).parent
    rows = [f"u{u}\t{item}\t{rank // 3}" for u in range(3) for rank, item in enumerate("abcabcabc")]
    (folder / "ties.inter").write_text("\n".join(["user_id:token\titem_id:token\ttimestamp:float", *rows]) + "\n")
    found = []
    for model in ("HAIL", "SASRec", "Pop"):
        config = Config(
            model=model,
            dataset="ties",
            config_dict={**small, "eval_args": LEAVE_ONE_OUT, **BY_RECBOLE, "repeatable": True},
        )
        found.append(sequences_of(data_preparation(config, create_dataset(config))[2]._dataset))
    assert found == [{f"u{u}": "abcabcabc" for u in range(3)}] * 3


def test_a_history_survives_pickling_with_its_part(make_config):
    part = split(make_config, WORLD, "HAIL", {"LS": "valid_and_test"})[2]
    again = pickle.loads(pickle.dumps(part))
    assert known(again) == known(part) and again.phase == "test"


def test_without_order_in_time_nothing_is_attached(make_config):
    config = make_config(
        {f"u{u}": [(f"i{u}{i}", i) for i in range(9)] for u in range(2)},
        model="Pop",
        **BY_RECBOLE,
        eval_args={**ARGUMENTS, "order": "RO", "split": {"RS": [0.6, 0.2, 0.2]}},
    )
    for loader in data_preparation(config, create_dataset(config)):
        assert not hasattr(loader._dataset, "history")
        assert EVENTS_BEFORE not in loader._dataset.inter_feat


def test_with_benchmark_files_nothing_is_attached(make_config, tmp_path):
    files = ["train", "valid", "test"]
    config = make_config({}, model="Pop", benchmark_filename=files, eval_args=LEAVE_ONE_OUT, **BY_RECBOLE)
    for name, events in (("train", "abc"), ("valid", "d"), ("test", "e")):
        rows = [f"u{u}\t{item}{u}\t{time}" for time, item in enumerate(events) for u in range(2)]
        path = tmp_path / "dataset" / "tiny" / f"tiny.{name}.inter"
        path.write_text("\n".join(["user_id:token\titem_id:token\ttimestamp:float", *rows]) + "\n")
    for loader in data_preparation(config, create_dataset(config)):
        assert not hasattr(loader._dataset, "history")


class Part(SimpleNamespace):
    """The little of a RecBole dataset that a history is made of."""

    def __len__(self):
        return len(self.inter_feat)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=8), min_size=1, max_size=5),
    st.lists(st.integers(0, 8), min_size=2, max_size=2),
    st.randoms(use_true_random=False),
)
def test_repeats_agree_with_a_loop(sequences, cuts, draw: random.Random):
    """Any sequences, cut anywhere into three parts, rows of different generators in any order."""
    first, second = sorted(cuts)
    rows = [[], [], []]
    for generator, elements in enumerate(sequences, start=1):
        for place, element in enumerate(elements):
            rows[(place >= first) + (place >= second)].append((generator, place, element))
    parts = []
    for of_part in rows:
        keys = {generator: draw.random() for generator, *_ in of_part}
        of_part.sort(key=lambda row: (keys[row[0]], row[1]))
        columns = torch.tensor(of_part, dtype=torch.long).reshape(-1, 3)
        feat = Interaction({"user_id": columns[:, 0], "item_id": columns[:, 2]})
        parts.append(Part(inter_feat=feat, user_num=len(sequences) + 1, item_num=5, **FIELDS))
    attach_history(parts)
    for part, of_part in zip(parts, rows, strict=True):
        feat = part.inter_feat
        found = part.history.repeats(feat["user_id"], feat["item_id"], feat[EVENTS_BEFORE])
        assert feat[EVENTS_BEFORE].tolist() == [place for _, place, _ in of_part]
        assert found.tolist() == [element in sequences[g - 1][:place] for g, place, element in of_part]
    # What a sequential model would train on: no event that is asked about, no generator with a single event.
    asked = [(g, place) for of_part in rows[1:] for g, place, _ in of_part if place > 1]
    several = [(g, elements) for g, elements in enumerate(sequences, start=1) if len(elements) > 1]
    counted = [e for g, elements in several for place, e in enumerate(elements) if (g, place) not in asked]
    assert parts[0].history.popularity.tolist() == [counted.count(element) for element in range(5)]
