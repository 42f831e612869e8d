"""`run_hyper`: searches settings with Hyperopt or Ray Tune, with the arguments of RecBole's script of that name."""

import os
import sys
from pathlib import Path

from recbole_hail.cli.common import check_folder, guarded, parse, recbole_parser, say, settings_of
from recbole_hail.cli.config import checked_config, config_files, warn_of_unknown
from recbole_hail.configuration import yaml_folder
from recbole_hail.data.requirements import check_files
from recbole_hail.errors import SettingsError
from recbole_hail.settings import OF_PROCESSES, given, known_settings, of_the_question
from recbole_hail.tuning.plots import picture_types
from recbole_hail.tuning.proposals import ALGORITHMS
from recbole_hail.tuning.results import BEST, TABLES, table_text, write_results
from recbole_hail.tuning.search import Search, described
from recbole_hail.tuning.space import Space, check_space, is_grid, read_space
from recbole_hail.tuning.trials import HEADING, TRIALS, TrialsFolder
from recbole_hail.tuning.with_hyperopt import search_with_hyperopt
from recbole_hail.tuning.with_ray import SCHEDULERS, search_with_ray
from recbole_hail.users_models import class_name

TOOLS = ("hyperopt", "ray")
EPILOG = (
    "Any RecBole setting can be given as --name=value and then holds for all trials. Finished trials are kept: repeat "
    "the command after Ctrl-C or a crash, or call it with a larger --max_evals. OUTPUT gets trials.jsonl, "
    "table.txt, .csv and .md, plot.png and best.yaml, which run_recbole --config_files= takes."
)


def _parser():
    parser = recbole_parser("Search for the settings of a model with the best validation score.")
    parser.epilog = EPILOG
    add = parser.add_argument
    add("--model", "-m", default="HAIL", help="name of a model (default: HAIL)")
    add("--params_file", help="file of the search space (default: the shipped yaml/hyper/<model>.hyper)")
    add("--output", type=Path, help="folder of the search (default: hyper/MODEL-DATASET)")
    add("--output_file", type=Path, help="file for the results as RecBole writes them (default: OUTPUT/hyper.result)")
    add("--display_file", type=Path, help="file for the plot: png, svg or pdf (default: OUTPUT/plot.png)")
    add("--tool", default="Hyperopt", help="what runs the search, Hyperopt or Ray (default: Hyperopt)")
    add("--algo", choices=ALGORITHMS, help="choice of trials; bayes is tpe (default: exhaustive on a grid, or random)")
    add("--max_evals", type=int, help="maximum number of trials (default: the whole grid, or 100)")
    add("--early_stop", type=int, help="stop after this many trials without progress (Hyperopt only; default: never)")
    add("--scheduler", choices=SCHEDULERS, help="whether Ray ends poor trials early (default: asha)")
    add("--ray_address", help="a running Ray cluster, as host:port or auto (default: RAY_ADDRESS, or none)")
    return parser


def _space_file(asked: str | None, model: str) -> Path:
    shipped = yaml_folder() / "hyper"
    tried = [Path(asked), shipped / Path(asked).name] if asked else [shipped / f"{class_name(model)}.hyper"]
    for path in tried:
        if path.is_file():
            return path
    raise SettingsError(
        [f"params_file: {tried[0]} does not exist; shipped: {[f.name for f in shipped.glob('*.hyper')]}"]
    )


