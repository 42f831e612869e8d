"""What a checkpoint holds beside RecBole's entries so that a killed run continues as if it had not been."""

import random

import numpy as np
import torch

from recbole_hail.errors import CheckpointError
from recbole_hail.training.checkpoints import plain

# Settings that change neither the remaining steps nor what is made of them. All others must agree.
MAY_DIFFER = frozenset(
    {
        *("gpu_id", "use_gpu", "device", "state", "show_progress", "config_files", "config_file", "worker", "resume"),
        *(
            "checkpoint_dir",
            "candidates_dir",
            "data_path",
            "log_wandb",
            "wandb_project",
            "eval_batch_size",
            "loss_decimal_place",
        ),
        *("save_dataset", "dataset_save_path", "save_dataloaders", "dataloaders_save_path"),
        *("MODEL_TYPE", "single_spec", "local_rank", "nproc", "world_size", "ip", "port", "offset"),
        *("distributed_timeout", "verbose"),  # RecBole tells ranks but the first to be silent
    }
)


def random_states() -> dict:
    """States of all global generators a run draws from: dropout from torch's, RecBole's candidates from numpy's."""
    kind, keys, position, has_gauss, cached = np.random.get_state()
    states = {
        "python": random.getstate(),
        "numpy": (kind, torch.from_numpy(keys.astype(np.int64)), position, has_gauss, cached),
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state_all()
    return states


def restore_random_states(states: dict) -> None:
    random.setstate(states["python"])
    kind, keys, position, has_gauss, cached = states["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), position, has_gauss, cached))
    torch.set_rng_state(states["torch"])
    if "cuda" in states and torch.cuda.device_count() == len(states["cuda"]):
        torch.cuda.set_rng_state_all(states["cuda"])


def check_continues(path: str, saved, config) -> None:
    """CheckpointError names every setting in which the run to continue differs from the one that was saved."""
    now, then = plain(config.final_config_dict), plain(saved.final_config_dict)
    differ = [
        f"{name}: {now.get(name)!r} now, {then.get(name)!r} in the checkpoint"
        for name in sorted((now.keys() | then.keys()) - MAY_DIFFER)
        if now.get(name) != then.get(name)
    ]
    if differ:
        raise CheckpointError(
            f"resume: {path} was made with other settings ({'; '.join(differ)}); give the same ones to continue it"
        )
