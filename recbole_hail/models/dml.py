"""Deep mutual learning as a RecBole model: HAIL's peers imitate one another (the rival of the paper's Table 3)."""

from recbole_hail.models.hail import HAIL


class DML(HAIL):
    """Deep mutual learning (Zhang et al., CVPR 2018, section 3): networks and training are HAIL's."""

    @classmethod
    def complete_settings(cls, config) -> list[str]:
        """As for HAIL; also what mimicry leaves no choice in."""
        found = super().complete_settings(config)
        if config["distillation"] != "mimicry":
            found.append(f"distillation: {config['distillation']!r} must be mimicry for DML; others are HAIL's")
        if config["peers"] == 1:
            found.append("peers: 1 has nobody to imitate; DML needs at least 2")
        for name in ("positive_term", "negative_term"):
            if config[name] is False:
                found.append(f"{name}: False is of mutual exclusivity, which DML has none of; leave it out")
        return found
