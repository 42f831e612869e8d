"""The elements a target is ranked among: named protocols, drawn once for a dataset and kept in a file.

RecBole draws anew on every pass from the global random state, so that its negatives depend on the model and on the
number of epochs. Here every question (one target of one generator) has its own random stream, made of the seed, the
phase, the names of generator and target and, where a generator is asked about a target again, how often it was:
every model, peer and seed of training ranks the same lists.
"""

import hashlib
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recbole_hail.errors import DataError
from recbole_hail.files import atomic_write


class Questions(NamedTuple):
    """What one phase asks, ordered by generator, then time. Elements are 1 to `len(popularity) - 1`."""

    generators: np.ndarray  # [N]
    targets: np.ndarray  # [N]
    generator_names: np.ndarray  # [N], tokens
    target_names: np.ndarray  # [N], tokens
    seen: list[np.ndarray]  # [N] distinct elements of the generator's whole sequence, what comes later included
    popularity: np.ndarray  # [|E| + 1], events of the training part

    def fingerprint(self) -> str:
        """Hex digest of all that a draw depends on."""
        digest = hashlib.sha256("\n".join([*self.generator_names, "", *self.target_names]).encode())
        digest.update(np.concatenate([self.generators, self.targets, self.popularity, *self.seen], dtype="<i8"))
        return digest.hexdigest()


class CandidateSets(NamedTuple):
    """Beside each target the elements it is ranked among; `elements` is None where these are all others."""

    elements: np.ndarray | None  # int32 [N, most], 0 after the last of each row
    hash: str  # twelve hex digits; equal only for the same questions, protocol and lists

    @property
    def counts(self) -> np.ndarray:
        """How many candidates each row has beside its target, [N]."""
        return (self.elements > 0).sum(axis=1)


def _recbole(random, target, seen, popularity, wanted):
    """Uniform, with replacement, other than the target; what is drawn twice counts once (RecBole's uni99)."""
    draws = random.integers(1, len(popularity) - 1, size=wanted)
    return np.unique(draws + (draws >= target))


def _strict(random, target, seen, popularity, wanted):
    """Distinct, uniform, other than the target."""
    others = len(popularity) - 2
    draws = random.choice(others, size=min(wanted, others), replace=False) + 1
    return draws + (draws >= target)


def _paper(random, target, seen, popularity, wanted):
    """Uniform, with replacement, outside the generator's whole sequence; duplicates count (the authors' program)."""
    unseen = np.ones(len(popularity), dtype=bool)
    unseen[0] = unseen[target] = False
    unseen[seen] = False
    eligible = unseen.nonzero()[0]
    return random.choice(eligible, size=wanted) if len(eligible) else eligible


def _popular(random, target, seen, popularity, wanted):
    """Distinct, other than the target, one after the other in proportion to the events of the training part."""
    weight = popularity.astype(float)
    weight[target] = 0.0
    eligible = weight.nonzero()[0]
    # The smallest of exponential times with these rates are a draw without replacement in proportion to them.
    times = random.exponential(size=len(popularity))[eligible] / weight[eligible]
    return eligible[np.argsort(times, kind="stable")[:wanted]]


PROTOCOLS = {"recbole": _recbole, "strict": _strict, "paper": _paper, "popular": _popular, "full": None}


def draw(protocol: str, questions: Questions, *, wanted: int, seed: int, phase: str) -> CandidateSets:
    """Candidates of every question.

    Args:
        protocol: a name of `PROTOCOLS`.
        wanted: how many to draw; a row has fewer where the protocol leaves fewer to draw from.
        seed: of the draw, not of any training.
        phase: "valid" or "test".
    """
    elements = _drawn(protocol, questions, wanted=wanted, seed=seed, phase=phase)
    return _as_sets(protocol, questions.fingerprint(), elements)


def _drawn(protocol: str, questions: Questions, *, wanted: int, seed: int, phase: str) -> np.ndarray | None:
    if protocol == "full":
        return None
    elements = np.zeros((len(questions.targets), wanted), dtype=np.int32)
    asked = Counter()
    for row, target in enumerate(questions.targets):
        name = f"{seed}\t{phase}\t{questions.generator_names[row]}\t{questions.target_names[row]}"
        asked[name] += 1
        name += f"\t{asked[name]}" * (asked[name] > 1)
        key = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=16).digest(), "little")
        random = np.random.Generator(np.random.Philox(key=key))
        drawn = PROTOCOLS[protocol](random, target, questions.seen[row], questions.popularity, wanted)
        elements[row, : len(drawn)] = drawn
    return elements


def _as_sets(protocol: str, fingerprint: str, elements: np.ndarray | None) -> CandidateSets:
    """With their hash; `fingerprint` is that of the questions."""
    digest = hashlib.sha256(f"{protocol} {fingerprint}".encode())
    if elements is not None:
        digest.update(elements.astype("<i4").tobytes())
    return CandidateSets(elements, digest.hexdigest()[:12])


def load_or_draw(folder: str, name: str, protocol: str, questions: Questions, **how) -> CandidateSets:
    """`draw`, reusing the file of an earlier draw and keeping a new one.

    Raises:
        DataError: the file was made for other data or cannot be read, or the folder cannot be written.
    """
    if protocol == "full":
        return draw(protocol, questions, **how)
    fingerprint = questions.fingerprint()
    draw_name = f"{name}-{protocol}{how['wanted']}-{how['phase']}-seed{how['seed']}-{fingerprint[:12]}"
    path = Path(folder, f"{draw_name}.npz")
    if path.exists():
        elements = _read(path, fingerprint, shape=(len(questions.targets), how["wanted"]))
        return _as_sets(protocol, fingerprint, elements)
    elements = _drawn(protocol, questions, **how)
    try:
        with atomic_write(path) as temporary:
            np.savez(temporary, elements=elements, fingerprint=fingerprint)
    except OSError as error:
        raise DataError(
            f"candidates_dir: {folder} cannot be written ({error.strerror or error}); name another, by "
            "candidates_dir or checkpoint_dir"
        ) from None
    return _as_sets(protocol, fingerprint, elements)


def _read(path: Path, fingerprint: str, shape: tuple[int, int]) -> np.ndarray:
    try:
        with np.load(path) as file:
            found, elements = str(file["fingerprint"]), file["elements"]
        if found == fingerprint and (elements.shape != shape or elements.dtype.kind != "i"):
            raise ValueError(f"it holds {elements.dtype} of shape {elements.shape}, not integers of shape {shape}")
    except Exception as error:  # a damaged archive fails in zipfile, zlib, struct or numpy, each in its own way
        raise DataError(f"candidates: {path} cannot be read ({error}); remove it, and it is drawn again") from None
    if found != fingerprint:
        raise DataError(
            f"candidates: {path} was made for another dataset or split (its fingerprint is {found[:12]}, that of the "
            f"data is {fingerprint[:12]}); remove it, or name another folder with --candidates_dir"
        )
    return elements
