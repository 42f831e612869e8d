"""`run_recbole_group`: several models on one dataset, their results in one table, as RecBole's script of that name."""

import sys
from pathlib import Path

from recbole.utils import list_to_latex

from recbole_hail.cli.common import add_processes, guarded, parse, recbole_parser, run_model
from recbole_hail.cli.config import checked_config, config_files, warn_of_unknown
from recbole_hail.data.requirements import check_files
from recbole_hail.errors import SettingsError
from recbole_hail.evaluation.protocol import protocol_of
from recbole_hail.evaluation.tables import result_table
from recbole_hail.files import write_text


def _parser():
    parser = recbole_parser("Train and test several models on a dataset and print their results in one table.")
    parser.add_argument("--model_list", "-m", default="HAIL,BERT4Rec,SASRec,Pop", help="names separated by commas")
    parser.add_argument("--valid_latex", default="./latex/valid.tex", help="file for the table of validation results")
    parser.add_argument("--test_latex", default="./latex/test.tex", help="file for the table of test results")
    add_processes(parser)
    return parser


def _check_comparable(configs: dict) -> None:
    """One table needs one split, one set of candidates and one set of metrics."""
    differ = []
    names = ["eval_args", "metrics", "topk", "valid_metric", "candidates", "candidates_seed", "ties"]
    if None in (config["candidates"] for config in configs.values()):  # see `protocol_of`
        names.append("repeatable")
    for name in names:
        values = {model: config[name] for model, config in configs.items()}
        if any(value != next(iter(values.values())) for value in values.values()):
            each = ", ".join(f"{model} {value}" for model, value in values.items())
            differ.append(f"{name}: differs between the models ({each}); give one for all, in a file or as --{name}=")
    ours = [model for model, config in configs.items() if protocol_of(config, "test") is not None]
    others = [model for model in configs if model not in ours]
    if ours and others and not differ:
        differ.append(
            f"model_list: under these settings RecBole itself ranks {', '.join(others)}, otherwise than "
            f"{', '.join(ours)}; take the split LS and --repeatable=True, or make a table of each"
        )
    if differ:
        raise SettingsError(differ)


def _run() -> None:
    arguments, _ = parse(_parser())
    files = config_files(arguments)
    models = [name.strip() for name in arguments.model_list.split(",") if name.strip()]
    if not models:
        raise SettingsError([f"model_list: {arguments.model_list!r} names none; give names separated by commas"])
    configs = {model: checked_config(model, arguments.dataset, files, {"nproc": arguments.nproc}) for model in models}
    warn_of_unknown([*configs.values()])
    _check_comparable(configs)
    for config in configs.values():  # all of them before the first is trained
        check_files(config)
    results = {model: run_model(model, files, arguments) for model in models}
    for phase, key, file in (
        ("validation", "best_valid_result", arguments.valid_latex),
        ("test", "test_result", arguments.test_latex),
    ):
        by_model = {model: dict(result[key]) for model, result in results.items() if result and result[key]}
        if not by_model:
            continue
        print(f"\n{phase} on {arguments.dataset}\n{result_table(by_model)}")
        rows = [{"Model": model, **result} for model, result in by_model.items()]
        bigger = next(iter(results.values()))["valid_score_bigger"]
        _, latex = list_to_latex(rows, bigger_flag=bigger, subset_columns=list(rows[0])[1:])
        write_text(Path(file), latex)
        print(f"written to {file}")


def main() -> int:
    return guarded(_run)


if __name__ == "__main__":
    sys.exit(main())
