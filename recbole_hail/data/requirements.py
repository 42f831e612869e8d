"""What the files of a dataset must hold before a run starts; every problem is a DataError that says what to do."""

import os
import re

from recbole.utils import ModelType

from recbole_hail.data.inter_file import fields_of
from recbole_hail.data.missing_dataset import require_inter_file
from recbole_hail.data.times import by_time
from recbole_hail.errors import DataError

_NEEDED = ("USER_ID_FIELD", "ITEM_ID_FIELD", "TIME_FIELD", "LABEL_FIELD")
_OPINION = re.compile("rating|stars?(?![a-z])|score|price|label", re.IGNORECASE)


def check_files(config) -> None:
    """The dataset's folder, its .inter file, and in its header the columns a sequential run needs."""
    if config["benchmark_filename"] is not None:
        if config["MODEL_TYPE"] == ModelType.SEQUENTIAL:
            _check_lists(config)
        return
    file = require_inter_file(config)
    fields = fields_of(file, config)
    needed = [field for field in (config["USER_ID_FIELD"], config["ITEM_ID_FIELD"]) if field is not None]
    if by_time(config):
        needed.append(config["TIME_FIELD"])
    if "labeled" in config["eval_args"]["mode"].values() and config["threshold"] is None:
        needed.append(config["LABEL_FIELD"])
    kinds = {field: "float" if field in (config["TIME_FIELD"], config["LABEL_FIELD"]) else "token" for field in needed}
    _check_present(needed, kinds, file, fields, config)
    _check_kinds(kinds, file, fields, config)
    _check_loaded(needed, config)


def _check_present(needed: list[str], kinds: dict[str, str], file: str, fields: dict[str, str], config) -> None:
    missing = [field for field in needed if field not in fields]
    if missing:
        alone = f" alone (field_separator: {config['field_separator']!r})" if len(fields) == 1 else ""
        raise DataError(
            f"dataset: {file} has no field {', '.join(missing)}; its header has {', '.join(fields)}{alone}. "
            f"{_instead(missing[0], fields, needed, kinds, config)}"
        )


def _check_kinds(kinds: dict[str, str], file: str, fields: dict[str, str], config) -> None:
    for field, kind in kinds.items():
        if fields[field] != kind:
            why = "its numbers count" if kind == "float" else "it names things"
            dates = "; write dates as seconds since 1970" if field == config["TIME_FIELD"] else ""
            raise DataError(
                f"dataset: {file} has {field}:{fields[field]} in its header; make it {field}:{kind}, for {why}{dates}"
            )


def _check_loaded(needed: list[str], config) -> None:
    columns = config["load_col"].get("inter", "*") if isinstance(config["load_col"], dict) else "*"
    unloaded = [field for field in needed if columns != "*" and field not in columns]
    if unloaded:
        raise DataError(
            f"load_col: {columns} leaves out {', '.join(unloaded)}; add it, as in --load_col=\"{{'inter': {needed}}}\""
        )


def _check_lists(config) -> None:
    """Rows of benchmark files bring their own histories, which RecBole looks for once all are read.

    Without the alias it would number the elements of the histories apart from those that are asked for.
    """
    name = config["ITEM_ID_FIELD"] + config["LIST_SUFFIX"]
    advice = f"--alias_of_item_id=\"['{name}']\""
    for part in config["benchmark_filename"]:
        file = os.path.join(config["data_path"], f"{config['dataset']}.{part}.inter")
        if not os.path.isfile(file):
            raise DataError(f"dataset: {file}, of benchmark_filename, does not exist")
        if fields_of(file, config).get(name) != "token_seq":
            raise DataError(
                f"dataset: {file} has no {name}:token_seq in its header, the history of each row, which "
                f"{config['model']} reads; add it and {advice}, or give whole sequences in one .inter file, without "
                "benchmark_filename"
            )
    if name not in (config["alias_of_item_id"] or ()):
        raise DataError(f"alias_of_item_id: {config['alias_of_item_id']} lacks {name}, which holds items; add {advice}")
    _check_loaded([config["USER_ID_FIELD"], config["ITEM_ID_FIELD"], name], config)


def _instead(missing: str, fields: dict[str, str], needed: list[str], kinds: dict[str, str], config) -> str:
    """What to do about a field that is not there."""
    setting = next(name for name in _NEEDED if config[name] == missing)
    if setting == "LABEL_FIELD" and fields.get(config["RATING_FIELD"]) == "float":
        return f'Add the column, or make labels of ratings, as in --threshold="{ {config["RATING_FIELD"]: 3} }"'
    unused = [field for field in fields if field not in needed] or [*fields]
    fitting = [field for field in unused if fields[field] == kinds[missing]]
    if setting == "LABEL_FIELD":  # times are numbers too
        fitting = [field for field in fitting if field != config["TIME_FIELD"]]
        if not fitting:
            return "Add the column"
    if setting == "TIME_FIELD" and not fitting:
        between = config["field_separator"].encode("unicode_escape").decode()
        return (
            f"Sequences are ordered by it: add the column. Where lines stand in order already, their numbers do:\n  "
            f'awk \'{{print $0 "{between}" (NR == 1 ? "{missing}:float" : NR)}}\' old.inter > new.inter'
        )
    order = " (sequences are ordered by it)" if setting == "TIME_FIELD" else ""
    if setting == "TIME_FIELD":  # ratings are numbers too
        fitting.sort(key=lambda field: field == config["RATING_FIELD"] or bool(_OPINION.search(field)))
    others = f"; or is it {' or '.join(fitting[1:])}?" if len(fitting) > 1 else ""
    return f"Add the column, or name the one to use{order}, as in --{setting}={[*fitting, unused[-1]][0]}{others}"
