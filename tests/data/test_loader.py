import pytest
import torch

from recbole_hail.data.dataset import HAILDataset
from recbole_hail.data.loader import TARGET_ELEMENT, TARGET_POSITION, WindowLoader

LENGTHS = [2, 3, 4, 5, 6, 7, 9, 9, 12, 14, 14, 15, 20]


@pytest.fixture
def make_loader(make_config, distinct_items):
    """A loader over sequences whose items are all different, so that a window is known by its items."""

    def make(lengths=LENGTHS, *, processes=None, shuffle=True, **settings):
        defaults = {"train_batch_tokens": None, "train_batch_size": 3, "MAX_ITEM_LIST_LENGTH": 6, "seed": 7}
        config = make_config(distinct_items(lengths), **{**defaults, **settings})
        dataset = HAILDataset(config).build()[0]
        if processes is None:
            return WindowLoader(config, dataset, None, shuffle=shuffle)
        count = processes
        settings = {**config.final_config_dict, "single_spec": False, "world_size": count, "offset": 0}
        return [WindowLoader({**settings, "local_rank": rank}, dataset, None) for rank in range(count)]

    return make


def windows_of(loader, batch):
    """What the windows of a batch held before they became input and targets, as tuples of elements."""
    sequences = batch["item_id_list"].clone()
    if loader.predicts == "masked":
        sequences.view(-1)[batch[TARGET_POSITION]] = batch[TARGET_ELEMENT]
    else:
        last = (batch["item_length"] - 1)[:, None]
        following = torch.zeros_like(sequences).view(-1)
        following[batch[TARGET_POSITION]] = batch[TARGET_ELEMENT]
        end = following.view_as(sequences).gather(1, last)
        sequences = torch.nn.functional.pad(sequences, (0, 1)).scatter(1, last + 1, end)
    return [tuple(element for element in row if element) for row in sequences.tolist()]


def epoch_of(loader, epoch=0):
    loader.set_epoch(epoch)
    return list(loader)


def same(first, second):
    fields = ("item_id_list", "item_length", TARGET_POSITION, TARGET_ELEMENT)
    return len(first) == len(second) and all(
        torch.equal(a[field], b[field]) for a, b in zip(first, second, strict=True) for field in fields
    )


def all_windows(loader):
    elements = loader.dataset.elements.tolist()
    spans = zip(loader.windows.start.tolist(), loader.windows.end.tolist(), strict=True)
    return sorted(tuple(elements[start:end]) for start, end in spans)


@pytest.mark.parametrize("base_network", ["bidirectional", "causal"])
def test_an_epoch_goes_over_every_window_once(make_loader, base_network):
    loader = make_loader(base_network=base_network)
    found = sorted(window for batch in epoch_of(loader) for window in windows_of(loader, batch))
    assert found == all_windows(loader)
    assert len(found) > len(LENGTHS)


def test_windows_are_as_long_as_the_input_and_one_more_where_the_next_element_is_predicted(make_loader):
    for base_network, longest in (("bidirectional", 6), ("causal", 7), ("gru", 7)):
        loader = make_loader(base_network=base_network)
        assert loader.windows.length.max() == longest
        assert max(batch["item_id_list"].shape[1] for batch in epoch_of(loader)) == 6


def test_masked_batches(make_loader):
    loader = make_loader(base_network="bidirectional", mask_ratio=0.4, max_masked=2, ft_ratio=0.0)
    assert loader.mask_token == loader.dataset.item_num
    for batch in epoch_of(loader):
        sequences, lengths = batch["item_id_list"], batch["item_length"]
        assert sequences.shape[1] == lengths.max()
        assert sequences.ne(0).sum(1).tolist() == lengths.tolist()
        masked = sequences.eq(loader.mask_token)
        assert masked.flatten().nonzero().squeeze(1).tolist() == batch[TARGET_POSITION].tolist()
        count = (0.4 * lengths).round().clamp(1, 2)
        assert masked.sum(1).tolist() == count.tolist()


