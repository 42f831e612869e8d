"""What is said of files that are no datasets, before RecBole stumbles over them."""

import logging
from pathlib import Path

import pytest
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.quick_start import run_recbole

from recbole_hail.data.requirements import check_data, check_files
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
            "make it timestamp:float, for its",
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


def test_one_element_is_too_few(make_config):
    """It was a ValueError of the loss."""
    config = make_config({"a": [("x", time) for time in range(6)]}, topk=[1], candidates="full")
    with pytest.raises(DataError, match="tiny has 1 element; to predict which is next takes two"):
        data_preparation(config, create_dataset(config))


def test_labeled_evaluation_needs_labels(make_config):
    """It was a KeyError once the model was trained."""
    split = {"split": {"RS": [0.8, 0.1, 0.1]}, "order": "TO", "group_by": "user", "mode": "labeled"}
    config = make_config({"a": [("x", 1), ("y", 2)]}, eval_args=split, metrics=["AUC"], valid_metric="AUC")
    with pytest.raises(DataError, match="has no field label; its header has user_id, item_id, timestamp"):
        check_files(config)


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


FEW = {f"g{g}": [(f"e{(g + time) % 6}", time) for time in range(8)] for g in range(5)}


@pytest.mark.parametrize("model", ["HAIL", "GeneratorKNN", "SASRec"])
def test_defaults_of_topk_are_cut_to_the_elements(make_config, caplog, monkeypatch, model):
    """Without --topk training ended in an error about a setting that nobody had given."""
    monkeypatch.setattr(logging.getLogger(), "disabled", False)
    config = make_config(FEW, model=model, candidates="full")
    asked = config["topk"]
    data_preparation(config, create_dataset(config))
    assert max(asked) == 10 and config["topk"] == ([1, 5] if len(asked) > 1 else [1])
    assert f"topk: {asked} is cut to {config['topk']}, for tiny has 6 elements" in caplog.text


def test_a_validation_at_a_length_that_was_cut_goes_with_it(workplace, write_dataset, small):
    """Where RecBole evaluates by itself its MRR is MRR@10."""
    world = {f"g{g}": [f"e{(g + time) % 6}" for time in range(8)] for g in range(20)}
    write_dataset(workplace / "dataset", "few", world)
    settings = {"eval_args": {"mode": "full"}, "metrics": ["MRR", "ItemCoverage"], "epochs": 1}
    found = run_recbole("SASRec", "few", config_dict={**small, **settings})
    assert found["best_valid_score"] >= 0 and "mrr@10" not in found["test_result"]


@pytest.mark.parametrize("asked", [{"topk": [1, 7]}, {"valid_metric": "MRR@10"}])
def test_lengths_that_were_asked_for_are_refused(make_config, asked):
    config = make_config(FEW, candidates="full", **asked)
    with pytest.raises(DataError, match=r"topk: (7|10) is more than the 6 elements of tiny; use --topk"):
        data_preparation(config, create_dataset(config))


def test_a_full_ranking_is_advised_without_topk_where_nobody_gave_it(make_config):
    config = make_config(FEW)
    with pytest.raises(DataError, match=r"has only 6; rank all of them with --candidates=full$"):
        data_preparation(config, create_dataset(config))


def test_a_full_ranking_is_advised_with_topk_where_it_is_not_cut(make_config):
    """`compare` takes the lengths as given, and refused its own advice."""
    with pytest.raises(DataError, match=r'rank all of them with --candidates=full --topk="\[1, 5\]"$'):
        check_data(make_config(FEW))
    check_data(make_config(FEW, candidates="full", topk=[1, 5]))
