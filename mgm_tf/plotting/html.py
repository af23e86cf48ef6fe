"""Pages and reports from the templates in `templates/`.

A page is one HTML file that needs nothing else: no server, no network. How pages look
on a desk, on a phone, on paper, light and dark, is in `templates/style.css`.
"""

import base64
import functools
import io
import re

import jinja2
import numpy as np
from markupsafe import Markup
from PIL import Image

from mgm_tf.plotting import svg

_MARKDOWN_ESCAPES = str.maketrans({c: f"\\{c}" for c in "\\`*_[]<>|#"})


def render(template: str, **values: object) -> str:
    """Returns a template of `templates/` with values filled in.

    Values in HTML are escaped unless they are `Markup`; the filter `md` escapes them in
    Markdown.

    Raises:
      jinja2.UndefinedError: the template needs a value that was not given.
    """
    return _environment().get_template(template).render(values).strip() + "\n"


def anchor(title: str) -> str:
    """Returns a title as the id of its section."""
    return re.sub("[^a-z0-9]+", "-", title.lower())


def png(picture: np.ndarray) -> str:
    """Returns a picture uint8 [H, W, 3] as the address of an `img`."""
    return "data:image/png;base64," + base64.b64encode(png_file(picture)).decode()


def png_file(picture: np.ndarray) -> bytes:
    """Returns a picture uint8 [H, W, 3] as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", optimize=True)
    return file.getvalue()


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("mgm_tf.plotting"),
        autoescape=_is_html,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "anchor": anchor,
        "inline": _inline,
        "md": _markdown,
        "png": png,
    }
    return environment


def _is_html(template: str | None) -> bool:
    return template is None or not template.endswith(".md.j2")


def _inline(file: str, name: str, text: str) -> Markup:
    return Markup(svg.inline(file, name, text))


def _markdown(text: object) -> str:
    """Returns text on one line, its marks of Markdown escaped."""
    return " ".join(str(text).translate(_MARKDOWN_ESCAPES).split())