def test_the_share_of_windows_with_only_their_last_element_masked_is_a_setting(make_loader):
    loader = make_loader(base_network="bidirectional", mask_ratio=0.5, ft_ratio=1.0)
    for batch in epoch_of(loader):
        width = batch["item_id_list"].shape[1]
        last = torch.arange(len(batch["item_length"])) * width + batch["item_length"] - 1
        assert torch.equal(batch[TARGET_POSITION], last)


def test_batches_of_the_next_element(make_loader):
    loader = make_loader(base_network="gru")
    for batch in epoch_of(loader):
        sequences, lengths = batch["item_id_list"], batch["item_length"]
        assert sequences.ne(0).sum(1).tolist() == lengths.tolist()
        assert len(batch[TARGET_POSITION]) == lengths.sum()
        inputs = sequences.flatten()[batch[TARGET_POSITION]]
        names = loader.dataset.id2token("item_id", inputs), loader.dataset.id2token("item_id", batch[TARGET_ELEMENT])
        for now, following in zip(*names, strict=True):  # u3i4 is followed by u3i5
            user, place = now.split("i")
            assert following == f"{user}i{int(place) + 1}"


def test_an_epoch_can_be_repeated_without_those_before_it(make_loader):
    first = epoch_of(make_loader(), 3)
    loader = make_loader()
    for epoch in range(3):
        epoch_of(loader, epoch)
    assert same(first, epoch_of(loader, 3))
    assert same(first, epoch_of(loader, 3))


def test_every_epoch_has_new_batches_and_new_masks(make_loader):
    loader = make_loader(base_network="bidirectional")
    first, second = epoch_of(loader, 0), epoch_of(loader, 1)
    batches = [[sorted(windows_of(loader, batch)) for batch in epoch] for epoch in (first, second)]
    assert batches[0] != batches[1]
    assert sorted(batches[0]) != sorted(batches[1])
    masks = [
        {
            window: tuple(row)
            for batch in epoch
            for window, row in zip(windows_of(loader, batch), batch["item_id_list"].tolist(), strict=True)
        }
        for epoch in (first, second)
    ]
    assert masks[0].keys() == masks[1].keys()
    assert masks[0] != masks[1]


def test_epochs_follow_one_another_by_themselves(make_loader):
    loader = make_loader()
    first, second = list(loader), list(loader)
    assert same(first, epoch_of(make_loader(), 0))
    assert same(second, epoch_of(make_loader(), 1))
    assert not same(first, second)


def test_another_seed_gives_another_epoch(make_loader):
    first = epoch_of(make_loader(seed=1))
    assert not same(first, epoch_of(make_loader(seed=2)))
    # Neighbouring seeds and epochs are not the same stream shifted by one.
    assert not same(epoch_of(make_loader(seed=1), 1), epoch_of(make_loader(seed=2), 0))


def test_global_random_states_play_no_part(make_loader):
    torch.manual_seed(1)
    first = epoch_of(make_loader())
    torch.manual_seed(2)
    before = torch.get_rng_state()
    assert same(first, epoch_of(make_loader()))
    assert torch.equal(before, torch.get_rng_state())


def test_batches_are_sized_by_windows_or_by_tokens(make_loader):
    by_windows = make_loader(train_batch_size=4)
    sizes = sorted(len(batch["item_length"]) for batch in epoch_of(by_windows))
    assert sizes[1:] == [4] * (len(sizes) - 1)
    by_tokens = make_loader(train_batch_tokens=40, train_batch_size=4)
    batches = epoch_of(by_tokens)
    assert all(batch["item_id_list"].numel() <= 40 for batch in batches)
    assert any(len(batch["item_length"]) > 4 for batch in batches)  # tokens go before train_batch_size


@pytest.mark.parametrize("size", [{"train_batch_size": 4}, {"train_batch_tokens": 14}])
def test_len_is_the_number_of_steps_and_asking_changes_nothing(make_loader, size):
    loader = make_loader(**size)
    for epoch in range(2):
        loader.set_epoch(epoch)
        steps = len(loader)
        assert len(epoch_of(loader, epoch)) == steps
    asked, unasked = make_loader(**size), make_loader(**size)
    len(asked)
    assert same(list(asked), list(unasked))


