"""Whole pages of trained models: HAIL, RecBole's SASRec, and HAIL cut down to one peer."""

import re
import shutil
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from recbole.quick_start import run_recbole

from recbole_hail.errors import DataError, SettingsError
from recbole_hail.evaluation.agreement import right
from recbole_hail.evaluation.estimates import Estimate
from recbole_hail.page import gather as gathering
from recbole_hail.page import wording
from recbole_hail.page.answers import answer
from recbole_hail.page.curves import curves
from recbole_hail.page.data import by_length, summarise
from recbole_hail.page.gather import gather
from recbole_hail.page.html import SECTIONS, to_html
from recbole_hail.page.rules import RULES_BESIDE, RulesBeside
from recbole_hail.training.checkpoints import prune_to_peer, read_checkpoint, write_checkpoint
from recbole_hail.training.loading import open_run

NASTY = '<script>alert("1")</script> & co'


@pytest.fixture(scope="module")
def runs(build, tmp_path_factory):
    """Checkpoints by name; the generators of `world` have a column that groups them."""
    built, folder = build("Pop"), tmp_path_factory.mktemp("saved")
    generators = sorted(set(built.test._dataset.field2id_token["user_id"][1:]))
    kinds = [(NASTY, "bar")[number % 2] for number in range(len(generators))]
    users = "\n".join(f"{token}\t{kind}\t{token}\t7" for token, kind in zip(generators, kinds, strict=True))
    header = "user_id:token\tplace_type:token\tname_of:token\tevents:float"
    Path("dataset/world/world.user").write_text(f"{header}\n{users}\n")
    found = {}
    for model in ("HAIL", "SASRec"):
        short = {"epochs": 2, "train_batch_size": 64, "train_batch_tokens": 200, "candidates": "strict"}
        given = {**built.ranked, **short, "checkpoint_dir": str(folder / model), "topk": [1, 10]}
        run_recbole(model=model, dataset="world", config_dict=given)
        (found[model],) = (folder / model).glob("*.pth")
    found["killed"] = shutil.copy(found["HAIL"], folder / "killed.latest.pth")  # which leaves no record
    found["pruned"] = folder / "one.pth"
    write_checkpoint(prune_to_peer(read_checkpoint(found["HAIL"]), 1), found["pruned"])
    return found


@pytest.fixture(scope="module")
def pages(runs):
    """Report and page of every run."""
    found = {}
    for name, checkpoint in runs.items():
        with open_run(checkpoint) as it:
            report = gather(it, say=lambda text: None)
        found[name] = report, to_html(report)
    return found


class Page(HTMLParser):
    """What a browser would see: sections, links and sources; every element that is opened is closed."""

    VOID = ("meta", "br", "link", "img", "input", "hr")

    def __init__(self, page: str):
        super().__init__()
        self.sections, self.links, self.open, self.tags, self.seen = [], [], [], set(), []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.add(tag)
        self.links += [attributes[name] for name in ("src", "href", "action", "data", "poster") if name in attributes]
        if tag == "section":
            self.sections.append(attributes["id"])
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.seen.append(data)


@pytest.mark.parametrize("name", ["HAIL", "SASRec", "killed", "pruned"])
def test_every_section_is_there_and_nothing_comes_from_elsewhere(pages, name):
    _, page = pages[name]
    found = Page(page)
    wanted = [anchor for anchor, *_ in SECTIONS if anchor != "agreement" or name in ("HAIL", "killed")]
    assert found.sections == wanted and not found.open
    assert [link for link in found.links if "#word-" not in link] == [f"#{anchor}" for anchor in wanted]
    assert all(f' id="{link[1:]}"' in page for link in found.links)
    assert not re.search(r"https?:|@import|url\(", page) and "script" not in found.tags
    assert "nan" not in "".join(found.seen).split()


def test_tokens_are_escaped_and_still_read_as_they_are(pages):
    _, page = pages["HAIL"]
    assert "<script" not in page and NASTY in Page(page).seen


def test_numbers_are_those_of_the_record(pages):
    for name in ("HAIL", "SASRec"):
        report, page = pages[name]
        record = report.record
        for place, view in enumerate(record["results"]["test"]):
            result = record["results"]["test"][view]
            for kind, prefix in (("all", ""), ("repeat", "repeat_"), ("new", "new_")):
                marks = report.own.marks[kind][place]
                assert marks[0].mean == pytest.approx(result[f"{prefix}hit@1"])
                assert marks[report.lead].mean == pytest.approx(result[f"{prefix}mrr"])
            low, high = record["intervals"][view]["mrr"]
            assert (report.own.marks["all"][place][report.lead].low, high) == pytest.approx((low, high))
        assert f"{report.own.marks['all'][report.chosen][report.lead]}" in page
        assert report.own.described == record["candidates"]["test"]


