"""Every example runs to its end, as a process, from a folder of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import recbole_hail

EXAMPLES = Path(__file__).parents[1] / "examples"
# Fewer steps than the examples take by themselves, and what the last line of output says.
RUNS = {
    "without_recbole.py": (["--steps=3"], "right: "),
    "against_a_rule.py": (["--max_steps=3"], "GeneratorKNN: HR@10 "),
    "own_model.py": (["--max_steps=3"], "largest in the table: "),
    "city_to_forecast.py": (["--max_steps=3"], "  "),
}


def test_every_example_is_run():
    assert {file.name for file in EXAMPLES.glob("*.py")} == RUNS.keys()


@pytest.mark.parametrize("name", RUNS)
def test_runs(tmp_path, name):
    arguments, last = RUNS[name]
    path = os.pathsep.join([str(Path(recbole_hail.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith(last)
