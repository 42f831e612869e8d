"""Where a dataset lies, and, where it does not, which one may be meant."""

import os
from pathlib import Path

from recbole_hail.data.inter_file import inter_file
from recbole_hail.errors import DataError
from recbole_hail.settings import closest_name

_SHOWN = 8


def require_inter_file(config) -> str:
    """The .inter file; DataError with what may be meant, and how a dataset is made, where there is none."""
    file = inter_file(config)
    if os.path.isfile(file):
        return file
    from dataset_converters import DOWNLOADABLE, commands_for

    name, folder = str(config["dataset"]), str(config["data_path"])
    said, root = f"dataset: {name} is not at {file}", Path(folder.removesuffix(name))
    if found := _above(root, name) or _elsewhere(root, name):
        raise DataError(f"{said}; {found}")
    last = os.path.basename(os.path.normpath(name))
    ways = "\n  ".join(commands_for(last, root / last))
    itself = "\nor let run_recbole fetch it: add --download" if name in DOWNLOADABLE else ""
    raise DataError(f"{said}; {_there(root)}{_meant(root, name)}make it with one of\n  {ways}{itself}")


def _holds(folder: Path, name: str) -> bool:
    return (folder / name / f"{name}.inter").is_file()


def _above(root: Path, name: str) -> str | None:
    """`root` is the dataset's own folder."""
    if not (root / f"{name}.inter").is_file():
        return None
    above = os.path.dirname(os.path.abspath(root))
    shown = os.path.relpath(above) if above.startswith(os.getcwd()) else above
    if os.path.basename(os.path.abspath(root)) != name:
        return f"{root}/{name}.inter is there, but RecBole wants it in a folder of its name: {root}/{name}/{name}.inter"
    return f"data_path is the folder above that of the dataset: --data_path={shown}"


def _elsewhere(root: Path, name: str) -> str | None:
    """The command was called in the folder of the datasets, or below the one that holds it."""
    if root.is_absolute():
        return None
    here = Path.cwd()
    for folder in here.parents:
        if _holds(folder / root, name):
            return f"it is in {folder / root}; call the command in {folder}"
    return None


def _meant(root: Path, name: str) -> str:
    """A path in place of a name, another spelling, or one that is like it."""
    likest = closest_name(os.path.basename(os.path.normpath(name)), _names(root))
    return f"did you mean {likest}? If not, " if likest else ""


def _names(root: Path) -> list[str]:
    return sorted(path.stem for path in root.glob("*/*.inter") if path.stem == path.parent.name)


def _there(root: Path) -> str:
    """Which datasets lie in `root`."""
    names = _names(root)
    if not root.is_dir():
        return f"there is no folder {root} in {Path.cwd()}; " if not root.is_absolute() else f"there is no {root}; "
    if not names:
        return ""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{root}/ has {', '.join(names[:_SHOWN])}{more}; "
