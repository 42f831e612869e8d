"""What RecBole 1.2.1 needs on today's numpy, pandas and torch; each shim names the fault it covers.

`before_recbole` must run before RecBole is first imported, `after_recbole` once it is. Both may run twice.
"""

import os
import warnings
from functools import wraps

import numpy as np


def before_recbole() -> None:
    """numpy 2 removed names that RecBole's pinned ray uses on import, and numpy 1.24 names that its metrics use.

    RecBole sets the latter itself, but only in processes that construct a Config: one that loads a checkpoint and
    evaluates dies on `np.float`.
    """
    aliases = {
        "bool8": np.bool_,
        "float_": np.float64,
        "complex_": np.complex128,
        "unicode_": np.str_,
        "string_": np.bytes_,
        "float": np.float64,
        "int": np.int_,
        "object": np.object_,
        "str": np.str_,
        "unicode": np.str_,
        "complex": np.complex128,
    }
    for name, kind in aliases.items():
        if name not in np.__dict__:
            setattr(np, name, kind)
    # RecBole's pinned ray warns on every start about the setuptools that it needs.
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated")


def after_recbole() -> None:
    _keep_filling_missing_values()
    _filter_by_counts_only_where_asked()
    _write_plain_checkpoints()
    _train_distributed_on_cpu()
    _count_every_interaction()
    _train_at_full_speed()
    _collect_what_is_no_tensor()
    _make_folders_side_by_side()
    _read_nothing_as_yaml_does()
    _name_the_item_list()
    _fill_sparse_matrices()


def _keep_filling_missing_values() -> None:
    """pandas 3 copies on write: RecBole's `feat[field].fillna(..., inplace=True)` fills a copy and NaN stays.

    The loading of sequence columns has the same fault, so missing sequences are filled as they are read.
    """
    import pandas as pd
    from recbole.data.dataset import Dataset
    from recbole.data.dataset import dataset as dataset_module
    from recbole.utils import FeatureType

    def _fill_nan(self):
        """Tokens get padding, numbers their mean, sequences become empty, as RecBole's method means to do."""
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

    Dataset._fill_nan = _fill_nan
    Dataset._remap = _remap_elementwise

    class PandasForLoading:
        """pandas for RecBole's dataset module, with missing sequences read as empty.

        RecBole asks for the parser written in Python; the one in C reads the same values, ten times sooner and more.
        """

        def __getattr__(self, name):
            return getattr(pd, name)

        @staticmethod
        def read_csv(*args, delimiter, engine, dtype, **kwargs):
            if len(delimiter) > 1:  # a regular expression, which only the parser in Python knows
                frame = pd.read_csv(*args, delimiter=delimiter, engine=engine, dtype=dtype, **kwargs)
            else:  # numbers that are whole, as times are, it reads much sooner as such than as exact fractions
                text = {column: kind for column, kind in dtype.items() if kind is str}
                how = {"delimiter": delimiter, "engine": "c", "float_precision": "round_trip", "dtype": text}
                frame = pd.read_csv(*args, **how, **kwargs)
                for column in frame.columns.difference(text):
                    frame[column] = _numbers(frame[column])
            _refuse_swallowed_rows(args[0], frame, delimiter, kwargs.get("encoding"))
            sequences = [column for column in frame if str(column).endswith("_seq")]
            return frame.assign(**{column: frame[column].fillna("") for column in sequences}) if sequences else frame

    dataset_module.pd = PandasForLoading()


def _numbers(column):
    """A column of a file as float64; text stands in it where a number is none, or is too large for whole ones."""
    try:
        return (column.replace("", np.nan) if column.dtype.kind == "O" else column).astype(float)
    except ValueError as error:
        raise ValueError(f"{column.name}: {error}") from None


