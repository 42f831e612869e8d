"""`recbole-hail report` as people call it: a page beside the checkpoint, and messages for bad input."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from recbole.quick_start import run_recbole

from recbole_hail.cli.main import main


@pytest.fixture(scope="module")
def checkpoint(build, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    settings = {**build("Pop").ranked, "epochs": 1, "checkpoint_dir": str(folder), "topk": [1, 10]}
    run_recbole(model="HAIL", dataset="world", config_dict=settings)
    (found,) = folder.glob("*.pth")
    return found


def test_a_page_beside_the_checkpoint_and_nothing_else(checkpoint, run_command, contents):
    before = contents(checkpoint.parent), contents(Path.cwd())
    done = run_command("main", "report", f"--checkpoint={checkpoint}")
    assert done.returncode == 0, done.stderr[-3000:]
    page = checkpoint.with_suffix(".html")
    assert done.stdout.strip() == str(page) and "ranking the test targets under strict" in done.stderr
    assert page.read_text(encoding="utf-8").rstrip().endswith("</html>")
    after = contents(checkpoint.parent), contents(Path.cwd())
    del after[0][page]
    page.unlink()
    assert after == before


@pytest.fixture
def refused(monkeypatch, capsys, contents):
    """What the command says before it leaves with status 2; nothing is written or changed."""

    def refused(folder: Path, *arguments: str) -> str:
        before = contents(folder)
        monkeypatch.setattr(sys, "argv", ["recbole-hail", "report", *arguments])
        assert main() == 2
        assert contents(folder) == before
        return capsys.readouterr().err

    return refused


def test_another_file_is_not_written_over(checkpoint, tmp_path, refused):
    page = tmp_path / "page.html"
    page.write_text("mine")
    said = refused(tmp_path, f"--checkpoint={checkpoint}", f"--output={page}")
    assert f"error: output: {page} exists; give another name, or --overwrite" in said


@pytest.mark.parametrize(
    "output, message",
    [
        ("model.pth", "must end in .html"),
        ("nowhere/page.html", "does not exist"),
        ("folder.html", "is a folder"),
    ],
)
def test_outputs_that_cannot_be_are_refused_before_the_work(checkpoint, tmp_path, refused, output, message):
    shutil.copy(checkpoint, tmp_path / "model.pth")
    (tmp_path / "folder.html").mkdir()
    said = refused(tmp_path, f"--checkpoint={tmp_path / 'model.pth'}", f"--output={tmp_path / output}", "--overwrite")
    assert message in said and "Traceback" not in said


def test_a_page_that_cannot_be_written_is_a_message(checkpoint, tmp_path, refused, monkeypatch):
    replace = os.replace

    def full_disk(old, new):
        if str(new).endswith(".html"):
            raise OSError(28, "No space left on device")
        replace(old, new)

    monkeypatch.setattr(os, "replace", full_disk)
    said = refused(tmp_path, f"--checkpoint={checkpoint}", f"--output={tmp_path}/page.html")
    assert f"error: file: {tmp_path}/page.html cannot be read or written: No space left on device" in said


def test_what_is_no_checkpoint_is_refused(tmp_path, refused):
    assert "no.pth does not exist" in refused(tmp_path, f"--checkpoint={tmp_path / 'no.pth'}")
    (tmp_path / "text.pth").write_text("text")
    assert "error: checkpoint:" in refused(tmp_path, f"--checkpoint={tmp_path / 'text.pth'}")


def test_a_checkpoint_of_another_dataset_or_model_is_refused(checkpoint, tmp_path, refused, write_dataset):
    write_dataset(tmp_path, "world", {f"g{g}": [f"e{(g + i) % 105}" for i in range(9)] for g in range(110)})
    said = refused(tmp_path, f"--checkpoint={checkpoint}", f"--data_path={tmp_path}", f"--output={tmp_path}/page.html")
    assert "was not trained on the data in" in said
    shutil.copy(checkpoint, tmp_path / "model.pth")
    (tmp_path / "record.json").write_text('{"model": "SASRec", "dataset": "world", "settings": {}, "results": {}}')
    said = refused(tmp_path, f"--checkpoint={tmp_path / 'model.pth'}")
    assert "is of SASRec on world" in said
