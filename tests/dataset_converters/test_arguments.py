"""Options that are given twice."""

import pytest

from dataset_converters.__main__ import build_parser, main

CITY = ["city", "a.csv", "--output", "made", "--number", "n", "--date", "d", "--element", "e", "--generator", "Revier"]


@pytest.mark.parametrize(
    ("repeated", "said"),
    [
        (
            ["--generator", "Ort"],
            "argument --generator: is given twice, as 'Revier' and 'Ort'; columns that make up one place stand in one, "
            "with commas between: --generator 'Revier,Ort'",
        ),
        (["--date", "f"], "argument --date: is given twice, as 'd' and 'f'; leave out all but one"),
        (["--year=2016", "--year=2016"], "argument --year: is given twice, as 2016 and 2016; leave out all but one"),
        (["--slot-hours", "3", "--slot-hours", "8"], "argument --slot-hours: is given twice, as 3 and 8"),
    ],
)
def test_the_last_of_two_was_kept_in_silence(capsys, repeated, said):
    with pytest.raises(SystemExit) as left:
        main([*CITY, *repeated])
    assert left.value.code == 2 and said in capsys.readouterr().err


@pytest.mark.parametrize(
    "line",
    [
        ["sequences", "a", "--output", "b", "--layout", "auto", "--layout", "pairs"],
        ["download", "toys", "--retries", "1", "--retries", "2"],
        ["check", "a", "--user-field", "a", "--user-field", "b"],
        ["sample", "nyc", "--output", "a", "--seed", "1", "--seed", "1"],
    ],
)
def test_options_of_all_commands_are_refused(capsys, line):
    with pytest.raises(SystemExit):
        build_parser().parse_args(line)
    assert "is given twice, as " in capsys.readouterr().err


def test_a_parser_can_be_used_again():
    parser = build_parser()
    assert parser.parse_args(CITY) == parser.parse_args(CITY)


def test_several_files_and_flags_are_no_repetition():
    parsed = build_parser().parse_args(["nyc", "a", "b", "--output", "c", "--overwrite", "--overwrite"])
    assert parsed.inputs == ["a", "b"] and parsed.overwrite
