import re
from html.parser import HTMLParser

import pytest

from converge_lib.card import STATUSES, Card, Code, Table


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def tones(dark):
    """Return the colours of the statuses that the style gives in one mode."""
    style = re.search("<style>(.*)</style>", Card("note", "x")._repr_html_(), re.DOTALL)[1]
    rules = re.findall(r"([^{}]+)\{([^}]*--tone:\s*(#[0-9a-f]{6})[^}]*)\}", style)
    return [colour for selector, _, colour in rules if ("dark" in selector) == dark]


@pytest.mark.parametrize(
    ("dark", "backgrounds"),
    [(False, ["#ffffff", "#f3f4f5"]), (True, ["#111111", "#14181e", "#29313d"])],
)
def test_the_status_is_legible_in_each_mode(dark, backgrounds):
    colours = tones(dark)
    assert len(colours) == 3
    assert min(contrast(c, b) for c in colours for b in backgrounds) >= 4.5


@pytest.mark.parametrize("status", STATUSES)
def test_a_status_has_a_sign_and_a_word_in_both_forms(status):
    card = Card(status, "The title")
    sign, word = STATUSES[status]
    for form in (repr(card), card._repr_html_()):
        assert sign in form and word in form and "The title" in form
    assert len({sign for sign, _ in STATUSES.values()}) == len(STATUSES)


def test_everything_is_escaped():
    evil = "<script>alert('&')</script>"
    html = Card("wrong", evil, (evil, Code(evil), Table(((evil, f"`{evil}`"),), (evil, evil))))
    html = html._repr_html_()
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 7


def test_the_html_has_balanced_tags_no_ids_and_no_scripts():
    body = ("A `word`.", Code("x = 1"), Table((("a", "b"),), ("one", "two")))
    open_tags = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag, attributes):
            assert tag != "script"
            assert "id" not in dict(attributes)
            open_tags.append(tag)

        def handle_endtag(self, tag):
            assert open_tags.pop() == tag

    Parser().feed(Card("correct", "Title", body)._repr_html_())
    assert open_tags == []


def test_the_text_is_plain_and_at_most_so_wide():
    text = repr(Card("wrong", "Title", ("word " * 60, Table((("a", "1"), ("long", "2"))))))
    assert max(map(len, text.splitlines())) <= 88
    assert text.splitlines()[-2:] == ["  a     1", "  long  2"]
    assert "\x1b" not in text


def test_an_unknown_status_is_refused():
    with pytest.raises(ValueError, match="status must be one of"):
        Card("fine", "Title")
