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


@pytest.fixture
def as_pandas_3(monkeypatch):
    """`Series.agg` asks a function of the whole series, and not of each value."""
    monkeypatch.setattr(pd.Series, "agg", lambda self, function: function(self))


@pytest.mark.parametrize("settings", [{}, {"normalize_field": ["vector"]}, {"numerical_features": ["vector"]}])
def test_columns_of_sequences_are_split_with_any_pandas(as_pandas_3, workplace, write_dataset, settings):
    """Under pandas 3 their lengths were the number of rows: numbers went to other rows, or the loading died."""
    write_dataset(workplace / "dataset", "vectors", {"a": "xyz", "b": "zyx"})
    rows = [("x", "p q", "0.5 1"), ("y", "q", "2"), ("z", "r p q", "4 3 0")]
    header = "item_id:token\ttags:token_seq\tvector:float_seq\n"
    Path("dataset/vectors/vectors.item").write_text(header + "".join("\t".join(row) + "\n" for row in rows))
    feat = create_dataset(Config(model="BPR", dataset="vectors", config_dict={"load_col": None, **settings})).item_feat
    assert [len(tags) for tags in feat["tags"]] == [0, 2, 1, 3]  # of padding first
    vectors = [vector[0] if "numerical_features" in settings else vector for vector in feat["vector"]]
    largest = 4 if "normalize_field" in settings else 1
    expected = [[], *([float(value) / largest for value in vector.split()] for *_, vector in rows)]
    assert [list(vector) for vector in vectors] == expected


def test_lists_of_benchmark_files_are_as_long_as_they_are_with_any_pandas(as_pandas_3, workplace):
    """Under pandas 3 all were as long as the file has rows: a history of two elements counted for hundreds."""
    Path("dataset/lists").mkdir(parents=True)
    header = "user_id:token\titem_id_list:token_seq\titem_id:token\n"
    for part in ("train", "valid", "test"):
        Path(f"dataset/lists/lists.{part}.inter").write_text(header + "a\tx y\tz\nb\ty\tx\nc\tz y x\ty\n")
    settings = {"benchmark_filename": ["train", "valid", "test"], "alias_of_item_id": ["item_id_list"]}
    dataset = create_dataset(Config(model="SASRec", dataset="lists", config_dict={**settings, "load_col": None}))
    assert dataset.inter_feat["item_length"].tolist() == [2, 1, 3] * 3


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
    with pytest.raises(DataError, match=r"timestamp:float: .*'2016-01-01'; write numbers, dates as seconds"):
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


def read_rows(workplace, rows: str, header: str = "user_id:token\titem_id:token\ttimestamp:float", **settings):
    """[(user, item)] of a dataset of these rows, in RecBole's order, and the dataset."""
    folder = workplace / "dataset" / "rows"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rows.inter").write_text(f"{header}\n{rows}")
    dataset = create_dataset(Config(model="BPR", dataset="rows", config_dict={"load_col": None, **settings}))
    names = [dataset.field2id_token[field][dataset.inter_feat[field]] for field in ("user_id", "item_id")]
    return list(zip(*names, strict=True)), dataset


@pytest.mark.parametrize("gaps", [{1, 3}, {0, 1, 4}, {2}])
def test_rows_without_a_user_and_rows_without_an_item_are_dropped_and_no_others(workplace, gaps):
    """The second kind was looked up by label and dropped by number: others went, and padding became an element."""
    rows = [[f"u{number}", f"i{number}", str(number)] for number in range(7)]
    for count, gap in enumerate(sorted(gaps)):
        rows[gap][count % 2] = ""
    found, dataset = read_rows(workplace, "".join("\t".join(row) + "\n" for row in rows))
    assert found == [(user, item) for user, item, _ in rows if user and item]
    assert dataset.inter_feat["item_id"].min() == 1


@pytest.mark.parametrize("separator", ["\t", "::"])
def test_rows_that_end_in_one_separator_too_many_are_read_as_written(workplace, separator):
    """All was read one column off, in silence: items were users, and times were items."""
    rows = "a\tx\t5\t\nb\ty\t6\t\na\ty\t7\t\n".replace("\t", separator)
    header = "user_id:token\titem_id:token\ttimestamp:float".replace("\t", separator)
    found, dataset = read_rows(workplace, rows, header, field_separator=separator)
    assert found == [("a", "x"), ("b", "y"), ("a", "y")]
    assert dataset.inter_feat["timestamp"].tolist() == [5, 6, 7]


@pytest.mark.parametrize("separator", ["\t", "::"])
def test_rows_of_more_fields_than_the_header_names_are_refused(workplace, separator):
    rows = "a\tx\t5\t1\nb\ty\t6\t\n".replace("\t", separator)
    header = "user_id:token\titem_id:token\ttimestamp:float".replace("\t", separator)
    with pytest.raises(DataError, match=r"rows\.inter has rows with more fields than its header names, by 1"):
        read_rows(workplace, rows, header, field_separator=separator)


def test_a_place_may_be_called_as_pandas_calls_what_is_missing(workplace):
    """Events of "NA", "None" and others were dropped; of numbers they are missing values still."""
    words = ["NA", "None", "null", "nan", "N/A", "x"]
    rows = "".join(f"{word}\t{word}\t{time}\n" for word, time in zip(words, [1, 2, "NA", "null", "", 3], strict=True))
    found, dataset = read_rows(workplace, rows)
    assert found == [(word, word) for word in words]
    assert dataset.inter_feat["timestamp"].tolist() == [1, 2, 2, 2, 2, 3]


@pytest.mark.parametrize("kind", ["user", "item"])
def test_events_of_what_no_file_lists_are_told_of(workplace, caplog, kind):
    """They went in silence."""
    rows = "a\tx\t1\n" * 3 + "b\tx\t2\na\ty\t3\n"
    Path("dataset/rows").mkdir(parents=True)
    Path(f"dataset/rows/rows.{kind}").write_text(f"{kind}_id:token\tname:token\n{'a' if kind == 'user' else 'x'}\tn\n")
    with caplog.at_level("WARNING"):
        kept, _ = read_rows(workplace, rows)
    told = f"1 of 5 events left out: their {kind}s are not in rows.{kind} (filter_inter_by_user_or_item)"
    assert told in caplog.text and len(kept) == 4
    caplog.clear()
    with caplog.at_level("WARNING"):
        kept, _ = read_rows(workplace, rows, filter_inter_by_user_or_item=False)
    assert "left out" not in caplog.text and len(kept) == 5
