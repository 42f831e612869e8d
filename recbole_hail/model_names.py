"""Names of models: what is none gets a message with those that it is like."""

import difflib
import importlib
from importlib import resources
from importlib.util import find_spec

from recbole.utils import get_model

from recbole_hail.errors import SettingsError
from recbole_hail.registry import MODELS
from recbole_hail.users_models import imported, known

# RecBole's models of libraries that need not be installed, among which it looks for every name found nowhere else.
_EXTERNAL = {"LightGBM": "lightgbm", "XGBoost": "xgboost"}
# Imported when training in a loop of the model's own begins: module, and the package that has it.
_LATER = {"NCL": ("faiss", "faiss-cpu")}
_SUBPACKAGES = ("general", "sequential", "context_aware", "knowledge_aware")


def model_named(name: str) -> type:
    """The class of a model of RecBole, of this plugin or of a user; RecBole's `get_model` blames a library for these.

    A user's is imported where `name` is MODULE:CLASS, and found by CLASS alone once it was.

    Raises:
        SettingsError: there is no such model, or its library is not installed.
    """
    if ":" in name:
        return imported(name)
    module, package = _LATER.get(name, (None, None))
    if module and find_spec(module) is None:
        raise SettingsError([_needs(name, package)])
    try:
        return get_model(name)
    except ModuleNotFoundError as error:
        if error.name.startswith("recbole.model."):  # a name with dots
            advice = "a class of your own is named MODULE:CLASS, as in mine.models:MyModel"
            raise SettingsError([f"model: {name!r} is not a model of RecBole or of this plugin; {advice}"]) from None
        if name in _EXTERNAL or error.name not in _EXTERNAL.values():
            raise SettingsError([_needs(name, error.name)]) from None
    except (ValueError, AttributeError):  # no module, or none of its classes
        pass
    if of_users := known(name):
        return of_users[-1]
    close = class_names(name)
    advice = f"did you mean {' or '.join(close)}?" if close else "see RecBole's model list; yours are MODULE:CLASS"
    raise SettingsError([f"model: {name!r} is not a model of RecBole or of this plugin; {advice}"])


def _needs(name: str, package: str) -> str:
    return f"model: {name} needs the package {package}, which is not installed: pip install {package}"


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
