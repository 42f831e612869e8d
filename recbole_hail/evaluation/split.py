"""Whether a split asks something that can be answered: enough elements to rank among, and something in every part.

Every problem is a DataError that says what to do.
"""

import logging
from collections.abc import Callable, Sequence

from recbole.data import create_dataset

from recbole_hail.errors import DataError
from recbole_hail.evaluation.protocol import protocol_of
from recbole_hail.settings import given


def check_data(config, instead: Callable | None = None, also: Sequence[str] = ()) -> None:
    """What `check_split` would find fault with once a run has read the data, before any is begun.

    Args:
        config: what all runs have in common, topk too, which is therefore as good as given.
        instead: as for `check_split`.
        also: more protocols that the tests will be ranked under, with as many candidates.
    """
    saves, config["save_dataset"] = config["save_dataset"], False
    logging.disable(logging.WARNING)  # the runs say it, each in its log
    try:
        dataset = create_dataset(config)
        parts = dataset.build()
    finally:
        logging.disable(logging.NOTSET)
        config["save_dataset"] = saves
    check_split(config, dataset, parts, instead, may_cut=False)
    elements = dataset.item_num - 1
    for protocol in also:
        drawn = protocol_of(config, "test")[1]
        if protocol != "full" and elements < drawn + 1:
            raise DataError(
                f"candidates: {protocol} draws {drawn} other elements, but {dataset.dataset_name} has only {elements}; "
                f"leave it out of --also, or train under it, with --candidates={protocol} "
                + _drawing_all(config, elements)
            )


def check_split(config, dataset, parts, instead: Callable | None = None, *, may_cut: bool = True) -> None:
    """Enough elements for the sampled candidates and for topk, and something in every part of the split.

    Args:
        config: RecBole's.
        dataset: the whole of it.
        parts: of training, validation and test.
        instead: says of a Config and a number of elements how they can be ranked, where there are too few to draw
            from; by default that all are.
        may_cut: whether lengths of topk that nobody has asked for are cut to the elements that there are.
    """
    ranks = config["eval_type"].name == "RANKING"
    elements = dataset.item_num - 1 if dataset.iid_field else 0  # rows with labels need name no elements
    if ranks and elements < 2:
        raise DataError(f"dataset: {dataset.dataset_name} has {elements} element; to predict which is next takes two")
    for phase in ("valid", "test"):
        negatives = config[f"{phase}_neg_sample_args"]["sample_num"]
        if ranks and isinstance(negatives, int) and elements < negatives + 1:
            named = f"eval_args: mode {config['eval_args']['mode'][phase]} ranks the target among"
            if config["candidates"]:  # then the mode may be one that nobody gave
                named = f"candidates: {config['candidates']} draws"
            raise DataError(
                f"{named} {negatives} other elements, but {dataset.dataset_name} has only {elements}; "
                + (instead(config, elements) if instead else _full(config, elements, may_cut))
            )
    if ranks and may_cut:
        _cut_default_topk(config, elements)
    if ranks and max(config["topk"]) > elements:
        raise DataError(
            f"topk: {max(config['topk'])} is more than the {elements} elements of {dataset.dataset_name}; "
            f'use --topk="{_short(config, elements)}"'
        )
    empty = [name for name, part in zip(("training", "validation", "test"), parts, strict=True) if not len(part)]
    wanted = [name for name in empty if name == "training" or not _leaves_out(config, name)]
    if wanted:
        raise DataError(
            f"dataset: {dataset.dataset_name} leaves nothing for {' and '.join(wanted)} under eval_args split "
            f"{config['eval_args']['split']}; a sequence needs 4 events to take part in training, validation and test"
        )


def fewer(config, elements: int) -> str:
    """The settings for drawing as many as there are beside a target, for a command that names the protocols itself."""
    return f"draw fewer with {_drawing_all(config, elements)}"


def _drawing_all(config, elements: int) -> str:
    arguments = {**(given(config).get("eval_args") or {}), "mode": f"uni{elements - 1}"}
    return _with_topk(f'--eval_args="{arguments}"', config, elements)


def _full(config, elements: int, may_cut: bool) -> str:
    """The settings for a full ranking of so many; of topk too, where that is not cut by itself."""
    if all(protocol_of(config, phase) for phase in ("valid", "test")):
        full = "--candidates=full"  # the finer word, over the mode of eval_args
    else:  # RecBole evaluates by itself, and knows modes
        full = f'--eval_args="{ {**config["eval_args"], "mode": "full"} }"'
    cut = may_cut and "topk" not in _given(config)
    return f"rank all of them with {full if cut else _with_topk(full, config, elements)}"


def _with_topk(advice: str, config, elements: int) -> str:
    """With a `topk` that so many elements allow."""
    return advice if max(config["topk"]) <= elements else f'{advice} --topk="{_short(config, elements)}"'


def _given(config) -> dict:
    """The settings that the user gave; of a checkpoint's it is not known, and all were settled."""
    return given(config) if hasattr(config, "cmd_config_dict") else config.final_config_dict


def _short(config, elements: int) -> list[int]:
    return [k for k in config["topk"] if k <= elements] or [1]


def _cut_default_topk(config, elements: int) -> None:
    """Leaves out the defaults of topk that are longer than there are elements, and a valid_metric of such a length."""
    asked, (metric, _, length) = _given(config), str(config["valid_metric"]).partition("@")
    by_length = length.isdecimal() and int(length) > elements
    if "topk" in asked or max(config["topk"]) <= elements or (by_length and "@" in str(asked.get("valid_metric"))):
        return
    short = _short(config, elements)
    logging.getLogger().warning(
        f"topk: {config['topk']} is cut to {short}, for {config['dataset']} has {elements} elements"
    )
    config["topk"] = short
    if by_length:
        config["valid_metric"] = f"{metric}@{max(short)}"


def _leaves_out(config, part: str) -> bool:
    """Whether the user's own split has no such part: LS with one part only, or a ratio of 0."""
    kind, how = next(iter(config["eval_args"]["split"].items()))
    if kind == "LS":
        return how == ("test_only" if part == "validation" else "valid_only")
    return how[1 if part == "validation" else 2] == 0
