"""A page on which one drops a photograph and sees what a model makes of it.

Made with Gradio, which requirements-demo.txt brings. Nothing comes from or goes to
other machines: no fonts, scripts or statistics, and browsers are told to refuse them.
"""

import contextlib
import os
import pathlib
import socket
from collections.abc import (
    Awaitable,
    Callable,
    Iterator,
    MutableMapping,
    Sequence,
)
from typing import Any

# Before it is imported: it counts its users, and looks for newer versions of itself.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_OFFLINE"] = "1"

import gradio as gr
import numpy as np
from starlette.middleware import Middleware

from mgm_tf.export.versions import LoadedModel
from mgm_tf.predict import shown

MOST_BYTES = 100 * 2**20  # of an uploaded file
UNREADABLE = "This is no image that can be read"
KEPT_SECONDS = 600  # until an uploaded photograph is deleted
_FONTS = ["system-ui", "sans-serif"]
_CODE_FONTS = ["ui-monospace", "monospace"]
_POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' "
    "blob:; style-src 'self' 'unsafe-inline'"
)
_CSS = """
.tasks {display: grid; gap: 1em;
  grid-template-columns: repeat(auto-fill, minmax(min(260px, 100%), 1fr))}
.legend {display: flex; flex-wrap: wrap; gap: .2em 1em; padding: .2em .1em .8em;
  font-size: .85em; line-height: 1.5}
.legend .ends {display: flex; flex: 1 0 100%; gap: .6em; align-items: center}
.legend .bar {flex: 1; height: .8em; border-radius: 2px}
.legend .color {display: inline-block; width: .8em; height: .8em; margin-right: .35em;
  border-radius: 2px; outline: 1px solid #8888; vertical-align: -.05em}
.legend .unit {flex: 1 0 100%; opacity: .75}
footer {display: none !important}
"""

# (scope, receive, send) of a server that is called for each request
Application = Callable[..., Awaitable[None]]


class _OnlyFromHere:
    """Tells browsers to load nothing from other machines."""

    def __init__(self, app: Application):
        self._app = app

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: Any, send: Any
    ) -> None:
        """Adds the policy to the head of each answer."""

        async def with_policy(message: MutableMapping[str, Any]) -> None:
            if "headers" in message:
                policy = (b"content-security-policy", _POLICY.encode())
                message = {**message, "headers": [*message["headers"], policy]}
            await send(message)

        await self._app(scope, receive, with_policy)


def build(
    model: LoadedModel, folder: pathlib.Path, examples: Sequence[pathlib.Path] = ()
) -> gr.Blocks:
    """Returns the page of a model.

    Args:
      model: the model.
      folder: where uploaded files and pictures are kept.
      examples: images that are offered to try.
    """
    # Every part of the page reads it when it is made.
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    names = list(model.info.tasks)
    with gr.Blocks(
        title=f"{model.path.parent.name}: {', '.join(names)}",
        analytics_enabled=False,
        delete_cache=(KEPT_SECONDS, KEPT_SECONDS),
    ) as page:
        gr.Markdown(_introduction(model))
        with gr.Row():
            with gr.Column(scale=1, min_width=280):
                photograph = gr.Image(
                    label="photograph",
                    sources=["upload", "webcam", "clipboard"],
                    height=300,
                    elem_id="photograph",
                )
                status = gr.Markdown("", elem_id="status")
                if examples:
                    gr.Examples(
                        [[str(path)] for path in examples],
                        inputs=photograph,
                        label="rooms to try",
                        examples_per_page=len(examples),
                    )
            with gr.Column(scale=3, min_width=280):
                outputs = _places(names)

        def predict(file: dict[str, Any] | None) -> list[Any]:
            return _answer(model, file["path"] if file else None)

        photograph.change(
            predict,
            inputs=photograph,
            outputs=[status, *outputs],
            # The file as it came in; that it was uploaded is checked all the same.
            # Gradio would turn what is no image into an error of its own.
            preprocess=False,
            show_progress="minimal",
            api_visibility="private",
            # One at a time: a large photograph takes a gigabyte.
            concurrency_limit=1,
        )
    return page


@contextlib.contextmanager
def serve(page: gr.Blocks, address: str, port: int) -> Iterator[str]:
    """Serves a page, within it.

    Args:
      page: the page.
      address: the address of this machine on which it listens.
      port: the port; 0 for the first free one.

    Yields:
      The address of the page.

    Raises:
      OSError: the port is taken.
    """
    if port:
        _check_free(address, port)
    _, local, _ = page.launch(
        server_name=address,
        server_port=port or None,
        prevent_thread_lock=True,
        share=False,
        show_error=True,
        quiet=True,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        enable_monitoring=False,
        max_file_size=MOST_BYTES,
        theme=gr.themes.Default(font=_FONTS, font_mono=_CODE_FONTS),
        css=_CSS,
        app_kwargs={"middleware": [Middleware(_OnlyFromHere)]},
    )
    try:
        yield local
    finally:
        page.close(verbose=False)


def _check_free(address: str, port: int) -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address, port))
        except OSError as error:
            raise OSError(
                f"Port {port} of {address} cannot be had ({error.strerror}); --port=0 "
                "takes the first free one."
            ) from error


def warm_up(model: LoadedModel) -> None:
    """Predicts once, so that no visitor waits for what the first call prepares."""
    size = model.info.image_size
    model(np.zeros((1, size, size, 3), np.float32))


def _introduction(model: LoadedModel) -> str:
    size = model.info.image_size
    return (
        f"## {model.path.parent.name}, version {model.path.name}\n"
        "Drop a photograph, take one, or try a room: the model predicts "
        f"{', '.join(model.info.tasks)}, of images of {size} × {size} pixels. Move the "
        "line in a picture to compare it with the photograph. Nothing leaves this "
        "machine."
    )


def _places(names: Sequence[str]) -> list[gr.Component]:
    """Creates a slider and a legend for each task; returns them in turns."""
    places: list[gr.Component] = []
    with gr.Row(elem_classes="tasks"):
        for name in names:
            with gr.Column(min_width=200):
                places.append(
                    gr.ImageSlider(
                        label=f"photograph | {name}",
                        interactive=False,
                        format="png",
                        max_height=420,
                        buttons=["download", "fullscreen"],
                        elem_id=f"task-{name}",
                    )
                )
                places.append(gr.HTML("", elem_id=f"legend-{name}"))
    return places


def _answer(model: LoadedModel, path: str | None) -> list[Any]:
    """Returns what stands on the page for a photograph: the status, then the tasks'."""
    names = list(model.info.tasks)
    nothing = [None, ""] * len(names)
    if path is None:
        return ["", *nothing]
    try:
        answer = shown.show(model, path)
    except ValueError as error:
        reason = str(error).removeprefix(f"{path}: ")
        reason = reason.replace(str(pathlib.Path(path).parent) + os.sep, "")
        return [f"**{UNREADABLE}:** {reason}.", *nothing]
    height, width = answer.size
    times = ", ".join(f"{name} {s:.2f} s" for name, s in answer.seconds.items())
    lines = [f"{width} × {height} pixels; {times}."]
    if answer.scenes:
        lines.append(f"Scene: **{', '.join(answer.scenes)}**.")
    shown_maps = [answer.maps[name] for name in names]
    return [
        "  \n".join(lines),
        *(
            value
            for each in shown_maps
            for value in ((answer.photograph, each.picture), each.legend)
        ),
    ]
