"""How datasets are read, each mended fault against what it did."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from recbole.config import Config
from recbole.data import create_dataset
from recbole.quick_start import run_recbole

from recbole_hail import Forecaster
from recbole_hail.errors import DataError


def test_missing_values_are_filled_with_any_pandas(workplace):
    folder = workplace / "dataset" / "gaps"
    folder.mkdir(parents=True)
    rows = [("a", "x", "1", "p q"), ("a", "y", "", ""), ("b", "x", "3", "q"), ("", "y", "4", "p")]
    header = "user_id:token\titem_id:token\trating:float\ttags:token_seq\n"
    (folder / "gaps.inter").write_text(header + "".join("\t".join(row) + "\n" for row in rows))
    settings = {"load_col": {"inter": ["user_id", "item_id", "rating", "tags"]}, "benchmark_filename": None}
    with pd.option_context("mode.copy_on_write", True):  # as pandas 3 always does
        dataset = create_dataset(Config(model="BPR", dataset="gaps", config_dict=settings))
    assert not dataset.inter_feat["rating"].isna().any()
    assert np.isclose(dataset.inter_feat["rating"].mean(), 2.0)
    assert [len(tags) for tags in dataset.inter_feat["tags"]] == [2, 0, 1]


@pytest.mark.parametrize(("separator", "error"), [("\t", 0), (",", 0), ("::", 1e-15)])
@pytest.mark.parametrize(
    "ratings",
    [
        "0.30000000000000004 1e23 123456789.12345679 8.41e21",
        "3 -4 1451606400 9007199254740993",
        "18446744073709551615 7 99999999999999999999999 0.1",
    ],
)
def test_values_are_read_as_written_with_separators_of_any_length(workplace, ratings, separator, error):
    """pandas' parsers round numbers by default, and the one in C knows no separator of two characters."""
    folder = workplace / "dataset" / "exact"
    folder.mkdir(parents=True)
    ratings = ratings.split()
    header = separator.join(["user_id:token", "item_id:token", "rating:float"])
    rows = [separator.join(["007", f"NA {i} é", rating]) for i, rating in enumerate(ratings)]
    (folder / "exact.inter").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    settings = {"field_separator": separator, "load_col": {"inter": ["user_id", "item_id", "rating"]}}
    dataset = create_dataset(Config(model="BPR", dataset="exact", config_dict=settings))
    assert dataset.inter_feat["rating"].tolist() == pytest.approx(
        [float(rating) for rating in ratings], rel=error, abs=0
    )
    assert dataset.field2id_token["user_id"].tolist() == ["[PAD]", "007"]
    assert dataset.field2id_token["item_id"].tolist() == ["[PAD]", *(f"NA {i} é" for i in range(4))]


def test_a_number_that_is_none_is_named(workplace):
    folder = workplace / "dataset" / "words"
    folder.mkdir(parents=True)
    header = "user_id:token\titem_id:token\ttimestamp:float\n"
    (folder / "words.inter").write_text(header + "a\tx\t1\na\ty\t2016-01-01\n")
    with pytest.raises(DataError, match=r"words cannot be loaded: timestamp:float: .*2016-01-01"):
        create_dataset(Config(model="HAIL", dataset="words"))


def test_a_missing_number_beside_one_too_large_for_whole_numbers_is_filled(workplace):
    folder = workplace / "dataset" / "large"
    folder.mkdir(parents=True)
    rows = ["a\tx\t5", "a\ty\t", "a\tz\t18446744073709551615"]
    (folder / "large.inter").write_text("\n".join(["user_id:token\titem_id:token\trating:float", *rows]) + "\n")
    settings = {"load_col": {"inter": ["user_id", "item_id", "rating"]}}
    dataset = create_dataset(Config(model="BPR", dataset="large", config_dict=settings))
    assert dataset.inter_feat["rating"].tolist() == [5.0, 2.0**63, 2.0**64]  # the mean of the others


@pytest.mark.parametrize(("interval", "left"), [("[0,inf)", 4), ("[2,inf)", 3), (None, 4)])
def test_events_are_filtered_by_counts_where_asked(workplace, write_dataset, interval, left):
    write_dataset(workplace / "dataset", "counted", {"a": "xyz", "b": "x"})
    columns = {"load_col": {"inter": ["user_id", "item_id", "timestamp"]}}
    dataset = create_dataset(
        Config(model="Pop", dataset="counted", config_dict={"user_inter_num_interval": interval, **columns})
    )
    assert len(dataset.inter_feat) == left


def test_a_quote_that_takes_in_other_rows_is_refused(workplace, write_dataset):
    """All rows up to the next quote were one element: half of the events were gone without a word."""
    world = {f"u{user}": [f'"q{user}' if event == 2 else f"e{event}" for event in range(6)] for user in range(8)}
    write_dataset(workplace / "dataset", "quoted", world)
    with pytest.raises(DataError, match=r"quoted\.inter has 48 rows, of which .* quote at the start of a field"):
        create_dataset(Config(model="HAIL", dataset="quoted"))
    inside = {user: [element.replace('"q', 'q"') for element in elements] for user, elements in world.items()}
    write_dataset(workplace / "dataset", "quoted", inside)
    assert create_dataset(Config(model="HAIL", dataset="quoted")).token2id("item_id", 'q"3') > 0


@pytest.mark.parametrize("last", ["", "  \n", "\n"])
@pytest.mark.parametrize("title", ['"A quoted name"', '"A name\nof two lines"', '5" disks'])
def test_quotes_that_swallow_no_row_are_read(cyclic, title, last):
    """A field of two lines was refused, and so was a quote anywhere before a line of blanks."""
    items = "item_id:token\ttitle:token\n" + "".join(f"e{item}\t{title}\n" for item in range(110)) + last
    Path("dataset/cyclic/cyclic.item").write_text(items)
    columns = {"inter": ["user_id", "item_id", "timestamp"], "item": ["item_id", "title"]}
    dataset = create_dataset(Config(model="HAIL", dataset="cyclic", config_dict={"load_col": columns}))
    assert dataset.field2id_token["title"].tolist() == ["[PAD]", title.strip('"')] and len(dataset.item_feat) == 111


@pytest.mark.parametrize("model", ["HAIL", "S3RecID", "Informer", "HyperRec", "GeneratorKNN", "SASRec"])
def test_columns_may_have_other_names(cyclic, small, model):
    """RecBole looks for the list of items under `item_id` whatever the item's column is called."""
    path = Path("dataset/cyclic/cyclic.inter")
    path.write_text(path.read_text().replace("user_id:token\titem_id:token\ttimestamp", "who:token\twhat:token\twhen"))
    names = {"USER_ID_FIELD": "who", "ITEM_ID_FIELD": "what", "TIME_FIELD": "when"}
    settings = {**small, **names, "load_col": {"inter": ["who", "what", "when"]}, "epochs": 1, "pretrain_epochs": 1}
    run_recbole(model, "cyclic", config_dict=settings)
    (checkpoint,) = Path("saved").glob("*.pth")
    forecaster = Forecaster.load(checkpoint)
    assert len(forecaster.forecast(["g1"], k=3)[0].predictions) == 3
