"""The versions that a run's numbers may depend on."""

import platform
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = ("recbole-hail", "recbole", "torch", "numpy", "pandas")


def versions() -> dict[str, str]:
    """Of Python and of each package; "not installed" of one that is used from a checkout."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
