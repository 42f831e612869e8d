"""The command that asks a rule what a trained model was asked, for people to type."""

import os
import re
import shlex

from recbole.config import Config

from recbole_hail.evaluation.protocol import protocol_of
from recbole_hail.settings import of_the_question

# What `run_recbole` needs to be told of the questions stands in these two.
_OF_THE_LISTS = {"eval_args", "candidates"}
# What is measured may differ; `topk` is looked at apart, and rules are asked about repeats whatever this says.
_MEASURED = {"metrics", "valid_metric", "topk", "repeatable"}


def train_command(rule: str, trained: Config) -> str:
    """`run_recbole` for a rule on the data and the questions of a trained model: what differs from its own settings."""
    default = Config(model=rule, dataset=trained["dataset"])
    names = sorted(of_the_question(trained) - _OF_THE_LISTS - _MEASURED)
    given = {name: trained[name] for name in names if (trained[name] or None) != (default[name] or None)}
    if os.path.realpath(trained["data_path"]) != os.path.realpath(default["data_path"]):
        given["data_path"] = os.path.dirname(os.path.normpath(trained["data_path"])) or "."
    if max(trained["topk"]) < max(default["topk"]):  # of fewer elements there are no first ten
        given["topk"] = trained["topk"]
    given |= _lists(trained, default)
    words = [shlex.quote(f"--{name}={value}") for name, value in (("model", rule), ("dataset", trained["dataset"]))]
    return " ".join(["run_recbole", *words, *(written(name, value) for name, value in given.items())])


def _lists(trained: Config, default: Config) -> dict:
    """What brings about the same split, protocol and number of candidates."""
    own, others = protocol_of(trained, "test"), protocol_of(default, "test")
    asked, found = _without_mode(trained), {}
    if asked != _without_mode(default) or (own[0] != "full" and own[1] != others[1]):
        mode = trained["eval_args"]["mode"]
        found["eval_args"] = {**asked, "mode": mode["test"] if mode["valid"] == mode["test"] else mode}
    if found or own[0] != others[0]:
        found["candidates"] = own[0]
    return found


def _without_mode(config: Config) -> dict:
    return {name: value for name, value in config["eval_args"].items() if name != "mode"}


def written(name: str, value) -> str:
    """A setting as a shell and RecBole read it: `--candidates=full`, `--topk="[1, 5]"`."""
    if isinstance(value, str) and not re.fullmatch(r"[A-Za-z_./][\w./-]*", value):
        value = repr(value)  # RecBole would take 2024 for a number
    if re.search(r"[\"$`\\!]", str(value)) or not re.search(r"[^\w./-]", str(value)):
        return shlex.quote(f"--{name}={value}")
    return f'--{name}="{value}"'
