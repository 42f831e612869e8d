"""`run_recbole`: trains and tests one model on one dataset, with the arguments of RecBole's script of that name."""

import os
import sys
import time
from pathlib import Path

import dataset_converters
from recbole_hail.cli.common import add_processes, guarded, parse, recbole_parser, run_model
from recbole_hail.cli.config import checked_config, config_files, warn_of_unknown
from recbole_hail.cli.run_summary import closing_lines
from recbole_hail.data.requirements import check_files


def _parser():
    parser = recbole_parser("Train and test HAIL, or a model of RecBole, on a dataset.")
    parser.add_argument("--model", "-m", default="HAIL", help="name of a model (default: HAIL)")
    parser.add_argument("--download", action="store_true", help="download the dataset first if it is missing")
    add_processes(parser)
    return parser


def _run() -> None:
    arguments, _ = parse(_parser())
    files = config_files(arguments)
    config = checked_config(arguments.model, arguments.dataset, files, {"nproc": arguments.nproc})
    warn_of_unknown([config])
    if arguments.download and not os.path.isdir(config["data_path"]):
        dataset_converters.download(arguments.dataset, output=Path(config["data_path"]))
    check_files(config)
    since = time.time()
    result = run_model(arguments.model, files, arguments)
    if not arguments.group_offset:  # of several machines the first one says it
        for line in closing_lines(config, result, since, arguments.model):
            print(line)


def main() -> int:
    return guarded(_run)


if __name__ == "__main__":
    sys.exit(main())
