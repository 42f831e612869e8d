"""Histories and what follows them: known cuts, nothing out of reach, every element in turn."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_hail.data.cuts import CutLoader, cut_sequences, draw_shifts
from recbole_hail.data.dataset import HAILDataset
from recbole_hail.data.loader import TARGET_ELEMENT, TARGET_POSITION
from recbole_hail.data.windows import Spans


def spans_of(lengths):
    end = torch.tensor(lengths).cumsum(0)
    return Spans(end - torch.tensor(lengths), end)


def cuts_of(lengths, *, history=100, following=4, seed=0):
    sequences, rng = spans_of(lengths), torch.Generator().manual_seed(seed)
    shifts = draw_shifts(sequences.length, following=following, rng=rng)
    cuts = cut_sequences(sequences, shifts, history=history, following=following)
    return list(zip(*(part.tolist() for spans in cuts for part in spans), strict=True))


def test_cuts_made_by_hand():
    assert cuts_of([5], following=1) == [(0, 4, 4, 5), (0, 3, 3, 4), (0, 2, 2, 3), (0, 1, 1, 2)]
    assert cuts_of([3, 4], following=1) == [(0, 2, 2, 3), (0, 1, 1, 2), (3, 6, 6, 7), (3, 5, 5, 6), (3, 4, 4, 5)]
    assert cuts_of([2], following=4) == [(0, 1, 1, 2)]
    assert cuts_of([1], following=4) == []
    assert cuts_of([2, 1, 2], following=1) == [(0, 1, 1, 2), (3, 4, 4, 5)]
    assert cuts_of([5], following=1, history=2)[0] == (2, 4, 4, 5)


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(1, 12), st.integers(1, 9), st.integers(0, 1000)
)
def test_a_history_ends_where_what_follows_begins_inside_one_sequence(lengths, history, following, seed):
    cuts = cuts_of(lengths, history=history, following=following, seed=seed)
    assert len(cuts) == sum(-(-(n - 1) // following) for n in lengths)
    sequence = [row for row, n in enumerate(lengths) for _ in range(n)]
    for start, cut, again, end in cuts:
        assert cut == again and 1 <= cut - start <= history and 1 <= end - cut <= following
        assert sequence[start] == sequence[end - 1]
        assert cut - start == history or start == 0 or sequence[start - 1] != sequence[start]


def test_over_epochs_every_place_of_a_sequence_is_first_after_a_cut_and_nearly_all_are_targets():
    first, targets = set(), []
    for epoch in range(200):
        cuts = cuts_of([20], following=4, seed=epoch)
        first |= {cut for _, cut, _, _ in cuts}
        targets.append(len({place for _, cut, _, end in cuts for place in range(cut, end)}))
    assert first == set(range(1, 20))
    assert min(targets) >= 16 and max(targets) == 19  # of 19; an epoch may leave out less than `following`


@pytest.fixture
def make_loader(make_config, distinct_items):
    def make(lengths, **changed):
        defaults = {"train_batch_tokens": None, "train_batch_size": 3, "MAX_ITEM_LIST_LENGTH": 8, "seed": 7}
        config = make_config(distinct_items(lengths), **{**defaults, "predicted_elements": 3, **changed})
        return CutLoader(config, HAILDataset(config).build()[0], None)

    return make


LENGTHS = [3, 4, 5, 7, 12, 14, 20, 30]


def test_a_row_is_a_history_and_placeholders_whose_targets_follow_it(make_loader):
    loader = make_loader(LENGTHS)
    place_of = {element: place for place, element in enumerate(loader.dataset.elements.tolist())}
    for batch in loader:
        sequences, lengths = batch["item_id_list"], batch["item_length"]
        histories = lengths - 3
        assert sequences.shape[1] == int(lengths.max()) <= 8
        for row, history in enumerate(histories.tolist()):
            assert sequences[row, :history].gt(0).all() and sequences[row, history:].eq(0).all()
        row, column = batch[TARGET_POSITION] // sequences.shape[1], batch[TARGET_POSITION] % sequences.shape[1]
        last = sequences.gather(1, histories[:, None] - 1).squeeze(1)
        for r, ahead, element in zip(row, column - histories[row], batch[TARGET_ELEMENT], strict=True):
            assert 0 <= ahead < 3
            assert place_of[int(element)] == place_of[int(last[r])] + 1 + int(ahead)
        assert set(row.tolist()) == set(range(len(sequences)))  # every row has a target


def test_histories_are_as_long_as_placeholders_leave_room_for(make_loader):
    longest = max(int(batch["item_length"].max()) for batch in make_loader([30]))
    assert longest == 8


def test_training_ends_before_the_validation_element(make_loader):
    loader = make_loader([10])
    batches = [batch for epoch in range(20) for batch in epoch_of(loader, epoch)]
    seen = {int(element) for batch in batches for element in batch[TARGET_ELEMENT]}
    names = {loader.dataset.id2token("item_id", element) for element in seen}
    assert names == {f"u0i{place}" for place in range(1, 8)}


def epoch_of(loader, epoch):
    loader.set_epoch(epoch)
    return list(loader)


def test_an_epoch_is_repeated_from_its_number_and_the_next_cuts_elsewhere(make_loader):
    loader, again = make_loader(LENGTHS), make_loader(LENGTHS)
    list(again)  # an epoch before it changes nothing
    first, second = epoch_of(loader, 3), epoch_of(again, 3)
    assert len(first) == len(second) == len(loader)
    assert all(torch.equal(a["item_id_list"], b["item_id_list"]) for a, b in zip(first, second, strict=True))
    epoch_of(loader, 3)
    cuts = loader.windows.end.tolist()
    epoch_of(loader, 4)
    assert loader.windows.end.tolist() != cuts


def test_every_epoch_has_the_same_number_of_steps(make_loader):
    loader = make_loader(LENGTHS, train_batch_tokens=20)
    assert len({len(epoch_of(loader, epoch)) for epoch in range(20)}) == 1


def test_a_batch_counts_placeholders_among_its_positions(make_loader):
    loader = make_loader(LENGTHS, train_batch_tokens=16)
    for batch in loader:
        assert batch["item_id_list"].numel() <= 16
