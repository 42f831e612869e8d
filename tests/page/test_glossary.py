"""The words at the end of a page: each that a heading leads to is there."""

from types import SimpleNamespace

import pytest

from recbole_hail.page.glossary import OF_SECTIONS, WORDS, glossary, links
from recbole_hail.page.html import SECTIONS


def report(pairs=()):
    return SimpleNamespace(own=SimpleNamespace(pairs=list(pairs)))


def test_headings_lead_to_words_that_are_there():
    assert OF_SECTIONS.keys() <= {anchor for anchor, *_ in SECTIONS}
    known = [anchor for anchor, *_ in WORDS]
    assert len(set(known)) == len(known) and {*sum(OF_SECTIONS.values(), ())} <= {*known}


@pytest.mark.parametrize("pairs", [[], ["a pair"]])
def test_peers_are_explained_where_there_are_some(pairs):
    (listed,) = glossary(report(pairs))
    assert listed.count("<dt ") == listed.count("<dd>") == len(WORDS) - (not pairs)
    assert ('id="word-peer"' in listed) == bool(pairs)
    assert ("#word-peer" in "".join(links(report(pairs), "curves"))) == bool(pairs)
    assert links(report(pairs), "settings") == []


def test_what_people_asked_about_is_explained():
    """Pop, GeneratorFrequency, repeat, protocol, MRR, NDCG and lists 5cd6… stood there without a word."""
    (listed,) = glossary(report())
    for term in ("Pop", "GeneratorFrequency", "repeat, new", "protocol", "MRR", "NDCG@10", "lists 5cd6…"):
        assert f">{term}</dt>" in listed
