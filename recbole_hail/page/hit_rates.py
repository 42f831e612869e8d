"""How often the right one is named: shares of the questions, for those who know no metric."""

from collections.abc import Callable, Sequence

import numpy as np

from recbole_hail.evaluation.phase import Phase
from recbole_hail.evaluation.protocol import NEGATIVES
from recbole_hail.evaluation.ranking import SCORES_AT_A_TIME, chosen_view, rank_targets
from recbole_hail.page.answers import Answers
from recbole_hail.page.estimates import difference, guessed, right_answers, shares
from recbole_hail.page.report import Scorer, Summary
from recbole_hail.page.rules import COMMONEST, RulesBeside
from recbole_hail.training.loading import LoadedRun

NAMED = 3  # commonest elements


def measured_summary(
    run: LoadedRun,
    rules: RulesBeside,
    own: Answers,
    of_all: Answers | None,
    best_rule: int,
    names: Sequence[str],
    say: Callable[[str], None],
) -> Summary:
    """The shares of all scorers under the run's own protocol, and of the model among all elements.

    Args:
        own: answers under the run's own protocol.
        of_all: those among all elements, where the model can be asked so.
        best_rule: among the scorers.
        names: what elements are called, by number.
        say: is told what is being done.
    """
    ties, chosen = run.config["ties"], chosen_view(run.model)
    right = right_answers(own.ranks, ties)  # [N, S, 2]
    plain = next((place for place, scorer in enumerate(own.scorers) if _is_commonest(scorer)), best_rule)
    validated, in_validation = 0, None
    if of_all is not None and len(run.valid):
        say("ranking the validation targets under full")
        ranks, generators = _of_validation(run, chosen)
        validated, in_validation = len(ranks), shares(right_answers(ranks, ties)[:, 0], generators)[0]
    return Summary(
        shares=[shares(right[:, scorer], own.generators) for scorer in range(len(own.scorers))],
        guessed=guessed(own.ranks[:, chosen]),
        plain=plain,
        above_plain=[difference(right[:, :, column], chosen, plain, own.generators) for column in range(2)],
        commonest=[(names[number], share) for number, share in rules.commonest(NAMED)],
        among_all=None if of_all is None else shares(right_answers(of_all.ranks, ties)[:, chosen], of_all.generators),
        in_validation=in_validation,
        validated=validated,
        of_larger_split=_asked_of_tenths(rules),
    )


def _is_commonest(scorer: Scorer) -> bool:
    return scorer.rule is not None and scorer.name == COMMONEST  # with the settings of other rules


def _of_validation(run: LoadedRun, chosen: int) -> tuple[np.ndarray, np.ndarray]:
    """[N, 1, 3] ranks and [N] generators of the validation targets, or evenly many, as many as a forecast takes."""
    phase = Phase(run.config, run.valid, "valid", "full", NEGATIVES)
    most = max(SCORES_AT_A_TIME // run.valid.item_num, 1)
    some = np.linspace(0, len(phase.rows) - 1, min(len(phase.rows), most)).astype(int)
    most_rows = run.config["eval_batch_size"]
    found = rank_targets(run.model, run.valid, phase.rows[some], phase.candidates, most_rows=most_rows)
    return found[:, chosen : chosen + 1].numpy(), phase.generators[some]


def _asked_of_tenths(rules: RulesBeside) -> int:
    """RecBole gives the test a tenth of a generator's events after its first, rounded down, but at least one of two."""
    rows = np.bincount(rules.train.generators.numpy(), minlength=rules.train.user_num)[1:] - 1
    return int(np.where(rows >= 2, np.maximum((0.1 * rows).astype(int), 1), 0).sum())
