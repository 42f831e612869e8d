"""HTML from values: all text is escaped but what is markup already. Pages need nothing from elsewhere."""

from collections.abc import Sequence
from html import escape
from pathlib import Path


class Markup(str):
    """Text that is HTML; any other text is escaped where it enters a page."""


def text(value) -> Markup:
    """`value` as HTML."""
    return value if isinstance(value, Markup) else Markup(escape(str(value)))


def element(tag: str, *content, **attributes) -> Markup:
    """An element; a trailing underscore of an attribute's name is dropped (`class_`)."""
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(str(value))}"' for name, value in attributes.items()
    )
    return Markup(f"<{tag}{given}>{''.join(map(text, content))}</{tag}>")


def paragraph(*content) -> Markup:
    return element("p", *content)


def bullets(items: Sequence) -> Markup:
    return element("ul", *(element("li", item) for item in items))


def figure(drawing: Markup, caption: str) -> Markup:
    return element("figure", element("figcaption", caption), drawing)


def side_by_side(*figures: Markup) -> Markup:
    """On a wide screen; below one another on a phone."""
    return element("div", *figures, class_="charts")


def table(caption: str, header: Sequence, rows: Sequence[Sequence], *, words: int = 1) -> Markup:
    """A table that scrolls by itself where it is wider than the page.

    Args:
        caption: what it says.
        header: names of the columns.
        rows: cells; the first heads its row.
        words: how many columns from the left hold words; the others hold numbers and are set flush right.
    """

    def cells(row, tag):
        kinds = ["" if place < words else "number" for place in range(len(row))]
        return [
            element("th", cell, scope="col" if tag == "th" else "row")
            if tag == "th" or place == 0
            else element("td", cell, class_=kinds[place])
            for place, cell in enumerate(row)
        ]

    head = element("thead", element("tr", *cells(header, "th")))
    body = element("tbody", *(element("tr", *cells(row, "td")) for row in rows))
    whole = element("table", element("caption", caption), head, body)
    return element("div", whole, class_="scroll", role="region", aria_label=caption, tabindex="0")


def whole_page(title: str, *body: Markup) -> str:
    """A document in the style of all pages, which reads well on a phone too."""
    head = [
        Markup('<meta charset="utf-8">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        element("title", text(title)),
        element("style", Markup(Path(__file__).with_name("style.css").read_text(encoding="utf-8"))),
    ]
    return f"<!DOCTYPE html>\n{element('html', element('head', *head), element('body', *body), lang='en')}\n"
