"""The notation of models: what it means, and what it refuses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recbole_hail.comparison.notation import CONTROLS, ModelSpec, parse_models
from recbole_hail.errors import SettingsError

NAMES = st.from_regex(r"[A-Z][A-Za-z0-9]{0,8}", fullmatch=True)
SETTINGS = st.dictionaries(
    st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.sampled_from(["1", "none", "[a,b]", "{'x': [1,2]}", "a=b"])
)


def test_the_notation_and_its_labels():
    specs = parse_models("HAIL, HAIL[peers=1],HAIL[distillation=none; alpha=0.7],ensemble(HAIL[peers=1],2),SASRec")
    assert [spec.label for spec in specs] == [
        "HAIL",
        "HAIL (peers=1)",
        "HAIL (alpha=0.7, distillation=none)",
        "mean of 2 HAIL (peers=1)",
        "SASRec",
    ]
    assert specs[3].member == specs[1]


def test_lists_in_settings_keep_their_commas():
    (spec,) = parse_models("HAIL[base_network=[causal,gru];peers=2]")
    assert dict(spec.settings) == {"base_network": "[causal,gru]", "peers": "2"}


def test_a_model_that_is_named_twice_is_one():
    assert parse_models("Pop,HAIL[a=1;b=2],HAIL[b=2;a=1],Pop") == [
        ModelSpec("Pop"),
        ModelSpec("HAIL", (("a", "1"), ("b", "2"))),
    ]


def test_the_controls_are_those_the_paper_lacks():
    assert [spec.label for spec in parse_models(CONTROLS)] == [
        "HAIL (peers=1)",
        "HAIL (distillation=none)",
        "mean of 2 HAIL (peers=1)",
    ]


@given(
    st.lists(
        st.builds(
            lambda name, settings, members: ModelSpec(name, tuple(sorted(settings.items())), members),
            NAMES.filter(lambda name: name != "ensemble"),
            SETTINGS,
            st.integers(1, 5),
        ),
        min_size=1,
        max_size=5,
        unique=True,
    )
)
def test_what_is_written_is_read_back(specs):
    assert parse_models(",".join(spec.written for spec in specs)) == specs


def test_a_row_may_be_named_and_the_model_is_the_same():
    one, two = parse_models("one network=HAIL[peers=1], two apart = ensemble(HAIL[a=b=c],2)")
    assert (one.label, one.own_label) == ("one network", "HAIL (peers=1)")
    assert (two.label, two.own_label) == ("two apart", "mean of 2 HAIL (a=b=c)")
    assert [one] == parse_models("HAIL[peers=1]") and hash(one) == hash(parse_models("HAIL[peers=1]")[0])
    assert one.member.label == "HAIL (peers=1)", "of a mean the name is the mean's alone"


@pytest.mark.parametrize(
    "text, problem",
    [
        ("", "names none"),
        ("HAIL[peers=1", "'HAIL[peers=1' cannot be read"),
        ("HAIL peers[1]=2", "cannot be read"),
        ("=HAIL", "cannot be read"),
        ("one=", "cannot be read"),
        ("one=two=HAIL", "cannot be read"),
        ("HAIL[peers]", "has 'peers' where setting=value belongs"),
        ("HAIL[peers=]", "where setting=value belongs"),
        ("HAIL[peers=1;peers=2]", "sets peers twice"),
        ("ensemble(HAIL,1)", "is no mean of at least 2 models"),
        ("ensemble(HAIL,two)", "is no mean of at least 2 models"),
        ("ensemble(HAIL)", "cannot be read"),
        ("ensemble(ensemble(HAIL,2),2)", "is no mean of at least 2 models"),
    ],
)
def test_what_cannot_be_read_is_named(text, problem):
    with pytest.raises(SettingsError, match="models: ") as raised:
        parse_models(text)
    assert problem in str(raised.value)


def test_all_problems_are_reported_together():
    with pytest.raises(SettingsError) as raised:
        parse_models("HAIL[,Pop],HAIL[x]; ,ensemble(Pop,0)")
    assert len(raised.value.problems) >= 1
    with pytest.raises(SettingsError) as raised:
        parse_models("HAIL[x],Pop,ensemble(Pop,0)")
    assert len(raised.value.problems) == 2