def _check_arguments(arguments, space: Space, settings: dict[str, str]) -> None:
    """SettingsError with all that does not go together."""
    found, ray = [], arguments.tool.lower() == "ray"
    for name in sorted(space.keys() & settings.keys()):
        found.append(f"{name}: {settings[name]} is given for all trials, but the space searches it; leave out one")
    if arguments.tool.lower() not in TOOLS:
        found.append(f"tool: {arguments.tool!r} must be Hyperopt or Ray")
    for name in ("max_evals", "early_stop"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            found.append(f"{name}: {value} must be a whole number of at least 1")
    for name, theirs in (("early_stop", not ray), ("scheduler", ray), ("ray_address", ray)):
        if not theirs and getattr(arguments, name) is not None:
            tool = "Hyperopt" if name == "early_stop" else "Ray"
            found.append(f"{name}: {getattr(arguments, name)} is {tool}'s; leave it out with --tool={arguments.tool}")
    if ray and arguments.algo in ("tpe", "bayes"):
        found.append(f"algo: {arguments.algo} waits for one trial before the next; with --tool=Ray take random")
    if arguments.algo == "exhaustive" and not is_grid(space):
        found.append("algo: exhaustive needs a space of choices alone; take random or tpe")
    for name in sorted(settings.keys() & OF_PROCESSES):
        found.append(f"{name}: {settings[name]} cannot be had, for a trial is one process; leave it out")
    plot = arguments.display_file and arguments.display_file.suffix[1:]
    if plot is not None and plot not in picture_types():
        found.append(f"display_file: {arguments.display_file} must end in .png, .svg or .pdf")
    if found:
        raise SettingsError(found)


def _check_files(arguments, space_file: Path, output: Path) -> None:
    """SettingsError where a file of results would be one that the search reads, or writes else."""
    check_folder("output", output)
    taken = [space_file, *map(Path, arguments.config_files.split())]
    taken += [output / name for name in (HEADING, TRIALS, *TABLES, BEST)]
    taken = {path.resolve() for path in taken}
    for name in ("output_file", "display_file"):
        path = getattr(arguments, name)
        if path and path.resolve() in taken:
            raise SettingsError([f"{name}: {path} is another file of this search; name another"])


def _run() -> None:
    arguments, settings = parse(_parser())
    space_file = _space_file(arguments.params_file, arguments.model)
    space = read_space(space_file)
    _check_arguments(arguments, space, settings_of(settings, "run_hyper"))
    output = arguments.output or Path("hyper", f"{class_name(arguments.model)}-{arguments.dataset}")
    _check_files(arguments, space_file, output)
    config = checked_config(arguments.model, arguments.dataset, config_files(arguments))
    warn_of_unknown([config])
    if config["resume"]:
        raise SettingsError([f"resume: {config['resume']} cannot be continued by a search; leave it out"])
    if config["train_on_valid"]:
        raise SettingsError(
            ["train_on_valid: True leaves nothing to choose settings by; leave it out, and give it to run_recbole"]
        )
    sys.argv[1:] = []  # the settings reach the trials by themselves
    shared = given(config)
    check_space(
        space,
        known_settings(config),
        lambda tried: checked_config(arguments.model, arguments.dataset, None, {**shared, **tried}),
        of_the_question(config),
    )
    check_files(config)
    folder = TrialsFolder(output, described(config, space))
    algorithm = arguments.algo or ("exhaustive" if is_grid(space) else "random")
    search = Search(config, space, algorithm, arguments.max_evals, arguments.early_stop, folder, say)
    with folder.held():
        try:
            if arguments.tool.lower() == "ray":
                address = arguments.ray_address or os.environ.get("RAY_ADDRESS")
                search_with_ray(search, address, arguments.scheduler or "asha")
            else:
                search_with_hyperopt(search)
        finally:  # after Ctrl-C too
            if search.trials:
                _show(search, arguments)


def _show(search: Search, arguments) -> None:
    folder = search.folder.path
    output_file = arguments.output_file or folder / "hyper.result"
    written = write_results(search, output_file, arguments.display_file or folder / "plot.png")
    print("", table_text(search), sep="\n")
    if best := search.best():
        settings = ", ".join(f"{name}:{value}" for name, value in best.settings.items())
        print(f"best settings: {settings}, best valid score: {best.score}")
    print(f"results of {len(search.trials)} trials written to", ", ".join(map(str, written)))
    missing = search.total - len(search.trials)
    if search.out_of_patience():
        print(f"ended by early_stop={search.early_stop}: no better trial followed the best")
    elif missing > 0:
        print(
            f"{'1 trial is' if missing == 1 else f'{missing} trials are'} missing; the same command continues from here"
        )


def main() -> int:
    return guarded(_run)


if __name__ == "__main__":
    sys.exit(main())