def _refuse_swallowed_rows(file: str, frame, delimiter: str, encoding: str | None) -> None:
    """ValueError where a quote at the start of a field has taken in all lines up to the next.

    A field that is meant to be of several lines has no delimiter in it.
    """
    with open(file, "rb") as content:
        if not any(b'"' in part for part in iter(lambda: content.read(1 << 20), b"")):
            return
    with open(file, encoding=encoding) as lines:
        rows = sum(bool(line.strip(" \r\n")) for line in lines) - 1
    if rows == len(frame):
        return
    words = (frame[name].astype(str).str for name in frame.columns if frame[name].dtype.kind not in "fiub")
    if any((text.contains("\n") & text.contains(delimiter, regex=len(delimiter) > 1)).any() for text in words):
        raise ValueError(
            f"{file} has {rows:,} rows, of which {len(frame):,} can be told apart, for a quote at the start of a field "
            'takes in what follows up to the next; take out such quotes (")'
        )


def _remap_elementwise(self, remap_list):
    """RecBole's `_remap` splits sequences by `Series.agg(len)`, which under pandas 3 is the length of the series."""
    import pandas as pd
    from recbole.utils import FeatureType

    if not remap_list:
        return
    tokens, ends = self._concat_remaped_tokens(remap_list)
    ids, names = pd.factorize(tokens)
    names = np.array(["[PAD]", *names])
    numbers = {name: number for number, name in enumerate(names)}
    for (feat, field, kind), of_field in zip(remap_list, np.split(ids + 1, ends), strict=True):
        self.field2id_token.setdefault(field, names)
        self.field2token_id.setdefault(field, numbers)
        if kind == FeatureType.TOKEN:
            feat[field] = of_field
        elif kind == FeatureType.TOKEN_SEQ:
            lengths = [len(sequence) for sequence in feat[field]]
            sequences = np.split(of_field, np.cumsum(lengths)[:-1])
            feat[field] = pd.Series(sequences, index=feat.index, dtype=object)


def _filter_by_counts_only_where_asked() -> None:
    """RecBole counts the events of every user and item one by one also for its default, which lets all of them stay."""
    from recbole.data.dataset import Dataset

    filter_by_counts = Dataset._filter_by_inter_num
    if hasattr(filter_by_counts, "__wrapped__"):
        return

    @wraps(filter_by_counts)
    def _filter_by_inter_num(self):
        asked = (self.config["user_inter_num_interval"], self.config["item_inter_num_interval"])
        if any(interval not in (None, "[0,inf)") for interval in asked):
            filter_by_counts(self)

    Dataset._filter_by_inter_num = _filter_by_inter_num


def _write_plain_checkpoints() -> None:
    """RecBole's trainers pickle objects with a protocol that torch's weights-only check (the default since torch 2.6)
    rejects, so they cannot read their own checkpoints. Their module gets a torch whose `save` writes plain ones.
    """
    import torch
    from recbole.model.abstract_recommender import AbstractRecommender
    from recbole.trainer import trainer as trainer_module

    from recbole_hail.training.checkpoints import restore, write_checkpoint

    if trainer_module.torch is not torch:
        return

    class TorchForTrainers:
        """torch for RecBole's trainer module; the device of `load` stays the trainer's choice."""

        def __getattr__(self, name):
            return getattr(torch, name)

        @staticmethod
        def save(state, path, pickle_protocol=None):
            write_checkpoint(state, path)

    trainer_module.torch = TorchForTrainers()
    load_other_parameter, other_parameter = (
        getattr(AbstractRecommender, name) for name in ("load_other_parameter", "other_parameter")
    )

    def other(self):
        """Without the layers that DIN, FDSA and others list, whose weights the state_dict has."""
        return {name: kept for name, kept in other_parameter(self).items() if not isinstance(kept, torch.nn.Module)}

    def load_other(self, state):
        layers = {name for name, _ in self.named_children()}  # in whose place older checkpoints have words
        load_other_parameter(self, {name: kept for name, kept in restore(state or {}).items() if name not in layers})

    AbstractRecommender.other_parameter, AbstractRecommender.load_other_parameter = other, load_other


