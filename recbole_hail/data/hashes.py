"""By what it is known that data is the same: its files, and the tokens that a model's numbers stand for."""

import glob
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

HASHES = {"elements_hash", "generators_hash", "events_hash"}  # among a run's settings, once the data is there


def elements_hash(dataset) -> str | None:
    """Of the elements in the order of their numbers, 16 hex digits; None for a dataset without elements.

    RecBole numbers tokens in the order in which it meets them, so that more events can number the same ones anew.
    """
    tokens = dataset.field2id_token.get(dataset.iid_field)
    return None if tokens is None else _hash_of(tokens)


def generators_hash(dataset, first: int | None = None) -> str | None:
    """How many generators there are, padding included, and the hash of the `first` so many, or of all, as `5-0af3…`."""
    tokens = dataset.field2id_token.get(dataset.uid_field)
    if tokens is None:
        return None
    tokens = tokens[:first]
    return f"{len(tokens)}-{_hash_of(tokens)}"


def numbers_as(dataset, known: str | None) -> bool:
    """Whether a dataset numbers the generators of a `generators_hash` as they were then; new ones may come after."""
    return known is None or generators_hash(dataset, int(known.split("-")[0])) == known


def _hash_of(tokens) -> str:
    return hashlib.sha256("\n".join(map(str, tokens)).encode()).hexdigest()[:16]


def events_hash(config) -> str:
    """Of the `.inter` file, or of those of a split by files."""
    folder, parts = Path(config["data_path"]), config["benchmark_filename"]
    names = [f"{part}.inter" for part in parts] if parts else ["inter"]
    return _hash_of_files(_stamped(folder / f"{config['dataset']}.{name}" for name in names))


def data_hash(folder: Path, dataset: str) -> str:
    """Twelve hex digits of the dataset's files."""
    return _hash_of_files(_stamped(sorted(folder.glob(f"{glob.escape(dataset)}.*"))))


def _stamped(files: Iterable[Path]) -> tuple[tuple, ...]:
    """What changes with a file's content, whatever modification time it is given."""
    there = [(file, file.stat()) for file in files if file.is_file()]
    return tuple((file.absolute(), at.st_size, at.st_ino, at.st_mtime_ns, at.st_ctime_ns) for file, at in there)


@cache
def _hash_of_files(stamped: tuple[tuple, ...]) -> str:
    """A Config asks it of the same files for every model and setting that a process tries."""
    digest = hashlib.sha256()
    for file, size, *_ in stamped:
        digest.update(f"{file.name} {size}\n".encode())
        with open(file, "rb") as content:
            while block := content.read(2**20):
                digest.update(block)
    return digest.hexdigest()[:12]
