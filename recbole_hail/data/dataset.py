"""RecBole's sequential dataset without its copy of the history at every event."""

import numpy as np
import torch
from recbole.data.dataset import SequentialDataset
from recbole.data.interaction import Interaction

from recbole_hail.data.ordering import run_starts, stable_order
from recbole_hail.data.windows import Spans, gather
from recbole_hail.errors import DataError

CONTEXT_START = "context_start"
CONTEXT_END = "context_end"


class HAILDataset(SequentialDataset):
    """Rows, filters and splits are RecBole's; a row holds where its history lies instead of the history itself.

    RecBole writes MAX_ITEM_LIST_LENGTH columns for each of the events, three times over. Here all sequences stand once
    in `self.elements` [events], with `generators` and `times` beside them, and `dataset[index]` gathers the histories
    of the rows asked for. Validation and test rows are therefore those that RecBole gives SASRec on the same data, and
    memory grows with the number of events.
    """

    def __init__(self, config):
        if config["benchmark_filename"] is not None:
            raise DataError(
                f"benchmark_filename: {config['benchmark_filename']} brings its own rows, but "
                f"{config['model']} needs whole sequences here; leave it out and give one .inter file"
            )
        super().__init__(config)

    def data_augmentation(self):
        """One row per event that has a history, in RecBole's order: user, then time.

        Raises:
            DataError: there is none.
        """
        self._aug_presets()
        self._check_field("uid_field", "time_field")
        if not self._is_ordered():
            self.sort(by=[self.uid_field, self.time_field], ascending=True)
        self.elements = self.inter_feat[self.iid_field]
        self.generators = users = self.inter_feat[self.uid_field]
        self.times = self._times()
        first = torch.from_numpy(run_starts(users.numpy()))
        is_first = torch.zeros(len(users), dtype=torch.bool).index_fill_(0, first, True)
        end = (~is_first).nonzero().squeeze(1)  # of the history of an event that has one
        if not len(end):
            raise DataError(f"dataset: {self.dataset_name} leaves nothing for training, for no sequence has two events")
        start = first.repeat_interleave(first.diff(append=torch.tensor([len(users)])) - 1)
        columns = {field: self.inter_feat[field][end] for field in self.inter_feat}
        columns[CONTEXT_START] = start
        columns[CONTEXT_END] = end
        columns[self.item_list_length_field] = (end - start).clamp_(max=self.max_item_list_len)
        self.inter_feat = Interaction(columns)

    def _is_ordered(self) -> bool:
        """Whether the rows stand by user, then time, as the converters write them; sorting takes a copy of all."""
        users, times = self.inter_feat[self.uid_field], self._times()
        later = times[1:] >= times[:-1]
        return bool(((users[1:] > users[:-1]) | ((users[1:] == users[:-1]) & later)).all())

    def _times(self) -> torch.Tensor:
        """[N], also where they are a numerical feature, which has a 1 beside each value."""
        times = self.inter_feat[self.time_field]
        return times if times.dim() == 1 else times[:, 0]

    def build(self):
        """RecBole's split; `sequences` of the training part are the stretches that training may see."""
        train, valid, test = super().build()
        sources = [train, valid] if self.config["train_on_valid"] else [train]
        train.sequences = _stretches([source.inter_feat for source in sources])
        return [train, valid, test]

    def _grouped_index(self, keys) -> list[np.ndarray]:
        """Row numbers of each group, groups in the order of their first row; RecBole's loops over the rows."""
        rows = stable_order(keys)
        starts = run_starts(keys[rows])
        groups = np.split(rows, starts[1:])
        return [groups[group] for group in rows[starts].argsort()]

    def _split_index_by_leave_one_out(self, grouped_index, leave_one_num) -> list[tuple[torch.Tensor]]:
        """RecBole's rule without its loop: the last rows of a group, one for each held-out part, but never its first.

        Rows stand in tuples because Interaction turns an index that is a tensor into a list for every column.
        """
        sizes = np.array([len(rows) for rows in grouped_index])
        rows, ends = np.concatenate(grouped_index), sizes.cumsum()
        from_end = ends.repeat(sizes) - 1 - np.arange(len(rows))  # 0 for the last row of a group
        held_out = np.minimum(sizes - 1, leave_one_num).repeat(sizes)
        part = np.where(from_end < held_out, leave_one_num - from_end, 0)
        return [(torch.from_numpy(rows[part == number]),) for number in range(leave_one_num + 1)]

    def inter_matrix(self, form="coo", value_field=None):
        """RecBole takes each user's first event from columns that are not here."""
        if value_field is not None:
            raise NotImplementedError(f"value_field: {value_field} of a user's first event is not kept")
        first = self.inter_feat[self.item_list_length_field] == 1
        users, items = self.inter_feat[self.uid_field], self.inter_feat[self.iid_field]
        first_items = self.elements[self.inter_feat[CONTEXT_START][first]]
        events = Interaction(
            {self.uid_field: torch.cat([users, users[first]]), self.iid_field: torch.cat([items, first_items])}
        )
        return self._create_sparse_matrix(events, self.uid_field, self.iid_field, form, value_field)

    def __getitem__(self, index, join=True):
        rows = super().__getitem__(index, join)
        if CONTEXT_END not in rows or rows[CONTEXT_END].dim() == 0:
            return rows
        end = rows[CONTEXT_END]
        contexts = Spans((end - self.max_item_list_len).maximum(rows[CONTEXT_START]), end)
        histories = gather(self.elements, contexts, self.max_item_list_len)
        rows.update(Interaction({self.item_id_list_field: histories}))
        return rows


def _stretches(parts: list[Interaction]) -> Spans:
    """From the first event of each user to the last target among the rows of `parts`."""
    start = torch.cat([part[CONTEXT_START] for part in parts])
    last = torch.cat([part[CONTEXT_END] for part in parts])
    events = int(last.max()) + 1 if len(last) else 0
    last_target = start.new_zeros(events).scatter_reduce_(0, start, last, "amax")  # 0 where no sequence starts
    users = last_target.nonzero().squeeze(1)
    return Spans(users, last_target[users] + 1)
