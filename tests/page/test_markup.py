"""HTML from values: what is escaped, and what a table says to those who do not see it."""

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from recbole_hail.page.markup import Markup, bullets, element, table, text


class Texts(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.texts = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.texts.append(data)


def parsed(markup: str) -> Texts:
    parser = Texts()
    parser.feed(markup)
    parser.close()
    return parser


@given(st.text(min_size=1))
def test_any_text_comes_out_as_it_went_in_and_makes_no_tags(words):
    found = parsed(element("p", words, title=words))
    assert [tag for tag, _ in found.tags] == ["p"] and found.tags[0][1]["title"] == words
    assert "".join(found.texts) == words


def test_markup_is_not_escaped_again():
    assert element("p", element("b", "a & b"), " < c") == "<p><b>a &amp; b</b> &lt; c</p>"
    assert text(Markup("<i>")) == "<i>" and text("<i>") == "&lt;i&gt;"
    assert bullets(["a", Markup("<b>b</b>")]) == "<ul><li>a</li><li><b>b</b></li></ul>"


def test_a_table_names_its_columns_and_rows():
    found = table("What <is>", ["", "HR@1"], [["a & b", "0.5"]])
    assert '<th scope="row">a &amp; b</th><td class="number">0.5</td>' in found
    assert '<th scope="col">HR@1</th>' in found and "<caption>What &lt;is&gt;</caption>" in found
    assert parsed(found).tags[0][1]["aria-label"] == "What <is>"
