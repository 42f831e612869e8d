"""The evaluation of every trainer under a named protocol, in place of RecBole's own."""

from functools import wraps

import numpy as np
import torch
from recbole.utils import set_color

from recbole_hail.data.history import EVENTS_BEFORE
from recbole_hail.evaluation.agreement import agreement
from recbole_hail.evaluation.candidates import CandidateSets
from recbole_hail.evaluation.metrics import RankEvaluator, by_question
from recbole_hail.evaluation.phase import Phase, phase_of
from recbole_hail.evaluation.ranking import rank_targets, views_of
from recbole_hail.evaluation.significance import mean_interval
from recbole_hail.evaluation.tables import result_table
from recbole_hail.training.records import write_ranks_of, write_record

INTERVAL_DRAWS = 1000


def with_protocols(original):
    """RecBole's `Trainer.evaluate`, by ranks where a protocol applies (see `protocol_of`).

    The trainer then holds, for what it has evaluated last, `view_results` (metrics of each view) and `agreement` (of
    the peers' answers, None where the ranks of peers are not known) and, for each phase,
    `results`, `candidates`, and after a test `intervals`; records and ranks of a test are written beside the model.
    """

    @wraps(original)
    def evaluate(self, eval_data, load_best_model=True, model_file=None, show_progress=False):
        if not eval_data:
            return None
        phase = _phase(self, eval_data._dataset)
        if load_best_model:
            _load(self, model_file or self.saved_model_file)
        if phase is None:
            result = original(self, eval_data, False, None, show_progress)
            self.agreement = None
            self.view_results = {views_of(self.model)[_chosen(self.model)]: dict(result)}
        else:
            self.model.eval()
            result = _by_ranks(self, eval_data._dataset, phase, show_progress)
            self.wandblogger.log_eval_metrics(result, head="eval")
        name = getattr(eval_data._dataset, "phase", "test")
        if name == "test":
            self.results = {**getattr(self, "results", {}), "test": self.view_results}
            self.logger.info(set_color("test result by view", "yellow") + ":\n" + result_table(self.view_results))
            write_record(self)
        return result

    return evaluate


def _chosen(model) -> int:
    return getattr(model, "view", 0)


def _phase(trainer, part) -> Phase | None:
    """The phase of a part, made at its first evaluation and again when its rows have changed place."""
    if EVENTS_BEFORE not in part.inter_feat:
        return None
    rows, name = part.inter_feat[EVENTS_BEFORE], getattr(part, "phase", None)
    phases = vars(trainer).setdefault("phases", {})
    known, phase = phases.get(name, (None, None))
    if known is not rows:  # sorting a part puts new columns in place of the old
        phase = phase_of(trainer.config, part)
        phases[name] = (rows, phase)
        if phase:
            phase.log(trainer.config["ties"])
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
    views = views_of(trainer.model)
    trainer.agreement = agreement(collected.get("rec.ranks").numpy(), views)
    trainer.view_results = {view: evaluator.evaluate(collected, index) for index, view in enumerate(views)}
    trainer.candidates = {**getattr(trainer, "candidates", {}), phase.name: phase.described()}
    if phase.name == "test":
        trainer.intervals = {
            view: _intervals(evaluator, collected, index, phase.generators) for index, view in enumerate(views)
        }
        write_ranks_of(trainer, phase, views, collected.get("rec.ranks").numpy())
    return trainer.view_results[views[_chosen(trainer.model)]]


def _ranks_of_all_processes(trainer, part, phase: Phase, progress: bool) -> torch.Tensor:
    """[N, views, 3]; of several processes each ranks every so-manieth question."""
    config, sets = trainer.config, phase.candidates
    alone = config["single_spec"]
    mine = slice(None) if alone else slice(config["local_rank"] + config["offset"], None, config["world_size"])
    if sets.elements is not None:
        sets = CandidateSets(sets.elements[mine], sets.hash)
    most_rows = config["eval_batch_size"]
    ranks = rank_targets(trainer.model, part, phase.rows[mine], sets, most_rows=most_rows, progress=progress)
    if alone:
        return ranks
    shares = [None] * config["world_size"]
    torch.distributed.all_gather_object(shares, ranks)
    together = ranks.new_zeros(len(phase.rows), *ranks.shape[1:])
    for number, share in enumerate(shares):
        together[number :: config["world_size"]] = share
    return together


def _intervals(evaluator: RankEvaluator, collected, view: int, generators: np.ndarray) -> dict[str, list[float]]:
    """95 % bootstrap intervals of the means over all questions, of which each generator's are drawn together."""
    values = by_question(evaluator.ranks(collected, view), evaluator.config, evaluator.config["ties"])
    ends = mean_interval(np.stack(list(values.values()), axis=1), groups=generators, draws=INTERVAL_DRAWS)
    return {name: interval.tolist() for name, interval in zip(values, ends, strict=True)}
