"""The training batches of HAIL: whole windows instead of RecBole's prefixes."""

import math
from functools import cached_property

import torch
from recbole.data.interaction import Interaction
from torch import Tensor

from recbole_hail import distributed
from recbole_hail.data.buckets import draw_batches
from recbole_hail.data.masking import Targets, mask_elements, shift_elements
from recbole_hail.data.windows import Spans, cut_windows, gather
from recbole_hail.networks import predicts

TARGET_POSITION = "target_position"
TARGET_ELEMENT = "target_element"


class WindowBatch(Interaction):
    """A batch with what the host knows of it, so that no step of training has to ask the device and wait.

    Args:
        columns: see `WindowLoader`.
        padded: whether any sequence is shorter than the longest.
        most_targets: the largest number of targets of one sequence.
    """

    def __init__(self, columns: dict[str, Tensor], *, padded: bool, most_targets: int):
        super().__init__(columns)
        self.padded = padded
        self.most_targets = most_targets

    def to(self, device, selected_field=None) -> "WindowBatch":
        """A copy on `device`; one to a GPU goes on while the host prepares the next step."""
        device = torch.device(device)
        fields = list(self.interaction) if selected_field is None else selected_field
        columns = {
            name: _moved(tensor, device) if name in fields else tensor for name, tensor in self.interaction.items()
        }
        return WindowBatch(columns, padded=self.padded, most_targets=self.most_targets)


def _moved(tensor: Tensor, device: torch.device) -> Tensor:
    if device.type == "cuda" and tensor.device.type == "cpu":
        tensor = tensor.pin_memory()  # only from pinned memory is the copy asynchronous
    return tensor.to(device, non_blocking=True)


class WindowLoader:
    """Takes the place of RecBole's training dataloader for models that train on windows.

    Every epoch draws new batches and new masks from (seed, epoch) alone, so an epoch can be repeated without those
    before it. Under several processes each takes every world_size-th batch.

    A batch is a `WindowBatch` of `item_id_list` [B, L], `item_length` [B], `target_position` [M] (indices into B · L)
    and `target_element` [M].
    """

    def __init__(self, config, dataset, sampler, shuffle=True):
        self.config = config
        self._dataset = self.dataset = dataset
        self._sampler = sampler
        self.shuffle = shuffle
        self.epoch = 0
        self.predicts = predicts(config["base_network"][0])
        self.mask_token = dataset.item_num
        longest = config["MAX_ITEM_LIST_LENGTH"] + (self.predicts == "next")
        self.windows = cut_windows(dataset.sequences, longest)
        self.step = config["train_batch_size"]

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def _rng(self) -> torch.Generator:
        # Large odd multipliers keep the streams of neighbouring seeds and epochs apart.
        return torch.Generator().manual_seed((self.config["seed"] * 1_000_003 + self.epoch) * 2_147_483_629 % 2**63)

    def row_lengths(self) -> torch.Tensor:
        """How long every row is that an epoch's batches are drawn from, [N]."""
        return self.windows.length

    def _batches(self, rng: torch.Generator | None) -> list[torch.Tensor]:
        """The rows of each batch of this process, as `draw_batches` has them."""
        tokens = self.config["train_batch_tokens"]
        batches = draw_batches(self.row_lengths(), rng=rng, tokens=tokens, sequences=None if tokens else self.step)
        if self.config["single_spec"]:
            return batches
        # Every process must take the same number of steps; the first batches fill up the last round.
        processes = self.config["world_size"]
        rounds = math.ceil(len(batches) / processes)
        return (batches * processes)[distributed.global_rank(self.config) : rounds * processes : processes]

    @cached_property
    def _steps(self) -> int:
        return len(self._batches(None))

    def __len__(self):
        """Steps of any epoch, for they depend on the lengths of the rows alone."""
        return self._steps

    def _draw_rows(self, rng: torch.Generator) -> None:
        """What an epoch draws before its batches: nothing here, for its rows are the same in every epoch."""

    def __iter__(self):
        rng = self._rng()
        self._draw_rows(rng)
        batches = self._batches(rng if self.shuffle else None)
        if not self.config["single_spec"]:  # the ranks draw the same batches, each takes its own, and masks them anew
            rng.manual_seed(rng.initial_seed() + 1 + distributed.global_rank(self.config))
        for batch in batches:
            yield self._rows(batch, rng)
        self.epoch += 1

    def _rows(self, batch: Tensor, rng: torch.Generator) -> WindowBatch:
        return self._interaction(Spans(self.windows.start[batch], self.windows.end[batch]), rng)

    def _interaction(self, spans: Spans, rng: torch.Generator) -> WindowBatch:
        targets = self._targets(gather(self._dataset.elements, spans), spans.length, rng)
        return self._as_interaction(targets, spans.length - 1 if self.predicts == "next" else spans.length)

    def _as_interaction(self, targets: Targets, lengths: Tensor) -> WindowBatch:
        of_sequence = targets.positions // targets.sequences.shape[1]
        columns = {
            self._dataset.item_id_list_field: targets.sequences,
            self._dataset.item_list_length_field: lengths,
            TARGET_POSITION: targets.positions,
            TARGET_ELEMENT: targets.elements,
        }
        return WindowBatch(
            columns,
            padded=bool((lengths != lengths[0]).any()),
            most_targets=int(of_sequence.bincount(minlength=1).max()),
        )

    def _targets(self, sequences, lengths, rng) -> Targets:
        if self.predicts == "next":
            return shift_elements(sequences, lengths)
        return self._masked(sequences, lengths, rng)

    def _masked(self, sequences, lengths, rng) -> Targets:
        return mask_elements(
            sequences,
            lengths,
            mask_token=self.mask_token,
            mask_ratio=self.config["mask_ratio"],
            max_masked=self.config["max_masked"],
            last_only_share=self.config["ft_ratio"],
            rng=rng,
        )
