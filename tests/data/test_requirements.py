"""What is said of files that are no datasets, before RecBole stumbles over them."""

from pathlib import Path

import pytest
from recbole.config import Config
from recbole.data import create_dataset
from recbole.quick_start import run_recbole

from recbole_hail.data.requirements import check_files
from recbole_hail.errors import DataError

HEADER = "user_id:token\titem_id:token\ttimestamp:float\n"


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "holds no events; it needs a header and a line for each event"),
        (HEADER.encode(), "holds no events"),
        (b"\n\n", "holds no events"),
        ((HEADER + "caf\u00e9\te\t1\n").encode("latin-1"), "is not text in utf-8; .* as in --encoding=latin-1"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "is not text in utf-8"),
        (b"user_id\titem_id:token\ttimestamp\na\tb\t1\n", "what 'user_id', 'timestamp' holds; write name:token"),
        (
            HEADER.replace("timestamp:float", "timestamp:token").encode() + b"a\tb\t1\n",
            "make it timestamp:float, for its numbers count; write dates as seconds since 1970",
        ),
        (HEADER.replace("item_id:token", "item_id:token_seq").encode() + b"a\tb\t1\n", "make it item_id:token, for it"),
        (b"\xef\xbb\xbf" + HEADER.encode() + b"a\tb\t1\n", "byte-order mark; read it with --encoding=utf-8-sig"),
        (HEADER.replace("\t", ",").encode() + b"a,b,1\n", r"has user_id alone \(field_separator: '\\t'\)"),
    ],
)
def test_what_is_no_dataset_is_named(workplace, content, message):
    """Undecodable text ended in a traceback, others in words of RecBole's or Python's own.

    Times that are names were ordered by their first place in the file.
    """
    (workplace / "dataset" / "odd").mkdir(parents=True)
    (workplace / "dataset" / "odd" / "odd.inter").write_bytes(content)
    with pytest.raises(DataError, match=message):
        check_files(Config(model="HAIL", dataset="odd"))


def test_text_in_another_encoding_can_be_named(workplace):
    (workplace / "dataset" / "odd").mkdir(parents=True)
    (workplace / "dataset" / "odd" / "odd.inter").write_bytes((HEADER + "caf\u00e9\te\t1\n").encode("latin-1"))
    check_files(Config(model="HAIL", dataset="odd", config_dict={"encoding": "latin-1"}))


def test_labeled_evaluation_needs_labels(make_config):
    """It was a KeyError once the model was trained."""
    split = {"split": {"RS": [0.8, 0.1, 0.1]}, "order": "TO", "group_by": "user", "mode": "labeled"}
    config = make_config({"a": [("x", 1), ("y", 2)]}, eval_args=split, metrics=["AUC"], valid_metric="AUC")
    with pytest.raises(DataError, match="has no field label; its header has user_id, item_id, timestamp"):
        check_files(config)


@pytest.mark.parametrize(
    ("columns", "advice"),
    [
        ("stars:float\twhen:float", r"as in --TIME_FIELD=when; or is it stars\?$"),
        ("rating:float\tmoment:float", r"as in --TIME_FIELD=moment; or is it rating\?$"),
        ("stars:float\tstart_time:float", r"as in --TIME_FIELD=start_time; or is it stars\?$"),  # star is in both
        ("stars:float", r"as in --TIME_FIELD=stars$"),
    ],
)
def test_ratings_are_offered_as_times_only_after_others(workplace, columns, advice):
    """Histories were ordered by rating on the advice of the message."""
    Path("dataset/odd").mkdir(parents=True)
    Path("dataset/odd/odd.inter").write_text(f"user_id:token\titem_id:token\t{columns}\na\tb\t1\t1\n")
    with pytest.raises(DataError, match=advice):
        check_files(Config(model="HAIL", dataset="odd"))


