"""The test questions of a model under its own protocol, which has to be the one of its record, and under others."""

from collections.abc import Callable

from recbole.model.abstract_recommender import AbstractRecommender

from recbole_hail.errors import DataError, SettingsError
from recbole_hail.evaluation.protocol import NEGATIVES, protocol_of
from recbole_hail.page.answers import Answers, answer
from recbole_hail.page.rules import RulesBeside
from recbole_hail.training.loading import LoadedRun

_SHOWN = ("full", "strict", "paper", "recbole")  # forecasts choose from all elements, which is what `full` asks
_MOST_SINGLE = 2**18  # scores of models that give one at a time: on two cores NeuMF 40,000 in a second, DIN 500


def own_protocol(run: LoadedRun) -> tuple[str, int]:
    """By which the run was tested, and how many candidates it draws.

    Raises:
        DataError: the run had no test.
        SettingsError: it was evaluated in a way that has no ranks.
    """
    config = run.config
    if not len(run.test):
        split = config["eval_args"]["split"]
        raise DataError(f"checkpoint: {run.path} was trained under the split {split}, without a test to show")
    own = protocol_of(config, "test")
    if own is None:
        raise SettingsError(
            [
                f"checkpoint: {run.path} was evaluated by RecBole itself (eval_args {config['eval_args']}, metrics "
                f"{config['metrics']}), without ranks of single targets that a page could show; train with "
                "--candidates, and with metrics of ranks such as Hit and MRR"
            ]
        )
    return own


def answers_under_each(
    run: LoadedRun, own: tuple[str, int], rules: RulesBeside, say: Callable[[str], None]
) -> tuple[dict[str, Answers], dict[str, str]]:
    """By protocol, the run's own first; and why those are missing that cannot be asked here.

    Raises:
        DataError: the data have changed since the test that the record tells of.
    """
    drawn = own[1] if own[0] != "full" else NEGATIVES
    say(f"ranking the test targets under {own[0]}")
    answers, impossible = {own[0]: answer(run, rules, own[0], drawn)}, {}
    _check_same_questions(run, answers[own[0]])
    for name in _SHOWN:
        if name == own[0]:
            continue
        if name == "full" and (why := _too_many(run)):
            impossible[name] = why
            continue
        say(f"ranking the test targets under {name}")
        try:
            answers[name] = answer(run, rules, name, drawn)
        except DataError as error:
            impossible[name] = str(error)
    return answers, impossible


def _check_same_questions(run: LoadedRun, answers: Answers) -> None:
    """The lists' hash depends on every event, so equal hashes mean the data of the test."""
    kept = ((run.record or {}).get("candidates") or {}).get("test")
    found = answers.phase.described()
    if kept and kept["hash"] != found["hash"]:
        raise DataError(
            f"dataset: {run.config['data_path']} is not what {run.path} was tested on (lists {found['hash']} "
            f"now, {kept['hash']} then); name the folder that holds its data with --data_path"
        )


def _too_many(run: LoadedRun) -> str | None:
    """Why a model is not asked about all elements: one that scores them one by one would take hours."""
    scores_all = type(run.model).full_sort_predict is not AbstractRecommender.full_sort_predict
    scores = len(run.test) * (run.test.item_num - 1)
    if scores_all or hasattr(run.model, "views") or scores <= _MOST_SINGLE:
        return None
    return f"{run.config['model']} scores one element at a time, and {scores:,} scores would take too long."
