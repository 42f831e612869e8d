"""`recbole-hail forecast` from a finished run to answers, in processes and in this one."""

import codecs
import csv
import json
import re
import sys
from pathlib import Path

import pytest
from recbole.quick_start import run_recbole

from recbole_hail.cli import main as command

PLACES = "user_id:token\tlatitude:float\tlongitude:float\n" + "".join(f"g{g}\t40.{g}\t-73.{g}\n" for g in range(9))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, write_dataset):
    """Of a rule, which is made in a moment, in a folder that the tests work in; generators 0 to 8 have places."""
    folder = tmp_path_factory.mktemp("run")
    circle = {f"g{g}": [f"e{(7 * g + i) % 110}" for i in range(20)] for g in range(120)}
    write_dataset(folder / "dataset", "cyclic", circle).with_suffix(".user").write_text(PLACES)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["pytest"])
        run_recbole(model="MarkovChain", dataset="cyclic", config_dict={"show_progress": False, "use_gpu": False})
        yield str(next(folder.glob("saved/*.pth")))


@pytest.fixture
def forecast(monkeypatch, capsys):
    """Runs the command in this process: status, output and errors."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["recbole-hail", "forecast", *arguments])
        status = command.main()
        return (status, *capsys.readouterr())

    return run


def test_a_run_is_forecast_from_in_another_process(cyclic, run_here, run_command):
    trained = run_here("run_recbole", "--model=HAIL", "--dataset=cyclic", "--config_files=small.yaml", "--epochs=1")
    assert trained.returncode == 0, trained.stderr
    (path,) = cyclic.glob("saved/*.pth")
    done = run_command("main", "forecast", "--checkpoint", str(path), "--generator", "g1", "--generator=g2", "--topk=3")
    assert done.returncode == 0, done.stderr
    tables = done.stdout.split("\n\n")
    assert [table.split(",")[0] for table in tables[:2]] == ["g1", "g2"] and len(tables[0].splitlines()) == 6
    assert "peer 1" in tables[0] and "divergence" in tables[0]
    share = r"[\d.]+ % \(95 %: [\d.]+ to [\d.]+\)"
    assert re.match(
        rf"the likeliest element came true for {share} of 120 validation targets; its chance was", tables[2]
    )
    assert "calibrated on these: temperature" in tables[2]
    assert path.with_suffix(".calibration.json").is_file()


def test_every_generator_as_csv_and_json_with_a_map(checkpoint, forecast):
    status, printed, told = forecast("--checkpoint", checkpoint, "--all", "--topk=2", "--format=csv")
    rows = list(csv.DictReader(printed.splitlines()))
    assert status == 0 and len(rows) == 240 and rows[0].keys() >= {"generator", "element", "probability"}
    assert "expected calibration error" in told
    arguments = ("--all", "--topk=2", "--format=json", "--output=out.json", "--map=out.html", "--group=e7")
    status, printed, told = forecast("--checkpoint", checkpoint, *arguments)
    read = json.loads(Path("out.json").read_text())
    assert status == 0 and printed == "" and "out.html: a map of the chance of 11 elements" in told
    assert [one["generator"] for one in read["forecasts"]] == [row["generator"] for row in rows[::2]]
    assert read["model"] == "MarkovChain" and read["calibration"]["ece_after"] < 0.01
    assert "9 generators (places, or kinds of place)" in Path("out.html").read_text()


def test_a_map_of_all_prints_no_tables(checkpoint, forecast):
    """--all --map printed 800 lines, and where the map went among them."""
    asked = ("--checkpoint", checkpoint, "--all", "--map=alone.html", "--group=e7", "--overwrite")
    status, printed, told = forecast(*asked)
    assert status == 0 and printed == "" and Path("alone.html").is_file()
    assert [line.split()[0] for line in told.splitlines()[-2:]] == ["calibrated", "alone.html:"]
    for also, first in (("--format=csv", "generator,rank"), ("--format=text", "g0, 20 events")):
        assert forecast(*asked, also)[1].startswith(first)
    status, printed, told = forecast(*asked[:2], "--generator=g1", "--topk=1", *asked[3:])
    assert status == 0 and printed.startswith("g1") and "calibrated on" in printed and "calibrated" not in told


def test_what_a_map_leaves_out_is_said_and_newer_events_are_counted(checkpoint, forecast, tmp_path):
    """Without a word it left out whoever has no coordinates."""
    history, page = tmp_path / "newer.csv", tmp_path / "out.html"
    history.write_text("generator,element,time\ng1,e5,2024-01-31T10:00\nnew,e7,2024-02-01\n")
    asked = ("--checkpoint", checkpoint, "--all", f"--history={history}", f"--map={page}", "--group=e7")
    status, _, told = forecast(*asked)
    left_out = (
        "112 of 121 generators are not drawn: 111 without coordinates in the dataset's .user file (g9, g10, g11, …); "
        "1 not in the dataset, which has the coordinates (new)"
    )
    assert status == 0 and f"map: {left_out}\n" in told
    said = page.read_text()
    assert left_out.replace("'", "&#x27;") in said and "dataset: 1 newer event, up to 2024-01-31." in said
    assert "not drawn" not in forecast(*asked[:2], "--generator=g1", *asked[4:], "--overwrite")[2]


def test_what_is_there_already_is_replaced_only_when_asked(checkpoint, forecast, tmp_path):
    """A second forecast replaced the first without a word, where other commands ask for --overwrite."""
    text, page = tmp_path / "out.txt", tmp_path / "out.html"
    asked = ("--checkpoint", checkpoint, "--generator=g1", f"--output={text}", f"--map={page}", "--group=e7")
    for file in (text, page):
        file.write_text("mine")
    status, _, told = forecast(*asked)
    assert status == 2 and text.read_text() == page.read_text() == "mine"
    for name, file in (("output", text), ("map", page)):
        assert f"error: {name}: {file} exists; give another name, or --overwrite" in told
    assert forecast(*asked, "--overwrite")[0] == 0
    assert text.read_text().startswith("g1") and "<!DOCTYPE html>" in page.read_text()
    assert forecast(*asked[:3], "--output=/dev/null")[0] == 0, "of which nothing is lost"


def test_the_format_is_that_of_the_files_name(checkpoint, forecast, tmp_path):
    """`--output prognose.csv` had the text's tables in it, which a spreadsheet shows in one column."""
    asked = ("--checkpoint", checkpoint, "--generator=g1", "--topk=1", "--output")
    for name, begins in (("a.csv", "generator,rank"), ("a.JSON", "{"), ("a.txt", "g1"), ("a", "g1"), ("a.log", "g1")):
        assert forecast(*asked, str(tmp_path / name))[0] == 0
        assert (tmp_path / name).read_text().startswith(begins), name
    status, _, told = forecast(*asked, str(tmp_path / "b.csv"))
    assert status == 0 and "calibrated on" in told and "b.csv: forecasts for 1 generator\n" in told
    assert forecast(*asked, str(tmp_path / "b"), "--format=csv")[0] == 0
    assert (tmp_path / "b").read_text() == (tmp_path / "b.csv").read_text()


