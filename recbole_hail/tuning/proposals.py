"""Which settings are tried next: the grid, or what Hyperopt draws and proposes, the same after an interruption."""

from collections.abc import Sequence

from recbole_hail.tuning.space import Space, grid
from recbole_hail.tuning.trials import Trial

ALGORITHMS = ("exhaustive", "random", "tpe", "bayes")
DRAWS = 100  # trials of a search that has no end of its own
_TRIES = 100  # draws in search of a setting that has not been tried
_STRIDE = 1_000_003  # keeps the seeds of neighbouring trials apart


def points(space: Space, algorithm: str, most: int | None, seed: int) -> list[dict]:
    """All settings of a search that needs no results to go on; at most `most`, each once."""
    if algorithm == "exhaustive":
        return grid(space, seed)[:most]
    found = []
    while len(found) < (most or DRAWS) and (point := _untried("random", space, [], found, seed, len(found))):
        found.append(point)
    return found


def propose(space: Space, trials: Sequence[Trial], bigger: bool, seed: int) -> dict | None:
    """What Hyperopt's tree of Parzen estimators tries after `trials`; None where it finds nothing new.

    It draws from (seed, number of trials), so a search that goes on proposes what it would have without a break.
    """
    tried = [trial.settings for trial in trials]
    losses = [None if trial.score is None else (-trial.score if bigger else trial.score) for trial in trials]
    return _untried("tpe", space, list(zip(tried, losses, strict=True)), tried, seed, len(trials))


def _untried(algorithm: str, space: Space, told: list, tried: list[dict], seed: int, number: int) -> dict | None:
    for attempt in range(_TRIES):
        point = _suggestion(algorithm, space, told, (seed * _STRIDE + number * _TRIES + attempt) % 2**31)
        if point not in tried:
            return point
    return None


def _suggestion(algorithm: str, space: Space, told: list[tuple[dict, float | None]], seed: int) -> dict:
    """One suggestion of Hyperopt after the settings and losses of `told`; without a loss a trial has failed."""
    from hyperopt import JOB_STATE_DONE, STATUS_FAIL, STATUS_OK, Trials, rand, tpe
    from hyperopt.base import Domain

    domain, trials = Domain(None, _hyperopt_space(space)), Trials()
    documents = []
    for tid, (settings, loss) in enumerate(told):
        result = {"status": STATUS_FAIL} if loss is None else {"status": STATUS_OK, "loss": loss}
        values = {name: [space[name].drawn(value)] for name, value in settings.items()}
        where = {"tid": tid, "cmd": domain.cmd, "workdir": None, "idxs": {name: [tid] for name in space}}
        documents += trials.new_trial_docs([tid], [None], [result], [{**where, "vals": values}])
        documents[-1]["state"] = JOB_STATE_DONE
    trials.insert_trial_docs(documents)
    trials.refresh()
    suggest = {"random": rand.suggest, "tpe": tpe.suggest}[algorithm]
    (document,) = suggest([len(told)], domain, trials, seed)
    drawn = document["misc"]["vals"]
    return {name: dimension.value(drawn[name][0]) for name, dimension in space.items()}


def _hyperopt_space(space: Space) -> dict:
    from hyperopt import hp

    return {
        name: hp.choice(name, list(range(len(dimension.values))))
        if dimension.kind == "choice"
        else getattr(hp, dimension.kind)(name, *dimension.values)
        for name, dimension in space.items()
    }
