"""Everything that the page says of a trained model, as numbers."""

from collections.abc import Callable
from urllib.parse import unquote

import numpy as np

from recbole_hail.data.days import days_of
from recbole_hail.data.history import EVENTS_BEFORE
from recbole_hail.data.words import NO_MEANING, words_of
from recbole_hail.evaluation.agreement import pairs
from recbole_hail.evaluation.metrics import rows_by_target
from recbole_hail.evaluation.ranking import chosen_view
from recbole_hail.models.rules import Rule
from recbole_hail.page.answers import Answers
from recbole_hail.page.command import train_command
from recbole_hail.page.data import by_length, element_names, summarise
from recbole_hail.page.estimates import LEAD, difference, estimate, shown_metrics, values_of
from recbole_hail.page.groups import Grouping, group
from recbole_hail.page.hit_rates import measured_summary
from recbole_hail.page.protocols import answers_under_each, own_protocol
from recbole_hail.page.report import ProtocolResult, Report
from recbole_hail.page.rules import RulesBeside
from recbole_hail.training.loading import LoadedRun
from recbole_hail.training.records import settings_in_force


def gather(run: LoadedRun, say: Callable[[str], None]) -> Report:
    """Answers the questions of the test again, under every protocol, beside rules that do not train.

    Args:
        say: is told what is being done.

    Raises:
        SettingsError: the model was evaluated in a way that has no ranks.
        DataError: the data have changed since the test that the record tells of.
    """
    config, own = run.config, own_protocol(run)
    say("counting the rules that do not train")
    rules = RulesBeside(run)
    answers, impossible = answers_under_each(run, own, rules, say)
    all_elements = next((name for name, found in answers.items() if found.among_all), None)
    mine = answers[own[0]]
    topk = sorted({1, *config["topk"]})
    metrics = shown_metrics(topk)
    lead = [*metrics].index(LEAD)
    values = {name: values_of(found.ranks, topk, config["ties"]) for name, found in answers.items()}
    reciprocal = values[own[0]][:, :, lead]  # [N, S]
    chosen = chosen_view(run.model)
    means = reciprocal.mean(axis=0)  # [S]
    places = range(len(mine.scorers))
    best_rule = max((place for place in places if mine.scorers[place].rule), key=means.__getitem__)
    to_take = max((place for place in places if mine.scorers[place].can_forecast), key=means.__getitem__)
    names = element_names(config, run.test)
    summary = measured_summary(run, rules, mine, answers.get(all_elements), best_rule, names, say)
    say("drawing the intervals")
    return Report(
        config=config,
        checkpoint=run.path.name,
        scorers=mine.scorers,
        chosen=chosen,
        metrics=list(metrics.values()),
        lead=lead,
        data=summarise(rules.train, names),
        period=days_of(config),
        cut=_cut(run, mine),
        protocols=[
            _result(found, values[name], all_elements if found.among_all and name != all_elements else None)
            for name, found in answers.items()
        ],
        impossible=impossible,
        summary=summary,
        is_rule=isinstance(run.model, Rule) or config["model"] == "Pop",
        best_rule=best_rule,
        to_take=to_take,
        command=train_command(mine.scorers[to_take].rule, config) if mine.scorers[to_take].rule else None,
        above_rule=difference(reciprocal, chosen, best_rule, mine.generators),
        groupings=_groupings(run, mine, reciprocal[:, [chosen, best_rule]]),
        settings=settings_in_force(config),
        record=run.record,
    )


def _result(answers: Answers, values: np.ndarray, same_as: str | None) -> ProtocolResult:
    repeat = answers.repeat
    rows = {name: chosen for name, chosen in rows_by_target(repeat).items() if chosen.any()}
    return ProtocolResult(
        described=answers.phase.described(),
        shortage=answers.phase.shortage,
        marks={name: estimate(values[chosen], answers.generators[chosen]) for name, chosen in rows.items()},
        questions={name: int(chosen.sum()) for name, chosen in rows.items()},
        pairs=pairs(answers.ranks, answers.firsts, [scorer.name for scorer in answers.scorers]),
        same_as=same_as,
    )


def _events_before(run: LoadedRun, answers: Answers) -> np.ndarray:
    return run.test.inter_feat[EVENTS_BEFORE].numpy()[answers.phase.rows]


def _cut(run: LoadedRun, answers: Answers) -> float:
    """A model that reads no sequences reads no history at all, and cuts none."""
    if not hasattr(run.test, "item_list_length_field"):
        return 0.0
    longest = getattr(run.model, "longest_history", run.config["MAX_ITEM_LIST_LENGTH"])
    return float((_events_before(run, answers) > longest).mean())


def _groupings(run: LoadedRun, answers: Answers, values: np.ndarray) -> list[Grouping]:
    """By every column of the .user file that puts enough generators together, by history, and one by one."""
    test, rows = run.test, answers.phase.rows
    numbers = test.inter_feat[test.uid_field][rows].numpy()
    words = words_of(run.config, test, "generator")
    labels = {
        name.replace("_", " "): [unquote(column[number]) for number in numbers]
        for name, column in words.columns.items()
        if name not in NO_MEANING
    }
    names, kind = by_length(_events_before(run, answers))
    labels["events before the question"] = np.array(names)[kind]
    labels["generator"] = [words.names[number] for number in numbers]
    found = [group(title, each, values, answers.generators, answers.repeat) for title, each in labels.items()]
    return [grouping for grouping in found if grouping]
