"""What a command does not import on its start, and RecBole's names from there all the same."""

import json
import sys

import pytest

from recbole_hail import lazy_imports

HEAVY = ["matplotlib", "ray", "scipy.optimize", "scipy.spatial", "scipy.stats", "sklearn"]


def test_commands_start_without_what_few_of_them_use(run_python):
    """A command with a wrong setting took a third longer to say so."""
    done = run_python(
        "import json, sys\n"
        "from recbole_hail.cli import main, run_hyper, run_recbole, run_recbole_group\n"
        f"print(json.dumps([name for name in {HEAVY} if name in sys.modules]))\n"
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def test_recboles_names_are_the_real_ones_once_they_are_used(run_python):
    done = run_python(
        "import sys, warnings, recbole_hail\n"
        "from recbole.evaluator import metrics\n"
        "from recbole.model.general_recommender import nceplrec, slimelastic\n"
        "from recbole.quick_start import quick_start\n"
        "assert metrics.sk_auc([0, 0.5, 1], [0, 1, 1]) == 0.75\n"
        "import sklearn.exceptions, sklearn.linear_model, sklearn.metrics, sklearn.utils.extmath\n"
        "assert metrics.mean_squared_error is sklearn.metrics.mean_squared_error\n"
        "assert slimelastic.ElasticNet is sklearn.linear_model.ElasticNet\n"
        "assert slimelastic.ConvergenceWarning is sklearn.exceptions.ConvergenceWarning\n"
        "assert nceplrec.randomized_svd is sklearn.utils.extmath.randomized_svd\n"
        "assert 'ray' not in sys.modules\n"
        "report = quick_start.tune.report\n"
        "import ray.tune\n"
        "assert quick_start.tune is ray.tune and report is ray.tune.report\n"
    )
    assert done.returncode == 0, done.stderr


def test_what_is_imported_already_stays(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("slowly", "already"):
        (tmp_path / f"{name}.py").write_text("def double(x): return 2 * x\n")
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(lazy_imports, "PACKAGES", ("slowly", "already", "nowhere"))
    import already

    with lazy_imports.imports():
        from already import double
        from slowly import double as later

        with pytest.raises(ModuleNotFoundError):
            import nowhere  # noqa: F401
    assert double is already.double
    assert type(later) is lazy_imports.LazyName and "slowly" not in sys.modules
    assert later(2) == 4
    assert "slowly" in sys.modules and sys.modules["already"] is already
