"""Systems to be compared, as rows of a table, and groups of them that belong into one table."""

from dataclasses import dataclass, field, replace

import yaml

from recbole_hail.comparison.notation import ModelSpec


@dataclass(frozen=True)
class Row:
    """A system. At `equal_time` it gets as many steps as take the time of its group's reference, else the group's.

    `equal_time` is None where these are as many. `view` is the peer that answers, by default all of them; `published`
    are the paper's numbers by metric; `x` is where the row stands in a chart of lines.
    """

    label: str
    spec: ModelSpec
    view: str | None = None
    published: dict[str, float] = field(default_factory=dict)
    x: float | None = None
    equal_time: bool | None = False


@dataclass(frozen=True)
class Group:
    """Rows of one table; the differences are to the row `reference`, which is trained for `steps`."""

    title: str
    steps: int
    rows: list[Row]
    reference: str


@dataclass(frozen=True)
class Experiment:
    """What a command runs and shows. `chart` is bars, lines, differences or shares, of the columns in `charted`.

    With `costs` there is a table of what a step of each system costs.
    """

    name: str
    title: str
    groups: list[Group]
    chart: str = "bars"
    charted: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    costs: bool = False


def hail(**settings) -> ModelSpec:
    """HAIL with settings of its own, written as `recbole-hail compare` has them, so that its runs are the same."""
    return ModelSpec("HAIL", tuple(sorted((name, str(value)) for name, value in settings.items())))


def five_systems(peers: int = 2, **settings) -> dict[str, ModelSpec]:
    """MED and its controls, with T = `peers` and whatever `settings` they all share.

    Two peers are HAIL's default and are not written down.
    """
    several = {**settings, **({} if peers == 2 else {"peers": peers})}
    one = hail(**settings, peers=1)
    return {
        "MED": hail(**several),
        "mimicry": hail(**several, distillation="mimicry"),
        f"{peers} networks, cross-entropy only": hail(**several, distillation="none"),
        f"mean of {peers} independent networks": ModelSpec(one.model, one.settings, peers),
        "one network": one,
    }


def in_own_words(group: Group, config) -> Group:
    """Without settings that are HAIL's on this dataset anyway, so that its runs serve all experiments."""
    return replace(group, rows=[replace(row, spec=_without_defaults(row.spec, config)) for row in group.rows])


def _without_defaults(spec: ModelSpec, config) -> ModelSpec:
    if spec.model != "HAIL":
        return spec
    kept = [(name, value) for name, value in spec.settings if yaml.safe_load(value) != _in_one_word(config[name])]
    return replace(spec, settings=tuple(kept))


def _in_one_word(value):
    """`base_network` in force has a name for each peer; a name alone stands for all peers."""
    return value[0] if isinstance(value, list) and len(set(map(str, value))) == 1 else value
