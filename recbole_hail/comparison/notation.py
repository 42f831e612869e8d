"""How models are written on the command line: NAME, NAME[setting=value;...], ensemble(NAME[...],T), LABEL=MODEL."""

import re
from dataclasses import dataclass, field, replace

from recbole_hail.errors import SettingsError
from recbole_hail.models.rules import RULES
from recbole_hail.users_models import class_name

HELP = (
    "names separated by commas; a name may have settings of its own, as in HAIL[peers=1] or "
    "HAIL[distillation=none;alpha=0.7]; ensemble(HAIL[peers=1],2) averages the scores of two independently trained "
    "models; MODULE:CLASS is a class of your own; one network=HAIL[peers=1] calls its row of the table 'one network'. "
    "Put them in quotes, because brackets mean something to the shell"
)
# What the paper lacks: one network, peers that do not teach one another, and two networks trained apart.
CONTROLS = "HAIL[peers=1],HAIL[distillation=none],ensemble(HAIL[peers=1],2)"
# Every comparison has them: they run in seconds, and what does not beat them has learnt nothing of use.
UNTRAINED = ("Pop", *RULES)

_OPENING, _CLOSING = "[({", "])}"
_ENSEMBLE = re.compile(r"ensemble\((?P<member>.*),(?P<members>[^,]*)\)", re.DOTALL)
_NAMED = re.compile(r"(?P<label>[^\[\](){}=]+)=(?P<model>.*)", re.DOTALL)
_MODEL = re.compile(r"(?P<name>([^\s:\[\]]+:)?\w+)(\[(?P<settings>.*)\])?", re.DOTALL)


@dataclass(frozen=True)
class ModelSpec:
    """A model with settings of its own, as text; `members` of them, trained with different seeds, are averaged.

    It is the same model whatever it is `named` in tables.
    """

    model: str
    settings: tuple[tuple[str, str], ...] = ()
    members: int = 1
    named: str | None = field(default=None, compare=False)

    @property
    def label(self) -> str:
        """The name in tables."""
        return self.named or self.own_label

    @property
    def own_label(self) -> str:
        """The name that says what it is."""
        settings = ", ".join(f"{name}={value}" for name, value in self.settings)
        name = class_name(self.model)
        label = f"{name} ({settings})" if settings else name
        return label if self.members == 1 else f"mean of {self.members} {label}"

    @property
    def written(self) -> str:
        """How `parse_models` reads it, but for what it is named."""
        settings = ";".join(f"{name}={value}" for name, value in self.settings)
        text = f"{self.model}[{settings}]" if settings else self.model
        return text if self.members == 1 else f"ensemble({text},{self.members})"

    @property
    def member(self) -> "ModelSpec":
        """One of the models that are averaged."""
        return ModelSpec(self.model, self.settings)


def parse_models(text: str) -> list[ModelSpec]:
    """The models that `text` names, each once, in its order; SettingsError names every part that cannot be read."""
    found, problems = [], []
    for part in _split(text, ","):
        try:
            found.append(_parse_one(part))
        except ValueError as error:
            problems.append(
                f"models: {part!r} {error}; write NAME, NAME[setting=value;setting=value] or ensemble(NAME[...],2), "
                "and before it LABEL= to name its row"
            )
    if not found and not problems:
        problems.append("models: names none; write names separated by commas, as in HAIL,SASRec")
    if problems:
        raise SettingsError(problems)
    return list(dict.fromkeys(found))


def _parse_one(text: str) -> ModelSpec:
    named = _NAMED.fullmatch(text)
    if not named:
        return _parse_model(text)
    return replace(_parse_model(named["model"].strip()), named=named["label"].strip())


def _parse_model(text: str) -> ModelSpec:
    ensemble = _ENSEMBLE.fullmatch(text)
    if ensemble:
        member, members = _parse_model(ensemble["member"].strip()), ensemble["members"].strip()
        if member.members > 1 or not members.isdecimal() or int(members) < 2:
            raise ValueError("is no mean of at least 2 models")
        return ModelSpec(member.model, member.settings, int(members))
    match = _MODEL.fullmatch(text)
    if not match:
        raise ValueError("cannot be read")
    settings = {}
    for setting in _split(match["settings"] or "", ";"):
        name, equals, value = (piece.strip() for piece in setting.partition("="))
        if not (name and equals and value):
            raise ValueError(f"has {setting!r} where setting=value belongs")
        if name in settings:
            raise ValueError(f"sets {name} twice")
        settings[name] = value
    return ModelSpec(match["name"], tuple(sorted(settings.items())))


def _split(text: str, separator: str) -> list[str]:
    """The stripped parts of `text` between separators outside brackets, without empty ones."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in _OPENING) - (character in _CLOSING)
        if character == separator and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]
