"""What a search does with one setting: trains and tests it."""

from collections.abc import Callable
from logging import getLogger
from pathlib import Path

from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.utils import get_trainer, init_logger, init_seed

from recbole_hail.building import build_model
from recbole_hail.errors import DataError, Interrupted, SettingsError, TrainingDiverged
from recbole_hail.training.checkpoints import plain
from recbole_hail.tuning.trials import DIVERGED, FINISHED, IMPOSSIBLE, Trial

_OUTCOME = {"score": "best_valid_score", "valid": "best_valid_result", "test": "test_result"}


def objective_function(config_dict=None, config_file_list=None, saved=True, on_validation: Callable | None = None):
    """Trains and tests one setting; takes the place of `recbole.quick_start.objective_function`.

    RecBole's reports test results to Ray Tune, whose search then chooses by them; this one tells Ray nothing. Ray's
    workers and spawned processes unpickle a function by module and name: this one's module brings the plugin.

    Args:
        config_dict: settings, among them `model` and `dataset`.
        config_file_list: yaml files of settings.
        saved: test the best model of the run, kept in `checkpoint_dir`, and not the last.
        on_validation: called with the trainer, the score and `taken` after every validation but the last.

    Returns:
        What RecBole's returns (`model`, `best_valid_score`, `valid_score_bigger`, `best_valid_result`, `test_result`),
        and `steps`, `seconds` of training and `checkpoint`.

    Raises:
        DataError: the run was never validated, so nothing can be chosen by it.
    """
    config = Config(config_dict=config_dict, config_file_list=config_file_list)
    trainer, train_data, valid_data, test_data = _begun(config)

    def after_validation(epoch: int, score: float) -> None:
        budget = getattr(trainer, "budget", None)
        goes_on = trainer.cur_step <= trainer.stopping_step and not (budget and budget.spent)
        if on_validation and goes_on and epoch + 1 < trainer.epochs:
            on_validation(trainer, score, taken(trainer))

    try:
        score, valid_result = trainer.fit(
            train_data, valid_data, verbose=False, saved=saved, callback_fn=after_validation
        )
    except Interrupted:  # a search begins the trial anew; what it has left is of no use
        for file in (trainer.latest_file, trainer.saved_model_file):
            Path(file).unlink(missing_ok=True)
        raise KeyboardInterrupt from None
    if not valid_result:
        raise DataError(
            f"valid_metric: {config['valid_metric']} was never measured, so nothing can be chosen by it; give an "
            f"eval_step above 0 (now {config['eval_step']}) and eval_args that leave a validation part"
        )
    test_result = trainer.evaluate(test_data, load_best_model=saved)
    return {
        "model": config["model"],
        "best_valid_score": score,
        "valid_score_bigger": config["valid_metric_bigger"],
        "best_valid_result": valid_result,
        "test_result": test_result,
        **taken(trainer),
        "checkpoint": trainer.saved_model_file if saved else None,
    }


def _begun(config: Config):
    """The trainer of a new model, and RecBole's three loaders; the log is this run's from now on."""
    for handler in getLogger().handlers[:]:  # of the setting before
        getLogger().removeHandler(handler)
    init_logger(config)
    init_seed(config["seed"], config["reproducibility"])
    loaders = data_preparation(config, create_dataset(config))
    init_seed(config["seed"], config["reproducibility"])
    model = build_model(config, loaders[0]._dataset)
    return get_trainer(config["MODEL_TYPE"], config["model"])(config, model), *loaders


def taken(trainer) -> dict:
    """Steps and seconds of training so far; None where a model's trainer has a loop of its own, as NCL's."""
    budget = getattr(trainer, "budget", None)
    return {"steps": budget and budget.steps, "seconds": budget and budget.seconds}


def train(fixed: dict, settings: dict, on_validation=None) -> Trial:
    """One trial to its end. A training that diverges is an outcome too, and so are settings that are possible each by
    itself, as a search has checked them, but not together; every other error ends the search.
    """
    try:
        result = objective_function({**fixed, **settings}, on_validation=on_validation)
    except SettingsError as error:
        return Trial(settings, IMPOSSIBLE, reason=str(error))
    except ValueError as error:
        if not isinstance(error, TrainingDiverged) and str(error) != "Training loss is nan":  # RecBole's own words
            raise
        return Trial(settings, DIVERGED, reason=str(error))
    outcome = {name: result[key] for name, key in _OUTCOME.items()}
    outcome |= {name: result[name] for name in ("steps", "seconds", "checkpoint")}
    return Trial(settings, FINISHED, **{name: plain(value) for name, value in outcome.items()})
