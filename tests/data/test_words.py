"""What tokens mean, and tokens found by what people call them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_converters.tokens import token
from recbole_hail.data.words import Words
from recbole_hail.errors import DataError

ITEMS = """item_id:token\tslot:token\toffense_code:token\toffense:token\tevents:float
21-24h|ASSAULT 3 & RELATED OFFENSES\t21-24h\t344\tASSAULT 3 & RELATED OFFENSES\t7
21-24h|RAPE\t21-24h\t104\tRAPE\t5
00-03h|RAPE\t00-03h\t104\tRAPE\t2
21-24h|THEFT%7CFRAUD (5)\t21-24h\t5\tTHEFT%7CFRAUD\t2
"""
USERS = """user_id:token\tprecinct:token\tpremises:token\tborough:token\tlatitude:float\tlongitude:float\tevents:float
44|BAR/NIGHT CLUB\t44\tBAR/NIGHT CLUB\tBRONX\t40.83\t-73.92\t606
9|STREET\t9\tSTREET\t\t\t\t12
"""


@pytest.fixture
def elements(tmp_path):
    file = tmp_path / "nyc.item"
    file.write_text(ITEMS)
    tokens = ["[PAD]", *(line.split("\t")[0] for line in ITEMS.splitlines()[1:])]
    return Words("element", np.array([*tokens[:2], *tokens[:1:-1]]), file)  # RecBole's order is not the file's


@pytest.fixture
def generators(tmp_path):
    file = tmp_path / "nyc.user"
    file.write_text(USERS)
    return Words("generator", np.array(["[PAD]", "9|STREET", "44|BAR/NIGHT CLUB", "unlisted"]), file)


def test_an_element_is_its_slot_and_the_rest_of_its_token(elements):
    assert elements.slots[1:] == ["21-24h", "21-24h", "00-03h", "21-24h"]
    assert elements.names[1:] == ["ASSAULT 3 & RELATED OFFENSES", "THEFT|FRAUD (5)", "RAPE", "RAPE"]


def test_a_generator_is_described_by_what_its_token_does_not_say(generators):
    """Every place was said twice: `Wilshire|STREET (area name Wilshire, premis desc STREET)`."""
    assert generators.described(2) == "precinct 44, borough BRONX"
    assert generators.described(1) == "precinct 9"
    assert generators.described(3) == ""
    assert generators.coordinates[2].tolist() == [40.83, -73.92]
    assert np.isnan(generators.coordinates[[0, 1, 3]]).all()


def test_a_film_is_called_by_its_title(tmp_path):
    (tmp_path / "ml.item").write_text("item_id:token\tmovie_title:token_seq\tclass:token_seq\n7\tToy Story\tComedy\n")
    films = Words("element", np.array(["[PAD]", "7", "8"]), tmp_path / "ml.item")
    assert films.names[1:] == ["Toy Story", "8"] and films.slots[1:] == ["", ""]
    assert films.find("toy story") == films.find("7") == 1


def test_without_a_file_tokens_speak_for_themselves(tmp_path):
    words = Words("element", np.array(["[PAD]", "1", "12"]), tmp_path / "no.item")
    assert words.names[1:] == ["1", "12"] and words.described(1) == "" and words.coordinates is None
    assert words.number("[PAD]") is None


@pytest.mark.parametrize(
    "name, number",
    [
        ("21-24h|RAPE", 4),
        ("21-24h|rape", 4),
        ("21-24h|ASSAULT 3", 1),
        ("21-24h|ASSAULT", 1),
        ("ASSAULT 3 & RELATED OFFENSES", 1),
        ("21-24h|THEFT|FRAUD (5)", 2),
        ("THEFT|FRAUD (5)", 2),
        ("00-03h", 3),
        ("21-24h RAPE", 4),  # as forecasts print it
        ("21-24h theft|fraud (5)", 2),
    ],
)
def test_an_element_is_found_by_what_names_it_alone(elements, name, number):
    assert elements.find(name) == number


@pytest.mark.parametrize(
    "name, nearest",
    [
        ("RAPE", "'00-03h|RAPE' or '21-24h|RAPE'"),
        ("21-24h", "'21-24h|ASSAULT 3 & RELATED OFFENSES' or"),
        ("21-24h|ASS", "did you mean '21-24h|ASSAULT 3 & RELATED OFFENSES'?"),
        ("21-24h|RAPES", "did you mean '21-24h|RAPE'"),
        ("", "such as '21-24h|ASSAULT 3"),
    ],
)
def test_what_names_several_or_none_is_refused_with_the_nearest(elements, name, nearest):
    with pytest.raises(DataError) as told:
        elements.find(name)
    assert str(told.value).startswith(f"element: the model knows no {name!r}; ") and nearest in str(told.value)


def test_what_is_like_none_is_refused_with_those_of_the_same_first_part(generators):
    """'44|bar', where 44 has none, was told of '5|STREET'."""
    with pytest.raises(DataError, match=r"no '44\|zoo'; its generators that begin with '44\|' are such as '44\|BAR/N"):
        generators.find("44|zoo")
    with pytest.raises(DataError, match=r"no '5\|zoo'; its generators are such as '9\|STREET'"):
        generators.find("5|zoo")


def test_values_are_what_the_file_has_in_its_columns(generators):
    """The number of events in the file is that of the conversion, without newer ones."""
    assert generators.values(1) == {
        **{"precinct": "9", "premises": "STREET", "borough": "", "latitude": "", "longitude": ""},
    }
    assert generators.values(0) == {}, "of nobody nothing is known"


def test_a_number_is_not_taken_for_the_beginning_of_another():
    words = Words("element", np.array(["[PAD]", "120", "13"]), Path("no.item"))
    with pytest.raises(DataError, match="no '12'"):
        words.find("12")


@given(st.lists(st.lists(st.text(max_size=5), min_size=1, max_size=3), min_size=1, max_size=20))
def test_every_token_that_the_converters_write_is_found_as_itself(tmp_path_factory, parts):
    tokens = list(dict.fromkeys(token(*values) for values in parts))
    words = Words("element", np.array(["[PAD]", *tokens], dtype=object), tmp_path_factory.getbasetemp() / "no.item")
    assert [words.find(one) for one in tokens] == list(range(1, len(tokens) + 1))


def test_a_file_that_is_no_table_is_named(tmp_path):
    (tmp_path / "x.item").write_bytes(b"item_id:token\tname:token\n\xff\xfe\n")
    with pytest.raises(DataError, match=r"x\.item: cannot be read"):
        Words("element", np.array(["[PAD]", "1"]), tmp_path / "x.item")


def test_titles_are_found_whatever_the_file_looks_like(tmp_path):
    """The first column was taken for the tokens, and a tab too many made pandas take another for them."""
    file, tokens = tmp_path / "ml.item", np.array(["[PAD]", "7", "8"])
    file.write_text("movie_title:token_seq\titem_id:token\nToy Story\t7\nCaf\u00e9\t8\n", encoding="latin-1")
    assert Words("element", tokens, file, encoding="latin-1", field="item_id").names[1:] == ["Toy Story", "Caf\u00e9"]
    file.write_text("item_id:token\tmovie_title:token_seq\n7\tToy Story\t\n8\tHeat\t\n")
    assert Words("element", tokens, file, field="item_id").names[1:] == ["Toy Story", "Heat"]
