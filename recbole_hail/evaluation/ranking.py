"""Ranks of targets among their candidates, every sequence encoded once, whichever the model."""

from collections.abc import Iterator
from functools import cache
from logging import getLogger
from typing import NamedTuple

import numpy as np
import torch
from recbole.data.interaction import Interaction
from torch import Tensor
from torch.nn.functional import pad
from tqdm import tqdm

from recbole_hail.errors import TrainingDiverged
from recbole_hail.evaluation.candidates import CandidateSets

# Scores held at a time, 128 MiB of float32; memory does not grow with generators or with sequence length.
SCORES_AT_A_TIME = 2**25
ROWS_AT_A_TIME = 256
# Where there are more elements than this for each that is asked about, only those are scored. One whose embedding is
# looked up costs a CPU as much as some sixty in a product.
IN_ONE_PRODUCT = 128


class Scored(NamedTuple):
    """Scores of one view for a batch of questions; the target stands first among what is `asked`."""

    batch: np.ndarray  # [B], which of the questions
    view: int
    asked: Tensor  # [B, 1 + K]
    scores: Tensor  # [B, 1 + K]
    real: Tensor  # bool [B, 1 + K], False where a list is shorter, and at the target's copies among its candidates


def rank_targets(model, dataset, rows: np.ndarray, sets: CandidateSets, **how) -> Tensor:
    """Compares each target's score with those of its candidates; arguments as for `score_targets`.

    Returns:
        int64 [N, views, 3]: candidates scored higher than the target, scored the same, and in all.
    """
    ranks = torch.zeros(len(rows), len(view_names(model)), 3, dtype=torch.int64)
    for scored in score_targets(model, dataset, rows, sets, **how):
        ranks[scored.batch, scored.view] = ranks_of(scored)
    return ranks


def ranks_of(scored: Scored) -> Tensor:
    """[B, 3]: candidates scored higher than the target, scored the same, and in all."""
    own, others, real = scored.scores[:, :1], scored.scores[:, 1:], scored.real[:, 1:]
    return torch.stack([((others > own) & real).sum(1), ((others == own) & real).sum(1), real.sum(1)], dim=1).cpu()


def first_answers(scored: Scored) -> Tensor:
    """[B], the element scored highest among target and candidates; of several the one with the lowest number."""
    scores = scored.scores.masked_fill(~scored.real, -torch.inf)
    best = (scores == scores.amax(1, keepdim=True)) & scored.real
    return scored.asked.masked_fill(~best, torch.iinfo(torch.int64).max).amin(1).cpu()


def view_names(model) -> list[str]:
    """The ways a model scores: its peers and their mean, or, of any other, one."""
    return getattr(model, "views", ["model"])


def chosen_view(model) -> int:
    """The one of its views that a model predicts with."""
    return getattr(model, "view", 0)


@torch.no_grad()
def score_targets(
    model, dataset, rows: np.ndarray, sets: CandidateSets, *, most_rows: int, progress: bool = False
) -> Iterator[Scored]:
    """Scores of targets and their candidates, every sequence encoded once.

    Args:
        model: any RecBole model, in evaluation mode. One with `encode_rows`, `score_encoded` and `score_candidates`
            (see `WindowedRecommender`) is ranked by each of its views; any other is one view.
        dataset: a validation or test part.
        rows: [N], the rows of `dataset` to rank.
        sets: candidates of these rows, in their order.
        most_rows: the most rows scored at a time.
        progress: show a bar.

    Raises:
        TrainingDiverged: a score is not a number.
    """
    count = dataset.item_num if sets.elements is None else sets.elements.shape[1] + 1
    scored = count if _looks_up(model, dataset, count) else dataset.item_num
    step = max(min(most_rows, ROWS_AT_A_TIME, SCORES_AT_A_TIME // scored), 1)
    lengths = getattr(dataset, "item_list_length_field", None)
    # Sequences of like length are encoded together, so that little of a batch is padding.
    order = dataset.inter_feat[lengths][rows].argsort(stable=True).numpy() if lengths else np.arange(len(rows))
    batches = [order[start : start + step] for start in range(0, len(order), step)]
    for batch in tqdm(batches, ncols=100, desc="Evaluate", disable=not progress):
        interaction = dataset[rows[batch]].to(model.device)
        target = interaction[dataset.iid_field][:, None]  # [B, 1]
        if sets.elements is None:
            candidates = torch.arange(1, dataset.item_num, device=target.device).expand(len(target), -1)
        else:
            candidates = torch.from_numpy(sets.elements[batch]).long().to(target.device)  # [B, K]
        asked = torch.cat([target, candidates], dim=1)
        real = torch.cat([torch.ones_like(target, dtype=torch.bool), (candidates != 0) & (candidates != target)], dim=1)
        for view, scores in enumerate(scores_by_view(model, dataset, interaction, asked, most_rows)):
            if (scores.isnan() & real).any():
                raise TrainingDiverged("the model's scores are not numbers (NaN), so nothing can be ranked by them")
            yield Scored(batch, view, asked, scores, real)


def _looks_up(model, dataset, count: int) -> bool:
    """Whether so few of the elements are asked about that only their scores are computed."""
    return hasattr(model, "views") and IN_ONE_PRODUCT * count < dataset.item_num


def scores_by_view(model, dataset, interaction: Interaction, asked: Tensor | None, most_rows: int) -> Iterator[Tensor]:
    """Scores by each view, one in memory at a time: of the elements `asked` [B, K], or, where that is None, of all,
    [B, n_items], with any number for padding.
    """
    if hasattr(model, "views"):
        few = asked is not None and _looks_up(model, dataset, asked.shape[1])
        for hidden in model.encode_rows(interaction):
            yield model.score_candidates(hidden, asked) if few else _of(asked, model.score_encoded(hidden))
        return
    try:
        scores = model.full_sort_predict(interaction).view(len(interaction), -1)
    except NotImplementedError:  # a model that can only score single elements
        _tell_slow(type(model).__name__)
        if asked is not None:
            yield _one_by_one(model, dataset, interaction, asked, most_rows)
            return
        every = torch.arange(1, dataset.item_num, device=model.device).expand(len(interaction), -1)
        yield pad(_one_by_one(model, dataset, interaction, every, most_rows), (1, 0))
    else:
        yield _of(asked, scores)


def _of(asked: Tensor | None, scores: Tensor) -> Tensor:
    return scores if asked is None else scores.gather(1, asked)


@cache
def _tell_slow(name: str) -> None:
    """Says in the log, once."""
    getLogger().warning(f"{name} has no full_sort_predict, so elements are scored one by one by predict, which is slow")


def _one_by_one(model, dataset, interaction: Interaction, asked: Tensor, most_rows: int) -> Tensor:
    """`scores_by_view` by `predict`, each element with its own features beside it."""
    scores = torch.empty(asked.shape, device=asked.device)
    step = max(most_rows // asked.shape[1], 1)
    for start in range(0, len(asked), step):
        elements = asked[start : start + step]  # [b, K]
        rows = interaction[start : start + step].repeat_interleave(elements.shape[1])
        rows.update(Interaction({dataset.iid_field: elements.flatten()}))
        if dataset.item_feat is not None:
            rows.update(dataset.item_feat[elements.flatten().cpu()].to(asked.device))
        scores[start : start + step] = model.predict(rows).view_as(elements)
    return scores
