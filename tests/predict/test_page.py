"""The page, in a real browser without a screen."""

import pathlib
import shutil
import types
import warnings

import numpy as np
import pytest
from PIL import Image

from mgm_tf.export.versions import LoadedModel
from tests.predict.stand_in import INFO, serve

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# No attempts of the browser itself to reach its maker.
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
)
# Gradio and Playwright leave sockets and loops to the collector.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def visit(tmp_path_factory):
    """Opens the page of the stand-in in a tab; notes all addresses it asks for."""
    reason = "the page is made with Gradio: requirements-demo.txt brings it"
    pytest.importorskip("gradio", reason=reason)
    reason = "the browser is driven by Playwright: requirements-dev.txt brings it"
    driver = pytest.importorskip("playwright.sync_api", reason=reason)
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here to look at the page with")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Gradio's own imports warn of
        from mgm_tf.predict import page
    folder = tmp_path_factory.mktemp("page")
    example = folder / "room.png"
    picture(example)
    path = pathlib.Path("models/stand_in/1")
    model = LoadedModel(path, INFO, {}, types.SimpleNamespace(serve=serve))
    with (
        page.serve(page.build(model, folder, [example]), "127.0.0.1", 0) as address,
        driver.sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        asked = []
        tab.on("request", lambda request: asked.append(request.url))

        def opened(width=1280):
            tab.set_viewport_size({"width": width, "height": 900})
            tab.goto(address)
            tab.wait_for_selector("#photograph input[type=file]", state="attached")
            return tab

        opened.address, opened.asked = address, asked
        yield opened
        browser.close()


def picture(path, size=(30, 20)):
    """An image whose left half is dark and whose right one is bright."""
    pixels = np.full((size[1], size[0], 3), 51, np.uint8)
    pixels[:, size[0] // 2 :] = 204
    Image.fromarray(pixels).save(path)


def drop(tab, path, answer):
    """Uploads a file and returns the words of the status that begin with the answer."""
    tab.set_input_files("#photograph input[type=file]", str(path))
    tab.wait_for_selector(f"#status >> text={answer}")
    return tab.inner_text("#status")


def test_an_upload_shows_every_task_with_its_legend(visit, tmp_path):
    tab = visit()
    picture(tmp_path / "a.png")
    status = drop(tab, tmp_path / "a.png", "30 × 20 pixels")
    assert "reading" in status and "predicting" in status
    assert "kitchen (50%)" in status or "bedroom (50%)" in status
    for name in INFO.tasks:
        tab.wait_for_selector(f"#task-{name} img")
        assert (
            len(tab.query_selector_all(f"#task-{name} img")) >= 2
        )  # and the photograph
    # The stand-in says bed where it is bright, and that red is the depth in metres.
    legend = tab.inner_text("#legend-segmentation")
    assert "wall 50%" in legend and "bed 50%" in legend
    assert tab.inner_text("#legend-depth").split() == ["51", "204", "unit:", "m"]
    assert "towards the camera" in tab.inner_text("#legend-normals")
    # Between photograph and map there is a line that can be moved.
    assert tab.query_selector("#task-depth [role=slider], #task-depth .content")


def test_a_room_can_be_tried(visit):
    tab = visit()
    tab.click("button.gallery-item, .gallery-item")
    tab.wait_for_selector("#status >> text=30 × 20 pixels")


def test_a_file_that_is_no_image_is_named_as_such(visit, tmp_path):
    tab = visit()
    wrong = tmp_path / "wrong.jpg"
    wrong.write_bytes(b"no image at all")
    status = drop(tab, wrong, "This is no image that can be read")
    assert str(tmp_path) not in status and "Traceback" not in status
    assert tab.query_selector("#task-depth img") is None


JOIN = """async path => {
  const config = await (await fetch("config")).json()
  const id = config.dependencies.findIndex(d => d.targets.some(t => t[1] == "change"))
  const body = {data: [{path, meta: {_type: "gradio.FileData"}}], fn_index: id,
                session_hash: "forged"}
  const headers = {"content-type": "application/json"}
  await fetch("gradio_api/queue/join",
              {method: "POST", headers, body: JSON.stringify(body)})
  return (await fetch("gradio_api/queue/data?session_hash=forged")).text()
}"""


def test_only_what_was_uploaded_is_read(visit, tmp_path):
    """A path that a visitor makes up is refused, even of an image."""
    picture(tmp_path / "private.png")
    answer = visit().evaluate(JOIN, str(tmp_path / "private.png"))
    assert '"success":false' in answer and "pixels" not in answer


def test_a_port_that_is_taken_is_named(visit):
    from mgm_tf.predict import page

    port = int(visit.address.rstrip("/").rpartition(":")[2])
    served = page.serve(None, "127.0.0.1", port)
    with pytest.raises(OSError, match=f"Port {port} of 127.0.0.1.*--port=0"), served:
        pass


def test_forty_megapixels(visit, tmp_path):
    picture(tmp_path / "large.png", size=(8000, 5000))
    drop(visit(), tmp_path / "large.png", "8000 × 5000 pixels")


def test_a_narrow_window_needs_no_scrolling_sideways(visit, tmp_path):
    tab = visit(width=360)
    picture(tmp_path / "a.png")
    drop(tab, tmp_path / "a.png", "30 × 20")
    tab.wait_for_selector("#task-normals img")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    first, last = (
        tab.query_selector(f"#task-{n}").bounding_box() for n in ("depth", "normals")
    )
    assert last["y"] > first["y"] + first["height"]  # one below the other


def test_everything_comes_from_here(visit):
    visit()
    assert len(visit.asked) > 5
    own = (visit.address, "data:", "blob:")
    assert [url for url in visit.asked if not url.startswith(own)] == []
    policy = visit().request.get(visit.address).headers["content-security-policy"]
    assert policy.startswith("default-src 'self'")
