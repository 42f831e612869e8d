"""A parser of commands that refuses an option that is given twice, of which argparse keeps the last in silence."""

from __future__ import annotations

import argparse


class Parser(argparse.ArgumentParser):
    """Options that take one value take one; those of its subparsers too."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.register("action", None, _OneValue)  # of every argument that names no action
        self.met: dict[str, str] = {}

    def parse_known_args(self, args=None, namespace=None):
        self.met = {}
        return super().parse_known_args(args, namespace)


class _OneValue(argparse.Action):
    """Stores a value; `several` says how an option has several, where it can."""

    def __init__(self, *args, several: str = "", **kwargs):
        super().__init__(*args, **kwargs)
        self._several = several

    def __call__(self, parser: Parser, namespace, values, option_string=None) -> None:
        if option_string and self.dest in parser.met:
            first = parser.met[self.dest]
            what_to_do = self._several.format(f"{first},{values}") if self._several else "leave out all but one"
            raise argparse.ArgumentError(self, f"is given twice, as {first!r} and {values!r}; {what_to_do}")
        parser.met[self.dest] = values
        setattr(namespace, self.dest, values)
