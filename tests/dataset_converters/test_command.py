"""The command line: every option of the Python calls, one line for an error, the exit status."""

import inspect
import os
import subprocess
import sys
import time

import pytest

import dataset_converters
from dataset_converters.__main__ import build_parser, main

COMMANDS = ("nyc", "chicago", "city", "sequences", "movielens", "amazon", "download", "check", "sample")
POSITIONAL = {
    "city": ["a.csv", "--output", "b", "--number", "n", "--date", "d", "--generator", "g", "--element", "e"],
    "download": ["toys"],
    "check": ["folder"],
    "sample": ["nyc", "--output", "x.csv"],
}


def test_the_commands_are_the_calls():
    assert set(COMMANDS) == set(dataset_converters.__all__) - {"DOWNLOADABLE", "ConversionError", "commands_for"}


@pytest.mark.parametrize("command", COMMANDS)
def test_command_and_call_have_the_same_options_and_defaults(command):
    parsed = vars(build_parser().parse_args([command, *POSITIONAL.get(command, ["a.csv", "--output", "b"])]))
    del parsed["run"], parsed["command"]
    parameters = inspect.signature(getattr(dataset_converters, command)).parameters
    assert set(parsed) == set(parameters) - {"progress"}
    for name, parameter in parameters.items():
        if parameter.default is not inspect.Parameter.empty and name != "progress":
            assert parsed[name] == parameter.default, name


def run(*arguments, cwd):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    line = [sys.executable, "-m", "dataset_converters", *arguments]
    return subprocess.run(line, cwd=cwd, env=environment, capture_output=True, text=True)


def test_from_sample_to_check_in_a_shell(tmp_path):
    assert run("sample", "nyc", "--events", "30000", "--output", "s.csv", cwd=tmp_path).returncode == 0
    made = run("nyc", "s.csv", "--year", "2016", "--output", "dataset/nyc16", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("nyc16  (from s.csv)\n  rows read 30,000")
    assert made.stderr == ""  # no progress bar where nobody looks at it
    checked = run("check", "dataset/nyc16", cwd=tmp_path)
    assert checked.returncode == 0 and checked.stdout.startswith("nyc16: sound")
    found = run("check", "dataset/nyc16", "--min-events", "6", cwd=tmp_path)
    assert found.returncode == 1 and "finding: nyc16.inter:" in found.stdout
    error = run("nyc", "s.csv", "--year", "1999", "--output", "dataset/nyc99", cwd=tmp_path)
    assert error.returncode == 2 and error.stdout == ""
    assert error.stderr == "error: s.csv: no usable events in 1999; the rows run from 2016-01-01 to 2016-12-31\n"
    assert os.listdir(tmp_path / "dataset") == ["nyc16"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["nyc", "a.csv"], "nothing was written"),
        (["download", "toys"], "the same command goes on with what has been downloaded"),
    ],
)
def test_an_interrupt(tmp_path, monkeypatch, capsys, command, said):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(dataset_converters, command[0], interrupt)
    assert main([*command, "--output", str(tmp_path / "made")]) == 130
    assert capsys.readouterr().err == f"error: interrupted; {said}\n"


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_being_terminated_while_writing_leaves_nothing(tmp_path):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    line = [
        sys.executable,
        "-m",
        "dataset_converters",
        "sample",
        "nyc",
        "--events",
        "2000000",
        "--output",
        "new/s.csv",
    ]
    with subprocess.Popen(line, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as running:
        while running.poll() is None and not list(tmp_path.glob("new/.s.csv.*")):
            time.sleep(0.01)
        running.terminate()
        assert running.wait(60) == 143  # 130, that of Ctrl-C, before
        assert running.stderr.read() == "error: ended by SIGTERM; nothing was written\n"
    assert not list(tmp_path.iterdir())


def test_a_reader_that_has_gone(tmp_path):
    (tmp_path / "pairs.txt").write_text("a b\n", encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    line = [sys.executable, "-m", "dataset_converters", "sequences", "pairs.txt", "--output", "made"]
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(line, cwd=tmp_path, env=environment, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "") and (tmp_path / "made" / "made.inter").exists()


def test_help_of_every_command(capsys):
    for command in COMMANDS:
        with pytest.raises(SystemExit) as caught:
            main([command, "--help"])
        assert caught.value.code == 0
        assert "usage: python -m dataset_converters " + command in capsys.readouterr().out
