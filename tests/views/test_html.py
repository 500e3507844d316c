from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abzero.views.html import code, html, joined, prose
from tests.steps import HOSTILE

ANY_TEXT = st.text(st.characters(exclude_categories=()))


class Reader(HTMLParser):
    """Collects tags and text as a browser would see them."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.tags, self.text = [], ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data


def test_values_are_text_and_templates_are_markup():
    assert html("<p>{words}</p>", words="<b>&\"'") == "<p>&lt;b&gt;&amp;&quot;&#x27;</p>"


def test_html_in_html_is_not_escaped_twice():
    assert html("<p>{inner}</p>", inner=joined([html("<i>{x}</i>", x="<"), html("!")])) == "<p><i>&lt;</i>!</p>"


def test_braces_of_a_value_are_text():
    assert html("{words}", words="{0} {x.__class__} {") == "{0} {x.__class__} {"


@given(ANY_TEXT)
def test_no_text_becomes_markup(text):
    for rendered in (html("{text}", text=text), prose(text), code(text)):
        assert set(Reader(rendered).tags) <= {"pre", "b"}
        assert Reader(html('<p title="{text}">', text=text)).tags == ["p"]
        rendered.encode()


@pytest.mark.parametrize("render", [prose, code])
def test_hostile_text_is_shown_harmless_and_whole(render):
    shown = Reader(render(HOSTILE)).text
    assert "</script><b>&" in shown
    assert "\\x1b[31mred" in shown
    assert "\\ud800" in shown


def test_code_is_coloured_and_unchanged():
    source = "def f(x):\n    return 'a # b' + str(1)  # not <b>\n"
    rendered = code(source)
    assert Reader(rendered).text == source
    assert '<b class="k">def</b>' in rendered
    assert '<b class="s">&#x27;a # b&#x27;</b>' in rendered
    assert '<b class="n">1</b>' in rendered
    assert '<b class="c"># not &lt;b&gt;</b>' in rendered


def test_long_text_is_abridged():
    assert "characters left out" in prose("x" * 100_000)
    assert len(code("x = 1\n" * 100_000)) < 50_000
