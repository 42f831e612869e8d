"""The settings of HAIL: brought into one form, checked, and all problems reported together."""

from collections.abc import Iterable

from recbole_hail.checks import (
    at_least,
    below_1,
    check,
    not_negative,
    number,
    one_of,
    optional,
    positive,
    switch,
    up_to_1,
    whole,
)
from recbole_hail.losses.hail import DENOISING_FORMS, DISTILLATIONS
from recbole_hail.networks import BASE_NETWORKS, predicts
from recbole_hail.networks.activations import ACTIVATIONS
from recbole_hail.training.schedules import SCHEDULES


def normalise(config) -> None:
    """`base_network` becomes a list with one name per peer; a name alone stands for all peers. YAML's ~ is "none".

    Under `train_on_valid` nothing is validated: a model knows the answers, and the best of its epochs would be the one
    that has learnt most of them by heart.
    """
    names = config["base_network"]
    if isinstance(names, str):  # also the command line's base_network=[causal,gru], which RecBole hands on as text
        names = [name.strip(" '\"") for name in names.strip("[]() ").split(",")]
    names = [str(name) for name in names] if isinstance(names, list | tuple) else [str(names)]
    if len(names) == 1 and isinstance(config["peers"], int) and config["peers"] > 0:
        names = names * config["peers"]
    config["base_network"] = names
    config["distillation"] = config["distillation"] or "none"
    if config["train_on_valid"] is True:
        config["eval_step"] = 0


def problems(config, *, learns: Iterable[str] = ("masked", "next")) -> list[str]:
    """What is wrong, one sentence per setting: its name, its value, what to do.

    `learns` is what the model trains its base networks to predict.
    """
    return check(config, _CHECKS) + _peers(config, learns)


LEARNERS = ("adam", "adamw", "sgd", "adagrad", "rmsprop")  # for others RecBole takes Adam; sparse_adam wants sparse

_CHECKS = [
    ("peers", *at_least(1)),
    ("alpha", *up_to_1),
    ("alpha_end", optional(number(0, 1)), "must lie in [0, 1], or be ~ to keep alpha as it is"),
    ("beta", *below_1),
    ("gamma", *not_negative),
    ("loss_type", *one_of(("CE",))),
    ("distillation", *one_of(DISTILLATIONS)),
    ("denoise", *one_of(DENOISING_FORMS)),
    ("positive_term", *switch),
    ("negative_term", *switch),
    ("train_on_valid", *switch),
    ("mask_ratio", lambda v: 0 < v < 1, "must lie between 0 and 1"),
    ("max_masked", *at_least(1)),
    ("ft_ratio", *up_to_1),
    ("n_heads", *at_least(1)),
    ("hidden_size", *at_least(1)),
    ("inner_size", *at_least(1)),
    ("hidden_dropout_prob", *below_1),
    ("attn_dropout_prob", *below_1),
    ("hidden_act", *one_of(ACTIVATIONS)),
    ("initializer_range", *positive),
    ("MAX_ITEM_LIST_LENGTH", *at_least(2)),
    ("train_batch_tokens", optional(whole(1)), "must be a whole number of at least 1, or ~ to count sequences"),
    ("learner", lambda v: v.lower() in LEARNERS, one_of(LEARNERS)[1]),
    ("layer_norm_eps", *positive),
    ("schedule", *one_of(SCHEDULES)),
    ("warmup_steps", *at_least(0)),
]


def _peers(config, learns: Iterable[str]) -> list[str]:
    peers, names, choice = config["peers"], config["base_network"], config["predict_with"]
    found = []
    choices = [name for name in BASE_NETWORKS if predicts(name) in learns]
    unknown = [name for name in names if name not in choices]
    if unknown or not names:
        value = ", ".join(map(repr, dict.fromkeys(unknown))) or "empty"
        found.append(f"base_network: {value} must be one of {', '.join(choices)}")
    elif len({predicts(name) for name in names}) > 1:
        found.append(
            f"base_network: {names} mixes networks that predict masked elements with networks that predict the next "
            "element; peers can be compared only at the same positions: mix causal with gru, or use bidirectional alone"
        )
    if config["transform"]:
        found.append(f"transform: {config['transform']} is for batches of RecBole's own models; leave it out")
    if not whole(1)(peers):
        return found
    if names and len(names) != peers:
        found.append(f"base_network: {len(names)} names for peers: {peers}; give one name, or one per peer")
    if choice != "mean" and not (whole(1)(choice) and choice <= peers):
        found.append(f"predict_with: {choice!r} must be mean or a peer from 1 to {peers}")
    return found
