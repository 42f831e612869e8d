"""What a comparison plans: rules in every one, the same evaluation for all, problems reported together."""

from pathlib import Path

import pytest

from recbole_hail.cli.config import checked_config
from recbole_hail.comparison.notation import UNTRAINED, ModelSpec, parse_models
from recbole_hail.comparison.plan import MEMBER_SEEDS, make_plan
from recbole_hail.data.hashes import data_hash
from recbole_hail.errors import SettingsError


def plan(models="HAIL", seeds=(1, 2), files=("small.yaml",), **settings):
    return make_plan(parse_models(models), list(seeds), "cyclic", list(files), settings, config_of=checked_config)


def test_the_rules_are_in_every_table_once_and_run_once(cyclic):
    made = plan("GeneratorKNN,HAIL,Pop")
    others = [rule for rule in UNTRAINED if rule not in ("Pop", "GeneratorKNN")]
    assert list(made.rows) == ["GeneratorKNN", "HAIL", "Pop", *others]
    assert [run.seed for run in made.rows["HAIL"]] == [1, 2]
    assert all([run.seed for run in made.rows[rule]] == [1] for rule in UNTRAINED)
    assert sorted(run.spec.model for run in made.runs[:6]) == sorted(UNTRAINED)
    assert [str(run) for run in made.runs[6:]] == ["HAIL, seed 1", "HAIL, seed 2"]


BY_TIME = "{'split': {'RS': [0.8, 0.1, 0.1]}, 'order': 'TO', 'group_by': None, 'mode': 'full'}"


def test_pop_is_in_no_table_of_a_split_by_time(cyclic):
    """Nobody had asked for it, and it ended every comparison under the split that the documentation recommends."""
    for candidates in ({}, {"candidates": "strict"}):
        assert list(plan("HAIL,SASRec", eval_args=BY_TIME, **candidates).rows) == ["HAIL", "SASRec", *UNTRAINED[1:]]
    with pytest.raises(SettingsError, match=r"^BPR: BPR is not sequential, and where eval_args hold out more than one"):
        plan("HAIL,BPR", eval_args=BY_TIME)


def test_the_models_of_a_mean_differ_in_seed_and_the_first_is_the_single_model(cyclic):
    made = plan("ensemble(HAIL[peers=1],3),HAIL[peers=1]", seeds=(4,))
    (mean,), (single,) = made.rows["mean of 3 HAIL (peers=1)"], made.rows["HAIL (peers=1)"]
    assert [part.seed for part in mean.members] == [4, 4 + MEMBER_SEEDS, 4 + 2 * MEMBER_SEEDS]
    assert mean.members[0] == single
    networks = made.runs[len(UNTRAINED) :]
    assert networks == [*mean.members, mean], "the single model is trained once, and parts before their mean"


def test_seeds_whose_means_would_share_networks_are_refused(cyclic):
    """Their deviation over seeds would be that of runs that are partly the same."""
    with pytest.raises(SettingsError) as error:
        plan("ensemble(HAIL[peers=1],2)", seeds=(1, 1001, 2001))
    assert error.value.problems == [
        f"seeds: {low} and {high} would share networks, for those of a mean have the seeds s, s + 1,000, …; take others"
        for low, high in ((1, 1001), (1001, 2001))
    ]
    plan("ensemble(HAIL[peers=1],2)", seeds=(1, 2001))
    plan("HAIL", seeds=(1, 1001))


def test_recboles_models_are_evaluated_by_hails_settings(cyclic):
    shared = plan("SASRec,Pop", candidates="strict", max_minutes="0.5").shared.settings
    for model in ("SASRec", "Pop", "HAIL", "GeneratorKNN"):
        config = checked_config(model, "cyclic", None, dict(shared))
        assert config["eval_args"]["split"] == {"LS": "valid_and_test"}
        assert config["metrics"] == ["Hit", "NDCG", "MRR"] and config["valid_metric"] == "MRR"
        assert config["candidates"] == "strict" and config["ties"] == "half" and config["max_minutes"] == 0.5
        assert config["hidden_size"] == 32 or model in UNTRAINED, "the files' settings hold for all"


def test_a_base_network_for_all_is_not_for_models_that_stand_for_one(cyclic):
    shared = plan("HAIL,DML,CSa,Informer,S3RecID,SASRec", base_network="gru").shared
    assert all(shared.settings_of(ModelSpec(model))["base_network"] == "gru" for model in ("HAIL", "DML", "RCE"))
    assert all("base_network" not in shared.settings_of(ModelSpec(model)) for model in ("CSa", "Informer", "S3RecID"))
    asked = ModelSpec("CSa", (("base_network", "gru"),))
    assert shared.settings_of(asked)["base_network"] == "gru", "its own brackets say it, so it is an error later"


