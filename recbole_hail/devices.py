"""Which GPUs a process uses, by RecBole's settings `gpu_id` and `use_gpu`."""

import os

import torch


def gpus_of(gpu_id) -> list[str]:
    """RecBole's setting of this name as it comes: text, a number, or what yaml and the command line make of several."""
    return [gpu for gpu in str(gpu_id).strip("()[]").replace(" ", "").split(",") if gpu]


def settle(settings: dict) -> None:
    """Makes `gpu_id` text, as in "0,1", the form that RecBole hands on; empty for none, as `use_gpu: False` asks."""
    settings["gpu_id"] = ",".join(gpus_of(settings["gpu_id"])) if settings.get("use_gpu", True) else ""


def first_gpus(count: int) -> str:
    """So many of this machine's, as `gpu_id`; none where it has fewer."""
    os.environ.pop("CUDA_VISIBLE_DEVICES", None)  # RecBole's, of the process that started this one
    return ",".join(map(str, range(count))) if torch.cuda.device_count() >= count else ""


def visible(gpu_id: str) -> torch.device:
    """The device of what was made with `gpu_id`, on a machine that may have others: whichever GPU this process sees."""
    return torch.device("cuda" if gpu_id and torch.cuda.is_available() else "cpu")


def moved(value, device: torch.device):
    """`value` with all tensors within on `device`."""
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {name: moved(item, device) for name, item in value.items()}
    return type(value)(moved(item, device) for item in value) if type(value) in (list, tuple) else value
