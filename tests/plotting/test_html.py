"""Parts of pages: escaped, linked, and boxed."""

import base64
import io

import numpy as np
from PIL import Image

from mgm_tf.plotting import html


def test_text_is_escaped_once():
    assert html.escaped("<b> & 'c'") == "&lt;b&gt; &amp; &#x27;c&#x27;"
    assert html.escaped(html.Markup("<b>")) == "<b>"
    assert html.escaped(1.5) == "1.5"


def test_a_page_has_one_title_and_links_to_its_sections():
    sections = [
        html.section("Table 1", "<p>one</p>", "what is in it"),
        html.section("A & B", "<p>two</p>"),
    ]
    page = html.document("<Report>", "<p>first</p>", sections, ".own{}")
    assert page.count("<h1>&lt;Report&gt;</h1>") == page.count("<h1>") == 1
    assert '<a href="#table-1">Table 1</a> <a href="#a-amp-b">A &amp; B</a>' in page
    assert '<h2 id="table-1">Table 1<span>: what is in it</span></h2><p>one</p>' in page
    assert page.index("<p>first</p>") < page.index("<nav>") < page.index("<p>one</p>")
    assert f"{html.STYLE}.own{{}}" in page


def test_tables_scroll_in_a_box_of_their_own():
    table = html.table(["", "a<"], [["first", 1]])
    assert table == (
        '<div class="wide" tabindex="0"><table><thead><tr><th scope="col"></th>'
        '<th scope="col">a&lt;</th></tr></thead>'
        "<tbody><tr><td>first</td><td>1</td></tr></tbody></table></div>"
    )
    named = html.table(["", "a"], [["first", 1]], named=True, style="prose")
    assert '<table class="prose">' in named
    assert '<tr><th scope="row">first</th><td>1</td></tr>' in named


def test_a_picture_is_in_its_address():
    picture = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    kind, data = html.png(picture).split(",")
    assert kind == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        np.testing.assert_array_equal(np.asarray(image), picture)