def test_without_shuffling_batches_come_in_order_of_length(make_loader):
    loader = make_loader(shuffle=False)
    lengths = [length for batch in epoch_of(loader) for length in batch["item_length"].tolist()]
    assert lengths == sorted(lengths)


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_share_the_batches_of_an_epoch(make_loader, processes):
    alone = [windows_of(loader, batch) for loader in [make_loader()] for batch in epoch_of(loader, 1)]
    ranks = make_loader(processes=processes)
    shares = [[windows_of(loader, batch) for batch in epoch_of(loader, 1)] for loader in ranks]
    steps = {len(share) for share in shares}
    assert len(steps) == 1  # every process takes the same number of steps
    assert [len(loader) for loader in ranks] == [steps.pop()] * processes
    together = [batch for step in zip(*shares, strict=True) for batch in step]
    assert together[: len(alone)] == alone
    assert together[len(alone) :] == alone[: len(together) - len(alone)]  # the first batches fill up the last round
    assert len(together) - len(alone) < processes


@pytest.mark.parametrize("processes", [2, 3, 5])
def test_every_process_takes_a_step_where_batches_are_fewer_than_processes(make_loader, processes):
    ranks = make_loader([5, 6], processes=processes, train_batch_size=100)
    assert [len(epoch_of(loader)) for loader in ranks] == [1] * processes


def test_every_process_masks_for_itself(make_loader):
    """Two processes with the same windows, which would teach the same where they were masked alike."""
    masked = {"base_network": "bidirectional"}
    first, second = (epoch_of(loader) for loader in make_loader([30] * 4, processes=2, train_batch_size=100, **masked))
    loader = make_loader(**masked)
    assert [windows_of(loader, batch) for batch in first] == [windows_of(loader, batch) for batch in second]
    assert not same(first, second)


def test_recbole_hands_out_window_batches_for_training(make_config, distinct_items):
    from recbole.data import create_dataset, data_preparation

    items = distinct_items([40] * 5)
    config = make_config(items, train_batch_tokens=100)
    dataset = create_dataset(config)
    assert isinstance(dataset, HAILDataset)
    train, valid, test = data_preparation(config, dataset)
    assert isinstance(train, WindowLoader)
    assert sorted(w for batch in train for w in windows_of(train, batch)) == all_windows(train)
    assert len(valid.dataset) == len(test.dataset) == 5


@pytest.mark.parametrize("base_network", ["bidirectional", "causal"])
def test_a_batch_knows_its_padding_and_its_most_targets(make_loader, base_network):
    """The device need not be asked for them, which would make the host wait."""
    batches = epoch_of(make_loader(base_network=base_network, train_batch_size=2, mask_ratio=0.4))
    for batch in batches:
        width = batch["item_id_list"].shape[1]
        assert batch.padded == (min(batch["item_length"].tolist()) < width)
        of_sequence = [position // width for position in batch[TARGET_POSITION].tolist()]
        assert batch.most_targets == max(of_sequence.count(row) for row in set(of_sequence))
    assert {batch.padded for batch in batches} == {False, True}
    assert len({batch.most_targets for batch in batches}) > 1


def test_a_batch_keeps_what_it_knows_where_it_moves(make_loader):
    batch = epoch_of(make_loader())[0]
    moved = batch.to("cpu")
    assert same([batch], [moved])
    assert (moved.padded, moved.most_targets) == (batch.padded, batch.most_targets)
    elsewhere = batch.to("meta", selected_field=["item_id_list"])
    assert {name: tensor.device.type for name, tensor in elsewhere.interaction.items()} == {
        "item_id_list": "meta",
        "item_length": "cpu",
        TARGET_POSITION: "cpu",
        TARGET_ELEMENT: "cpu",
    }
