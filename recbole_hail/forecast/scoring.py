"""Scores of every element after any histories, by whichever model, as logits."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from recbole.data.interaction import Interaction
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from tqdm import tqdm

from recbole_hail.errors import CheckpointError, TrainingDiverged
from recbole_hail.evaluation.ranking import ROWS_AT_A_TIME, SCORES_AT_A_TIME, scores_by_view, view_names
from recbole_hail.forecast.loading import ForecastModel

NOBODY = 0  # RecBole's padding stands for a generator that the model has not met


def peers(trained: ForecastModel) -> list[str]:
    """Those of the views that are a peer's, where there are several; [] for a model without peers."""
    found = view_names(trained.model)
    return found[:-1] if len(found) > 1 else []


def batches(trained: ForecastModel, sequences: Sequence[np.ndarray], generators: np.ndarray) -> Iterator[np.ndarray]:
    """Numbers of sequences to score together: of like length, and all with a known generator or none."""
    order = np.lexsort(([len(sequence) for sequence in sequences], generators != NOBODY))
    unknown = int((generators == NOBODY).sum())
    step = max(min(ROWS_AT_A_TIME, SCORES_AT_A_TIME // (trained.train.item_num * len(view_names(trained.model)))), 1)
    with tqdm(total=len(order), ncols=100, desc="Forecast", disable=not trained.progress) as bar:
        for part in (order[:unknown], order[unknown:]):
            for start in range(0, len(part), step):
                yield part[start : start + step]
                bar.update(len(part[start : start + step]))


@torch.no_grad()
def logits(trained: ForecastModel, sequences: Sequence[np.ndarray], generators: np.ndarray) -> Tensor:
    """The score of every element after each history, up to a constant of each a log-likelihood.

    A rule's scores are counts, so their logarithms are taken, and its probabilities are shares of the counts. One more
    event is spread over all elements first, so that none is impossible; that changes no order.

    Args:
        sequences: B histories of element numbers, oldest first, each at least one event long.
        generators: [B], whose they are; all of them NOBODY, or none.

    Returns:
        [views, B, n_items] on the CPU, float32, of rules float64; padding, element 0, has -inf.

    Raises:
        CheckpointError: the model needs to know more than these.
        TrainingDiverged: a score is not a number.
    """
    model, dataset = trained.model, trained.train
    interaction = _interaction(trained, sequences, generators).to(trained.config["device"])
    most_rows = ROWS_AT_A_TIME * dataset.item_num
    try:
        scores = torch.stack(list(scores_by_view(model, dataset, interaction, None, most_rows)))
    except KeyError as error:
        raise CheckpointError(_needs(trained, error.args[0], generators)) from None
    # A rule breaks ties by millionths of an event, which float32 would round away.
    scores = ((scores + 1 / (dataset.item_num - 1)).log() if trained.is_rule else scores.float()).cpu()
    if scores[..., 1:].isnan().any():
        raise TrainingDiverged("the model's scores are not numbers (NaN), so nothing can be forecast by them")
    scores[..., 0] = -torch.inf
    return scores


def _interaction(trained: ForecastModel, sequences: Sequence[np.ndarray], generators: np.ndarray) -> Interaction:
    """Rows as a dataset would give them; rules look at the whole history, networks at its newest part."""
    dataset, longest = trained.train, trained.config["MAX_ITEM_LIST_LENGTH"]
    if not trained.is_rule:
        sequences = [sequence[-longest:] for sequence in sequences]
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    padded = pad_sequence([torch.from_numpy(sequence) for sequence in sequences], batch_first=True)
    if not trained.is_rule:  # some of RecBole's networks take no other width
        padded = torch.nn.functional.pad(padded, (0, longest - padded.shape[1]))
    columns = {dataset.item_id_list_field: padded, dataset.item_list_length_field: lengths}
    if (generators != NOBODY).all():
        columns[dataset.uid_field] = torch.from_numpy(generators)
    return Interaction(columns)


def _needs(trained: ForecastModel, field: str, generators: np.ndarray) -> str:
    name = trained.config["model"]
    if field == trained.train.uid_field and (generators == NOBODY).all():
        return (
            f"checkpoint: {trained.file} holds {name}, which knows no generators but those it was trained with; it "
            "cannot score a sequence of nobody or of a new generator"
        )
    return f"checkpoint: {trained.file} holds {name}, which reads {field!r} beside a history, so it cannot forecast"
