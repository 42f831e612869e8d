"""Packages that RecBole imports on start-up and few runs use: they come with the first use of a name of theirs."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

PACKAGES = ("ray", "sklearn")  # with what they import a third of the time that a command takes to start


class LazyName:
    """`name` of `module`, in place of which RecBole's modules get the real one as soon as it is called or looked into.

    So do they all other names of its package: a warning that is filtered must be the real one before it comes.
    """

    def __init__(self, module: str, name: str):
        self._module, self._name = module, name

    def __call__(self, *args, **kwargs):
        return self._bring()(*args, **kwargs)

    def __getattr__(self, name: str):
        return getattr(self._bring(), name)

    def __reduce__(self):
        return LazyName, (self._module, self._name)

    def __instancecheck__(self, instance) -> bool:
        return isinstance(instance, self._bring())

    def __mro_entries__(self, bases) -> tuple[type, ...]:
        return (self._bring(),)

    def _bring(self):
        package = self._module.partition(".")[0]
        for module in [module for name, module in sys.modules.items() if name.startswith("recbole.")]:
            for name, value in list(vars(module).items()):
                if type(value) is LazyName and value._module.partition(".")[0] == package:
                    setattr(module, name, value._real())
        return self._real()

    def _real(self):
        module = importlib.import_module(self._module)
        if not hasattr(module, self._name):
            return importlib.import_module(f"{self._module}.{self._name}")
        return getattr(module, self._name)


class _Empty(ModuleType):
    """Stands for a module while RecBole is imported; whatever name it is asked for comes later."""

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return LazyName(self.__name__, name)


class _Finder:
    """Finds every module of the `packages` as an empty one."""

    def __init__(self, packages: list[str]):
        self._packages = packages

    def find_spec(self, name: str, path=None, target=None) -> ModuleSpec | None:
        deferred = name.partition(".")[0] in self._packages
        return ModuleSpec(name, self, is_package=True) if deferred else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Empty(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


@contextmanager
def imports() -> Iterator[None]:
    """What is imported within gets `LazyName`s of those of the `PACKAGES` that nobody has imported yet."""
    finder = _Finder([name for name in PACKAGES if name not in sys.modules and find_spec(name) is not None])
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name, module in sys.modules.items() if type(module) is _Empty]:
            del sys.modules[name]
