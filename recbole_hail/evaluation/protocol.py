"""Which protocol a phase is evaluated under, by the settings."""

from recbole.utils import EvaluatorType, ModelType

from recbole_hail import checks
from recbole_hail.evaluation import metrics
from recbole_hail.evaluation.candidates import PROTOCOLS
from recbole_hail.settings import given, leaves_one_out

NEGATIVES = 99  # paper section 5.1.2
_CHECKS = [
    ("ties", *checks.one_of(metrics.TIES)),
    ("candidates_seed", *checks.at_least(0)),
]


def protocol_of(config, phase: str) -> tuple[str, int] | None:
    """Name of the protocol and how many candidates it draws; None where the evaluation is RecBole's own.

    `candidates` names it. Without it RecBole's `mode` does: uni99 is `recbole`, full is `full`; RecBole evaluates by
    itself what has no such name (pop100, labeled), what is not a matter of ranks (AUC, coverage), splits in which a
    question may have several answers, and models that are not sequential where `repeatable` is False: then it leaves
    out what the user has had, which `recbole` and `full` do not.
    """
    mode = config["eval_args"]["mode"][phase]
    drawn = int(mode[3:]) if mode.startswith("uni") else NEGATIVES
    asked = config["candidates"] or {"uni": "recbole", "ful": "full"}.get(mode[:3])
    if asked is None or not _one_answer_each(config) or not all(map(metrics.from_rank, config["metrics"])):
        return None
    if config["candidates"] is None and leaves_out_repeats(config):
        return None
    return asked, drawn


def leaves_out_repeats(config) -> bool:
    """Whether RecBole ranks the targets of a model among nothing that the user has had."""
    return not config["repeatable"] and config["MODEL_TYPE"] != ModelType.SEQUENTIAL


def _one_answer_each(config) -> bool:
    arguments = config["eval_args"]
    return (
        config["eval_type"] == EvaluatorType.RANKING
        and config["benchmark_filename"] is None
        and arguments["order"] == "TO"
        and (leaves_one_out(config) or config["MODEL_TYPE"] == ModelType.SEQUENTIAL)
    )


def problems(config) -> list[str]:
    """What is wrong with the settings of the evaluation."""
    found = []
    asked = config["candidates"]
    if asked is not None and asked not in PROTOCOLS:
        found.append(f"candidates: {asked!r} must be one of {', '.join(PROTOCOLS)}, or ~ to go by eval_args")
    elif asked is not None and config["benchmark_filename"] is not None:
        found.append(
            f"candidates: {asked} needs whole sequences, but benchmark_filename: {config['benchmark_filename']} brings "
            "rows of its own; leave one of them out"
        )
    elif asked is not None and any(protocol_of(config, phase) is None for phase in ("valid", "test")):
        found.append(_why_not_by_ranks(config))
    if asked is not None and "repeatable" in given(config) and leaves_out_repeats(config):
        found.append(
            f"repeatable: False leaves out what a user has had, whatever candidates: {asked} are; leave it out, or, to "
            "have RecBole evaluate by itself, the candidates"
        )
    found += _too_long_topk(config)
    return found + checks.check(config, _CHECKS)


def _why_not_by_ranks(config) -> str:
    """What of the settings keeps a model from the protocol that `candidates` names, and the options that mend it."""
    arguments, wrong, mend = config["eval_args"], [], []
    sequential = config["MODEL_TYPE"] == ModelType.SEQUENTIAL
    if other := [metric for metric in config["metrics"] if not metrics.from_rank(metric)]:
        wrong.append(f"{', '.join(other)} in metrics is no matter of ranks")
        kept = [metric for metric in config["metrics"] if metric not in other] or ["Hit", "NDCG", "MRR"]
        mend.append(f'--metrics="{kept}"')
        valid = str(config["valid_metric"]).lower().removeprefix("repeat_").removeprefix("new_")
        if not metrics.from_rank(valid.partition("@")[0]):
            mend.append(f"--valid_metric={kept[-1]}@{max(config['topk'])}")
    unordered, several = arguments["order"] != "TO", not (sequential or leaves_one_out(config))
    if unordered:
        wrong.append(f"eval_args has the order {arguments['order']} in place of TO")
    if several:
        wrong.append(f"it is not sequential and eval_args has the split {arguments['split']} in place of LS")
    if unordered or several:
        split = {"LS": "valid_and_test"} if several else arguments["split"]
        modes = arguments["mode"]
        mode = modes["test"] if modes["valid"] == modes["test"] else modes
        mend.append(f'--eval_args="{ {"split": split, "order": "TO", "mode": mode} }"')
    return (
        f"{config['model']}: candidates: {config['candidates']} ranks one target at a time, but {', '.join(wrong)}; "
        f"use {' '.join(mend)}"
    )


def _too_long_topk(config) -> list[str]:
    """`full` is left to `check_split`, which knows how many elements there are."""
    for phase in ("valid", "test"):
        protocol, drawn = protocol_of(config, phase) or ("full", None)
        if protocol in PROTOCOLS and protocol != "full" and max(config["topk"]) > drawn + 1:
            longest = max(config["topk"])
            return [f"topk: {longest} is more than the target and the {drawn} candidates that {protocol} draws"]
    return []
