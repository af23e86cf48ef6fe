"""Templates: escaped, linked, boxed, and strict about what they need."""

import base64
import io
import xml.etree.ElementTree

import jinja2
import numpy as np
import pytest
from markupsafe import Markup
from PIL import Image

from mgm_tf.plotting import html, svg


def page(text="one"):
    """A page of two sections, as `report.html.j2` gets them."""

    class Part:
        macro = "paragraph"
        style = ""

        def __init__(self, text):
            self.text = text

    class Grid:
        macro = "grid"
        style = "prose"
        heads = ("", "a<")

        class Line:
            style = ""
            text = "first"

        rows = (([Line], [Line]),)

    def section(title, more, *parts):
        return {"title": title, "more": more, "parts": parts}

    return html.render(
        "report.html.j2",
        title="<Report>",
        introduction=[Part("first")],
        sections=[
            section("Table 1", "what is in it", Part(text)),
            section("A & B", "", Grid),
        ],
    )


def test_text_is_escaped_once():
    assert "<p>&lt;b&gt; &amp; &#39;c&#39;</p>" in page("<b> & 'c'")
    assert "<p><b></p>" in page(Markup("<b>"))
    assert "<p>1.5</p>" in page(1.5)


def test_a_page_has_one_title_and_links_to_its_sections():
    text = page()
    assert text.startswith("<!doctype html>\n") and text.endswith("</html>\n")
    assert text.count("<h1>&lt;Report&gt;</h1>") == text.count("<h1>") == 1
    assert '<a href="#table-1">Table 1</a>\n<a href="#a-b">A &amp; B</a>' in text
    assert '<h2 id="table-1">Table 1<span>: what is in it</span></h2>' in text
    assert '<h2 id="a-b">A &amp; B</h2>' in text
    assert text.index("<p>first</p>") < text.index("<nav>") < text.index("<p>one</p>")
    assert "prefers-color-scheme: dark" in text and "@media print" in text


def test_tables_scroll_in_a_box_of_their_own():
    text = "".join(page().split("\n"))
    assert (
        '<div class="wide" tabindex="0"><table class="prose"><thead><tr>'
        '<th scope="col"></th><th scope="col">a&lt;</th></tr></thead>'
        '<tbody><tr><th scope="row">first</th><td>first</td></tr></tbody></table></div>'
    ) in text


def test_a_value_that_a_template_lacks_is_an_error():
    with pytest.raises(jinja2.UndefinedError, match="sections"):
        html.render("report.html.j2", title="", introduction=())


def test_a_picture_is_in_its_address():
    picture = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    kind, data = html.png(picture).split(",")
    assert kind == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        np.testing.assert_array_equal(np.asarray(image), picture)


def test_a_histogram_is_the_same_each_time_and_needs_no_ids():
    first, second = (svg.histogram([0, 2, 1]) for _ in range(2))
    assert first == second
    xml.etree.ElementTree.fromstring(first)
    assert "url(" not in first and "<metadata" not in first


def test_an_inline_drawing_has_ids_of_its_own_and_words():
    file = (
        '<svg xmlns="ns" width="9pt" height="5pt" viewBox="0 0 9 5" version="1.1">'
        '<defs><style>*{}</style></defs><path id="a"/><use href="#a" clip="url(#a)"/>'
        "</svg>"
    )
    assert svg.inline(file, "name", "a < b") == (
        '<svg role="img" aria-label="a &lt; b" viewBox="0 0 9 5">'
        '<path id="name-a"/><use href="#name-a" clip="url(#name-a)"/></svg>'
    )
