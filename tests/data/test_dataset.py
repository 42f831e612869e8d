import random

import pytest
import torch
from recbole.data import create_dataset, data_preparation

from recbole_hail.data.dataset import HAILDataset
from recbole_hail.data.windows import gather
from recbole_hail.errors import DataError, UserError

SPLITS = ["valid_and_test", "valid_only", "test_only"]


def random_sequences(seed, users=12, items=9, longest=11):
    """Lengths from 1, so also sequences that cannot be split, with repeated items and tied times."""
    draw = random.Random(seed)
    lengths = [1, 2, 3, 4, 5, longest] + [draw.randint(1, longest) for _ in range(users - 6)]
    return {
        f"u{u}": [(f"i{draw.randrange(items)}", draw.randrange(6)) for _ in range(length)]
        for u, length in enumerate(lengths)
    }


def build_both(make_config, sequences, **settings):
    from recbole.data.dataset import SequentialDataset

    ours = HAILDataset(make_config(sequences, **settings)).build()
    theirs = SequentialDataset(make_config(sequences, model="SASRec", **settings)).build()
    return ours, theirs


def training_stretches(train):
    """The training sequences as the names of their items, one list per user."""
    table = gather(train.elements, train.sequences)
    lengths = train.sequences.length.tolist()
    return sorted(
        train.id2token("item_id", row[:length]).tolist() for row, length in zip(table.tolist(), lengths, strict=True)
    )


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("longest", [2, 4, 50])
@pytest.mark.parametrize("seed", [0, 1])
def test_rows_are_those_that_recbole_gives_sasrec(make_config, split, longest, seed):
    sequences = random_sequences(seed)
    ours, theirs = build_both(make_config, sequences, split=split, MAX_ITEM_LIST_LENGTH=longest)
    sizes = [len(part) for part in theirs]
    assert [len(part) for part in ours] == sizes
    assert sizes[0] > 0
    assert [size > 0 for size in sizes[1:]] == [split != "test_only", split != "valid_only"]
    for our_part, their_part in zip(ours, theirs, strict=True):
        if not len(their_part):
            continue
        everything = torch.arange(len(their_part))
        found, expected = our_part[everything], their_part[everything]
        for field in ("user_id", "item_id", "timestamp", "item_length", "item_id_list"):
            assert torch.equal(found[field], expected[field]), field
            assert found[field].dtype == expected[field].dtype, field


def test_rows_may_be_asked_for_in_any_order_and_by_slice(make_config):
    (ours, *_), (theirs, *_) = build_both(make_config, random_sequences(2))
    for index in (torch.tensor([5, 0, 5, 3]), [2, 1], slice(1, 6)):
        assert torch.equal(ours[index]["item_id_list"], theirs[index]["item_id_list"])


def test_known_rows(make_config):
    names = ["a", "b", "c", "d", "e", "f", "g"]
    sequences = {"long": [(name, i) for i, name in enumerate(names)], "single": [("h", 0)]}
    train, valid, test = HAILDataset(make_config(sequences)).build()
    for part, history, target in ((valid, "bcde", "f"), (test, "cdef", "g")):
        rows = part[torch.arange(len(part))]
        assert part.id2token("item_id", rows["item_id_list"][0]).tolist() == list(history)
        assert part.id2token("item_id", rows["item_id"][0]) == target
        assert rows["item_length"].tolist() == [4]
    assert training_stretches(train) == [list("abcde")]


def test_events_of_one_time_keep_the_order_of_the_file(make_config):
    """Stable, as RecBole sorts them; the file is shuffled, so its order is read back."""
    sequences = {"u": [(f"i{i}", 7) for i in range(8)]}
    config = make_config(sequences)
    with open(f"{config['data_path']}/tiny.inter", encoding="utf-8") as file:
        in_file = [line.split("\t")[1] for line in file.read().splitlines()[1:]]
    assert in_file != [f"i{i}" for i in range(8)]
    train, _, test = HAILDataset(config).build()
    assert training_stretches(train) == [in_file[:-2]]
    assert test.id2token("item_id", test.inter_feat["item_id"][0]) == in_file[-1]


