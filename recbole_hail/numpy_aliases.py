"""Names that newer numpy lacks and RecBole 1.2.1 and its pinned ray use; set before either is imported."""

import warnings

import numpy as np


def restore() -> None:
    """numpy 2 removed names that RecBole's pinned ray uses on import, and numpy 1.24 names that its metrics use.

    RecBole sets the latter itself, but only in processes that construct a Config: one that loads a checkpoint and
    evaluates dies on `np.float`.
    """
    aliases = {
        "bool8": np.bool_,
        "float_": np.float64,
        "complex_": np.complex128,
        "unicode_": np.str_,
        "string_": np.bytes_,
        "float": np.float64,
        "int": np.int_,
        "object": np.object_,
        "str": np.str_,
        "unicode": np.str_,
        "complex": np.complex128,
    }
    for name, kind in aliases.items():
        if name not in np.__dict__:
            setattr(np, name, kind)
    # RecBole's pinned ray warns on every start about the setuptools that it needs.
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
