"""RecBole's sequential dataset without its copy of the history at every event."""

import numpy as np
import torch
from recbole.data.dataset import SequentialDataset
from recbole.data.interaction import Interaction

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
                f"benchmark_filename: {config['benchmark_filename']} brings its own rows, but HAIL cuts windows from "
                "whole sequences; leave it out and give one .inter file"
            )
        super().__init__(config)

    def data_augmentation(self):
        """One row per event that has a history, in RecBole's order: user, then time."""
        self._aug_presets()
        self._check_field("uid_field", "time_field")
        self.sort(by=[self.uid_field, self.time_field], ascending=True)
        self.elements = self.inter_feat[self.iid_field]
        self.generators = users = self.inter_feat[self.uid_field]
        self.times = self.inter_feat[self.time_field]
        event = torch.arange(len(users))
        is_first = torch.ones(len(users), dtype=torch.bool)
        is_first[1:] = users[1:] != users[:-1]
        start = torch.where(is_first, event, 0).cummax(0).values
        has_history = (~is_first).nonzero().squeeze(1)
        columns = {field: self.inter_feat[field][has_history] for field in self.inter_feat}
        columns[CONTEXT_START] = start[has_history]
        columns[CONTEXT_END] = event[has_history]
        columns[self.item_list_length_field] = (event - start)[has_history].clamp(max=self.max_item_list_len)
        self.inter_feat = Interaction(columns)

    def build(self):
        """RecBole's split; `sequences` of the training part are the stretches that training may see."""
        train, valid, test = super().build()
        sources = [train, valid] if self.config["train_on_valid"] else [train]
        train.sequences = _stretches([source.inter_feat for source in sources])
        return [train, valid, test]

    def _grouped_index(self, keys) -> list[np.ndarray]:
        """Row numbers of each group, groups in the order of their first row; RecBole's loops over the rows."""
        _, first, group, sizes = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
        rows = first[group].argsort(kind="stable")
        return np.split(rows, sizes[first.argsort()].cumsum()[:-1])

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
    users, row = start.unique(return_inverse=True)
    last_target = torch.zeros_like(users).scatter_reduce(0, row, last, "amax")
    return Spans(users, last_target + 1)
