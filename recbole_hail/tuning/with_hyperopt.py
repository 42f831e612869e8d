"""Trials one after another in this process, over the grid or as Hyperopt draws and proposes them."""

from recbole_hail.errors import TrainingDiverged
from recbole_hail.training.checkpoints import plain
from recbole_hail.tuning.objective import objective_function
from recbole_hail.tuning.search import Search, in_words, say
from recbole_hail.tuning.trials import DIVERGED, FINISHED, Trial

_OUTCOME = {"score": "best_valid_score", "valid": "best_valid_result", "test": "test_result"}


def train(fixed: dict, settings: dict, on_validation=None) -> Trial:
    """One trial to its end; a training that diverges is an outcome too, every other error ends the search."""
    try:
        result = objective_function({**fixed, **settings}, on_validation=on_validation)
    except ValueError as error:
        if not isinstance(error, TrainingDiverged) and str(error) != "Training loss is nan":  # RecBole's own words
            raise
        return Trial(settings, DIVERGED, reason=str(error))
    outcome = {name: result[key] for name, key in _OUTCOME.items()}
    outcome |= {name: result[name] for name in ("steps", "seconds", "checkpoint")}
    return Trial(settings, FINISHED, **{name: plain(value) for name, value in outcome.items()})


def search_with_hyperopt(search: Search) -> None:
    while not search.out_of_patience() and (settings := search.next()):
        say(f"trial {len(search.trials) + 1} of {search.total}: {in_words(settings)}: training")

        def on_validation(trainer, score: float, taken: dict, settings=settings) -> None:
            search.under_way(settings, taken["steps"], score)

        search.keep(train(search.fixed, settings, on_validation))
