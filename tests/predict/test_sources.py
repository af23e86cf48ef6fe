"""What is given as input: patterns and standard input; and the frames of videos."""

import io
import types

import numpy as np
import pytest
from PIL import Image

from mgm_tf.predict import __main__ as predict
from mgm_tf.predict import sources, video
from tests import commands
from tests.predict import stand_in

try:
    import av
except ModuleNotFoundError:
    av = None
needs_av = pytest.mark.skipif(av is None, reason="needs requirements-video.txt")


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch):
    monkeypatch.setattr("mgm_tf.export.versions.load", lambda path: stand_in.model())


def call(*arguments, **values):
    return commands.call(
        predict, "--saved_model=m", *commands.given(**values), *arguments
    )


def save(path, value=51):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((6, 8, 3), value, np.uint8)).save(path)


def depth(path):
    with np.load(path) as arrays:
        return arrays["depth"][0, 0]


def test_a_pattern_finds_images_in_folders(tmp_path):
    for name in ("a/x.png", "a/x.bmp", "b/y.png", "b/z.txt.png", "c/x.jpg"):
        save(tmp_path / name)
    output = tmp_path / "out"
    assert call(input=tmp_path / "[ab]" / "*.*", output=output) == 0
    names = sorted(str(p.relative_to(output)) for p in output.rglob("*.npz"))
    assert names == ["a/x.bmp.npz", "a/x.png.npz", "b/y.npz", "b/z.txt.npz"]


def test_a_folder_with_the_letters_of_a_pattern_is_a_folder(tmp_path):
    save(tmp_path / "[ab]" / "x.png")
    assert call(input=tmp_path / "[ab]", output=tmp_path / "out") == 0
    assert (tmp_path / "out" / "x.npz").is_file()


def test_a_pattern_that_finds_nothing_is_an_error(tmp_path, capfd):
    assert call(input=tmp_path / "*.png", output=tmp_path / "out") == 2
    assert "finds no image" in capfd.readouterr().err
    (tmp_path / "a.mp4").touch()
    assert call(input=tmp_path / "*", output=tmp_path / "out") == 2
    assert "finds 1 videos" in capfd.readouterr().err


def test_standard_input(tmp_path, monkeypatch, capfd):
    save(tmp_path / "x.png", 102)
    for content in ((tmp_path / "x.png").read_bytes(), b""):
        stream = types.SimpleNamespace(buffer=io.BytesIO(content))
        monkeypatch.setattr(sources.sys, "stdin", stream)
        code = call("--overwrite", input="-", output=tmp_path / "out")
        assert code == (0 if content else 2)
    np.testing.assert_allclose(depth(tmp_path / "out" / "stdin.npz"), 102, rtol=1e-6)
    assert "standard input is empty" in capfd.readouterr().err


def clip(path, values, rotation=0):
    """Writes a video of grey frames, one for each value, without loss."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1" if path.suffix == ".mkv" else "mpeg4", 5)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        for value in values:
            pixels = np.full((32, 48, 3), value, np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@needs_av
def test_the_frames_of_a_video(tmp_path):
    path = clip(tmp_path / "clip.mkv", range(20, 240, 20))  # 11 frames
    output = tmp_path / "out"
    arguments = "--results=npz", "--results=panel", "--batch_size=2", "--every=2"
    assert call(*arguments, input=path, output=output) == 0
    frames = sorted((output / "clip").iterdir())
    assert [frame.name for frame in frames] == [f"{n:06}.npz" for n in range(0, 11, 2)]
    # Video has colours that are a step or two off.
    found = [depth(frame) for frame in frames]
    np.testing.assert_allclose(found, range(20, 240, 40), atol=3)
    with np.load(frames[0]) as arrays:
        assert arrays["depth"].shape == (32, 48)
    with video.Video(output / "clip.panel.mp4") as panels:
        pictures = [frame.pixels for frame in panels.frames()]
        assert len(pictures) == 6 and panels.rate == 2.5
    height, width = pictures[0].shape[:2]
    assert height % 2 == width % 2 == 0 and min(height, width) > 150
    assert not list(output.glob(".*"))


@needs_av
def test_results_of_a_video_are_replaced_only_on_request(tmp_path, capfd):
    path = clip(tmp_path / "clip.mkv", (20, 40))
    arguments = {"input": path, "output": tmp_path / "out"}
    assert call("--results=panel", **arguments) == 0
    assert call("--results=panel", **arguments) == 2
    assert "clip.panel.mp4: --overwrite replaces" in capfd.readouterr().err
    assert call("--results=panel", "--overwrite", **arguments) == 0


@needs_av
def test_what_precedes_a_damage_is_done(tmp_path, monkeypatch, capfd):
    path = clip(tmp_path / "clip.mkv", (20, 40, 60))
    upright = video._upright

    def damaged(frame):
        if frame.pts and frame.time > 0.3:
            raise av.error.InvalidDataError(1, "damaged")
        return upright(frame)

    monkeypatch.setattr(video, "_upright", damaged)
    assert call("--results=npz", input=path, output=tmp_path / "out") == 1
    assert len(list((tmp_path / "out" / "clip").iterdir())) == 2
    assert "clip.mkv: damaged after frame 2." in capfd.readouterr().err


@needs_av
def test_what_is_no_video_is_an_error(tmp_path, capfd):
    (tmp_path / "a.mp4").write_text("no video")
    for name, reason in (("a.mp4", "Invalid data"), ("b.mp4", "No such file")):
        assert call(input=tmp_path / name, output=tmp_path / "out") == 2
        assert reason in capfd.readouterr().err


@needs_av
def test_frames_are_put_upright():
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3, 1).repeat(3, axis=-1)
    frame = types.SimpleNamespace(rotation=90, to_ndarray=lambda format: pixels)
    np.testing.assert_array_equal(
        video._upright(frame)[..., 0], [[2, 5], [1, 4], [0, 3]]
    )


def test_without_the_package_a_video_is_refused(tmp_path, monkeypatch, capfd):
    monkeypatch.setitem(video.sys.modules, "av", None)
    (tmp_path / "a.mp4").touch()
    assert call(input=tmp_path / "a.mp4", output=tmp_path / "out") == 2
    assert "pip install -r requirements-video.txt" in capfd.readouterr().err
