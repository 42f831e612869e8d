"""What the paper's other systems share: the cross-entropy over all elements and nothing else (paper section 5.2)."""

from recbole_hail import checks
from recbole_hail.losses import LossParts
from recbole_hail.models.windowed import WindowedRecommender


class CrossEntropyRecommender(WindowedRecommender):
    """Networks that learn from the cross-entropy alone; several peers are an ensemble that exchanges nothing.

    A model that stands for one base network names it in `own_network`.
    """

    own_network: str | None = None
    network_checks: tuple = ()  # of the settings that its own network takes as options, see `checks.check`

    def loss_parts(self, interaction) -> LossParts:
        return self.fused_loss_parts(interaction, distillation="none")

    @classmethod
    def complete_settings(cls, config) -> list[str]:
        """As for all models on windows; also what this model has no choice in."""
        found = super().complete_settings(config) + checks.check(config, cls.network_checks)
        if config["distillation"] != "none":
            found.append(f"distillation: {config['distillation']!r} must be none for {cls.__name__}")
        others = [name for name in config["base_network"] if cls.own_network and name != cls.own_network]
        if others and not any(problem.startswith("base_network") for problem in found):
            found.append(f"base_network: {others[0]!r} must be {cls.own_network} for {cls.__name__}")
        return found

    @classmethod
    def network_options(cls, config) -> dict[str, dict]:
        return {cls.own_network: {name: config[name] for name, *_ in cls.network_checks}} if cls.network_checks else {}
