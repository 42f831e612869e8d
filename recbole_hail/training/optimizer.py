"""The authors' optimiser: Adam with decoupled weight decay on weight matrices only."""

from contextlib import AbstractContextManager, nullcontext

from torch import nn, optim

from recbole_hail.threads import on_threads

FEW = 2**20  # weights; one thread takes 2 ms for their step, and two take no less


def build_optimizer(model: nn.Module, config) -> optim.Optimizer | None:
    """AdamW for `learner: adam` and `adamw`, None for any other learner, which RecBole builds as ever.

    Biases and LayerNorm's gains are vectors and are not decayed; epsilon is that of the authors' program.
    """
    if config["learner"].lower() not in ("adam", "adamw"):
        return None
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": config["weight_decay"]},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    return optim.AdamW(groups, lr=config["learning_rate"], betas=(0.9, 0.999), eps=1e-6, fused=True)


def threads_of_step(optimizer: optim.Optimizer) -> AbstractContextManager[None]:
    """The context for a step of `optimizer`: one thread where there are few weights, as ever on other devices.

    torch shares even the smallest bias out among all threads. Beside another busy program each such part can wait for
    a thread that is given no core: of a step of 0.090 s of two peers on CHI-18 0.016 s went that way.
    """
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    on_cpu = all(weight.device.type == "cpu" for weight in weights)
    return on_threads(1) if on_cpu and sum(weight.numel() for weight in weights) <= FEW else nullcontext()
