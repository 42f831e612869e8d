"""The evaluation of every trainer under a named protocol, in place of RecBole's own."""

from contextlib import contextmanager
from functools import wraps

import numpy as np
import torch
from recbole.utils import set_color

from recbole_hail import distributed
from recbole_hail.data.history import EVENTS_BEFORE
from recbole_hail.evaluation.agreement import agreement
from recbole_hail.evaluation.candidates import CandidateSets
from recbole_hail.evaluation.kept_ranks import KeptRanks
from recbole_hail.evaluation.metrics import RankEvaluator, by_question
from recbole_hail.evaluation.phase import Phase, phase_of
from recbole_hail.evaluation.protocol import leaves_out_repeats
from recbole_hail.evaluation.ranking import chosen_view, rank_targets, view_names
from recbole_hail.evaluation.significance import INTERVAL_DRAWS, mean_interval
from recbole_hail.evaluation.tables import result_table
from recbole_hail.training.evaluations import evaluations_of
from recbole_hail.training.records import write_ranks, write_record

# What RecBole's Collector has a row of for every question.
_BY_QUESTION = ("rec.topk", "rec.meanrank", "rec.score", "rec.items", "data.label")


def with_protocols(original):
    """RecBole's `Trainer.evaluate`, by ranks where a protocol applies (see `protocol_of`).

    The trainer keeps what was found in its `Evaluations`; records and ranks of a test are written beside the model.
    """

    @wraps(original)
    def evaluate(self, eval_data, load_best_model=True, model_file=None, show_progress=False):
        if not eval_data:  # of a split without a test
            write_record(self)
            return None
        found = evaluations_of(self)
        phase = _phase(self, eval_data._dataset)
        if load_best_model:
            _load(self, model_file or self.saved_model_file)
        if phase is None:
            with _every_question_once(self, eval_data):
                result = original(self, eval_data, False, None, show_progress)
            found.agreement = None
            found.newest = {view_names(self.model)[chosen_view(self.model)]: dict(result)}
        else:
            self.model.eval()
            result = _by_ranks(self, eval_data._dataset, phase, show_progress)
            self.wandblogger.log_eval_metrics(result, head="eval")
        name = getattr(eval_data._dataset, "phase", "test")
        if name == "test":
            found.results["test"] = found.newest
            self.logger.info(set_color("test result by view", "yellow") + ":\n" + result_table(found.newest))
            write_record(self)
        return result

    return evaluate


@contextmanager
def _every_question_once(trainer, eval_data):
    """RecBole's own evaluation by several ranks, from what all of them have collected.

    It takes the mean of the ranks' metrics, weighted by numbers of batches, and its sampler repeats questions until
    every rank has as many.
    """
    if trainer.config["single_spec"]:
        yield
        return
    collector, count = trainer.eval_collector, len(eval_data.sampler.dataset)
    collect = collector.get_data_struct

    def of_all_ranks():
        collected = collect()
        for name in filter(collected._data_dict.__contains__, _BY_QUESTION):
            collected.set(name, distributed.gather_rows(collected.get(name), count, trainer.config))
        return collected

    collector.get_data_struct = of_all_ranks
    trainer._map_reduce = lambda result, batches: result
    try:
        yield
    finally:
        del collector.get_data_struct, trainer._map_reduce


def _phase(trainer, part) -> Phase | None:
    """The phase of a part, made at its first evaluation and again when its rows have changed place."""
    if EVENTS_BEFORE not in part.inter_feat:
        return None
    rows, name = part.inter_feat[EVENTS_BEFORE], getattr(part, "phase", None)
    phases = evaluations_of(trainer).phases
    known, phase = phases.get(name, (None, None))
    if known is not rows:  # sorting a part puts new columns in place of the old
        phase = phase_of(trainer.config, part)
        phases[name] = (rows, phase)
        if phase:
            phase.log(trainer.config["ties"])
        elif leaves_out_repeats(trainer.config):
            trainer.logger.info(
                f"{set_color('candidates', 'blue')}: RecBole's own, without what a user has had (repeatable: False); "
                "--repeatable=True asks what sequential models are asked"
            )
    return phase


def _load(trainer, file: str) -> None:
    """The best model, as RecBole's `evaluate` loads it."""
    if not trainer.config["single_spec"]:
        torch.distributed.barrier()  # until rank 0 has written it
    checkpoint = torch.load(file, map_location=trainer.device)
    trainer.model.load_state_dict(checkpoint["state_dict"])
    trainer.model.load_other_parameter(checkpoint.get("other_parameter"))
    trainer.logger.info(f"Loading model structure and parameters from {file}")


def _by_ranks(trainer, part, phase: Phase, progress: bool) -> dict[str, float]:
    """Metrics of the view to predict with, through RecBole's Collector and Evaluator; keeps those of every view."""
    data = trainer.eval_collector.data_struct
    data.update_tensor("rec.ranks", _ranks_of_all_processes(trainer, part, phase, progress))
    data.update_tensor("rec.repeat", phase.repeat)
    collected = trainer.eval_collector.get_data_struct()
    evaluator = RankEvaluator(trainer.config)
    views = view_names(trainer.model)
    found = evaluations_of(trainer)
    found.agreement = agreement(collected.get("rec.ranks").numpy(), views)
    found.newest = {view: evaluator.evaluate(collected, index) for index, view in enumerate(views)}
    found.candidates[phase.name] = phase.described()
    if phase.name == "test":
        found.intervals = {
            view: _intervals(evaluator, collected, index, phase.generators) for index, view in enumerate(views)
        }
        write_ranks(trainer, KeptRanks.of(phase, views, collected.get("rec.ranks")))
    return found.newest[views[chosen_view(trainer.model)]]


def _ranks_of_all_processes(trainer, part, phase: Phase, progress: bool) -> torch.Tensor:
    """[N, views, 3]; of several processes each ranks every so-manieth question."""
    config, sets = trainer.config, phase.candidates
    alone = config["single_spec"]
    mine = slice(None) if alone else distributed.shard(config)
    if sets.elements is not None:
        sets = CandidateSets(sets.elements[mine], sets.hash)
    most_rows = config["eval_batch_size"]
    found = rank_targets(trainer.model, part, phase.rows[mine], sets, most_rows=most_rows, progress=progress)
    return found if alone else distributed.gather_rows(found, len(phase.rows), config)


def _intervals(evaluator: RankEvaluator, collected, view: int, generators: np.ndarray) -> dict[str, list[float]]:
    """95 % bootstrap intervals of the means over all questions, of which each generator's are drawn together."""
    values = by_question(evaluator.ranks(collected, view), evaluator.config, evaluator.config["ties"])
    ends = mean_interval(np.stack(list(values.values()), axis=1), groups=generators, draws=INTERVAL_DRAWS)
    return {name: interval.tolist() for name, interval in zip(values, ends, strict=True)}
