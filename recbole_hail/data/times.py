"""Times say what comes next: none may be missing, and none may lose its place."""

from collections.abc import Callable
from functools import wraps

import numpy as np
from recbole.utils import ModelType

from recbole_hail.errors import DataError
from recbole_hail.settings import leaves_one_out


def check_times(fill_missing: Callable) -> Callable:
    """RecBole would put the mean of all times where one is missing, and so an event into the middle of its sequence.

    Raises:
        DataError: an event has no time; says how many, and whose the first is.
    """

    @wraps(fill_missing)
    def check(self):
        if by_time(self.config) and self.time_field in self.inter_feat:
            missing = self.inter_feat[self.time_field].isna().to_numpy()
            if missing.any():
                user = self.field2id_token[self.uid_field][self.inter_feat[self.uid_field].to_numpy()[missing][0]]
                raise DataError(
                    f"dataset: {self.dataset_name} has {missing.sum():,} events without {self.time_field}, the first "
                    f"of {str(user)!r}; sequences are ordered by it: give each event one, or take these out"
                )
        fill_missing(self)

    return check


def in_order_of_time(to_tensors: Callable) -> Callable:
    """Rows by time before times become float32, which rounds seconds since 1970 to two minutes.

    RecBole sorts afterwards, but leaves rows of equal times as they stand. Before they are split by one time for all it
    is said where they are no times for that.
    """

    @wraps(to_tensors)
    def convert(self):
        if by_time(self.config) and self.time_field in self.inter_feat:
            times = self.inter_feat[self.time_field].to_numpy()
            if times.dtype == object:  # a numerical feature: with each value stands a 1
                times = np.array([value for value, _ in times])
            if _splits_by_one_time(self.config) and self.uid_field is not None:
                _warn_of_ranks(self, times)
            if (times != times.astype(np.float32)).any():
                self.inter_feat = self.inter_feat.sort_values(self.time_field, kind="stable", ignore_index=True)
        to_tensors(self)

    return convert


def _splits_by_one_time(config) -> bool:
    arguments = config["eval_args"]
    return arguments["order"] == "TO" and arguments["group_by"] != "user" and not leaves_one_out(config)


def _warn_of_ranks(dataset, times: np.ndarray) -> None:
    """Of places in a sequence, as the converters write them; they begin alike for most, as real times do not."""
    users = dataset.inter_feat[dataset.uid_field].to_numpy()
    first = np.full(users.max() + 1, np.inf)
    np.minimum.at(first, users, times)
    values, counts = np.unique(first[np.isfinite(first)], return_counts=True)
    alike, generators = counts.max(), counts.sum()
    if generators > 1 and 2 * alike > generators:
        dataset.logger.warning(
            f"{dataset.time_field}: {alike:,} of {generators:,} generators begin at {values[counts.argmax()]:g}, as if "
            "it were places in a sequence; a split by one time for all would hold out the ends of the longest, so give "
            "times that mean the same for all"
        )


def by_time(config) -> bool:
    """Whether events are ordered by time; the rows of benchmark files stand as they are to stay."""
    ordered = config["MODEL_TYPE"] == ModelType.SEQUENTIAL or config["eval_args"]["order"] == "TO"
    return ordered and config["benchmark_filename"] is None
