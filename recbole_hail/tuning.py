"""Searching settings: RecBole's HyperTuning on Hyperopt, and Ray Tune with metric and devices from the settings."""

import ast
import itertools
import math
import os
import sys
from pathlib import Path

import torch
from recbole.quick_start import quick_start
from recbole.trainer import HyperTuning
from recbole.utils import dict2str

from recbole_hail.compat import before_recbole
from recbole_hail.errors import SettingsError

ALGORITHMS = ("exhaustive", "random", "bayes")
_BOUNDS = {"uniform": 2, "quniform": 3, "loguniform": 2}
_objective_function = quick_start.objective_function


class _NoReport:
    """RecBole's objective reports test results to Ray Tune, inside a Ray session or not: outside it only warns, and
    inside it the search would choose by test results."""

    @staticmethod
    def report(**metrics):
        pass


def objective_function(config_dict=None, config_file_list=None, saved=True):
    """Trains and tests one setting; see `recbole.quick_start.objective_function`.

    Ray's workers and spawned processes unpickle a function by module and name: this one's module brings the plugin.
    """
    quick_start.tune = _NoReport
    return _objective_function(config_dict, config_file_list, saved)


def search_with_hyperopt(config, space: Path, files: list[str] | None, arguments) -> None:
    """RecBole's HyperTuning; model, dataset and the settings of the command line reach each trial through sys.argv."""
    fixed = {"model": config["model"], "dataset": config["dataset"]}
    tuning = HyperTuning(
        lambda settings, config_files: objective_function({**fixed, **settings}, config_files),
        algo=arguments.algo or "exhaustive",
        params_file=str(space),
        fixed_config_file_list=files,
        display_file=arguments.display_file,
        max_evals=arguments.max_evals or 100,
        # RecBole's default ends a search after 10 trials without progress, a grid in the middle too.
        early_stop=arguments.early_stop or sys.maxsize,
    )
    if arguments.max_evals:
        tuning.max_evals = min(int(tuning.max_evals), arguments.max_evals)
    tuning.run()
    tuning.export_result(output_file=arguments.output_file)
    print(f"best settings: {tuning.params2str(tuning.best_params)}, best valid score: {tuning.best_score}")
    print(f"results of {len(tuning.score_list)} trials written to {arguments.output_file}")


def _trial(trial: dict, fixed: dict, files: list[str] | None) -> None:
    """One Ray trial; reports validation metrics under their own names and test metrics as test/…"""
    from ray import tune

    torch.set_num_threads(1)
    sys.argv = sys.argv[:1]  # a worker's own arguments are no settings
    result = objective_function({**fixed, **trial["settings"], "show_progress": False}, files)
    tune.report(**result["best_valid_result"], **{f"test/{k}": v for k, v in result["test_result"].items()})


def search_with_ray(config, space: Path, files: list[str] | None, arguments) -> None:
    """Trials side by side, one per core, or per GPU where there are any; chosen by `valid_metric`."""
    import ray
    from ray import tune

    fixed = {**config.variable_config_dict, **config.cmd_config_dict}
    fixed |= {"model": config["model"], "dataset": config["dataset"]}
    # A trial's working directory is Ray's, so paths must not depend on it.
    fixed["data_path"] = str(Path(config["data_path"]).absolute().parent)
    fixed["checkpoint_dir"] = str(Path(config["checkpoint_dir"]).absolute())
    files = files and [str(Path(file).absolute()) for file in files]
    metric, mode = config["valid_metric"].lower(), "max" if config["valid_metric_bigger"] else "min"
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    settings, draws = _ray_space(space, arguments.max_evals)
    # Workers import Ray Tune before they see anything of ours, and Ray needs the names that numpy 2 removed.
    hook = {"worker_process_setup_hook": before_recbole}
    ray.init(include_dashboard=False, log_to_driver=False, runtime_env=hook)
    try:
        analysis = tune.run(
            tune.with_parameters(_trial, fixed=fixed, files=files),
            config={"settings": settings},
            num_samples=draws,
            metric=metric,
            mode=mode,
            resources_per_trial={"cpu": 1, "gpu": 1 if torch.cuda.is_available() else 0},
            verbose=1,
        )
    finally:
        ray.shutdown()
    _write_ray_results(analysis, metric, arguments.output_file)


def read_space(file: Path) -> dict[str, tuple[str, list]]:
    """RecBole's space file: {setting: (kind, choices or bounds)}; SettingsError names a line that cannot be used."""
    space = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, kind, value = [*line.split(maxsplit=2), "", ""][:3]
        try:
            values = list(ast.literal_eval(value if kind == "choice" else f"[{value}]"))
        except (ValueError, SyntaxError, TypeError):
            values = []
        if kind not in ("choice", *_BOUNDS) or not values or len(values) != _BOUNDS.get(kind, len(values)):
            raise SettingsError(
                [
                    f"params_file: line {number} of {file} is {line!r}; write a setting, a kind (choice, uniform, "
                    "quniform, loguniform) and a list of choices or the bounds, as in: alpha choice [0.1,0.5]"
                ]
            )
        space[name] = (kind, values)
    return space


def _ray_space(file: Path, most: int | None) -> tuple[dict, int]:
    """What Ray draws settings from, and how often: once the grid of choices, or at random where there are ranges."""
    from ray import tune

    space = read_space(file)
    if all(kind == "choice" for kind, _ in space.values()):
        grid = [
            dict(zip(space, point, strict=True))
            for point in itertools.product(*(values for _, values in space.values()))
        ]
        return tune.grid_search(grid[:most]), 1
    drawn = {}
    for name, (kind, values) in space.items():
        if kind == "choice":
            drawn[name] = tune.choice(values)
        elif kind == "loguniform":  # Hyperopt's bounds are logarithms
            drawn[name] = tune.loguniform(*(math.exp(value) for value in values))
        else:
            drawn[name] = getattr(tune, kind)(*values)
    return drawn, most or 100


def _write_ray_results(analysis, metric: str, output_file: str) -> None:
    with open(output_file, "w", encoding="utf-8") as file:
        for trial in analysis.trials:
            result = trial.last_result  # with Ray's own entries beside the metrics
            test = {k.removeprefix("test/"): v for k, v in result.items() if k.startswith("test/")}
            valid = {k: v for k, v in result.items() if k in test}
            file.write(f"{HyperTuning.params2str(trial.config['settings'])}\nValid result:\n{dict2str(valid)}\n")
            file.write(f"Test result:\n{dict2str(test)}\n\n")
    best = analysis.best_trial
    settings = HyperTuning.params2str(best.config["settings"])
    print(f"best settings: {settings}, best valid score: {best.last_result[metric]}")
    print(f"results of {len(analysis.trials)} trials written to {output_file}")
