"""What a conversion says is to be run next."""

import os
import stat
import subprocess
import sys

import pytest

from dataset_converters.__main__ import main
from dataset_converters.next_steps import next_steps

RULE = "    run_recbole --model=GeneratorKNN"
FORECAST = '    recbole-hail forecast --checkpoint "$(ls -t saved/GeneratorKNN-*.pth | head -1)" --all --topk 3'


def reported(name="la", elements=200, longest=9, **options) -> dict:
    return {
        "name": name,
        "options": options,
        "statistics": {"all": {"elements": elements, "max": longest}},
    }


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("output", "where"),
    [
        ("dataset/la", ""),
        (None, ""),
        ("la", " --data_path=."),
        ("2024/la", " --data_path=./2024"),
        ("dataset/more/la", " --data_path=./dataset/more"),
        ("my data/la", " --data_path='./my data'"),
    ],
)
def test_nothing_said_what_to_run_next(here, output, where):
    for given in (output, output and os.path.abspath(output)):
        lines = next_steps(reported(elements=1000), given)
        assert lines[1:] == [f"{RULE} --dataset=la{where}", FORECAST]


def test_folders_elsewhere_are_named_in_full(here, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    assert next_steps(reported(elements=1000), other / "la")[1] == f"{RULE} --dataset=la --data_path={other}"


@pytest.mark.parametrize(
    ("name", "elements", "said"),
    [
        ("la", 1000, ""),
        ("la", 999, " --candidates=full"),
        ("la", 9, ' --candidates=full --topk="[1, 5]"'),
        ("la", 2, ' --candidates=full --topk="[1]"'),
        ("new york", 1000, ""),
        ("nyc16", 100, ""),  # its settings are shipped
        ("nyc16", 99, " --candidates=full"),
    ],
)
def test_few_elements_are_all_ranked(name, elements, said):
    named = f"'{name}'" if " " in name else name
    assert next_steps(reported(name, elements), f"dataset/{name}")[1] == f"{RULE} --dataset={named}{said}"


@pytest.mark.parametrize("nothing", [{"elements": 1}, {"longest": 3}, {"name": "ml-100k"}])
def test_what_cannot_be_run_is_not_named(nothing):
    assert next_steps(reported(**nothing), "dataset/la") == []


def test_newer_rows_are_a_history():
    lines = next_steps(reported("newer", like="dataset/la"), "dataset/newer")
    assert lines == [
        "  next, with the checkpoint of a model trained on dataset/la:",
        "    recbole-hail forecast --checkpoint saved/….pth --history dataset/newer",
    ]


def program(folder, name: str, module: str) -> None:
    """The command as it is installed, of this checkout."""
    path = folder / name
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n', encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.mark.skipif(sys.platform == "win32", reason="the commands are of a Unix shell")
@pytest.mark.parametrize("output", ["dataset/few", "my data/2024"])
def test_the_commands_work_as_they_are_printed(here, capsys, output):
    pytest.importorskip("recbole_hail")
    (here / "bin").mkdir()
    program(here / "bin", "run_recbole", "recbole_hail.cli.run_recbole")
    program(here / "bin", "recbole-hail", "recbole_hail.cli.main")
    paths = {"PATH": f"{here / 'bin'}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": os.pathsep.join(sys.path)}
    (here / "few.txt").write_text("".join(f"place{n % 6} thing{n * n % 5}\n" for n in range(24)), encoding="utf-8")
    assert main(["sequences", "few.txt", "--output", output]) == 0
    *_, run, forecast = capsys.readouterr().out.splitlines()
    for line in (run, forecast):
        done = subprocess.run(line, shell=True, env=os.environ | paths, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("place0, 4 events")


def test_converters_start_without_torch():
    code = "import sys, dataset_converters.__main__; sys.exit(any(m in sys.modules for m in ('torch', 'recbole')))"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0