def test_a_csv_with_other_letters_than_ascii_has_the_mark_that_excel_needs(checkpoint, forecast, tmp_path):
    """Without it `Büro` was opened as `BÃ¼ro`."""
    (tmp_path / "newer.csv").write_text("generator,element\nBüro,e7\n", encoding="utf-8")
    asked = ("--checkpoint", checkpoint, f"--history={tmp_path / 'newer.csv'}", "--topk=1")
    assert forecast(*asked, f"--output={tmp_path / 'out.csv'}")[0] == 0
    written = (tmp_path / "out.csv").read_bytes()
    assert written.startswith(codecs.BOM_UTF8 + b"generator,")
    assert forecast(*asked, "--format=csv")[1].encode() == written.removeprefix(codecs.BOM_UTF8)
    assert forecast(*asked, f"--output={tmp_path / 'out.json'}")[0] == 0
    assert not (tmp_path / "out.json").read_bytes().startswith(codecs.BOM_UTF8)
    assert forecast(*asked[:2], "--generator=g1", f"--output={tmp_path / 'ascii.csv'}")[0] == 0
    assert (tmp_path / "ascii.csv").read_bytes().startswith(b"generator,")


def test_the_chance_of_a_group_is_a_row_for_each_generator(checkpoint, forecast):
    """Its sum had to be made by hand, of ten elements, and was too small."""
    asked = ("--checkpoint", checkpoint, "--all", "--group=e7", "--group=E85")
    status, printed, told = forecast(*asked, "--format=csv")
    rows = list(csv.DictReader(printed.splitlines()))
    assert status == 0 and len(rows) == 120 and "calibrated on" in told
    assert list(rows[0]) == [
        *["generator", "probability", "times_before", "known", "events", "latitude", "longitude"],
    ]
    chances = [float(row["probability"]) for row in rows]
    assert chances == sorted(chances, reverse=True) and chances[0] > 0.9 > 0.1 > chances[-1]
    status, printed, _ = forecast(*asked)
    assert status == 0 and printed.split("\n")[0].split() == ["chance", "before", "events", "generator"]
    assert "The chance covers all 12 elements that have 'e7 or E85' in slot or name" in printed
    status, printed, _ = forecast(*asked, "--format=json")
    read = json.loads(printed)
    assert [one["generator"] for one in read["chances"]] == [row["generator"] for row in rows]
    assert len(read["group"]["elements"]) == 12


