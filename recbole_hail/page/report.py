"""What `gather` finds and the sections of the page tell: a trained model as numbers."""

from dataclasses import dataclass
from typing import NamedTuple

from recbole.config import Config

from recbole_hail.evaluation.agreement import Pair
from recbole_hail.evaluation.estimates import Estimate
from recbole_hail.page.data import DataSummary
from recbole_hail.page.groups import Grouping


class Scorer(NamedTuple):
    """What answers the questions: a view of the model, or a rule beside it."""

    name: str  # on the page
    rule: str | None  # what RecBole calls the rule; None of a view
    can_forecast: bool  # whether it predicts from a history, and of views is the one that the model predicts with


@dataclass(frozen=True)
class ProtocolResult:
    """What the scorers reach under one protocol: a row of estimates for each of them, a column for each metric."""

    described: dict  # name, candidates drawn, seed, hash and number of questions
    shortage: str | None
    marks: dict[str, list[list[Estimate]]]  # by "all", "repeat" and "new", where there are such targets
    questions: dict[str, int]
    pairs: list[Pair]
    same_as: str | None  # the protocol before it whose lists are all elements too


@dataclass(frozen=True)
class Summary:
    """How often the right one is named, in numbers for those who know no metric: [first, among the first `FIRST`]."""

    shares: list[list[Estimate]]  # of each scorer, under the run's own protocol
    guessed: tuple[float, float]  # without any knowledge
    plain: int  # the scorer that the model is compared with: the commonest everywhere, or where that is it, a rule
    above_plain: list[Estimate]  # how much larger the model's shares are
    commonest: list[tuple[str, float]]  # elements of the training part, with their shares of its events
    among_all: list[Estimate] | None  # of the model, among all elements, in the test
    in_validation: Estimate | None  # the first of these in the validation, as forecasts tell it
    validated: int  # validation targets asked about
    of_larger_split: int  # questions that `TENTHS` would ask


@dataclass(frozen=True)
class Report:
    """One page. The first of `protocols` is the one that the run was tested under."""

    config: Config
    checkpoint: str
    scorers: list[Scorer]  # the model's views, then the rules
    chosen: int  # which of them is the view that the model predicts with
    metrics: list[str]  # titles
    lead: int  # which of them charts and groups go by
    data: DataSummary
    period: tuple[str, str] | None  # first and last day of the events, where that is known
    cut: float  # share of the questions with more history than the model reads
    protocols: list[ProtocolResult]
    impossible: dict[str, str]  # protocols that cannot be asked here, and why
    summary: Summary
    is_rule: bool  # whether the model itself counts
    best_rule: int  # among the scorers
    to_take: int  # the best of the scorers that forecasts can be made with
    command: str | None  # that trains it; None where it is the model itself
    above_rule: Estimate  # how much the model's lead metric is above the best rule's
    groupings: list[Grouping]
    settings: dict
    record: dict | None

    @property
    def views(self) -> int:
        """How many of the scorers are the model's."""
        return sum(scorer.rule is None for scorer in self.scorers)

    @property
    def own(self) -> ProtocolResult:
        return self.protocols[0]

    @property
    def distinct(self) -> list[ProtocolResult]:
        """Those whose numbers are not another's once more."""
        return [result for result in self.protocols if not result.same_as]
