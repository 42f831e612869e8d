"""A small budget, and calibrations whose figures the test chooses."""

import json

import pytest

from recbole_hail.cli.config import checked_config
from recbole_hail.experiments.budgets import SweepBudget
from recbole_hail.experiments.stepper import paired

LEVELS = {
    "length": [0.5, 2],
    "alpha": [0.3, 0.5],
    "falling_alpha": [[1.0, 0.0]],
    "gamma": [2.0],
    "peers": [3],
    "base_network": ["bidirectional", "causal"],
}


@pytest.fixture
def budget():
    return SweepBudget(100, [1, 2], {}, LEVELS)


_configs = {}


@pytest.fixture
def config_of():
    """`checked_config` that makes the same Config once for all tests; nothing here changes one."""

    def make(*arguments, **settings):
        key = repr((arguments, settings))
        if key not in _configs:
            _configs[key] = checked_config(*arguments, **settings)
        return _configs[key]

    return make


@pytest.fixture
def fixed_costs(monkeypatch):
    """No step is measured: it takes 0.1 s for each network, and every run may have 1,000 of them."""

    def measured(specs, dataset, settings, config_of, say):
        seconds = {label: 0.1 * int(dict(spec.settings).get("peers", 2)) for label, spec in specs.items()}
        for label in specs:
            yield label, {"seconds": seconds[label], "most steps": 1000, "ratio": paired([0.2], [seconds[label]])}

    monkeypatch.setattr("recbole_hail.experiments.step_costs._measured", measured)


@pytest.fixture
def kept_calibration():
    """Reads what a calibration has kept."""
    return lambda file: json.loads(file.read_text())[0]["systems"]