def test_a_model_made_from_one_that_stands_for_one_network_does_too(cyclic, monkeypatch):
    """It was given the network of all, and refused it."""
    Path("of_mine.py").write_text("from recbole_hail.models.csa import CSa\n\nclass OfMine(CSa):\n    pass\n")
    monkeypatch.syspath_prepend(str(cyclic))
    shared = plan("HAIL", base_network="gru").shared
    assert "base_network" not in shared.settings_of(ModelSpec("of_mine:OfMine"))


def test_paths_and_devices_make_no_other_comparison(cyclic):
    one, other = plan(), plan(candidates_dir="elsewhere", eval_batch_size="7", show_progress="True", state="WARNING")
    assert one.shared.described() == other.shared.described()
    assert other.shared.machine["candidates_dir"] == str(cyclic / "elsewhere")
    assert one.shared.machine["data_path"] == str(cyclic / "dataset")
    assert plan(learning_rate="0.5").shared.described() != one.shared.described()


def test_another_dataset_of_the_same_name_is_another_comparison(cyclic):
    folder = cyclic / "dataset" / "cyclic"
    before = data_hash(folder, "cyclic")
    assert plan().shared.data == before
    with open(folder / "cyclic.inter", "a") as file:
        file.write("g0\te1\t999\n")
    assert data_hash(folder, "cyclic") != before


@pytest.mark.parametrize(
    "models, settings, expected",
    [
        ("HAILL", {}, "HAILL: model: 'HAILL' is not a model of RecBole or of this plugin; did you mean HAIL?"),
        ("HAIL", {"candidates": "unfair"}, "candidates: 'unfair' must be one of recbole, strict, paper, popular, full"),
        ("HAIL", {"metrics": "['Nonsense']"}, "There is no metric named 'Nonsense'"),
        ("HAIL", {"topk": "[1,101]"}, "topk: 101 is more than the target and the 99 candidates that recbole draws"),
        ("HAIL", {"max_minutes": "0"}, "max_minutes: 0 must be a positive number"),
        ("HAIL", {"alhpa": "0.3"}, "alhpa: no model here has such a setting; did you mean alpha?"),
        ("HAIL", {"seed": "5"}, "seed: the command sets it itself; leave it out"),
        ("HAIL", {"train_on_valid": "True"}, "train_on_valid: True is unknown to RecBole's own models"),
        ("HAIL[peers=0]", {}, "HAIL (peers=0): peers: 0 must be a whole number of at least 1"),
        ("HAIL[peer=1]", {}, "HAIL (peer=1): peer is not a setting of HAIL; did you mean peers?"),
        ("HAIL[seed=1]", {}, "HAIL (seed=1): seed must be the same for all models"),
        ("Pop[candidates=paper]", {}, "Pop (candidates=paper): candidates must be the same for all models"),
        ("HAIL", {"eval_args": "{'mode': 'pop100'}"}, "name a protocol with --candidates"),
    ],
)
def test_problems_are_named(cyclic, models, settings, expected):
    with pytest.raises(SettingsError) as raised:
        plan(models, **settings)
    assert expected in str(raised.value)


def test_a_misspelt_setting_of_a_file_is_named(cyclic):
    """It was passed over in silence, where the same on the command line was an error."""
    (cyclic / "misspelt.yaml").write_text("alhpa: 0.3\n")
    with pytest.raises(SettingsError, match="alhpa: no model here has such a setting; did you mean alpha"):
        plan(files=["small.yaml", "misspelt.yaml"])


def test_problems_of_all_models_are_reported_together(cyclic):
    with pytest.raises(SettingsError) as raised:
        plan("HAIL[peers=0],HAIL[alpha=2;beta=1],Popp")
    assert len(raised.value.problems) == 4


def test_a_users_class_by_its_name_alone_is_refused_whatever_stands_before(cyclic, monkeypatch):
    """Another of the models had imported it; its run, in a process of its own, failed after all others were trained."""
    Path("brought.py").write_text(
        "from recbole.model.sequential_recommender import GRU4Rec\n\n\nclass Brought(GRU4Rec):\n    pass\n"
    )
    monkeypatch.syspath_prepend(".")
    with pytest.raises(SettingsError, match=r"^models: Brought is a class of your own; write brought:Brought$"):
        plan("brought:Brought[hidden_size=8],Brought")


@pytest.mark.parametrize("candidates", [{}, {"candidates": "full"}])
def test_benchmark_files_are_refused_without_detours(cyclic, candidates):
    """The advice was to name a protocol, which no protocol's advice let anyone do with benchmark files."""
    with pytest.raises(SettingsError) as raised:
        plan("SASRec", benchmark_filename="['train','valid','test']", **candidates)
    (told,) = raised.value.problems
    assert "needs whole sequences" in told and "name a protocol" not in told
    assert candidates or told.endswith("leave it out and give one .inter file")


def test_columns_that_are_not_to_be_loaded_are_the_same_for_all_models(cyclic):
    shared = plan("HAIL,SASRec", unload_col="{'inter': ['rating']}").shared.settings
    assert shared["load_col"] == {"inter": "*"} and shared["unload_col"] == {"inter": ["rating"]}
