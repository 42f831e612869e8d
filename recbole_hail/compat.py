"""What RecBole 1.2.1 does wrongly, or not on today's pandas, scipy and torch; each shim names the fault it covers."""

import copy
import importlib
import os
import sys

import numpy as np
import torch
from recbole.config import Config
from recbole.evaluator import Collector
from recbole.model.abstract_recommender import AbstractRecommender
from recbole.model.general_recommender.pop import Pop
from recbole.trainer import Trainer
from recbole.trainer import trainer as trainer_module
from recbole.trainer.trainer import AbstractTrainer
from recbole.utils import utils
from scipy.sparse import dok_matrix
from torch.nn.parallel import DistributedDataParallel

from recbole_hail import devices, distributed
from recbole_hail.settings import given
from recbole_hail.training.checkpoints import from_plain, write_checkpoint
from recbole_hail.training.records import path_of_this_run

_MODELS = "recbole.model.sequential_recommender"  # see `_train_at_full_speed`
# Where they were imported before, nobody knows whether the user wants it too.
_anomalies_wanted = torch.is_anomaly_enabled() and _MODELS not in sys.modules
importlib.import_module(_MODELS)


def patch() -> None:
    _write_plain_checkpoints()
    _train_distributed_on_cpu()
    _name_files_apart()
    _count_every_interaction()
    _train_at_full_speed()
    _collect_what_is_no_tensor()
    _make_folders_side_by_side()
    _read_nothing_as_yaml_does()
    _fill_sparse_matrices()
    _ask_no_cpu_for_its_gpu()


def _write_plain_checkpoints() -> None:
    """RecBole's trainers pickle objects with a protocol that torch's weights-only check (the default since torch 2.6)
    rejects, so they cannot read their own checkpoints. Their module gets a torch whose `save` writes plain ones.
    """

    class TorchForTrainers:
        """torch for RecBole's trainer module; the device of `load` stays the trainer's choice."""

        def __getattr__(self, name):
            return getattr(torch, name)

        @staticmethod
        def save(state, path, pickle_protocol=None):
            write_checkpoint(state, path)

    trainer_module.torch = TorchForTrainers()
    other_parameter = AbstractRecommender.other_parameter
    load_other_parameter = AbstractRecommender.load_other_parameter

    def other(self):
        """Without the layers that DIN, FDSA and others list, whose weights the state_dict has."""
        return {name: kept for name, kept in other_parameter(self).items() if not isinstance(kept, torch.nn.Module)}

    def load_other(self, state):
        layers = {name for name, _ in self.named_children()}  # in whose place older checkpoints have words
        kept = {name: value for name, value in from_plain(state or {}).items() if name not in layers}
        load_other_parameter(self, devices.moved(kept, getattr(self, "device", "cpu")))

    AbstractRecommender.other_parameter, AbstractRecommender.load_other_parameter = other, load_other


def _train_distributed_on_cpu() -> None:
    """RecBole's --nproc demands a GPU for every process, and waits half an hour for one that has died.

    Of a list of GPUs it makes text that means none, and `use_gpu: False` leaves it on one.
    """
    init_device, init_trainer = Config._init_device, AbstractTrainer.__init__

    def _init_device(self):
        settings = self.final_config_dict
        devices.settle(settings)
        if "local_rank" not in settings:
            init_device(self)
            return
        if "gpu_id" not in given(self):
            settings["gpu_id"] = devices.first_gpus(settings["nproc"]) if settings["gpu_id"] else ""
        os.environ["CUDA_VISIBLE_DEVICES"] = settings["gpu_id"]
        settings["device"], settings["single_spec"] = distributed.join_group(settings), False
        if settings["local_rank"] != 0:
            settings.update(state="error", show_progress=False, verbose=False)

    def __init__(self, config, model):
        if config["single_spec"] or config["device"].type == "cuda":
            init_trainer(self, config, model)
            return
        self.config, self.model = config, model
        self.distributed_model = DistributedDataParallel(model)

    Config._init_device = _init_device
    AbstractTrainer.__init__ = __init__


def _name_files_apart() -> None:
    """RecBole names a run's file by the second, on each rank by its own clock: two runs that start together write the
    same file, and a rank whose clock is late looks for one that nobody has written.
    """
    init = Trainer.__init__

    def __init__(self, config, model):
        init(self, config, model)
        self.saved_model_file = distributed.from_rank_0(path_of_this_run(self.saved_model_file))

    Trainer.__init__ = __init__


def _count_every_interaction() -> None:
    """RecBole's Pop counts an element once per batch, however often the batch has it, and on each of several ranks
    that one's batches alone: with few elements and large batches all counts come out alike. On CHI-18 its HR@10 is
    0.31 where counting all gives 0.64. Here the training part is counted, once.
    """
    init = Pop.__init__

    def __init__(self, config, dataset):
        init(self, config, dataset)
        elements = torch.as_tensor(np.asarray(dataset.inter_feat[self.ITEM_ID]))
        self.item_cnt = torch.bincount(elements, minlength=self.n_items)[:, None].to(self.device)
        self.max_cnt = self.item_cnt.max(dim=0)[0]

    def calculate_loss(self, interaction):
        return torch.nn.Parameter(torch.zeros(1)).to(self.device)

    Pop.__init__, Pop.calculate_loss = __init__, calculate_loss


def _train_at_full_speed() -> None:
    """RecBole's SINE turns autograd's anomaly detection on for the whole process when its package is imported. It makes
    every training step slower, and ends a diverging run with a traceback before its loss can be reported.
    """
    torch.autograd.set_detect_anomaly(_anomalies_wanted)


def _collect_what_is_no_tensor() -> None:
    """RecBole's Collector moves all it holds to the CPU, plain counts too, which the coverage metrics ask for."""

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

    def ensure_dir(dir_path):
        os.makedirs(dir_path, exist_ok=True)

    _replace_everywhere(ensure_dir)


def _replace_everywhere(function) -> None:
    """In every module of RecBole that has imported the one of this name."""
    for name, module in list(sys.modules.items()):
        if name.startswith("recbole.") and function.__name__ in vars(module):
            setattr(module, function.__name__, function)


def _read_nothing_as_yaml_does() -> None:
    """`--train_batch_tokens=~`: what stands for nothing in our yaml is text to RecBole, which reads Python's None."""
    original = Config._convert_config_dict

    def _convert_config_dict(self, config_dict):
        converted = original(self, config_dict)
        return {name: None if value == "~" else value for name, value in converted.items()}

    Config._convert_config_dict = _convert_config_dict


def _fill_sparse_matrices() -> None:
    """RecBole's LightGCN, NGCF and others fill a matrix by a method that newer versions of scipy lack."""
    if not hasattr(dok_matrix, "_update"):
        dok_matrix._update = lambda self, entries: self._dict.update(entries)


def _ask_no_cpu_for_its_gpu() -> None:
    """RecBole ends a run by asking for its GPU's memory, on a CPU too where the process has seen a GPU, and dies."""
    original = utils.get_gpu_usage

    def get_gpu_usage(device=None):
        return "0.0 / 0.0" if device is not None and device.type == "cpu" else original(device)

    _replace_everywhere(get_gpu_usage)