def test_a_map_of_several_groups_has_the_elements_of_each(checkpoint, forecast, tmp_path):
    """The last --group had counted, and the others were gone without a word."""
    page = tmp_path / "out.html"
    status, _, told = forecast("--checkpoint", checkpoint, "--all", f"--map={page}", "--group=e7", "--group=e85")
    assert status == 0 and f"{page}: a map of the chance of 12 elements" in told
    assert "of &#x27;e7 or e85&#x27;</title>" in page.read_text()
    asked = ("--checkpoint", checkpoint, "--all", f"--map={page}", "--overwrite", "--group=e85")
    assert "a map of the chance of 1 element\n" in forecast(*asked)[2]


def test_a_pattern_stands_for_all_generators_that_match(checkpoint, forecast):
    status, printed, _ = forecast(
        "--checkpoint", checkpoint, "--generator=g11?", "--generator=G1", "--topk=1", "--format=csv"
    )
    found = [row["generator"] for row in csv.DictReader(printed.splitlines())]
    assert status == 0 and found == [*(f"g11{digit}" for digit in range(10)), "g1"]


def test_a_history_is_taken_from_the_folder_of_a_dataset(checkpoint, forecast, tmp_path):
    """The newcomer named dataset/neu and was told: [Errno 21] Is a directory."""
    folder = tmp_path / "neu"
    folder.mkdir()
    asked = ("--checkpoint", checkpoint, f"--history={folder}", "--topk=1", "--format=csv")
    status, _, told = forecast(*asked)
    assert status == 2 and f"error: history: {folder} is a folder without neu.inter; name the file of events" in told
    (folder / "neu.inter").write_text("user_id:token\titem_id:token\nnew\te7\n")
    status, printed, _ = forecast(*asked)
    assert status == 0 and [row["element"] for row in csv.DictReader(printed.splitlines())] == ["e8"]
    status, _, told = forecast(*asked, "--overwrite", f"--output={folder / 'neu.inter'}")
    assert status == 2 and f"{folder / 'neu.inter'} is that of --history too" in told


def test_a_map_that_cannot_be_drawn_leaves_no_forecast_behind(checkpoint, forecast):
    arguments = ("--generator=g20", "--format=csv", "--output=part.csv", "--map=part.html", "--group=e7")
    status, printed, told = forecast("--checkpoint", checkpoint, *arguments)
    assert status == 2 and printed == "" and "map: none of these generators has coordinates" in told
    assert not Path("part.csv").exists() and not Path("part.html").exists()


def test_events_that_the_dataset_has_are_told_of(checkpoint, forecast):
    """An export that overlaps the last one counted twice without a word."""
    file = Path("dataset/cyclic/cyclic.inter")
    before = file.read_text()
    header, *rows = before.splitlines()
    dated = [f"{header}\ttime:token", *(f"{row}\t2020-01-{1 + i % 20:02}T12:00" for i, row in enumerate(rows))]
    Path("overlaps.csv").write_text(
        "generator,element,time\ng1,e5,2020-01-20T12:00:00\ng2,e1,2020-01-21\nnew,e7,2019-01-01\n"
    )
    try:
        file.write_text("\n".join(dated) + "\n")
        asked = ("--checkpoint", checkpoint, "--topk=1", "--format=csv")
        status, _, told = forecast(*asked, "--history=overlaps.csv")
        said = forecast(*asked[:2], "--generator=g1", "--history=overlaps.csv")[1]
    finally:
        file.write_text(before)
    assert status == 0 and "warning: history: 1 of 3 events are no newer than their generator's newest" in told
    assert "to 2020-01-20\noverlaps.csv adds 1 event, up to 2020-01-20\nthe likeliest" in said
    assert "such as that on line 2; events that the dataset already has count twice, and older ones" in told