@pytest.mark.parametrize(
    ("split", "train_on_valid", "left_out"),
    [
        # How many events at the end of sequences of 1, 2, 3, 4 and 9 events are not trained on; None: no row at all.
        ("valid_and_test", False, [None, 0, 1, 2, 2]),
        ("valid_and_test", True, [None, 0, 1, 1, 1]),
        ("valid_only", False, [None, 0, 1, 1, 1]),
        ("valid_only", True, [None, 0, 0, 0, 0]),
        ("test_only", False, [None, 0, 1, 1, 1]),
        ("test_only", True, [None, 0, 1, 1, 1]),
    ],
)
def test_training_ends_before_the_validation_element(make_config, distinct_items, split, train_on_valid, left_out):
    sequences = distinct_items([1, 2, 3, 4, 9])
    train, *_ = HAILDataset(make_config(sequences, split=split, train_on_valid=train_on_valid)).build()
    expected = [
        [item for item, _ in events][: len(events) - without]
        for events, without in zip(sequences.values(), left_out, strict=True)
        if without is not None
    ]
    assert training_stretches(train) == expected


@pytest.mark.parametrize("train_on_valid", [False, True])
def test_no_target_of_a_later_part_is_in_training(make_config, distinct_items, train_on_valid):
    sequences = distinct_items([2, 3, 4, 5, 8, 12])
    train, valid, test = HAILDataset(make_config(sequences, train_on_valid=train_on_valid)).build()
    trained = {item for stretch in training_stretches(train) for item in stretch}
    targets = {
        name: set(part.id2token("item_id", part.inter_feat["item_id"])) for name, part in (("v", valid), ("t", test))
    }
    assert not trained & targets["t"]
    assert (trained & targets["v"]) == (targets["v"] if train_on_valid else set())


def test_training_by_ratio_ends_with_the_last_training_row(make_config, distinct_items):
    config = make_config(distinct_items([11]))
    config["eval_args"]["split"] = {"RS": [0.6, 0.2, 0.2]}
    train, valid, test = HAILDataset(config).build()
    assert [len(part) for part in (train, valid, test)] == [6, 2, 2]
    assert training_stretches(train) == [[f"u0i{i}" for i in range(7)]]


def test_memory_grows_with_events_and_not_with_events_times_length(make_config):
    sequences = random_sequences(3, users=20)
    events = sum(map(len, sequences.values()))
    parts = HAILDataset(make_config(sequences, MAX_ITEM_LIST_LENGTH=50)).build()
    for part in parts:
        held = [value for value in vars(part).values() if isinstance(value, torch.Tensor)]
        held += part.inter_feat.interaction.values()
        held += part.sequences if "sequences" in vars(part) else []
        assert all(tensor.dim() == 1 and len(tensor) <= events for tensor in held)
    assert len({part.elements.data_ptr() for part in parts}) == 1  # the parts share one copy of all sequences


def test_the_interaction_matrix_is_recboles(make_config):
    ours, theirs = build_both(make_config, random_sequences(4))
    assert (ours[0].inter_matrix().toarray() == theirs[0].inter_matrix().toarray()).all()


@pytest.mark.parametrize("split", [{"LS": "valid_and_test"}, {"RS": [0.8, 0.1, 0.1]}, {"TS": [0.8, 0.1, 0.1]}], ids=str)
@pytest.mark.parametrize("lengths", [[1], [1, 1, 1], [2], [2, 2]])
def test_data_that_leave_no_training_are_a_message(make_config, distinct_items, split, lengths):
    """Generators with one event each ended in a traceback of numpy or torch."""
    settings = {"candidates": "full", "topk": [1], "metrics": ["MRR"], "valid_metric": "MRR"}
    arguments = {"order": "TO", "group_by": "user", "mode": "full", "split": split}
    config = make_config(distinct_items(lengths), eval_args=arguments, **settings)
    with pytest.raises(DataError, match=r"leaves nothing for|has only"):
        data_preparation(config, create_dataset(config))


def test_ready_made_splits_are_refused_by_name(make_config, distinct_items, tmp_path):
    """RecBole's benchmark_filename brings rows with their own histories, which windows cannot be cut from."""
    config = make_config(distinct_items([5]), benchmark_filename=["train", "valid", "test"])
    for part in config["benchmark_filename"]:
        lines = ["user_id:token\titem_id:token\titem_id_list:token_seq\ttimestamp:float", "u\tb\ta\t1", "u\tc\ta b\t2"]
        (tmp_path / "dataset" / "tiny" / f"tiny.{part}.inter").write_text("\n".join(lines) + "\n", encoding="utf-8")
    config["load_col"] = None
    config["alias_of_item_id"] = ["item_id_list"]
    with pytest.raises(UserError, match="benchmark_filename"):
        HAILDataset(config).build()
