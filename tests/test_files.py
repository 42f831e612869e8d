"""Files that are there whole or not at all, whatever happens to the process that writes them."""

import os
import platform
import resource
import signal
import subprocess
import sys

import pytest
import torch

from recbole_hail.files import atomic_write, write_text
from recbole_hail.training.checkpoints import write_checkpoint


def test_what_a_killed_process_has_left_goes_with_the_next_writing(tmp_path):
    """A checkpoint half written at every kill stayed for good."""
    file = tmp_path / "model.pth"
    code = "import os, sys; from recbole_hail.files import *\nwith atomic_write(Path(sys.argv[1])) as temporary:\n"
    code += "    temporary.write_text('half'); os.kill(os.getpid(), 9)"
    done = subprocess.run([sys.executable, "-c", code, str(file)])
    assert done.returncode == -signal.SIGKILL and not file.exists()
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(f".{platform.node()}-") and left.read_text() == "half"
    others = [f".{platform.node()}-{os.getppid()}.model.pth", ".elsewhere-1.model.pth", ".1.other.pth"]
    for name in others:  # of a process that runs, of another machine, of another file
        (tmp_path / name).write_text("theirs")
    write_text(file, "whole")
    assert {path.name for path in tmp_path.iterdir()} == {"model.pth", *others}


def test_an_error_names_the_file_that_was_meant(tmp_path):
    with pytest.raises(OSError) as raised, atomic_write(tmp_path / "table.csv") as temporary:
        temporary.write_text("half")
        raise OSError(28, "No space left on device", str(temporary))
    assert raised.value.filename == str(tmp_path / "table.csv") and not list(tmp_path.iterdir())


def test_a_link_stays_and_what_it_points_to_is_written(tmp_path):
    """The link was replaced, and the file it pointed to kept what was old."""
    (tmp_path / "elsewhere").mkdir()
    link, file = tmp_path / "table.csv", tmp_path / "elsewhere" / "kept.csv"
    file.write_text("old")
    link.symlink_to(file)
    write_text(link, "new")
    assert link.is_symlink() and file.read_text() == "new"
    assert [path.name for path in file.parent.iterdir()] == ["kept.csv"]


def test_a_pipe_is_written_into_or_refused_and_never_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen(
        [sys.executable, "-c", "import sys; print(open(sys.argv[1]).read())", str(pipe)], stdout=-1
    )
    write_text(pipe, "forecasts")
    assert reader.communicate(timeout=60)[0] == b"forecasts\n"
    with pytest.raises(OSError, match="is no regular file") as raised, atomic_write(pipe):
        pass
    assert raised.value.filename == str(pipe) and pipe.is_fifo()


@pytest.fixture
def little_space():
    """No file may be longer than 10 kB, as on a disk that is nearly full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_checkpoint_on_a_full_disk_is_an_error_of_the_file(tmp_path, little_space):
    """torch said "unexpected pos 704 vs 598", and the old checkpoint is kept."""
    file = tmp_path / "model.pth"
    file.write_text("the one before")
    with pytest.raises(OSError, match="File too large") as raised:
        write_checkpoint({"weights": torch.zeros(10_000)}, file)
    assert raised.value.filename == str(file)
    assert file.read_text() == "the one before" and list(tmp_path.iterdir()) == [file]
