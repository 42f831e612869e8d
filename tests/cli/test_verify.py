"""`recbole-hail verify`: forecasts whose outcome is known, in a process and in this one."""

import csv
import json
import re
import sys
from pathlib import Path

import pytest
from recbole.quick_start import run_recbole

from recbole_hail.cli import main as command
from recbole_hail.evaluation.significance import wilson_interval


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, write_dataset):
    """Of the rule that knows what follows what, in a circle, where the tests work; `ghost` has no event."""
    folder = tmp_path_factory.mktemp("run")
    circle = {f"g{g}": [f"e{(7 * g + i) % 110}" for i in range(20)] for g in range(120)}
    users = write_dataset(folder / "dataset", "cyclic", circle).with_suffix(".user")
    users.write_text("user_id:token\tarea:token\n" + "".join(f"{name}\tnorth\n" for name in [*circle, "ghost"]))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["pytest"])
        columns = {"inter": ["user_id", "item_id", "timestamp"], "user": ["user_id", "area"]}
        settings = {"show_progress": False, "use_gpu": False, "load_col": columns}
        run_recbole(model="MarkovChain", dataset="cyclic", config_dict=settings)
        yield str(next(folder.glob("saved/*.pth")))


@pytest.fixture
def verified(checkpoint, monkeypatch, capsys):
    """Runs the command in this process: status, output and errors."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["recbole-hail", "verify", *arguments])
        status = command.main()
        return (status, *capsys.readouterr())

    return run


def _newer(file: str, step: int, *, events: int = 2, generators: int = 120) -> str:
    """What came after the 20 events of each generator: with a step of 1 what comes next in the circle."""
    rows = [f"g{g},e{(7 * g + 19 + step * i) % 110}" for i in range(1, events + 1) for g in range(generators)]
    Path(file).write_text("\n".join(["generator,element", *rows]) + "\n")
    return f"--history={file}"


def test_a_run_is_verified_in_another_process(cyclic, run_here, run_command):
    trained = run_here("run_recbole", "--model=HAIL", "--dataset=cyclic", "--config_files=small.yaml", "--epochs=1")
    assert trained.returncode == 0, trained.stderr
    Path("newer.csv").write_text("generator,element\ng1,e5\ng2,e7\ng1,e90\nG 10,e1\ng2,nothing\n")
    done = run_command("main", "verify", "--dataset=cyclic", "--history=newer.csv")
    assert done.returncode == 0, done.stderr
    caption, following, every = done.stdout.split("\n\n")
    assert caption.splitlines()[0].startswith("HAIL, trained on cyclic, saved/HAIL-")
    assert caption.splitlines()[1:] == [
        "asked for 4 newer events of 2 generators",
        "counted as misses: 1 event whose element the model does not know: 'nothing' (1)",
        "left out: 1 event of 1 generator not in the training data: 'G 10' (1; did you mean 'g10'?)",
    ]
    for table, events in ((following, 2), (every, 4)):
        rows = [line.split("  ")[1].strip() for line in table.splitlines()[2:6]]
        assert rows == ["HAIL", "GeneratorFrequency", "Pop", "guessing"]
        assert f"so few events say little: {events}, fewer than 100" in table
    assert "HAIL-" in done.stderr and "for cyclic, made" in done.stderr


def test_what_was_certain_came_true_and_no_count_knew_it(checkpoint, verified):
    status, printed, told = verified("--checkpoint", checkpoint, _newer("right.csv", 1), "--format=json")
    found = json.loads(printed)
    assert status == 0 and found["model"] == "MarkovChain" and told == ""
    for events, of in ((120, found["tables"]["next"]), (240, found["tables"]["all"])):
        assert (of["events"], of["generators"]) == (events, 120)
        assert all((score["mean"], score["high"]) == (1, 1) for score in of["scores"]["MarkovChain"].values())
        assert {score["low"] for score in of["scores"]["MarkovChain"].values()} == {1 - wilson_interval(0, 120)[1]}
        assert of["scores"]["GeneratorFrequency"]["hit@10"]["mean"] == 0
        assert of["scores"]["guessing"]["hit@1"]["mean"] == pytest.approx(1 / 110)
        assert "MarkovChain is " in of["said"][0] and " points better than Pop" in of["said"][0]
    assert {event["rank"]["MarkovChain"] for event in found["events"]} == {1}


def test_nothing_came_true(checkpoint, verified):
    status, printed, told = verified("--checkpoint", checkpoint, _newer("wrong.csv", 5), "--format=csv")
    rows = {(row["events"], row["model"]): row for row in csv.DictReader(printed.splitlines())}
    assert status == 0 and len(rows) == 8
    for name in ("next", "all"):
        assert rows[name, "MarkovChain"]["right_first"] == rows[name, "MarkovChain"]["right_first_low"] == "0"
        assert float(rows[name, "MarkovChain"]["right_first_high"]) == pytest.approx(
            wilson_interval(0, 120)[1], rel=1e-5
        )
    assert "asked for 240 newer events of 120 generators" in told
    assert (
        "all: MarkovChain's first answers had a chance of" in told
        and "0.0 % of them came true, fewer than forecast" in told
    )


def test_a_history_is_taken_from_the_folder_of_a_dataset_and_written_whole(checkpoint, verified, write_dataset):
    write_dataset(Path("dataset"), "jan25", {"g3": ["e41", "e42"], "g4": ["e48"]})
    asked = ("--dataset=cyclic", "--history=dataset/jan25", "--output=out.txt")
    status, printed, told = verified(*asked)
    assert status == 0 and printed == "" and "MarkovChain for cyclic, made" in told
    text = Path("out.txt").read_text()
    assert "asked for 3 newer events of 2 generators" in text
    assert len(re.findall(r"^  MarkovChain +100\.0 % \(34\.2 to 100\.0\)", text, re.MULTILINE)) == 2
    status, _, told = verified(*asked)
    assert status == 2 and "error: output: out.txt exists; give another name, or --overwrite" in told
    assert Path("out.txt").read_text() == text
    assert verified(*asked, "--overwrite")[0] == 0


def test_days_and_what_is_not_newer_are_told(checkpoint, verified):
    file = Path("dataset/cyclic/cyclic.inter")
    before = file.read_text()
    header, *rows = before.splitlines()
    dated = [f"{header}\ttime:token", *(f"{row}\t2020-01-{1 + i % 20:02}T12:00:00" for i, row in enumerate(rows))]
    Path("overlaps.csv").write_text("generator,element,time\ng1,e5,2020-01-20T12:00:00\ng2,e1,2020-01-21\n")
    try:
        file.write_text("\n".join(dated) + "\n")
        asked = ("--checkpoint", checkpoint, "--history=overlaps.csv")
        status, printed, told = verified(*asked)
        written = verified(*asked, "--output=overlaps.txt")[2]
    finally:
        file.write_text(before)
    old = "warning: history: 1 of 2 events are no newer than their generator's newest in the dataset"
    assert status == 0 and old in printed and old not in told, "was said twice on a terminal"
    assert old in written and "overlaps.txt: 2 events verified" in written
    days = "of 2 generators, 2020-01-20 to 2020-01-21; cyclic has events from 2020-01-01 to 2020-01-20"
    assert days in printed


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["--history=no.csv"], "history: no.csv does not exist"),
        (["--history=columns.csv"], "history: columns.csv has no column element or item_id"),
        (["--history=strangers.csv"], "history: none of its 2 events is of a generator in the training data"),
        (["--history=good.csv", "--checkpoint=no.pth"], "checkpoint: no.pth does not exist"),
        (["--history=good.csv", "--output=nowhere/out.txt"], "output: the folder of nowhere/out.txt does not exist"),
        (["--history=good.csv", "--output=good.csv"], "output: good.csv is that of --history too; give another name"),
        (["--history=good.csv", "--output=other.pth"], "output: other.pth is a name of models; give another name"),
    ],
)
def test_bad_input_is_a_line_and_status_2_and_writes_nothing(checkpoint, verified, arguments, expected):
    Path("columns.csv").write_text("generator,what\ng1,e1\n")
    Path("strangers.csv").write_text("generator,element\nnew,e1\nghost,e2\n")
    Path("good.csv").write_text("generator,element\ng1,e1\n")
    before = _files()
    status, printed, told = verified("--checkpoint", checkpoint, *arguments)
    assert status == 2 and printed == "" and len(told.splitlines()) == 1 and f"error: {expected}" in told
    assert _files() == before


def _files() -> set[Path]:
    return {path for path in Path.cwd().rglob("*") if not path.name.endswith(".calibration.json")}
