"""Models of users: a class in a module of theirs is named MODULE:CLASS, and CLASS.yaml beside it holds its defaults."""

import hashlib
import importlib
import inspect
import os
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import recbole
from recbole.config import configurator
from recbole.model.abstract_recommender import AbstractRecommender

from recbole_hail.errors import SettingsError

_READ = re.compile(r"""config\[\s*["'](\w+)["']\s*\]""")


def is_users(model_class: type) -> bool:
    """Whether a class is neither of RecBole nor of this plugin, nor of Python."""
    return _is_model(model_class) and not _is_of_packages(model_class)


def _is_of_packages(model_class: type) -> bool:
    return model_class.__module__.startswith(("recbole.", "recbole_hail."))


def full_name(model_class: type) -> str:
    """What commands take for a model: MODULE:CLASS of a user's, the name alone of others."""
    return f"{model_class.__module__}:{model_class.__name__}" if is_users(model_class) else model_class.__name__


def class_name(name: str) -> str:
    """The class in what commands take for a model."""
    return name.rpartition(":")[2]


def imported(name: str) -> type:
    """The class that MODULE:CLASS names; the module is looked for in the working folder too.

    Raises:
        SettingsError: there is no such module, or no such model in it. What the module itself raises is left as it is,
            for its author.
    """
    module_name, _, of_class = name.partition(":")
    find_in(os.getcwd())
    try:
        module = importlib.import_module(module_name)
    except (ModuleNotFoundError, TypeError, ValueError) as error:  # the latter of what cannot be a name
        if isinstance(error, ModuleNotFoundError) and not f"{module_name}.".startswith(f"{error.name}."):
            raise  # of one that it imports
        raise SettingsError(
            [
                f"model: {name}: the module {module_name!r} is neither in {os.getcwd()} nor installed; "
                "write MODULE:CLASS, as in mine.models:MyModel"
            ]
        ) from None
    models = {key: value for key, value in vars(module).items() if _is_model(value)}
    if of_class not in models:
        has = ", ".join(key for key, model in models.items() if model.__module__ == module_name) or "none"
        raise SettingsError([f"model: {name}: {module_name} has no model of RecBole's kind of this name; it has {has}"])
    return models[of_class]


def _is_model(value) -> bool:
    return isinstance(value, type) and issubclass(value, AbstractRecommender)


def class_of_checkpoint(name: str) -> type:
    """The class of a `full_name`. None is imported, for a file could name any.

    Raises:
        SettingsError: there is no such model, or it is a user's that was not imported.
    """
    module, colon, of_class = name.rpartition(":")
    if not colon:
        return configurator.get_model(name)  # ours, see `plugin.register`
    models = known(of_class)
    if not models:
        given = f"MODULE:{of_class}" if module == "__main__" else name
        advice = f"give the command --model={given} too, or import it first where this is a program"
        raise SettingsError([f"model: {of_class} is a class of your own, of the module {module}; {advice}"])
    return next((model for model in reversed(models) if model.__module__ == module), models[-1])


def find_in(folder: str) -> None:
    """Modules are looked for there last: the folder of a program is on the path, that of a command's user is not."""
    if folder not in sys.path:
        sys.path.append(folder)


def known(name: str) -> list[type]:
    """Users' models of this name that were imported, the newest last."""
    return [model for model in _subclasses(AbstractRecommender) if model.__name__ == name and is_users(model)]


def _subclasses(model_class: type) -> Iterator[type]:
    for model in model_class.__subclasses__():
        yield model
        yield from _subclasses(model)


def defaults_of_bases(model_class: type) -> list[Path]:
    """RecBole's files of defaults of the models that a user's class is made from."""
    if not is_users(model_class):
        return []
    folder = Path(recbole.__file__).parent / "properties" / "model"
    files = [folder / f"{base.__name__}.yaml" for base in reversed(model_class.__mro__) if _is_of_packages(base)]
    return [file for file in files if file.is_file()]


def own_defaults(model_class: type) -> list[Path]:
    """CLASS.yaml beside the module of a user's class, those of the classes that it is made from first."""
    files = [file.with_name(f"{model.__name__}.yaml") for model, file in _modules(model_class)]
    return [file for file in files if file.is_file()]


def settings_read(model_class: type) -> set[str]:
    """Settings that the modules of a user's class read, as config["name"]."""
    found = set()
    for _, file in _modules(model_class):
        with tokenize.open(file) as module:  # in the encoding that it declares, as Python reads it
            found.update(_READ.findall(module.read()))
    return found


def code_hash(model_class: type) -> str | None:
    """SHA-256 of the files of a user's class and of its defaults; None for models of RecBole and of this plugin."""
    if not is_users(model_class):
        return None
    files = dict.fromkeys([*(file for _, file in _modules(model_class)), *own_defaults(model_class)])
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _modules(model_class: type) -> list[tuple[type, Path]]:
    """Users' classes among those that a class is made from, bases first, with the files that they are in.

    What was typed into Python has none.
    """
    found = []
    for model in filter(is_users, reversed(model_class.__mro__)):
        try:
            file = Path(inspect.getfile(model))
        except (OSError, TypeError):
            continue
        if file.is_file():
            found.append((model, file))
    return found
