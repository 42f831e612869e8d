"""The .inter file of a dataset as it stands, before RecBole reads it: where it is, what its header says, its text."""

import os

import pandas as pd

from recbole_hail.errors import DataError


def inter_file(config) -> str:
    """Where it is, or would be; a dataset of benchmark files has none."""
    return os.path.join(config["data_path"], f"{config['dataset']}.inter")


def fields_of(file: str, config) -> dict[str, str]:
    """The type of each column; DataError where there are no rows, no types, or no text."""
    encoding = config["encoding"] or "utf-8"
    try:
        with open(file, encoding=encoding) as lines:
            header, first = lines.readline().rstrip("\r\n"), lines.readline()
    except (UnicodeDecodeError, LookupError):
        raise DataError(
            f"dataset: {file} is not text in {encoding}; convert it, or name its encoding, as in --encoding=latin-1"
        ) from None
    if header.startswith("\ufeff"):
        raise DataError(
            f"dataset: {file} begins with a byte-order mark; read it with --encoding=utf-8-sig, or save it without"
        )
    if not (header.strip() and first.strip()):
        raise DataError(f"dataset: {file} holds no events; it needs a header and a line for each event")
    columns = header.split(config["field_separator"])
    untyped = [column for column in columns if ":" not in column]
    if untyped:
        raise DataError(
            f"dataset: {file} does not say in its header what {', '.join(map(repr, untyped))} holds; write name:token "
            "for names and numbers of things, name:float for times"
        )
    return dict(column.split(":", 1) for column in columns)


def text_of(file: str, fields: dict[str, str], names: list[str], config) -> pd.DataFrame:
    """The columns `names` as text, "" where there is no value; `fields` are those of its header, see `fields_of`."""
    how = {"sep": config["field_separator"], "encoding": config["encoding"], "dtype": str, "keep_default_na": False}
    columns = {f"{name}:{fields[name]}": name for name in names}
    return pd.read_csv(file, usecols=[*columns], **how).rename(columns=columns)
