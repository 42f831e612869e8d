"""Settings of any model that RecBole would trip over in the middle of a run, or pass over in silence."""

import re
from importlib.util import find_spec

from recbole_hail.checks import at_least, check, not_negative, one_of, optional, positive, up_to_1, whole
from recbole_hail.data.times import by_time
from recbole_hail.errors import SettingsError
from recbole_hail.models.settings import LEARNERS
from recbole_hail.registry import base_of
from recbole_hail.settings import did_you_mean
from recbole_hail.users_models import is_users

_OF_EVALUATION = {"split", "order", "group_by", "mode"}
_OF_NEGATIVES = ("distribution", "sample_num", "alpha", "dynamic", "candidate_num")
_NUMBER = r"[+-]?(?:inf(?:inity)?|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)"
_INTERVAL = re.compile(rf"[(\[]\s*({_NUMBER})\s*,\s*({_NUMBER})\s*[)\]]", re.IGNORECASE)
_MODE = re.compile(r"full|labeled|(uni|pop)[1-9]\d*")
_HOW = "an interval such as [5,inf) or (0,10], several separated by ;"


def check_forms(merged: dict) -> None:
    """SettingsError for what RecBole takes apart before it looks at it."""
    found = [f"{name}: [] names none; name at least one" for name in ("metrics", "topk") if merged.get(name) == []]
    if not isinstance(merged["eval_args"], dict):
        found.append(f"eval_args: {merged['eval_args']!r} must hold split, order and mode, as in yaml/evaluation.yaml")
    elif set(merged["eval_args"]) - _OF_EVALUATION:
        unknown = ", ".join(map(repr, sorted(set(merged["eval_args"]) - _OF_EVALUATION, key=str)))
        found.append(f"eval_args: {unknown} is none of split, order, group_by and mode")
    else:
        mode = merged["eval_args"].get("mode", "full")
        wrong = [one for one in (mode.values() if isinstance(mode, dict) else [mode]) if not _MODE.fullmatch(str(one))]
        found += [f"eval_args: mode {one!r} must be full, labeled, uni99 or pop99, say" for one in dict.fromkeys(wrong)]
    negatives = merged.get("train_neg_sample_args")
    if isinstance(negatives, dict):
        found += [
            f"train_neg_sample_args: {name!r} is none of {', '.join(_OF_NEGATIVES)}" + did_you_mean(name, _OF_NEGATIVES)
            for name in map(str, negatives)
            if name not in _OF_NEGATIVES
        ]
    if not merged["checkpoint_dir"] or not isinstance(merged["checkpoint_dir"], str):
        found.append(f"checkpoint_dir: {merged['checkpoint_dir']!r} names no folder; leave it out for saved/")
    if merged["valid_metric"] is None:
        found.append("valid_metric: None names no metric; give one, such as MRR")
    if found:
        raise SettingsError(found)


def problems(config) -> list[str]:
    """One sentence for each wrong setting: its name, its value, what to do."""
    found = check(config, _CHECKS) + _columns(config) + _attention(config) + _negatives(config)
    if base_of(config.model_class) is None:
        found += check(config, _OF_RECBOLES_MODELS)
        if not (hasattr(config.model_class, "input_type") or is_users(config.model_class)):  # it goes by the loss
            found += check(config, [("loss_type", *one_of(("CE", "BPR")))])
    if config["log_wandb"] and find_spec("wandb") is None:
        found.append("log_wandb: True needs wandb, which is not installed; pip install wandb, or leave it out")
    return found


def _negatives(config) -> list[str]:
    """Of a training that draws some, how many."""
    asked = config["train_neg_sample_args"]
    if asked["distribution"] == "none":
        return []
    counts = ["sample_num"] + ["candidate_num"] * bool(asked["dynamic"])
    return [f"train_neg_sample_args: {problem}" for problem in check(asked, [(name, *at_least(1)) for name in counts])]


def _are_intervals(asked) -> bool:
    """RecBole passes over what it cannot read, and filters nothing; of [5,9] it makes a list, and text again."""
    found = [_INTERVAL.fullmatch(part.strip()) for part in str(asked).split(";")]
    return all(part and float(part[1]) <= float(part[2]) for part in found)


