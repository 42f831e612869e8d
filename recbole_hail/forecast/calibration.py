"""One temperature that makes probabilities mean what they say, fitted on the validation targets.

Guo et al., *On Calibration of Modern Neural Networks*, ICML 2017, sections 2 and 4.2.
"""

import contextlib
import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from recbole_hail.data.dataset import CONTEXT_END, CONTEXT_START
from recbole_hail.evaluation.ranking import SCORES_AT_A_TIME, chosen_view
from recbole_hail.evaluation.significance import FEW, share_interval
from recbole_hail.files import read_json, write_json
from recbole_hail.forecast.loading import ForecastModel
from recbole_hail.forecast.scoring import batches, logits

_FORM = 4  # of the file that is kept
LARGEST = 100.0  # temperatures lie between this and its inverse
BINS = 15


@dataclass(frozen=True)
class Calibration:
    """What was fitted, and what it gives: the expected calibration error before and after, the mean probability of the
    first answers, and the share of them that is right with its interval; None where there was no target.

    All that is after is of targets that the temperature was not fitted to: half of the generators have the others'.
    `ece_by_chance` is what a model would have whose probabilities are right, for its answers are a sample.
    """

    temperature: float
    targets: int
    ece_before: float | None
    ece_after: float | None
    ece_by_chance: float | None
    confidence: float | None
    right: float | None
    low: float | None
    high: float | None
    trained_on: bool  # whether training has seen the validation targets, which makes them look too easy

    def __str__(self) -> str:
        if not self.targets:
            return "not calibrated: the checkpoint's split has no validation targets"
        seen = " (which training has seen)" if self.trained_on else ""
        learnt = "; a temperature this high means that hardly anything was learnt" * (self.temperature >= LARGEST)
        few = "so few targets say little: the interval is where the share may lie\n" * (self.targets < FEW)
        return (
            f"the likeliest element came true for {100 * self.right:.1f} % "
            f"(95 %: {100 * self.low:.1f} to {100 * self.high:.1f}) "
            f"of {self.targets:,} validation targets{seen}; its chance was {100 * self.confidence:.1f} % on average\n"
            f"{few}"
            f"calibrated on these: temperature {self.temperature:.3f}, expected calibration error "
            f"{self.ece_before:.4f} before, {self.ece_after:.4f} after, {self.ece_by_chance:.4f} by chance{learnt}"
        )


def fit_temperature(scores: Tensor, targets: Tensor) -> float:
    """The temperature T under which softmax(scores / T) has the least negative log-likelihood of the targets.

    It is convex in 1 / T; its derivative, the mean score less the target's, is brought to 0. Between 1/100 and 100.

    Args:
        scores: [N, V]; targets: [N].
    """
    from scipy.optimize import brentq  # imports much, which only calibration needs

    scores = (scores - scores.amax(1, keepdim=True)).clamp(min=-1e30)  # 0 times minus infinity is not a number
    of_targets = float(scores.gather(1, targets[:, None]).double().mean())

    def slope(log_inverse: float) -> float:
        shares = torch.softmax(scores * float(np.exp(log_inverse)), dim=1)
        return float((shares * scores).sum(1).double().mean()) - of_targets

    end = float(np.log(LARGEST))
    if slope(-end) >= 0:  # even the flattest is too sure
        return LARGEST
    if slope(end) <= 0:  # every target is the best answer
        return 1 / LARGEST
    return float(np.exp(-brentq(slope, -end, end, xtol=1e-4)))


def expected_calibration_error(confidence: np.ndarray, correct: np.ndarray, bins: int = BINS) -> float:
    """How far the first answers' probability is from the share of them that are right, over bins of equal width.

    The mean of |share right - mean probability| over bins, weighted by how many answers each holds (Guo et al., Eq. 3).
    """
    gaps = np.bincount(_bin_of(confidence, bins), weights=correct - confidence)
    return float(np.abs(gaps).sum() / len(confidence))