@pytest.mark.parametrize(
    ("column", "advice"),
    [
        ("", "Add the column$"),
        ("\tclicked:float", "Add the column, or name the one to use, as in --LABEL_FIELD=clicked$"),
        ("\trating:float", r"""Add the column, or make labels of ratings, as in --threshold="\{'rating': 3\}"$"""),
    ],
)
def test_times_are_not_offered_as_labels(workplace, column, advice):
    """It advised --LABEL_FIELD=timestamp."""
    Path("dataset/odd").mkdir(parents=True)
    Path("dataset/odd/odd.inter").write_text(HEADER.strip() + f"{column}\na\tb\t1\t1\n")
    labeled = {"split": {"RS": [0.8, 0.1, 0.1]}, "order": "TO", "group_by": "user", "mode": "labeled"}
    settings = {"eval_args": labeled, "metrics": ["AUC"], "valid_metric": "AUC"}
    with pytest.raises(DataError, match=advice):
        check_files(Config(model="HAIL", dataset="odd", config_dict=settings))


def test_rows_with_labels_need_name_neither_user_nor_item(workplace, small):
    """It was a traceback; such are the data of click-through rates."""
    rows = "".join(f"{row % 2}\t{row}\tc{row % 3}\n" for row in range(60))
    Path("dataset/clicks").mkdir(parents=True)
    Path("dataset/clicks/clicks.inter").write_text("label:float\tnumber:float\tkind:token\n" + rows)
    settings = {"USER_ID_FIELD": None, "ITEM_ID_FIELD": None, "load_col": None, "epochs": 1, "show_progress": False}
    found = run_recbole("DeepFM", "clicks", config_dict={**small, **settings, "MAX_ITEM_LIST_LENGTH": 50})
    assert 0 <= found["test_result"]["auc"] <= 1


BENCHMARK = {"benchmark_filename": ["train", "valid", "test"], "train_neg_sample_args": None}


@pytest.mark.parametrize(
    ("settings", "last", "message"),
    [
        ({}, "", r"lists\.test\.inter has no item_id_list:token_seq in its header, .*without benchmark_filename$"),
        ({}, "\titem_id_list:token", r"lists\.test\.inter has no item_id_list:token_seq in its header"),
        ({}, "\titem_id_list:token_seq", "alias_of_item_id: None lacks item_id_list, which holds items; add --alias"),
        ({}, None, r"lists\.test\.inter, of benchmark_filename, does not exist"),
        (
            {"alias_of_item_id": ["item_id_list"], "load_col": {"inter": ["user_id", "item_id"]}},
            "\titem_id_list:token_seq",
            r"load_col: \['user_id', 'item_id'\] leaves out item_id_list; add it, as in .*'item_id', 'item_id_list'\]}",
        ),
        ({"LIST_SUFFIX": "s"}, "\titem_id_list:token_seq", r"lists\.train\.inter has no item_ids:token_seq"),
    ],
)
def test_benchmark_files_without_histories_are_named(workplace, settings, last, message):
    """It was KeyError: 'item_id_list'; histories without the alias were numbered apart from the items, in silence."""
    _write_parts(train="\titem_id_list:token_seq", valid="\titem_id_list:token_seq", test=last)
    with pytest.raises(DataError, match=message):
        check_files(Config(model="SASRec", dataset="lists", config_dict={**BENCHMARK, **settings}))
    check_files(Config(model="BPR", dataset="lists", config_dict={**BENCHMARK, **settings}))  # which reads none


def test_histories_of_benchmark_files_are_loaded_unasked(workplace):
    """RecBole's default of columns leaves them out."""
    _write_parts(**dict.fromkeys(("train", "valid", "test"), "\titem_id_list:token_seq"))
    settings = {**BENCHMARK, "alias_of_item_id": ["item_id_list"]}
    config = Config(model="SASRec", dataset="lists", config_dict=settings)
    assert create_dataset(config).inter_feat["item_length"].tolist() == [2, 1] * 3


def _write_parts(**more: str | None) -> None:
    """Benchmark files by the columns that their headers have beside those of user and item."""
    Path("dataset/lists").mkdir(parents=True)
    for part, columns in more.items():
        if columns is not None:
            rows = "a\tz\tx y\nb\tx\ty\n" if columns else "a\tz\nb\tx\n"
            Path(f"dataset/lists/lists.{part}.inter").write_text(f"user_id:token\titem_id:token{columns}\n{rows}")
