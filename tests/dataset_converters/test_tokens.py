"""Tokens: readable, never merged, and read by RecBole as they were written."""

import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_converters.tokens import READ_AS_MISSING, natural_key, safe_part, token, unique_labels

TEXT = st.text(max_size=12) | st.sampled_from(sorted(READ_AS_MISSING)) | st.text(' "|%\t\n\rNA', max_size=6)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("44", "BAR/NIGHT CLUB"), "44|BAR/NIGHT CLUB"),
        (("21-24h", "ASSAULT 3 & RELATED OFFENSES"), "21-24h|ASSAULT 3 & RELATED OFFENSES"),
        (("a\tb",), "a%09b"),
        (('5" PIPE',), "5%22 PIPE"),
        (("A|B", "C"), "A%7CB|C"),
        (("100%",), "100%25"),
        ((" x ",), "%20x%20"),
        (("NA",), "%4EA"),
        (("",), "%"),
        (("[PAD]",), "%5BPAD]"),
        (("CAFÉ",), "CAFÉ"),
    ],
)
def test_examples(parts, expected):
    assert token(*parts) == expected


@given(st.lists(TEXT, min_size=1, max_size=2).map(tuple), st.lists(TEXT, min_size=1, max_size=2).map(tuple))
def test_different_values_give_different_tokens(first, second):
    if len(first) == len(second):  # the number of parts is fixed within a dataset
        assert (token(*first) == token(*second)) == (first == second)


@given(st.lists(TEXT, min_size=1, max_size=8))
def test_read_back_by_pandas_as_recbole_reads(texts):
    tokens = [token(text) for text in texts]
    text = "user_id:token\titem_id:token\n" + "".join(f"{token}\tx\n" for token in tokens)
    table = pd.read_csv(io.StringIO(text, newline=""), delimiter="\t", dtype=str, engine="python")
    assert table["user_id:token"].tolist() == tokens


@given(st.lists(st.tuples(TEXT.filter(bool), TEXT), max_size=8, unique_by=lambda pair: pair[0]))
def test_labels_are_as_different_as_their_codes(pairs):
    labels = unique_labels([code for code, _ in pairs], [description for _, description in pairs])
    assert len(set(labels)) == len(labels)


def test_labels_are_descriptions_where_they_can_be():
    assert unique_labels(["341", "121", "351", "9"], ["LARCENY", "MISCHIEF", "MISCHIEF", ""]) == [
        "LARCENY",
        "MISCHIEF (121)",
        "MISCHIEF (351)",
        "9",
    ]


def test_labels_that_are_known_are_kept():
    codes, descriptions = ["121", "351", "7", "9"], ["MISCHIEF", "LARCENY", "MISCHIEF (351)", "THEFT"]
    known = {"351": "MISCHIEF (351)", "8": "MISCHIEF", "9": "9"}
    assert unique_labels(codes, descriptions, known) == ["MISCHIEF (121)", "MISCHIEF (351)", "MISCHIEF (351) (7)", "9"]
    assert unique_labels(["3"], ["A"], {"1": "A", "2": "A"}) == ["A (3)"]  # a table that somebody has edited


@given(
    st.lists(st.tuples(TEXT.filter(bool), TEXT), max_size=8, unique_by=lambda pair: pair[0]),
    st.dictionaries(TEXT.filter(bool), TEXT.filter(bool), max_size=4),
)
def test_labels_beside_known_ones_are_as_different_as_their_codes(pairs, known):
    known = {code: label for label, code in {label: code for code, label in known.items()}.items()}
    labels = unique_labels([code for code, _ in pairs], [description for _, description in pairs], known)
    named = known | dict(zip([code for code, _ in pairs], labels, strict=True))
    assert len(set(named.values())) == len(named) and named == named | known


def test_natural_order():
    assert sorted(["44|B", "9|X", "44|A", "x", "101"], key=natural_key) == ["9|X", "44|A", "44|B", "101", "x"]
    assert safe_part("a b") == "a b"
