"""The paper's own numbers, for a dataset, by system and metric; out of yaml/paper/published.yaml."""

from functools import cache

import yaml

from recbole_hail.configuration import yaml_folder


@cache
def _all() -> dict:
    return yaml.safe_load((yaml_folder() / "paper" / "published.yaml").read_text(encoding="utf-8"))


def table2(dataset: str) -> dict[str, dict[str, float]]:
    """Table 2: six metrics of POP, …, Informer, M1 and M2; nothing for a dataset that the paper does not have."""
    return _by_metric("table2", dataset)


def table3(dataset: str) -> dict[str, dict[str, float]]:
    """Table 3: HR@1, NDCG@5 and MRR of mimicry and MED."""
    return _by_metric("table3", dataset)


def fig3(dataset: str) -> dict[str, float]:
    """HR@1 of HAIL and its variants I, III and IV of Figure 3, as far as section 5.4 tells.

    The text gives relative differences; they are taken of HAIL's HR@1 in Table 2, that of M1, the higher on every
    dataset.
    """
    told = _all()["fig3"].get(dataset)
    if told is None:
        return {}
    hail = table2(dataset)["M1"]["HR@1"]
    found = {"HAIL": hail, "I": hail * (1 - told["I lower by"] / 100)}
    for variant in ("III", "IV"):
        above = told.get(f"HAIL above {variant} by")
        if above is not None:
            found[variant] = hail / (1 + above / 100)
    return found


def cost_of_two_peers(dataset: str) -> float | None:
    """How many times the seconds of one network's batch two peers take (section 5.6)."""
    seconds = _all()["cost"].get(dataset)
    return seconds and seconds["mutual distillation"] / seconds["individual model"]


def inconsistent_share(dataset: str) -> float | None:
    """The share of training samples that some initialisations answer rightly and others do not (Figure 1b)."""
    percent = _all()["fig1b"].get(dataset)
    return percent and percent / 100


def _by_metric(table: str, dataset: str) -> dict[str, dict[str, float]]:
    metrics = _all()[table]["metrics"]
    rows = _all()[table].get(dataset, {})
    return {system: dict(zip(metrics, values, strict=True)) for system, values in rows.items()}
