"""Rows that RecBole's loaders repeat: one history for each of its candidates."""

import torch
from torch import Tensor


def distinct_rows(interaction, fields: list[str]) -> tuple[Tensor, Tensor]:
    """Rows that follow one another and are alike in `fields`, each run of them once.

    Returns:
        The first row of each run [R], and for every row of the interaction which run it is in [N].
    """
    told = torch.cat([interaction[field].reshape(len(interaction), -1) for field in fields], dim=1)
    _, run, repeats = told.unique_consecutive(dim=0, return_inverse=True, return_counts=True)
    return repeats.cumsum(0) - repeats, run
