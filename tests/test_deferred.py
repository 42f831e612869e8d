"""What a command does not import on its start, and RecBole's names from there all the same."""

import json
import sys

import pytest

from recbole_hail import deferred

NAMES = """
import json, sys
from recbole_hail.cli import main, run_hyper, run_recbole, run_recbole_group
heavy = ("matplotlib", "ray", "scipy.optimize", "scipy.spatial", "scipy.stats", "sklearn")
print(json.dumps([name for name in heavy if name in sys.modules]))

from recbole.evaluator import metrics
from recbole.model.general_recommender import nceplrec, slimelastic
from recbole.quick_start import quick_start
assert metrics.sk_auc([0, 0.5, 1], [0, 1, 1]) == 0.75
import sklearn.exceptions, sklearn.linear_model, sklearn.metrics, sklearn.utils.extmath
assert metrics.mean_squared_error is sklearn.metrics.mean_squared_error
assert slimelastic.ElasticNet is sklearn.linear_model.ElasticNet
assert slimelastic.ConvergenceWarning is sklearn.exceptions.ConvergenceWarning
assert nceplrec.randomized_svd is sklearn.utils.extmath.randomized_svd
assert "ray" not in sys.modules
report = quick_start.tune.report
import ray.tune
assert quick_start.tune is ray.tune and report is ray.tune.report
"""


# Each of torch's optimizers that RecBole can be asked for, by what its steps leave.
OPTIMIZERS = """
import sys, recbole_hail, torch
def trained(kind, **settings):
    weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    optimizer = kind([weight], lr=0.1, **settings)
    for _ in range(3):
        optimizer.zero_grad()
        weight.square().sum().backward()
        optimizer.step()
    optimizer.load_state_dict(optimizer.state_dict())
    assert weight.tolist() != [1.0, 2.0] and weight.requires_grad and torch.is_grad_enabled()
    return weight.tolist()
def all_trained():
    kinds = torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD, torch.optim.Adagrad, torch.optim.RMSprop
    return [trained(kind) for kind in kinds] + [trained(torch.optim.AdamW, fused=True)]
def of_a_rank():
    model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(2, 1))
    model(torch.ones(1, 2)).sum().backward()
    return [weight.grad.tolist() for weight in model.parameters()]
torch.distributed.init_process_group("gloo", init_method=f"file://{sys.argv[1]}", rank=0, world_size=1)
before = all_trained(), of_a_rank()
assert "torch._dynamo" not in sys.modules
import torch._dynamo
assert (all_trained(), of_a_rank()) == before
torch.distributed.destroy_process_group()
"""


def test_training_does_not_import_torchs_compiler_and_steps_are_the_same_with_it(run_python, tmp_path):
    """It took more than a second of every run, to be told to leave the optimizer alone."""
    done = run_python(OPTIMIZERS.replace("sys.argv[1]", repr(str(tmp_path / "meeting"))))
    assert done.returncode == 0, done.stderr


def test_commands_start_without_what_few_of_them_use_and_recboles_names_are_the_real_ones_then(run_python):
    """A command with a wrong setting took a third longer to say so."""
    done = run_python(NAMES)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def test_what_is_imported_already_stays(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("slowly", "already"):
        (tmp_path / f"{name}.py").write_text("def double(x): return 2 * x\n")
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(deferred, "PACKAGES", ("slowly", "already", "nowhere"))
    import already

    with deferred.imports():
        from already import double
        from slowly import double as later

        with pytest.raises(ModuleNotFoundError):
            import nowhere  # noqa: F401
    assert double is already.double
    assert type(later) is deferred.Later and "slowly" not in sys.modules
    assert later(2) == 4
    assert "slowly" in sys.modules and sys.modules["already"] is already
