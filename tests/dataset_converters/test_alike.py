"""Names that differ in leading zeros, blanks or case alone."""

import pytest

from dataset_converters.alike import alike, alike_note, spelling


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("04", "4", True),
        ("01|Bahnhof", "1|Bahnhof", True),
        ("Bar / Club", "bar/club", True),
        ("Straße", "STRASSE", True),
        ("0", "00", True),
        ("10", "1", False),
        ("4", "5", False),
        ("10.05", "10.5", False),
        ("", "0", False),
    ],
)
def test_what_is_spelt_alike(one, other, same):
    assert (spelling(one) == spelling(other)) is same


def test_they_stand_together():
    assert alike(["4", "5", "04", "Park", "park ", "PARK"]) == [["4", "04"], ["Park", "park ", "PARK"]]


def test_a_note_has_the_first_few():
    assert alike_note("area", ["1", "2"], "places") == []
    (note,) = alike_note("area", [f"{zero}{n}" for n in range(1, 6) for zero in ("", "0")], "places")
    assert note.startswith("area: '1' and '01', '2' and '02', '3' and '03' and 2 more are different places here")