def _filters(values) -> bool:
    """Numbers are kept by intervals, tokens by lists."""
    return all(isinstance(kept, list | tuple | set) or _are_intervals(kept) for kept in values.values())


def _columns(config) -> list[str]:
    """Columns that are not there when a run comes to need them."""
    found, ids = [], [field for field in (config["USER_ID_FIELD"], config["ITEM_ID_FIELD"]) if field is not None]
    ordered = by_time(config)
    # What is unused goes once events are ordered and split; what is not loaded was never there.
    needs = {"load_col": [], "unload_col": [*ids, config["TIME_FIELD"]] if ordered else ids, "unused_col": ids}
    for name, needed in needs.items():
        chosen = config[name]
        if chosen is not None and not isinstance(chosen, dict):
            found.append(
                f"{name}: {chosen!r} must name columns by file, as in {{inter: [user_id, item_id, timestamp]}}"
            )
        elif chosen:
            left_out = [field for field in needed if field in (chosen.get("inter") or ())]
            found += [f"{name}: {chosen} leaves out {', '.join(left_out)}, which is needed"] * bool(left_out)
    found += _both_ways(config["load_col"], config["unload_col"])
    if ordered and config["TIME_FIELD"] in (config["discretization"] or ()):
        found.append(f"discretization: {config['TIME_FIELD']} orders the events, which its buckets could not; leave it")
    return found


def _both_ways(load_col, unload_col) -> list[str]:
    """RecBole says so as it reads the file, in words that change from run to run."""
    if not (isinstance(load_col, dict) and isinstance(unload_col, dict)):
        return []
    both = [file for file in unload_col if unload_col[file] and load_col.get(file, "*") not in ("*", [], None)]
    return [
        f"unload_col: {unload_col} and load_col: {load_col} both choose columns of {', '.join(both)}; leave one out"
    ] * bool(both)


def _attention(config) -> list[str]:
    """Of all models with self-attention, ours and RecBole's."""
    heads, hidden = config["n_heads"], config["hidden_size"]
    if heads is None:
        return []
    divides = not (whole(1)(heads) and whole(1)(hidden)) or hidden % heads == 0
    found = [] if divides else [f"n_heads: {heads} must divide hidden_size: {hidden}"]
    return found + check(config, [("n_layers", *at_least(1))])


def _clips(given) -> bool:
    return given["max_norm"] > 0 and set(given) <= {"max_norm", "norm_type", "error_if_nonfinite", "foreach"}


def _lengths(topk) -> bool:
    return all(map(whole(1), topk))


_CHECKS = [
    ("train_batch_size", *at_least(1)),
    ("eval_batch_size", *at_least(1)),
    ("worker", *at_least(0)),
    ("epochs", *at_least(0)),
    ("eval_step", whole(0), f"{at_least(0)[1]}; 0 never validates"),
    ("stopping_step", *at_least(0)),
    ("learning_rate", *positive),
    ("weight_decay", *not_negative),
    ("clip_grad_norm", optional(_clips), "must be {max_norm: a positive number}, or ~ for none"),
    ("topk", optional(_lengths), "must be whole numbers of at least 1, as in [1, 5, 10]"),
    ("metric_decimal_place", *at_least(0)),
    ("user_inter_num_interval", optional(_are_intervals), f"must be {_HOW}"),
    ("item_inter_num_interval", optional(_are_intervals), f"must be {_HOW}"),
    ("val_interval", optional(_filters), f"must name for each field {_HOW}, or a list of tokens"),
    ("seed", lambda v: whole(0)(v) and v < 2**32, "must be a whole number from 0 to 4294967295"),
    ("loss_decimal_place", optional(whole(0)), at_least(0)[1]),
]

# Settings of many of its models, each of which has some of them. HAIL's yaml gives all of ours their own bounds.
_OF_RECBOLES_MODELS = [
    *(
        (name, optional(whole(1)), at_least(1)[1])
        for name in ("embedding_size", "hidden_size", "inner_size", "n_heads")
    ),
    *(
        (name, optional(up_to_1[0]), up_to_1[1])
        for name in ("dropout_prob", "hidden_dropout_prob", "attn_dropout_prob")
    ),
    ("learner", lambda v: v.lower() in (*LEARNERS, "sparse_adam"), one_of((*LEARNERS, "sparse_adam"))[1]),
]
