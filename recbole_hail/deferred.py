"""What RecBole and torch import in every run and few runs use: it comes when it is first used."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace

import torch
from torch.nn.parallel import distributed
from torch.optim import optimizer

PACKAGES = ("ray", "sklearn")  # with what they import a third of the time that a command takes to start
COMPILER = "torch._dynamo"


class Later:
    """`name` of `module`, in place of which RecBole's modules get the real one as soon as it is called or looked into.

    So do they all other names of its package: a warning that is filtered must be the real one before it comes.
    """

    def __init__(self, module: str, name: str):
        self._module, self._name = module, name

    def __call__(self, *args, **kwargs):
        return self._bring()(*args, **kwargs)

    def __getattr__(self, name: str):
        return getattr(self._bring(), name)

    def _bring(self):
        package = self._module.partition(".")[0]
        for module in [module for name, module in sys.modules.items() if name.startswith("recbole.")]:
            for name, value in list(vars(module).items()):
                if type(value) is Later and value._module.partition(".")[0] == package:
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
        return Later(self.__name__, name)


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
    """What is imported within gets `Later`s of those of the `PACKAGES` that nobody has imported yet."""
    finder = _Finder([name for name in PACKAGES if name not in sys.modules and find_spec(name) is not None])
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name, module in sys.modules.items() if type(module) is _Empty]:
            del sys.modules[name]


def spare_torchs_compiler() -> None:
    """torch's optimizers import its compiler, in more than a second, to tell it what of theirs it is not to compile,
    and so do ranks. Until somebody else imports it nothing is compiled, and they are called as they are.
    """
    kinds = [kind for kind in vars(torch.optim).values() if isinstance(kind, type)]
    for owner in (optimizer.Optimizer, *kinds, distributed.DistributedDataParallel):
        for name, function in list(vars(owner).items()):
            spared = _spared(function)
            if spared is not function:
                setattr(owner, name, spared)
    distributed.torch = TorchForRanks()


class TorchForRanks:
    """torch for its module of ranks, which asks the compiler for a default of its."""

    _compiler = SimpleNamespace(utils=SimpleNamespace(get_optimize_ddp_mode=lambda: "ddp_optimizer"))

    def __getattr__(self, name: str):
        return self._compiler if name == "_dynamo" and COMPILER not in sys.modules else getattr(torch, name)


def _spared(function):
    """`function` without the compiler, where it is one of those that import it."""
    if _is_made_by(getattr(torch, "_disable_dynamo", None), function):
        return _until_compiled(function, function.__wrapped__)
    if _is_made_by(getattr(optimizer, "_use_grad_for_differentiable", None), function):
        return _until_compiled(function, _in_grad_mode(function.__wrapped__))
    if _is_made_by(contextmanager, function):
        within = _spared(function.__wrapped__)
        return function if within is function.__wrapped__ else contextmanager(within)
    return function


def _is_made_by(decorator, function) -> bool:
    """Functions that one decorator has made share their code."""
    code = getattr(function, "__code__", None)
    return None not in (decorator, code) and code is decorator(lambda: None).__code__


def _until_compiled(function, before):
    @wraps(function)
    def call(*args, **kwargs):
        return (function if COMPILER in sys.modules else before)(*args, **kwargs)

    return call


def _in_grad_mode(step):
    """As torch's `_use_grad_for_differentiable` does."""

    def call(self, *args, **kwargs):
        with torch.set_grad_enabled(self.defaults["differentiable"]):
            return step(self, *args, **kwargs)

    return call
