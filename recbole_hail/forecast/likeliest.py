"""The most likely elements after many histories, as arrays."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from recbole_hail.evaluation.ranking import chosen_view
from recbole_hail.forecast.loading import ForecastModel
from recbole_hail.forecast.scoring import batches, logits, peers


class Likeliest(NamedTuple):
    """The k most likely elements after each of N histories, and what T peers say of them."""

    elements: np.ndarray  # [N, k], numbers
    probability: np.ndarray  # [N, k]
    times_before: np.ndarray  # [N, k], in the history
    of_peers: np.ndarray  # [N, k, T], each peer's own probability
    divergence: np.ndarray  # [N], of the peers, in bits
    first: np.ndarray  # [N, T], the element that each peer finds most likely


def find_likeliest(
    trained: ForecastModel, histories: Sequence[np.ndarray], generators: np.ndarray, *, k: int, temperature: float
) -> Likeliest:
    """The answers of the view that `predict_with` names; peers are brought to probabilities by the same temperature.

    Args:
        histories: element numbers, oldest first, each at least one event long.
        generators: [N], whose they are; NOBODY where it is not known.
    """
    rows, peer_count = len(histories), len(peers(trained))
    answers = Likeliest(
        np.zeros((rows, k), dtype=np.int64),
        np.zeros((rows, k)),
        np.zeros((rows, k), dtype=np.int64),
        np.zeros((rows, k, peer_count)),
        np.zeros(rows),
        np.zeros((rows, peer_count), dtype=np.int64),
    )
    for batch, shares in _probabilities(trained, histories, generators, temperature):
        probability, top = shares[chosen_view(trained.model)].topk(k, dim=1)
        answers.elements[batch], answers.probability[batch] = top.numpy(), probability.numpy()
        counts = np.stack([np.bincount(histories[row], minlength=shares.shape[-1]) for row in batch])
        answers.times_before[batch] = np.take_along_axis(counts, top.numpy(), axis=1)
        if peer_count:
            of_peers = shares[:peer_count]  # [T, B, n_items]
            answers.of_peers[batch] = of_peers.gather(2, top.expand(peer_count, -1, -1)).permute(1, 2, 0).numpy()
            answers.divergence[batch] = jensen_shannon(of_peers).numpy()
            answers.first[batch] = of_peers.argmax(2).T.numpy()
    return answers


def chances_of(
    trained: ForecastModel,
    histories: Sequence[np.ndarray],
    generators: np.ndarray,
    elements: Sequence[int],
    temperature: float,
) -> np.ndarray:
    """[N], the probability that the next element is one of `elements`; other arguments as for `find_likeliest`."""
    chances = np.zeros(len(histories))
    for batch, shares in _probabilities(trained, histories, generators, temperature):
        chances[batch] = shares[chosen_view(trained.model)][:, list(elements)].sum(1).numpy()
    return chances


def jensen_shannon(shares: Tensor) -> Tensor:
    """How far T distributions are from their mean, in bits, 0 to log2(T): [T, B, V] -> [B]."""
    return ((_entropy(shares.mean(0)) - _entropy(shares).mean(0)) / np.log(2)).clamp(min=0)


def _entropy(shares: Tensor) -> Tensor:
    return torch.special.entr(shares).sum(-1)


def _probabilities(
    trained: ForecastModel, histories, generators, temperature: float
) -> Iterator[tuple[np.ndarray, Tensor]]:
    """Row numbers of a batch and its probabilities [views, B, n_items]."""
    for batch in batches(trained, histories, generators):
        scores = logits(trained, [histories[row] for row in batch], generators[batch])
        yield batch, torch.softmax(scores / temperature, dim=-1)
