"""Segments cut out of sequences, and the batches of S³-Rec's two stages."""

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from recbole.config import Config
from recbole.data import create_dataset, data_preparation

from recbole_hail.data.segments import cut_segments

MASK = 99


def cut(lengths, seed=0):
    sequences = torch.zeros(len(lengths), max(lengths), dtype=torch.long)
    for row, length in enumerate(lengths):
        sequences[row, :length] = torch.arange(1, length + 1)
    rng = torch.Generator().manual_seed(seed)
    return sequences, cut_segments(sequences, torch.tensor(lengths), mask_token=MASK, rng=rng)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.integers(0, 1000))
def test_context_and_segment_make_up_the_sequence(lengths, seed):
    sequences, (contexts, segments, sizes) = cut(lengths, seed)
    for row, length in enumerate(lengths):
        size = int(sizes[row])
        assert 1 <= size <= max(length // 2, 1)
        masked = (contexts[row] == MASK).nonzero().flatten().tolist()
        assert masked == list(range(masked[0], masked[0] + size)) and masked[-1] < length
        assert segments[row].tolist() == sequences[row, masked].tolist() + [0] * (segments.shape[1] - size)
        unmasked = [i for i in range(sequences.shape[1]) if i not in masked]
        assert torch.equal(contexts[row, unmasked], sequences[row, unmasked])


def test_lengths_and_places_are_drawn_evenly():
    _, (contexts, _, sizes) = cut([4] * 4000)
    found = Counter((int((row == MASK).nonzero()[0]), int(size)) for row, size in zip(contexts, sizes, strict=True))
    assert found.keys() == {(0, 1), (1, 1), (2, 1), (3, 1), (0, 2), (1, 2), (2, 2)}
    for (_, size), count in found.items():
        expected = 4000 / 2 / (4 - size + 1)
        assert abs(count - expected) < 5 * expected**0.5


@pytest.fixture
def loader(cyclic, small):
    config = Config(model="S3RecID", dataset="cyclic", config_dict={**small, "MAX_ITEM_LIST_LENGTH": 8})
    return data_preparation(config, create_dataset(config))[0]


def test_batches_of_both_stages_hold_the_same_windows(loader):
    next_elements = [batch["item_length"] for batch in loader]
    loader.set_epoch(0)
    loader.set_pretraining(True)
    assert len(loader) == len(next_elements)
    for batch, lengths in zip(loader, next_elements, strict=True):
        assert batch["item_id_list"].shape[1] <= 8, "never longer than the network's input"
        # A window has one element more than its input of next elements; a full one loses its oldest.
        assert torch.equal(batch["item_length"], (lengths + 1).clamp(max=8))


def test_a_batch_of_pretraining_can_be_repeated(loader):
    loader.set_pretraining(True)
    first, second = [], []
    for batches in (first, second):
        loader.set_epoch(3)
        batches.extend(batch.interaction for batch in loader)
    for one, other in zip(first, second, strict=True):
        assert one.keys() == other.keys() == {
            *("item_id_list", "item_length", "target_position", "target_element"),
            *("segment_context", "segment", "segment_length"),
        }  # fmt: skip
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_targets_are_what_the_mask_hides(loader):
    loader.set_pretraining(True)
    for batch in loader:
        flat = batch["item_id_list"].flatten()
        assert (flat[batch["target_position"]] == loader.mask_token).all()
        assert (flat == loader.mask_token).sum() == len(batch["target_position"])
        hidden = batch["segment_context"] == loader.mask_token
        assert torch.equal(hidden.sum(1), batch["segment_length"])
        # The elements of the circle follow one another, so both halves of the batch come from the same windows.
        restored = batch["item_id_list"].flatten().scatter(0, batch["target_position"], batch["target_element"])
        restored = restored.view_as(batch["item_id_list"])
        assert torch.equal(restored.masked_fill(hidden, loader.mask_token), batch["segment_context"])
