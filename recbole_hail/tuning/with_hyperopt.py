"""Trials one after another in this process, over the grid or as Hyperopt draws and proposes them."""

from recbole_hail.tuning.objective import train
from recbole_hail.tuning.search import Search, in_words


def search_with_hyperopt(search: Search) -> None:
    """Trains what is missing of a search, one after another, until it is complete or out of patience."""
    while not search.out_of_patience() and (settings := search.next()):
        search.say(f"trial {len(search.trials) + 1} of {search.total}: {in_words(settings)}: training")

        def on_validation(trainer, score: float, taken: dict, settings=settings) -> None:
            search.under_way(settings, taken["steps"], score)

        search.keep(train(search.fixed, settings, on_validation))
