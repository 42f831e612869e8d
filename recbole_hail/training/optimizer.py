"""The authors' optimiser: Adam with decoupled weight decay on weight matrices only."""

from torch import nn, optim


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