def calibration_error_by_chance(confidence: np.ndarray, bins: int = BINS) -> float:
    """The expected calibration error of answers that are right as often as their probability says, on average.

    In each bin the answers that are right differ from their expected number by about a normal deviate.
    """
    variance = np.bincount(_bin_of(confidence, bins), weights=confidence * (1 - confidence))
    return float(np.sqrt(2 / np.pi * variance).sum() / len(confidence))


def _bin_of(confidence: np.ndarray, bins: int) -> np.ndarray:
    return np.minimum((confidence * bins).astype(int), bins - 1)


def calibration_of(trained: ForecastModel) -> Calibration:
    """That of a checkpoint, from the file beside it, or fitted now and kept there.

    `<checkpoint>.calibration.json` holds for the checkpoint's bytes and these validation targets alone; where the
    folder cannot be written to, nothing is kept.
    """
    sequences, generators, targets = _questions(trained)
    told = hashlib.sha256(np.concatenate([generators, targets, *sequences]).tobytes()).hexdigest()
    mark = {"form": _FORM, "checkpoint sha256": trained.hash, "targets sha256": told}
    file = trained.file.with_suffix(".calibration.json")
    kept = _read(file)
    if {name: kept.get(name) for name in mark} == mark:
        return Calibration(**kept["calibration"])
    found = _calibrate(trained, sequences, generators, targets)
    with contextlib.suppress(OSError):
        write_json(file, {**mark, "calibration": asdict(found)})
    return found


def _read(file: Path) -> dict:
    try:
        kept = read_json(file)
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _questions(trained: ForecastModel) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Histories, generators and targets of the validation part; evenly many of them where all are too many to hold."""
    rows, elements = trained.valid.inter_feat, trained.train.elements.numpy()
    most = max(SCORES_AT_A_TIME // trained.train.item_num, 1)
    some = np.linspace(0, len(rows) - 1, min(len(rows), most)).astype(int)
    start, end, generators, targets = (
        rows[field].numpy()[some]
        for field in (CONTEXT_START, CONTEXT_END, trained.train.uid_field, trained.train.iid_field)
    )
    return [elements[first:last] for first, last in zip(start, end, strict=True)], generators, targets


def _calibrate(trained: ForecastModel, sequences, generators: np.ndarray, targets: np.ndarray) -> Calibration:
    trained_on = bool(trained.config["train_on_valid"])
    if not len(targets):
        return Calibration(1.0, 0, *[None] * 7, trained_on)
    precision = torch.float64 if trained.is_rule else torch.float32
    scores = torch.empty(len(targets), trained.train.item_num - 1, dtype=precision)
    for batch in batches(trained, sequences, generators):
        of_view = logits(trained, [sequences[row] for row in batch], generators[batch])[chosen_view(trained.model)]
        scores[batch] = of_view[:, 1:]
    wanted = torch.from_numpy(targets) - 1
    before = _first_answers(scores, wanted, torch.ones(len(wanted)))
    after = _first_answers(scores, wanted, _of_the_others(scores, wanted, generators))
    errors = expected_calibration_error(*before), expected_calibration_error(*after)
    by_chance = calibration_error_by_chance(after[0])
    first = *(float(values.mean()) for values in after), *share_interval(after[1], generators)
    return Calibration(fit_temperature(scores, wanted), len(targets), *errors, by_chance, *first, trained_on)


def _of_the_others(scores: Tensor, targets: Tensor, generators: np.ndarray) -> Tensor:
    """For each target the temperature of the half of the generators that its own is not in, [N]."""
    half = torch.from_numpy(np.unique(generators, return_inverse=True)[1] % 2 == 1)
    if not half.any():  # a single generator
        return torch.full((len(targets),), fit_temperature(scores, targets))
    of_half, of_others = (fit_temperature(scores[rows], targets[rows]) for rows in (half, ~half))
    return torch.where(half, of_others, of_half)


def _first_answers(scores: Tensor, targets: Tensor, temperatures: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Probability of each likeliest element, and whether it is the target, [N] each."""
    confidence, first = torch.softmax(scores / temperatures[:, None], dim=1).max(1)
    return confidence.double().numpy(), (first == targets).double().numpy()