def test_newer_events_of_a_file_are_taken_and_unknown_ones_named(checkpoint, forecast):
    Path("newer.csv").write_text("generator,element,timestamp\ng1,e5,2\ng1,e90,1\nnew,e7,1\nnew,nothing,2\n")
    status, printed, told = forecast("--checkpoint", checkpoint, "--history=newer.csv", "--topk=1", "--format=csv")
    found = {row["generator"]: row["element"] for row in csv.DictReader(printed.splitlines())}
    assert status == 0 and found == {"g1": "e6", "new": "e8"}
    assert "warning: history: left out 1 event whose element the model does not know: 'nothing' (1)" in told
    assert "warning: history: 1 of 2 generators are not in the dataset" in told and "events are known: 'new'\n" in told
    assert [row["known"] for row in csv.DictReader(printed.splitlines())] == ["1", "0"]


def test_who_is_named_is_forecast_and_not_everyone_in_the_history(checkpoint, forecast):
    """Of 56 places with newer events all were printed, though one was asked for."""
    Path("newer.csv").write_text("generator,element,timestamp\ng1,e5,1\ng2,e7,1\nnew,e7,1\n")
    asked = ("--checkpoint", checkpoint, "--history=newer.csv", "--format=json", "--generator=g1", "--generator=g3")
    status, printed, _ = forecast(*asked)
    found = {one["generator"]: one["events"] for one in json.loads(printed)["forecasts"]}
    assert status == 0 and found == {"g1": 21, "g3": 20}, "with its newer event"


@pytest.mark.parametrize("name", ["output", "map"])
def test_a_forecast_is_not_written_over_its_checkpoint(checkpoint, forecast, name):
    """It was, and the model was lost."""
    before = Path(checkpoint).read_bytes()
    status, _, told = forecast(
        "--checkpoint", checkpoint, "--all", "--group=e7", "--map=m.html", f"--{name}", checkpoint
    )
    assert status == 2 and f"{name}: {checkpoint} is that of --checkpoint too; give another name" in told
    assert Path(checkpoint).read_bytes() == before


def test_a_forecast_is_not_written_over_a_model(checkpoint, forecast, tmp_path):
    """--output=other.pth left a text of 181 bytes where a model had been."""
    file = tmp_path / "other.pth"
    file.write_bytes(b"a model")
    status, _, told = forecast("--checkpoint", checkpoint, "--all", f"--output={file}")
    assert status == 2 and f"output: {file} is a name of models; give another name" in told
    assert file.read_bytes() == b"a model"


@pytest.mark.parametrize(("name", "suffix"), [("output", ".json"), ("map", ".html")])
def test_a_forecast_is_not_written_over_what_the_run_left(checkpoint, forecast, name, suffix):
    """--output=X.json beside X.pth replaced the run's record, which `report` then took for one."""
    file = Path(checkpoint).with_suffix(suffix)
    if suffix == ".html":
        file.write_text("a report")
    before, given = file.read_text(), f"--{name}={file}"
    status, _, told = forecast("--checkpoint", checkpoint, "--all", "--group=e7", "--map=m.html", given)
    assert status == 2 and f"{name}: {file} belongs to the run that left the checkpoint; give another name" in told
    assert file.read_text() == before


