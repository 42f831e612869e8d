"""What a checkpoint holds beside RecBole's entries so that a killed run continues as if it had not been."""

import random

import numpy as np
import torch

from recbole_hail.errors import CheckpointError

# Settings that change what the remaining steps would do. Data order and masks depend on the first three alone.
_MUST_AGREE = (
    "model", "dataset", "seed", "peers", "base_network", "alpha", "beta", "gamma", "distillation", "denoise",
    "positive_term", "negative_term", "train_on_valid", "mask_ratio", "max_masked", "ft_ratio", "n_layers", "n_heads",
    "hidden_size", "inner_size", "hidden_dropout_prob", "attn_dropout_prob", "hidden_act", "MAX_ITEM_LIST_LENGTH",
    "train_batch_size", "train_batch_tokens", "learner", "learning_rate", "weight_decay", "schedule", "warmup_steps",
    "max_steps", "epochs", "clip_grad_norm", "eval_args", "valid_metric", "eval_step",
)  # fmt: skip


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
    differ = [
        f"{name}: {config[name]!r} now, {saved[name]!r} in the checkpoint"
        for name in _MUST_AGREE
        if config[name] != saved[name]
    ]
    if differ:
        raise CheckpointError(
            f"resume: {path} was made with other settings ({'; '.join(differ)}); give the same ones to continue it"
        )
