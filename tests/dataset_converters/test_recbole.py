"""The order of events, and every token, as RecBole's own loader gives them back."""

import datetime
import random
import sys

import pytest

import dataset_converters

pytest.importorskip("recbole")
LONGEST = 600


@pytest.fixture
def sequences(tmp_path, monkeypatch):
    """Gives each generator's whole sequence as RecBole builds it for its test set: history, then target."""
    pytest.importorskip("recbole_hail")  # makes RecBole work on newer numpy and pandas
    from recbole.config import Config
    from recbole.data import create_dataset

    def loaded(folder) -> dict[str, list[str]]:
        monkeypatch.setattr(sys, "argv", ["test"])  # Config reads the command line of whatever runs
        monkeypatch.chdir(tmp_path)
        settings = {
            "data_path": str(folder.parent),
            "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
            "train_neg_sample_args": None,
            "MAX_ITEM_LIST_LENGTH": LONGEST,
            "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full", "group_by": "user"},
        }
        dataset = create_dataset(Config(model="SASRec", dataset=folder.name, config_dict=settings))
        rows = dataset.build()[2].inter_feat
        held = {}
        for place in range(len(rows)):
            length = int(rows["item_length"][place])
            items = [*rows["item_id_list"][place][:length].tolist(), int(rows["item_id"][place])]
            user = dataset.id2token("user_id", int(rows["user_id"][place]))
            held[str(user)] = [str(token) for token in dataset.id2token("item_id", items)]
        return held

    return loaded


def written(world, folder) -> dict[str, list[str]]:
    held: dict[str, list[str]] = {}
    for user, item, *_ in world.read_inter(folder)[1:]:
        held.setdefault(user, []).append(item)
    return held


def test_events_within_float32_of_each_other_keep_their_order(world, tmp_path, sequences):
    """300 events of one generator in two minutes: as Unix times, RecBole would hold one and the same float32."""
    start = datetime.datetime(2016, 7, 1, 12)
    draw = random.Random(1)
    events = []
    for number in range(300):
        when = start + datetime.timedelta(seconds=draw.randrange(120))
        events.append(world.Event(number, when, "44", "STREET", str(100 + number), f"KIND {number}"))
    expected = [f"12-15h|{event.offense}" for event in sorted(events, key=lambda event: (event.start, event.number))]
    draw.shuffle(events)
    path = tmp_path / "events.csv"
    path.write_bytes(world.nyc["35 columns"](events))
    dataset_converters.nyc(path, tmp_path / "data" / "nyc16", year=2016)
    assert sequences(tmp_path / "data" / "nyc16") == {"44|STREET": expected}


def test_every_generator_and_element_comes_back(world, tmp_path, sequences):
    path = tmp_path / "events.csv"
    path.write_bytes(world.chicago["SODA"](world.random_events(2, 400)))
    folder = tmp_path / "data" / "chi"
    dataset_converters.chicago(path, folder)
    assert sequences(folder) == written(world, folder)


def test_awkward_tokens_come_back(world, tmp_path, sequences):
    words = ["NA", "null", "None", "nan", '"', '"quoted', "%", "a|b", "[PAD]", "1.0", "01", "1", "é", "#N/A", "-"]
    path = tmp_path / "words.txt"
    path.write_text("".join(f"{user} {word}\n" for user in words for word in words), encoding="utf-8")
    folder = tmp_path / "data" / "words"
    dataset_converters.sequences(path, folder)
    held = sequences(folder)
    assert held == written(world, folder)
    assert len(held) == len(words) and all(len(set(sequence)) == len(words) for sequence in held.values())


def test_user_and_item_files_load(world, tmp_path, sequences, monkeypatch):
    from recbole.config import Config
    from recbole.data import create_dataset

    path = tmp_path / "events.csv"
    path.write_bytes(world.nyc["24 columns"](world.random_events(2, 400)))
    folder = tmp_path / "data" / "nyc"
    dataset_converters.nyc(path, folder)
    monkeypatch.setattr(sys, "argv", ["test"])
    monkeypatch.chdir(tmp_path)
    settings = {"data_path": str(folder.parent), "load_col": None}
    dataset = create_dataset(Config(model="Pop", dataset="nyc", config_dict=settings))
    assert dataset.user_num - 1 == len(world.read_table(folder, ".user"))
    assert dataset.item_num - 1 == len(world.read_table(folder, ".item"))
    assert {"precinct", "premises", "borough", "latitude", "longitude"} <= set(dataset.user_feat.columns)
    assert {"slot", "offense_code", "offense"} <= set(dataset.item_feat.columns)