def test_the_rules_are_those_that_run_by_themselves(pages, build, tmp_path):
    report, _ = pages["HAIL"]
    settings = {"candidates": "strict", "checkpoint_dir": str(tmp_path), "topk": [1, 10]}
    for place, rule in enumerate(RULES_BESIDE, start=report.views):
        own = run_recbole(model=rule, dataset="world", config_dict={**build("Pop").ranked, **settings})["test_result"]
        assert report.own.marks["all"][place][report.lead].mean == pytest.approx(own["mrr"])
    assert report.best_rule in range(report.views, report.views + len(RULES_BESIDE))


def test_the_first_answers_are_told_whatever_topk_is(runs):
    """With topk: [10] the share of targets among the first ten stood for that of right answers."""
    with open_run(runs["HAIL"]) as it:
        it.config["topk"] = [10]
        report = gather(it, say=lambda text: None)
    own = report.record["results"]["test"]["mean"]
    assert report.metrics[0] == "HR@1" and report.own.marks["all"][2][0].mean == pytest.approx(own["hit@1"])
    assert f">{own['hit@1']:.1%} <small>" in to_html(report)


def test_what_to_do_is_told_where_a_rule_is_better(pages):
    """The page said that the model is worse, and not what to take instead."""
    report, page = pages["HAIL"]
    rule = report.scorers[report.best_rule].name
    command = f"run_recbole --model={rule} --dataset=world --candidates=strict"
    given = {"to_take": report.best_rule, "command": command}
    worse = to_html(replace(report, above_rule=Estimate(-0.1, -0.2, -0.05), **given))
    assert "(−0.200 to −0.050).</li>" in worse and f"<li>Use {rule} instead: <code>{command}</code></li>" in worse
    assert "Use " not in to_html(replace(report, above_rule=Estimate(-0.1, -0.2, 0.05), **given))
    assert "The MRR (the mean of 1 / rank of the right one; 1 is perfect) is 0." in page


def test_a_network_without_peers_is_the_model(pages):
    """It was called peer 1 throughout."""
    assert '<th scope="row">the model</th>' in pages["pruned"][1] and "peer 1" not in pages["pruned"][1]
    assert '<th scope="row">peer 1</th>' in pages["HAIL"][1]
    report, _ = pages["HAIL"]
    assert "the model: " in "".join(curves(replace(report, scorers=report.scorers[:1])))


def test_only_the_runs_own_protocol_is_unfolded(pages):
    _, page = pages["HAIL"]
    shown, *folded = page.split('id="protocols"')[1].split("</section>")[0].split("<details>")
    assert "strict, under which the run was tested</h3>" in shown and shown.count("<table>") == 1
    assert [re.search(r"<h3>(\w+)</h3></summary>", part)[1] for part in folded] == ["full", "paper", "recbole"]
    assert all(part.count("<table>") == 1 for part in folded) and "details-content" in page, "which prints them"


def test_protocols_begin_with_the_runs_own(pages):
    report, _ = pages["HAIL"]
    assert [result.described["protocol"] for result in report.protocols] == ["strict", "full", "paper", "recbole"]
    assert {result.questions["all"] for result in report.protocols} <= {40, 41}, "one has had every element"


def test_agreement_is_that_of_the_ranks_that_the_run_left(pages, runs):
    report, _ = pages["HAIL"]
    with np.load(runs["HAIL"].with_suffix(".ranks.npz")) as kept:
        one, other = right(kept["ranks"])[:, 0], right(kept["ranks"])[:, 1]
    (pair,) = report.own.pairs
    assert (pair.both, pair.only_first) == ((one & other).mean(), (one & ~other).mean())
    assert pair.only_first + pair.only_second <= pair.differ, "of two different answers at most one is right"
    assert pair.both + pair.only_first + pair.only_second + pair.neither == pytest.approx(1)
    assert pages["SASRec"][0].own.pairs == pages["pruned"][0].own.pairs == []


