"""Groups of models: their tables, and what cannot stand in one table."""

from pathlib import Path

import pytest

from recbole_hail.cli import run_recbole_group
from recbole_hail.cli.config import checked_config
from recbole_hail.errors import SettingsError

FULL = "--eval_args={'split':{'LS':'valid_and_test'},'order':'TO','group_by':'user','mode':'full'}"


def test_a_setting_of_one_model_of_a_group_is_no_misspelling(cyclic, run_here):
    done = run_here(
        "run_recbole_group", "--model_list=HAIL,SASRec", "--dataset=cyclic", "--config_files=small.yaml", "--epochs=1",
        "--loss_type=CE", "--loss_typ=CE", "--metrics=['Hit','MRR']", "--topk=[1,10]", "--valid_metric=MRR@10", FULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "warning: --loss_typ is not a setting of HAIL or SASRec; did you mean --loss_type?" in done.stderr
    assert "warning: --loss_type" not in done.stderr


def test_run_recbole_group_prints_and_writes_both_tables(cyclic, run_command):
    done = run_command(
        "run_recbole_group", "--model_list=HAIL,Pop", "--dataset=cyclic", "--config_files=small.yaml", "--epochs=1",
        "--load_col={'inter':['user_id','item_id','timestamp']}", "--repeatable=True", "--topk=[1,5]",
        "--valid_metric=MRR@5", "--metrics=['Hit','MRR']", FULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "| HAIL |" in done.stdout and "| Pop  |" in done.stdout
    assert "is not a setting" not in done.stderr, "it warned of its own --model_list"
    assert "HAIL" in Path("latex/test.tex").read_text() and "Pop" in Path("latex/valid.tex").read_text()


def test_a_group_of_models_that_are_evaluated_differently_is_refused(cyclic, run_here):
    done = run_here("run_recbole_group", "--model_list=HAIL,Pop", "--dataset=cyclic", "--config_files=small.yaml")
    assert done.returncode == 2, done.stderr[-3000:]
    assert "error: topk: differs between the models" in done.stderr


def test_a_group_of_which_some_are_ranked_without_repeats_is_refused(cyclic):
    """Unless a protocol is named: then all are asked the same."""
    arguments = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "uni99"}
    how = {"topk": [1], "metrics": ["Hit"], "valid_metric": "Hit@1", "eval_args": arguments}

    def check(**settings):
        given = {**how, **settings}
        run_recbole_group._check_comparable(
            {name: checked_config(name, "cyclic", None, given) for name in ("HAIL", "Pop")}
        )

    with pytest.raises(SettingsError, match=r"repeatable: differs between the models \(HAIL True, Pop False\)"):
        check()
    check(candidates="strict")
    check(repeatable=True)


def test_a_group_of_which_recbole_ranks_some_by_itself_is_refused(cyclic):
    """All were trained, and the table then ended in a KeyError."""
    how = {"eval_args": {"split": {"RS": [0.8, 0.1, 0.1]}, "order": "TO", "group_by": "user", "mode": "full"}}
    how |= {"topk": [10], "metrics": ["NDCG"], "valid_metric": "NDCG@10", "repeatable": True}
    configs = {name: checked_config(name, "cyclic", None, dict(how)) for name in ("HAIL", "Pop")}
    with pytest.raises(SettingsError, match="RecBole itself ranks Pop, otherwise than HAIL"):
        run_recbole_group._check_comparable(configs)


def test_a_group_of_no_models_is_an_error(cyclic, run_here):
    """It did nothing, with exit status 0."""
    done = run_here("run_recbole_group", "--model_list=,", "--dataset=cyclic")
    assert done.returncode == 2 and "error: model_list: ',' names none; give names separated by commas" in done.stderr
