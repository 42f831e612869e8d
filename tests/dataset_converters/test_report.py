"""What a report says of its sources, and of rows that cannot be used."""

import pytest

from dataset_converters import ConversionError
from dataset_converters.report import CANDIDATES, Tally, few_elements, fingerprint, statistics_table


def test_fingerprint(tmp_path):
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert fingerprint(path) == {"file": "abc", "bytes": 3, "sha256": digest}


def test_examples_are_of_each_reason_the_commonest_first():
    """12,219 times could not be read, and all five examples were of the 129 blank dates."""
    tally = Tally()
    tally.read = 100
    tally.reject("no date", 6, (f"a.csv row {row} ''" for row in range(2, 9)))
    before = tally.snapshot()
    tally.reject("unreadable time of day", 60, (f"a.csv row {row} 'noon'" for row in range(20, 90)))
    tally.reject("wrong number of fields", 1, ["a.csv row 99"])
    rows = [(20, "'noon'", "unreadable time of day"), (21, "'noon'", "unreadable time of day")]
    rows += [(2, "''", "no date"), (3, "''", "no date")]
    shown = "; ".join(f"a.csv row {row} {value}: {reason}" for row, value, reason in rows)
    with pytest.raises(ConversionError) as told:
        tally.check({"no date": "dates", "unreadable time of day": "times"})
    assert str(told.value) == (
        "67 of 100 rows (67.0%) cannot be used: 60 unreadable time of day, 6 no date, 1 wrong number of fields; "
        f"first: {shown}; a.csv row 99: wrong number of fields; times; dates"
    )
    held = tally.as_dict(33)
    assert list(held["unusable"]) == ["unreadable time of day", "no date", "wrong number of fields"]
    assert [text.split(": ")[1] for text in held["examples_of_unusable"]] == [
        *(["unreadable time of day"] * 5 + ["no date"] * 5 + ["wrong number of fields"])
    ]
    tally.restore(before)
    assert tally.as_dict(94)["unusable"] == {"no date": 6} and len(tally.as_dict(94)["examples_of_unusable"]) == 5


@pytest.mark.parametrize(("elements", "options", "noted"), [(-1, {}, True), (0, {}, False), (-1, {"like": "x"}, False)])
def test_too_few_elements_to_rank_among_are_noted_but_of_newer_rows(elements, options, noted):
    report = {"statistics": {"all": {"elements": CANDIDATES + elements}}, "options": options}
    assert [note.startswith("99 elements; ") for note in few_elements(report)] == [True] * noted


def test_a_repeat_rate_that_is_not_known_has_no_line():
    part = dict.fromkeys(("generators", "elements", "events", "max", "min", "mean", "std"), 7)
    lines = [statistics_table({"all": part, "without_last_two": part, "repeat_rate": rate}) for rate in (None, 0.0)]
    assert lines[1] == f"{lines[0]}\n  last element already in the generator's history: 0.0%"