def _train_distributed_on_cpu() -> None:
    """RecBole's --nproc demands a GPU for every process, and waits half an hour for one that has died."""
    from recbole.config import Config
    from recbole.trainer.trainer import AbstractTrainer
    from torch.nn.parallel import DistributedDataParallel

    from recbole_hail import ranks

    if getattr(Config._init_device, "covers_cpu", False):
        return
    init_device, init_trainer = Config._init_device, AbstractTrainer.__init__

    def _init_device(self):
        settings = self.final_config_dict
        if "local_rank" not in settings:
            init_device(self)
            return
        gpus = settings["gpu_id"]
        settings["gpu_id"] = ",".join(map(str, gpus)) if isinstance(gpus, tuple | list) else str(gpus)
        os.environ["CUDA_VISIBLE_DEVICES"] = settings["gpu_id"]
        settings["device"], settings["single_spec"] = ranks.meet(settings), False
        if settings["local_rank"] != 0:
            settings.update(state="error", show_progress=False, verbose=False)

    def __init__(self, config, model):
        if config["single_spec"] or config["device"].type == "cuda":
            init_trainer(self, config, model)
            return
        self.config, self.model = config, model
        self.distributed_model = DistributedDataParallel(model)

    _init_device.covers_cpu = True
    Config._init_device = _init_device
    AbstractTrainer.__init__ = __init__


def _count_every_interaction() -> None:
    """RecBole's Pop counts an element once per batch, however often the batch has it: with few elements and large
    batches all counts come out alike. On CHI-18 its HR@10 is 0.31 where counting all gives 0.64.
    """
    import torch
    from recbole.model.general_recommender.pop import Pop

    def calculate_loss(self, interaction):
        self.item_cnt += torch.bincount(interaction[self.ITEM_ID], minlength=self.n_items)[:, None]
        self.max_cnt = self.item_cnt.max(dim=0)[0]
        return torch.nn.Parameter(torch.zeros(1)).to(self.device)

    Pop.calculate_loss = calculate_loss


def _train_at_full_speed() -> None:
    """RecBole's SINE turns autograd's anomaly detection on for the whole process when its package is imported. It makes
    every training step slower, and ends a diverging run with a traceback before its loss can be reported.
    """
    import recbole.model.sequential_recommender  # noqa: F401
    import torch

    torch.autograd.set_detect_anomaly(False)


def _collect_what_is_no_tensor() -> None:
    """RecBole's Collector moves all it holds to the CPU, plain counts too, which the coverage metrics ask for."""
    import copy

    import torch
    from recbole.evaluator import Collector

    def get_data_struct(self):
        collected = copy.copy(self.data_struct)
        held = self.data_struct._data_dict
        collected._data_dict = {k: v.cpu() if isinstance(v, torch.Tensor) else copy.copy(v) for k, v in held.items()}
        self.data_struct._data_dict = {k: v for k, v in held.items() if k not in _OF_ONE_PASS}
        return collected

    Collector.get_data_struct = get_data_struct


_OF_ONE_PASS = ("rec.topk", "rec.meanrank", "rec.score", "rec.items", "data.label", "rec.ranks", "rec.repeat")


def _make_folders_side_by_side() -> None:
    """RecBole looks for a folder and then makes it: of two ranks that start together, one finds it made and dies."""
    import sys

    def ensure_dir(dir_path):
        os.makedirs(dir_path, exist_ok=True)

    for name, module in list(sys.modules.items()):
        if name.startswith("recbole.") and "ensure_dir" in vars(module):
            module.ensure_dir = ensure_dir


def _read_nothing_as_yaml_does() -> None:
    """`--train_batch_tokens=~`: what stands for nothing in our yaml is text to RecBole, which reads Python's None."""
    from recbole.config import Config

    original = Config._convert_config_dict

    def _convert_config_dict(self, config_dict):
        converted = original(self, config_dict)
        return {name: None if value == "~" else value for name, value in converted.items()}

    Config._convert_config_dict = _convert_config_dict


def _name_the_item_list() -> None:
    """RecBole names the list of a field after the field, and then looks for that of items under `item_id` alone."""
    from recbole.data.dataset import SequentialDataset

    def name(self):
        return self.iid_field + self.config["LIST_SUFFIX"]

    def set_name(self, value):
        """RecBole sets, where the field is `item_id`, what the property knows."""

    SequentialDataset.item_id_list_field = property(name, set_name)


def _fill_sparse_matrices() -> None:
    """RecBole's LightGCN, NGCF and others fill a matrix by a method that newer versions of scipy lack."""
    from scipy.sparse import dok_matrix

    if not hasattr(dok_matrix, "_update"):
        dok_matrix._update = lambda self, entries: self._dict.update(entries)
