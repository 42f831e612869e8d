"""What a conversion says is to be run next."""

import os
import stat
import subprocess
import sys

import pytest

from dataset_converters.__main__ import main
from dataset_converters.next_steps import next_steps

RULE = "    run_recbole --model=GeneratorKNN"
NETWORK = "    run_recbole --model=HAIL --peers=1"
FORECAST = "    recbole-hail forecast --dataset la --all --output la-forecasts.csv"
TENTHS = """ --eval_args="{'split':{'RS':[0.8,0.1,0.1]},'order':'TO','group_by':'user','mode':'full'}\""""


def reported(name="la", elements=200, longest=9, generators=100, mean=20.0, **options) -> dict:
    counts = {"elements": elements, "max": longest, "generators": generators, "mean": mean}
    return {"name": name, "options": options, "statistics": {"all": counts}, "compared": ["all 3 generators are there"]}


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
        assert lines[1:3] == [f"{RULE} --dataset=la{where}", FORECAST]


def test_a_network_is_asked_what_the_rule_is_asked():
    """By README's command, without the rule's options, it looked four times as good: 99 draws in place of all."""
    for some in ({}, {"generators": 99}, {"elements": 1000}, {"name": "nyc16"}):
        lines = next_steps(reported(**some), f"elsewhere/{some.get('name', 'la')}")
        rule, network = (line for line in lines if "run_recbole" in line)
        assert rule.removeprefix(RULE) == network.removeprefix(NETWORK)
    assert lines[-2:] == [
        "  or a network, which takes longer, asked the same:",
        f"{NETWORK} --dataset=nyc16 --data_path=./elsewhere",
    ]


def test_folders_elsewhere_are_named_in_full(here, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    assert next_steps(reported(elements=1000), other / "la")[1] == f"{RULE} --dataset=la --data_path={other}"


@pytest.mark.parametrize(
    ("name", "elements", "said"),
    [
        ("la", 1000, ""),
        ("la", 999, " --candidates=full"),
        ("la", 2, " --candidates=full"),  # run_recbole cuts topk itself
        ("new york", 1000, ""),
        ("nyc16", 100, ""),  # its settings are shipped
        ("nyc16", 99, " --candidates=full"),
    ],
)
def test_few_elements_are_all_ranked(name, elements, said):
    named = f"'{name}'" if " " in name else name
    assert next_steps(reported(name, elements), f"dataset/{name}")[1] == f"{RULE} --dataset={named}{said}"


@pytest.mark.parametrize(
    ("few", "asked"),
    [
        ({"generators": 20}, "la --all --topk 3"),
        ({"generators": 20, "elements": 2}, "la --all --topk 2"),  # no more than there are
        ({"generators": 21}, "la --all --output la-forecasts.csv"),
        ({"generators": 21, "name": "new york"}, "'new york' --all --output 'new york-forecasts.csv'"),
    ],
)
def test_forecasts_of_many_generators_go_to_a_file(few, asked):
    """Those of 147 places were 885 lines."""
    (forecast,) = (line for line in next_steps(reported(**few), "dataset/la") if "forecast" in line)
    assert forecast == f"    recbole-hail forecast --dataset {asked}"


@pytest.mark.parametrize(
    ("few", "asked"),
    [
        ({"generators": 99}, True),
        ({"generators": 99, "elements": 5000}, True),
        ({"generators": 100}, False),
        ({"generators": 99, "mean": 19.9}, False),  # a tenth of these is the last event
        ({"generators": 99, "name": "nyc16"}, False),  # its settings are shipped
    ],
)
def test_few_generators_are_asked_about_a_tenth_of_their_events(few, asked):
    """12 places were asked 12 questions: "33.3 % right"."""
    lines = next_steps(reported(**few), "dataset/la")
    (run,) = (line for line in lines if RULE in line)
    assert run.endswith(f"--dataset=la{TENTHS}") == asked
    assert lines[0].startswith("  99 generators would be asked 99 questions, too few to tell") == asked


@pytest.mark.parametrize("nothing", [{"elements": 1}, {"longest": 3}, {"name": "ml-100k"}])
def test_what_cannot_be_run_is_not_named(nothing):
    assert next_steps(reported(**nothing), "dataset/la") == []


def test_newer_rows_are_a_history():
    lines = next_steps(reported("newer", like="dataset/la"), "dataset/newer")
    assert lines == [
        "  all 3 generators are there",
        "  next, what the model trained on la expects after these, and whether it expected them:",
        "    recbole-hail forecast --dataset la --history dataset/newer",
        "    recbole-hail verify --dataset la --history dataset/newer",
    ]


def program(folder, name: str, module: str) -> None:
    """The command as it is installed, of this checkout."""
    path = folder / name
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n', encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def run_printed(here, lines) -> subprocess.CompletedProcess:
    """Runs what was printed, line by line, in a shell that has the commands of this checkout; gives the last."""
    pytest.importorskip("recbole_hail")
    (here / "bin").mkdir(exist_ok=True)
    program(here / "bin", "run_recbole", "recbole_hail.cli.run_recbole")
    program(here / "bin", "recbole-hail", "recbole_hail.cli.main")
    paths = {"PATH": f"{here / 'bin'}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": os.pathsep.join(sys.path)}
    for line in lines:
        done = subprocess.run(line, shell=True, env=os.environ | paths, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return done


@pytest.mark.skipif(sys.platform == "win32", reason="the commands are of a Unix shell")
def test_the_commands_work_as_they_are_printed(here, capsys):
    """The newest checkpoint was taken, whatever it was trained on."""
    (here / "few.txt").write_text("".join(f"place{n % 6} thing{n * n % 5}\n" for n in range(24)), encoding="utf-8")
    assert main(["sequences", "few.txt", "--output", "my data/2024"]) == 0
    *_, run, forecast, _, _ = capsys.readouterr().out.splitlines()
    assert "--topk" not in run
    (here / "saved").mkdir()
    (here / "saved" / "GeneratorKNN-of-another-dataset.pth").touch()
    os.utime(here / "saved" / "GeneratorKNN-of-another-dataset.pth", (4e9, 4e9))
    done = run_printed(here, [run, forecast])
    assert done.stdout.startswith("place0, 4 events")


@pytest.mark.skipif(sys.platform == "win32", reason="the commands are of a Unix shell")
def test_a_tenth_of_each_sequence_can_be_asked_about(here, capsys):
    """Also what the run prints at its end, of 3 places."""
    lines = [f"place{n % 3} thing{n * n % 11}\n" for n in range(90)]
    (here / "few.txt").write_text("".join(lines), encoding="utf-8")
    assert main(["sequences", "few.txt", "--output", "dataset/few"]) == 0
    *_, run, forecast, _, network = capsys.readouterr().out.splitlines()
    assert "--topk" not in run
    assert " of 6 test targets, among the first " in run_printed(here, [f"{network} --max_steps=2"]).stdout
    result, checkpoint, onwards = run_printed(here, [run]).stdout.splitlines()
    assert " of 6 test targets, among the first " in result and checkpoint.startswith("checkpoint: saved/GeneratorKNN-")
    assert onwards.startswith(f"next: {forecast.strip()}; recbole-hail report ")
    done = run_printed(here, [onwards.removeprefix("next: ")])
    assert done.stdout.startswith("place0, 30 events") and done.stdout.endswith(".html\n")


def test_converters_start_without_torch():
    code = "import sys, dataset_converters.__main__; sys.exit(any(m in sys.modules for m in ('torch', 'recbole')))"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0