def test_first_answers_are_those_that_the_scores_put_first(runs):
    with open_run(runs["HAIL"]) as it:
        answers = answer(it, RulesBeside(it), "strict", 99)
        lists, rows = answers.phase.candidates.elements, answers.phase.rows
        for number in (0, 7, 40):
            row = it.test[rows[number : number + 1]]
            target = int(row["item_id"][0])
            asked = np.array([target, *lists[number]])
            for view, hidden in enumerate(it.model.encode_rows(row)):
                scores = it.model.score_encoded(hidden)[0].detach().numpy()[asked]
                assert answers.firsts[number, view] == asked[scores.argmax()]


def test_groups_come_from_the_user_file_and_from_histories(pages):
    report, _ = pages["HAIL"]
    assert [grouping.title for grouping in report.groupings] == ["place type"], "20 and 21 generators"
    assert {group.name for group in report.groupings[0].groups} == {NASTY, "bar"}


def test_learning_curves_or_that_there_are_none(pages):
    _, page = pages["HAIL"]
    for chart in ("Loss in training: self-knowledge", "Loss in training: negative", "Validation: MRR"):
        assert f"<figcaption>{chart}</figcaption>" in page
    assert "<figcaption>Loss in training</figcaption>" in pages["SASRec"][1]
    assert "There is no curve" in pages["pruned"][1]


def test_a_run_that_was_killed_has_the_curve_so_far(pages, runs):
    """It had none, for runs leave their record at their end."""
    report, page = pages["killed"]
    whole, kept = pages["HAIL"][0].record, read_checkpoint(runs["killed"])
    assert report.record["curve"] == whole["curve"][: kept["epoch"] + 1] and report.record["steps"] > 0
    assert "<figcaption>Validation: MRR</figcaption>" in page and "the curve ends at the checkpoint" in page
    assert "the curve ends at the checkpoint" not in pages["HAIL"][1]


def test_settings_are_shown_and_where_things_lie_is_not(pages, runs):
    _, page = pages["HAIL"]
    seen = Page(page).seen
    assert seen[seen.index("alpha") + 1] == "0.5" and seen[seen.index("candidates") + 1] == "strict"
    assert "checkpoint_dir" not in seen and str(runs["HAIL"].parent) not in page
    section = page.split('id="settings"')[1].split("</section>")[0]
    assert section.count("<details>") >= 5 and "<details open" not in section, "pages of them, before the words"


def test_the_data_by_hand(runs):
    with open_run(runs["HAIL"]) as it:
        found = summarise(it.train, [f"number {n}" for n in range(121)])
    generators, elements = zip(*events(), strict=True)
    lengths = list(Counter(generators).values())
    assert (found.generators, found.elements, found.events) == (41, 120, sum(lengths))
    assert (found.shortest, found.longest) == (min(lengths), 120)
    assert (found.median, found.mean) == (np.median(lengths), pytest.approx(np.mean(lengths)))
    by_hand = [
        sum(a <= n < b for n in lengths) for a, b in [(1, 5), (5, 10), (10, 20), (20, 50), (50, 100), (100, 200)]
    ]
    assert [count for _, count in found.by_length] == [*by_hand, 0, 0, 0]
    assert found.frequent[0][0].startswith("number ") and found.frequent[0][1] == pytest.approx(
        Counter(elements).most_common(1)[0][1] / len(elements)
    )


@pytest.mark.parametrize(("base_network", "read"), [("causal", 6), ("bidirectional", 5)])
def test_histories_that_are_longer_than_what_is_read(build, base_network, read):
    """A masked network reads one element fewer than MAX_ITEM_LIST_LENGTH, which is 6."""
    built = build("HAIL", base_network=base_network)
    answers = SimpleNamespace(phase=SimpleNamespace(rows=np.arange(len(built.test._dataset))))
    seen = SimpleNamespace(test=built.test._dataset, model=built.model, config=built.config)
    lengths = list(Counter(generator for generator, _ in events()).values())
    assert gathering._cut(seen, answers) == pytest.approx(np.mean([length - 1 > read for length in lengths]))
    assert any(length - 1 == 6 for length in lengths)


@pytest.mark.parametrize(("model", "cut"), [("GeneratorFrequency", False), ("SASRec", True)])
def test_rules_read_all_of_a_history(build, model, cut):
    """Their pages said that they read no more than MAX_ITEM_LIST_LENGTH."""
    built = build(model)
    test = built.test._dataset
    answers = SimpleNamespace(phase=SimpleNamespace(rows=np.arange(len(test))))
    seen = SimpleNamespace(test=test, model=built.model, config=built.config)
    assert bool(gathering._cut(seen, answers)) is cut