def test_events_of_one_generator_by_two_names_are_one_generators_in_their_order(checkpoint, forecast):
    Path("two.csv").write_text("generator,element,timestamp\ng1,e5,3\nG1,e90,2\ng1,e7,1\n")
    status, printed, _ = forecast("--checkpoint", checkpoint, "--history=two.csv", "--topk=1", "--format=json")
    (found,) = json.loads(printed)["forecasts"]
    assert status == 0 and found["generator"] == "g1" and found["events"] == 23
    assert found["predictions"][0]["element"] == "e6", "e5 came last"


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ([], ["generator: name one, or ask for --all"]),
        (["--all", "--generator=g1", "--topk=0"], ["all: has every generator", "topk: 0 must be at least 1"]),
        (["--generator=g1111"], ["generator: the model knows no 'g1111'; did you mean 'g111'"]),
        (["--generator=x*"], ["generator: 'x*' matches none of the model's 120; its generators are such as 'g0'"]),
        (["--generator=g1", "--topk=111"], ["k (--topk): 111 must lie between 1 and the model's 110 elements"]),
        (["--all", "--map=out.html"], ["map: needs --map=FILE.html and --group=WORDS"]),
        (["--all", "--map=none.html", "--group=xyz"], ["group: no element has 'xyz' in its name"]),
        (["--all", "--output=no/out.csv"], ["output: the folder of no/out.csv does not exist"]),
        (["--all", "--output=."], ["output: . is a folder; name a file"]),
        (["--all", "--map=x.png", "--group=e7"], ["map: x.png must end in .html"]),
        (["--all", "--output=x.xlsx"], ["output: x.xlsx cannot be written; name a .csv, which opens there too"]),
        (["--all", "--output=x.json", "--format=csv"], ["format: csv does not go with --output=x.json, which is json"]),
        (["--all", "--output=x.CSV", "--format=text"], ["format: text does not go with --output=x.CSV, which is csv"]),
        (["--all", "--group=e7", "--topk=3"], ["topk: with --group and without --map there is one row"]),
        (["--all", "--group=e7", "--group="], ["group: has no words; give some"]),
        (["--all", "--group=e7", "--group=xyz"], ["group: no element has 'xyz' in its name"]),
        (["--all", "--output=x.html", "--map=./x.html", "--group=e7"], ["output: x.html is that of --map too; give"]),
        (["--history=unknown.csv", "--output=unknown.csv"], ["output: unknown.csv is that of --history too"]),
        (["--history=no.csv"], ["history: no.csv does not exist"]),
        (["--history=columns.csv"], ["columns.csv has no column element or item_id; its header is generator, what"]),
        (["--history=unknown.csv", "--output=none.csv"], ["no generator asked for has an event that the model knows"]),
        (["--all", "--data_path=elsewhere"], ["cyclic is not at elsewhere/cyclic/cyclic.inter"]),
        (["--all", "--checkpoint="], ["checkpoint: the name is empty; give that of a file"]),
        (["--all", "--checkpoint=saved"], ["checkpoint: saved is a folder; name a file in it"]),
        (["--all", "--checkpoint=no.pth"], ["checkpoint: no.pth does not exist"]),
        (["--all", "--checkpoint=columns.csv"], ["checkpoint: columns.csv"]),
    ],
)
def test_bad_input_is_a_message_and_status_2_and_writes_nothing(checkpoint, forecast, arguments, expected):
    Path("columns.csv").write_text("generator,what\ng1,e1\n")
    Path("unknown.csv").write_text("generator,element\nnew,nothing\n")
    before = _files()
    status, _, told = forecast("--checkpoint", checkpoint, *arguments)
    assert status == 2 and "Traceback" not in told
    for part in expected:
        assert f"error: {part}" in told or ("error: " in told and part in told)
    assert _files() == before


def _files() -> set[Path]:
    return {path for path in Path.cwd().rglob("*") if not path.name.endswith(".calibration.json")}


def test_a_history_of_the_datasets_own_columns_is_taken(workplace, write_dataset, forecast, monkeypatch, capsys):
    """Both commands sent the user to the converters of cities."""
    circle = {f"g{g}": [f"e{(g + i) % 9}" for i in range(9)] for g in range(20)}
    for name, sequences in (("sessions", circle), ("newer", {"g1": ["e1"], "g2": ["e5"]})):
        file = write_dataset(workplace / "dataset", name, sequences)
        rows = file.read_text().splitlines()[1:]
        file.write_text("\n".join(["session_id:token\tsong:token\twhen:float", *rows]) + "\n")
    columns = {"USER_ID_FIELD": "session_id", "ITEM_ID_FIELD": "song", "TIME_FIELD": "when"}
    settings = {**columns, "candidates": "full", "show_progress": False, "use_gpu": False}
    run_recbole(model="MarkovChain", dataset="sessions", config_dict=settings)
    asked = ("--dataset=sessions", "--history=dataset/newer", "--format=csv")
    status, printed, told = forecast(*asked, "--topk=1")
    assert status == 0, told
    assert [(row["generator"], row["element"]) for row in csv.DictReader(printed.splitlines())] == [
        ("g1", "e2"),
        ("g2", "e6"),
    ]
    monkeypatch.setattr(sys, "argv", ["recbole-hail", "verify", *asked])
    assert command.main() == 0 and "asked for 2 newer events of 2 generators" in capsys.readouterr().err
