"""How RecBole 1.2.1 reads datasets, mended: what today's pandas does otherwise, and what it reads wrongly or slowly."""

from functools import wraps

import numpy as np
import pandas as pd
from recbole.data.dataset import Dataset, SequentialDataset, kg_dataset, sequential_dataset
from recbole.data.dataset import dataset as dataset_module
from recbole.utils import FeatureType

from recbole_hail.data import caches
from recbole_hail.data.pandas_for_loading import PandasForLoading
from recbole_hail.data.requirements import check_files
from recbole_hail.data.times import check_times, in_order_of_time
from recbole_hail.errors import DataError, UserError


def patch() -> None:
    """Each shim names the fault it covers."""
    dataset_module.pd = PandasForLoading()
    Dataset._from_scratch = _with_file_check(Dataset._from_scratch)
    Dataset._filter_nan_user_or_item = _drop_rows_without_token
    Dataset._filter_inter_by_user_or_item = _keep_events_of_listed
    Dataset._fill_nan = check_times(_fill_missing_values)
    Dataset._change_feat_format = in_order_of_time(Dataset._change_feat_format)
    Dataset.save = caches.save_dataset
    _measure_every_sequence()
    _filter_by_counts_only_where_asked()
    _name_the_item_list()


def _with_file_check(original):
    """Looks at the files before they are read; what RecBole cannot read or filter becomes a message."""

    @wraps(original)
    def load(self):
        check_files(self.config)
        try:
            original(self)
        except UserError:
            raise
        except ValueError as error:  # undecodable text too
            if "Calling read(nbytes) on source failed" in str(error):  # what pandas makes of a Ctrl-C while it reads
                raise KeyboardInterrupt from None
            raise DataError(f"dataset: {self.config['dataset']} cannot be loaded: {error}") from error
        except KeyError as error:  # of a setting that names columns
            raise DataError(f"dataset: {self.config['dataset']} cannot be loaded: it has no field {error}") from error

    return load


def _drop_rows_without_token(self):
    """RecBole looks rows up by label and drops them by number: once some are gone it drops others, and keeps these."""
    for field, name in ((self.uid_field, "user_feat"), (self.iid_field, "item_feat")):
        for kind in (name, "inter_feat"):
            feat = getattr(self, kind)
            missing = [] if field is None or feat is None else feat.index[feat[field].isnull()]
            if len(missing):
                self.logger.warning(
                    f"In {kind}, line {list(missing + 2)}, {field} do not exist, so they will be removed."
                )
                feat.drop(missing, inplace=True)


def _keep_events_of_listed(self):
    """RecBole drops in silence all events of users and items that a .user or .item file does not list."""
    if self.config["filter_inter_by_user_or_item"] is not True:
        return
    kept = pd.Series(True, index=self.inter_feat.index)
    for field, kind in ((self.uid_field, "user"), (self.iid_field, "item")):
        feat = getattr(self, f"{kind}_feat")
        listed = True if feat is None else self.inter_feat[field].isin(feat[field])
        if not np.all(listed):
            self.logger.warning(
                f"{(~listed).sum():,} of {len(listed):,} events left out: their {kind}s are not in "
                f"{self.dataset_name}.{kind} (filter_inter_by_user_or_item)"
            )
        kept &= listed
    self.inter_feat.drop(kept.index[~kept], inplace=True)


def _fill_missing_values(self):
    """Tokens get padding, numbers their mean, sequences become empty, as RecBole's `_fill_nan` means to do.

    pandas 3 copies on write: RecBole's `feat[field].fillna(..., inplace=True)` fills a copy and NaN stays.
    """
    for feat_name in self.feat_name_list:
        feat = getattr(self, feat_name)
        for field in list(feat):
            kind = self.field2type[field]
            if kind == FeatureType.TOKEN:
                feat[field] = feat[field].fillna(0)
            elif kind == FeatureType.FLOAT:
                feat[field] = feat[field].fillna(feat[field].mean())
            else:
                empty = np.array([], dtype=np.int64 if kind == FeatureType.TOKEN_SEQ else np.float64)
                filled = [empty if isinstance(value, float) else value for value in feat[field]]
                feat[field] = pd.Series(filled, index=feat.index, dtype=object)


def _measure_every_sequence() -> None:
    """RecBole asks for the length of every sequence by `Series.agg(len)`, for which pandas 3 has the one number of
    rows: columns are split at the wrong places, and the lists of benchmark files are all as long as the file. Its
    modules get a `len` that knows what it is asked, whichever pandas calls it: of a Series they want nothing else.
    """

    def length(of):
        return of.map(len) if isinstance(of, pd.Series) else len(of)

    for module in (dataset_module, sequential_dataset, kg_dataset):
        module.len = length


def _filter_by_counts_only_where_asked() -> None:
    """RecBole counts the events of every user and item one by one also for its default, which lets all of them stay."""

    filter_by_counts = Dataset._filter_by_inter_num

    @wraps(filter_by_counts)
    def _filter_by_inter_num(self):
        asked = (self.config["user_inter_num_interval"], self.config["item_inter_num_interval"])
        if any(interval not in (None, "[0,inf)") for interval in asked):
            filter_by_counts(self)

    Dataset._filter_by_inter_num = _filter_by_inter_num


def _name_the_item_list() -> None:
    """RecBole names the list of a field after the field, and then looks for that of items under `item_id` alone."""

    def name(self):
        return self.iid_field + self.config["LIST_SUFFIX"]

    def set_name(self, value):
        """RecBole sets, where the field is `item_id`, what the property knows."""

    SequentialDataset.item_id_list_field = property(name, set_name)
