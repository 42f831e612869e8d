"""Names of models: what is none gets a message with those that it is like."""

import difflib
import importlib
from collections.abc import Callable
from functools import wraps
from importlib import resources

from recbole_hail.errors import SettingsError
from recbole_hail.registry import MODELS

# RecBole's models of libraries that need not be installed, among which it looks for every name found nowhere else.
_EXTERNAL = {"LightGBM": "lightgbm", "XGBoost": "xgboost"}
_SUBPACKAGES = ("general", "sequential", "context_aware", "knowledge_aware")


def with_known_names(get_model: Callable[[str], type]) -> Callable[[str], type]:
    """RecBole's `get_model`, whose error for a name that it does not find is one of its external models' libraries.

    Raises:
        SettingsError: there is no such model, or its library is not installed.
    """

    @wraps(get_model)
    def get(model_name):
        try:
            return get_model(model_name)
        except ModuleNotFoundError as error:
            if model_name in _EXTERNAL or error.name not in _EXTERNAL.values():
                advice = f"needs the package {error.name}, which is not installed: pip install {error.name}"
                raise SettingsError([f"model: {model_name} {advice}"]) from None
        except (ValueError, AttributeError):  # no module, or none of its classes
            pass
        names = class_names(model_name)
        advice = f"did you mean {' or '.join(names)}?" if names else "see RecBole's model list"
        raise SettingsError([f"model: {model_name!r} is not a model of RecBole or of this plugin; {advice}"])

    return get


def class_names(model: str) -> list[str]:
    """Names of model classes in RecBole's module for `model`, or in modules whose names are like it."""
    modules = {
        entry.name.removesuffix(".py"): f"recbole.model.{package}_recommender.{entry.name.removesuffix('.py')}"
        for package in _SUBPACKAGES
        for entry in resources.files(f"recbole.model.{package}_recommender").iterdir()
        if entry.name.endswith(".py") and entry.name != "__init__.py"
    }
    modules |= {name.lower(): parts.module for name, parts in MODELS.items()}
    close = difflib.get_close_matches(model.lower(), modules, n=3)
    return [
        next(name for name in dir(importlib.import_module(modules[match])) if name.lower() == match) for match in close
    ]
