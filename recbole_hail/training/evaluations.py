"""What the evaluations of a trainer have given so far."""

from dataclasses import dataclass, field

from recbole_hail.evaluation.phase import Phase


@dataclass
class Evaluations:
    """One for each trainer, ours or RecBole's, see `evaluations_of`.

    Attributes:
        newest: metrics of each view, of what was evaluated last.
        agreement: of the peers' answers there; None where the ranks of peers are not known.
        results: metrics of each view by phase: of the best validation, and of the test.
        candidates: by phase, what its targets were ranked among, as records describe it.
        intervals: of each view's metrics in the test; None before it, or where RecBole evaluated by itself.
        phases: by name, the questions of a phase and the column that they were made from.
    """

    newest: dict[str, dict[str, float]] = field(default_factory=dict)
    agreement: dict[str, float] | None = None
    results: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    candidates: dict[str, dict] = field(default_factory=dict)
    intervals: dict[str, dict[str, list[float]]] | None = None
    phases: dict[str | None, tuple[object, Phase | None]] = field(default_factory=dict)


def evaluations_of(trainer) -> Evaluations:
    """Made when they are first asked for: trainers are RecBole's, and some never evaluate."""
    return vars(trainer).setdefault("evaluations", Evaluations())