def test_all_protocols_draw_as_many_candidates_as_the_runs_own(runs):
    with open_run(runs["killed"]) as it:  # without a record, which names the lists of the test
        it.config["candidates"] = None
        it.config["eval_args"]["mode"]["test"] = "uni50"
        report = gather(it, say=lambda text: None)
    assert report.protocols[0].described["protocol"] == "recbole" and len(report.protocols) > 2
    assert {result.described.get("drawn") for result in report.protocols} == {50, None}


def events() -> list[list[str]]:
    """Generator and element of every event of `world`."""
    return [line.split("\t")[:2] for line in Path("dataset/world/world.inter").read_text().splitlines()[1:]]


def test_lengths_fall_into_classes_by_their_bounds():
    names, kind = by_length(np.array([1, 4, 5, 9, 10, 999, 1000, 5000]))
    assert [names[number] for number in kind] == [
        "1–4", "1–4", "5–9", "5–9", "10–19", "500–999", "1,000 and more", "1,000 and more",
    ]  # fmt: skip


def test_data_that_have_changed_since_the_test_are_refused(runs, tmp_path):
    """As many generators and elements as before, so that only the questions tell."""
    lines = Path("dataset/world/world.inter").read_text().splitlines()
    swapped = [*lines[:-2], lines[-2].replace(*_last_two(lines)), lines[-1].replace(*reversed(_last_two(lines)))]
    (tmp_path / "world").mkdir()
    (tmp_path / "world" / "world.inter").write_text("\n".join(swapped) + "\n")
    with (
        pytest.raises(DataError, match=r"is not what .* was tested on \(lists \w+ now, \w+ then\).*--data_path"),
        open_run(runs["HAIL"], data_path=str(tmp_path)) as it,
    ):
        gather(it, say=lambda text: None)


def _last_two(lines: list[str]) -> tuple[str, str]:
    return lines[-2].split("\t")[1], lines[-1].split("\t")[1]


def test_an_evaluation_without_ranks_is_refused_before_the_work(runs, monkeypatch):
    """Rules cannot be counted on every such split, and their complaint would stand in the way of the message."""
    monkeypatch.setattr("recbole_hail.page.gather.RulesBeside", None)
    with open_run(runs["HAIL"]) as it:
        it.config["candidates"] = None
        it.config["eval_args"]["mode"]["test"] = "pop99"
        with pytest.raises(SettingsError, match="was evaluated by RecBole itself"):
            gather(it, say=lambda text: None)


def test_what_the_page_must_not_be_used_for_is_in_the_docs_too():
    docs = (Path(__file__).parents[2] / "docs" / "uses.md").read_text(encoding="utf-8")
    words = " ".join(docs.split())
    for line in wording.NOT_FOR:
        assert line in words
    for said in ("Predicted places are where events were recorded", "says nothing about who commits them"):
        assert said in words and said in wording.USES[0]
    assert wording.NEITHER in words


def test_a_protocol_without_candidates_is_named_and_the_others_are_shown(runs, build, write_dataset, tmp_path):
    """Every generator has had every element, so that nothing is left that it never had."""
    write_dataset(Path("dataset"), "had", {f"g{g}": [f"e{(g + i) % 12}" for i in range(24)] for g in range(30)})
    arguments = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "full"}
    settings = {"eval_args": arguments, "topk": [5], "epochs": 0, "checkpoint_dir": str(tmp_path)}
    run_recbole(model="HAIL", dataset="had", config_dict={**build("Pop").ranked, **settings})
    (checkpoint,) = tmp_path.glob("*.pth")
    with open_run(checkpoint) as it:
        report = gather(it, say=lambda text: None)
    assert [result.described["protocol"] for result in report.protocols] == ["full", "strict", "recbole"]
    assert {result.described["drawn"] for result in report.protocols[1:]} == {99}
    page = to_html(report)
    for name in ("strict", "recbole"):  # whose tables stood there too
        assert f"{name}: the same as full, because there are only 11 others to draw from." in page
    assert report.distinct == [report.own] and page.count("<caption>All targets") == 1
    assert len({str(result.marks) for result in report.protocols}) == 1
    assert "paper: not possible here." in page and "Here all targets are repeats." in page
