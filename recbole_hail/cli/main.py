"""`recbole-hail`: the commands that RecBole has no counterpart of."""

import argparse
import sys

from recbole_hail.cli import compare, export, forecast, paper, prune, report, verify
from recbole_hail.cli.common import guarded
from recbole_hail.model_names import model_named

COMMANDS = {
    "compare": compare,
    "paper": paper,
    "report": report,
    "forecast": forecast,
    "verify": verify,
    "prune": prune,
    "export": export,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="recbole-hail", description="HAIL for RecBole.")
    subparsers = parser.add_subparsers(required=True, metavar="command")
    for name, module in COMMANDS.items():
        title = module.__doc__.splitlines()[0]
        subparser = subparsers.add_parser(name, help=title, description=module.__doc__, allow_abbrev=False)
        module.add_arguments(subparser)
        if getattr(module, "OPENS_CHECKPOINT", False):
            subparser.add_argument(
                "--model", metavar="MODULE:CLASS", help="class of the checkpoint, if it is one of yours"
            )
        subparser.set_defaults(run=module.run, takes_settings=getattr(module, "TAKES_SETTINGS", False))
    arguments, arguments.settings = parser.parse_known_args()
    arguments.command_line, sys.argv[1:] = sys.argv[1:], []  # RecBole would read its settings there
    if arguments.settings and not arguments.takes_settings:
        parser.error(f"unknown arguments: {' '.join(arguments.settings)}")
    return guarded(lambda: _run(arguments))


def _run(arguments) -> None:
    if getattr(arguments, "model", None):
        model_named(arguments.model)
    arguments.run(arguments)


if __name__ == "__main__":
    sys.exit(main())
