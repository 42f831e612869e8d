"""`recbole-hail`: the commands that RecBole has no counterpart of."""

import argparse
import sys

from recbole_hail.cli import prune
from recbole_hail.cli.common import guarded

COMMANDS = {"prune": prune}


def main() -> int:
    parser = argparse.ArgumentParser(prog="recbole-hail", description="HAIL for RecBole.")
    subparsers = parser.add_subparsers(required=True, metavar="command")
    for name, module in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=module.__doc__.splitlines()[0], description=module.__doc__)
        module.add_arguments(subparser)
        subparser.set_defaults(run=module.run)
    arguments = parser.parse_args()
    return guarded(lambda: arguments.run(arguments))


if __name__ == "__main__":
    sys.exit(main())
