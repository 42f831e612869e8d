"""Models of RecBole get settings that nothing has checked; what goes wrong at their start becomes a message."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import recbole
import yaml
from recbole.model.abstract_recommender import AbstractRecommender

from recbole_hail import distributed
from recbole_hail.errors import SettingsError, UserError
from recbole_hail.users_models import is_users

_CALLED = ("calculate_loss", "predict")
_ABSTRACT = AbstractRecommender.__module__


def build_model(config, dataset):
    """The model that `config` names, on its device.

    Raises:
        SettingsError: RecBole's model cannot be built, or a user's lacks a method. What a user's own model raises is
            left as it is, for its author.
    """
    model_class = config.model_class
    _check_methods(model_class)
    distributed.draw_apart(config)
    with settings_blamed(model_class, config, "cannot be built from"):
        return model_class(config, dataset).to(config["device"])


def _check_methods(model_class: type) -> None:
    """RecBole calls them once there is something to lose, and ends in a NotImplementedError without a word."""
    if not is_users(model_class) or any(_is_model_of_recbole(base) for base in model_class.__mro__):
        return  # some of RecBole's have others in place of them
    left_out = [name for name in _CALLED if getattr(model_class, name) is getattr(AbstractRecommender, name)]
    if left_out:
        raise SettingsError([f"model: {model_class.__name__} has no {name}(self, interaction)" for name in left_out])


def _is_model_of_recbole(model_class: type) -> bool:
    return model_class.__module__.startswith("recbole.model.") and model_class.__module__ != _ABSTRACT


@contextmanager
def settings_blamed(model_class: type, config, cannot: str) -> Iterator[None]:
    """Within, an error of a model of RecBole's own is a SettingsError with its settings, and what it `cannot` do."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if not model_class.__module__.startswith("recbole."):
            raise
        raise SettingsError(
            [
                f"model: {config['model']} {cannot} the data and its settings, {_own_settings(config)}: "
                f"{type(error).__name__}: {error}"
            ]
        ) from error


def _own_settings(config) -> str:
    file = Path(recbole.__file__).parent / "properties" / "model" / f"{config['model']}.yaml"
    names = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else None
    return ", ".join(f"{name}: {config[name]!r}" for name in names or ()) or "of which it has none of its own"
