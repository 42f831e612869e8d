"""RecBole's `eval_args` and `valid_metric`, where it would trip over them in the middle of a run."""

from recbole.evaluator.register import metrics_dict
from recbole.utils import EvaluatorType, ModelType

from recbole_hail.evaluation import metrics
from recbole_hail.evaluation.protocol import protocol_of
from recbole_hail.settings import did_you_mean


def problems(config) -> list[str]:
    """One sentence for each wrong setting: its name, its value, what to do."""
    return _valid_metric(config) + _eval_args(config)


def settle_valid_metric(config) -> None:
    """RecBole has no MRR but MRR@k; where it evaluates by itself, the longest k comes nearest."""
    measured = "mrr" in [metric.lower() for metric in config["metrics"]]
    if measured and str(config["valid_metric"]).lower() == "mrr" and not protocol_of(config, "valid"):
        config["valid_metric"] = f"MRR@{max(config['topk'])}"


def _valid_metric(config) -> list[str]:
    asked = str(config["valid_metric"])
    shown = [name for metric in config["metrics"] for name in _results(metric, config["topk"])]
    if protocol_of(config, "valid"):
        allowed = metrics.names(config["metrics"], config["topk"])
        whole_list = ["MRR"] * ("mrr" in allowed)
        shown = f"{', '.join(shown + whole_list)}, or one of these after repeat_ or new_"
    else:
        allowed = [name.lower() for name in shown]
        shown = ", ".join(shown)
    if asked.lower() in allowed or config["eval_step"] == 0:  # it is never measured
        return []
    return [f"valid_metric: {asked!r} must be one of {shown} (metrics and topk)"]


def _results(metric: str, topk: list[int]) -> list[str]:
    """What RecBole calls the results of a metric: one for each k, or one, as of AUC."""
    needs = getattr(metrics_dict.get(metric.lower()), "metric_need", ("rec.topk",))
    return [f"{metric}@{k}" for k in topk] if {"rec.topk", "rec.items"} & set(needs) else [metric]


def _eval_args(config) -> list[str]:
    arguments, sequential = config["eval_args"], config["MODEL_TYPE"] == ModelType.SEQUENTIAL
    found = []
    if not _is_split(arguments["split"]):
        found.append(
            f"eval_args: split {arguments['split']!r} must be one of {{LS: valid_and_test}}, {{LS: valid_only}}, "
            "{LS: test_only}, {RS: [0.8, 0.1, 0.1]}, {TS: [0.8, 0.1, 0.1]}"
        )
    if sequential and arguments["order"] != "TO":
        found.append(f"eval_args: order {arguments['order']!r} must be TO for a sequential model")
    elif arguments["order"] not in ("TO", "RO"):
        found.append(f"eval_args: order {arguments['order']!r} must be TO (by time) or RO (at random)")
    group_by = str(arguments["group_by"])
    if group_by != "user" and group_by.lower() != "none":
        meant = did_you_mean(group_by, ("user", "none"))
        found.append(f"eval_args: group_by {arguments['group_by']!r} must be user or none{meant}")
    if "labeled" in arguments["mode"].values() and config["eval_type"] == EvaluatorType.RANKING:
        found.append(
            f"eval_args: mode labeled has rows with labels and no candidates to rank (metrics: {config['metrics']}); "
            "use full, uni99 or pop99, or metrics such as AUC"
        )
    return found


def _is_split(split) -> bool:
    if not (isinstance(split, dict) and len(split) == 1):
        return False
    ((kind, how),) = split.items()
    if kind == "LS":
        return how in ("valid_and_test", "valid_only", "test_only")
    shares = kind in ("RS", "TS") and isinstance(how, list | tuple) and len(how) == 3
    return shares and all(isinstance(share, int | float) and share >= 0 for share in how) and how[0] > 0
