"""`run_hyper`: searches settings with Hyperopt or Ray Tune, with the arguments of RecBole's script of that name."""

import sys
from pathlib import Path

from recbole_hail.cli.common import checked_config, config_files, guarded, recbole_parser
from recbole_hail.data.requirements import check_files
from recbole_hail.errors import SettingsError
from recbole_hail.plugin import yaml_folder
from recbole_hail.tuning import ALGORITHMS, read_space, search_with_hyperopt, search_with_ray

TOOLS = {"hyperopt": search_with_hyperopt, "ray": search_with_ray}


def _parser():
    parser = recbole_parser("Search the settings of a model for the best validation score.")
    parser.add_argument("--model", "-m", default="HAIL", help="name of a model (default: HAIL)")
    parser.add_argument("--params_file", help="search space (default: the shipped yaml/hyper/<model>.hyper)")
    parser.add_argument("--output_file", default="hyper.result", help="file for the results (default: hyper.result)")
    parser.add_argument("--display_file", help="file for a plot of the trials (html; Hyperopt only)")
    parser.add_argument("--tool", default="Hyperopt", help="Hyperopt or Ray (default: Hyperopt)")
    parser.add_argument("--algo", choices=ALGORITHMS, help="how Hyperopt chooses trials (default: exhaustive)")
    parser.add_argument("--max_evals", type=int, help="most trials (default: the whole grid, or 100)")
    parser.add_argument("--early_stop", type=int, help="stop after so many trials without progress (default: never)")
    return parser


def _space_file(asked: str | None, model: str) -> Path:
    shipped = yaml_folder() / "hyper"
    tried = [Path(asked), shipped / Path(asked).name] if asked else [shipped / f"{model}.hyper"]
    for path in tried:
        if path.is_file():
            return path
    raise SettingsError(
        [f"params_file: {tried[0]} does not exist; shipped: {[f.name for f in shipped.glob('*.hyper')]}"]
    )


def _run() -> None:
    arguments, _ = _parser().parse_known_args()
    tool = arguments.tool.lower()
    if tool not in TOOLS:
        raise SettingsError([f"tool: {arguments.tool!r} must be Hyperopt or Ray"])
    for name in ("algo", "display_file", "early_stop"):
        if tool == "ray" and getattr(arguments, name) is not None:
            raise SettingsError([f"{name}: {getattr(arguments, name)} is Hyperopt's; leave it out with --tool=Ray"])
    space = _space_file(arguments.params_file, arguments.model)
    read_space(space)
    files = config_files(arguments)
    config = checked_config(arguments.model, arguments.dataset, files)
    check_files(config)
    TOOLS[tool](config, space, files, arguments)


def main() -> int:
    return guarded(_run)


if __name__ == "__main__":
    sys.exit(main())
