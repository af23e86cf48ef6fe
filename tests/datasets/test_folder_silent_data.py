"""Labels that could be stored without a complaint and be wrong: all are refused."""

import re
import unicodedata

import numpy as np
import OpenEXR
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from datasets import plausibility
from datasets.files import DamagedFile
from datasets.folder import exr
from datasets.folder.whole_set import WholeSet
from datasets.metadata import depth_info, normals_info
from tests.datasets import folder_files, hostile
from tests.datasets.folder_files import HEIGHT, NAMES, WIDTH, build, save, settings


@pytest.fixture
def folder(tmp_path):
    return folder_files.write(tmp_path / "photos")


def corridor(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Exact depth [H, W] and normals [H, W, 3] of a corridor, seen along it."""
    random = np.random.default_rng(number)
    left, right, up, down = random.uniform(0.8, 1.6, 4)
    v, u = (np.mgrid[:HEIGHT, :WIDTH] + 0.5) / WIDTH * 2 - [[[HEIGHT / WIDTH]], [[1]]]
    with np.errstate(divide="ignore"):
        sides = [-left / u, right / u, -up / v, down / v, 5 + 0 * u]
    distances = np.stack([np.where(side > 0, side, np.inf) for side in sides])
    faces = np.array([(1, 0, 0), (-1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, 1)], float)
    return distances.min(0), faces[distances.argmin(0)]


def corridors(change=lambda normals: normals, scale=1000):
    """Writes corridors with normals in 8 bits, and depth times `scale` in 16."""

    def write(folder):
        for number, name in enumerate(NAMES):
            depth, normals = corridor(number)
            coded = np.round((change(normals) + 1) * 127.5).astype(np.uint8)
            save(folder / "normals" / f"{name}.png", coded)
            millimetres = np.minimum(depth * scale, 65534).astype(np.uint16)
            save(folder / "depth" / f"{name}.png", millimetres)

    return write


def specks(normals):
    """One of a hundred normals turned away: too few to be told of one map."""
    normals = normals.copy()
    normals.reshape(-1, 3)[::100] = 0, 0, -1
    return normals


def largest_for_none(folder):
    for name in NAMES:
        depth = folder_files.depth()
        depth[depth == 0] = 65535
        save(folder / "depth" / f"{name}.png", depth)


def hole_in_photograph(folder):
    (folder / "rgb" / "p03.png").unlink()
    noise = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    path = folder / "rgb" / "p03.jpg"
    Image.fromarray(noise).save(path, quality=90)
    path.write_bytes(hostile.with_hole(path.read_bytes(), 0.5, 200))


CASES = {
    "red and blue exchanged": (
        corridors(lambda n: n[..., ::-1]),
        r"normals/p03.png: \d+ of 3072 normals \(\d+.\d%\) point away.* at most 2% may."
        r".* As toward, up, right \(red and blue exchanged, as OpenCV writes them\?\)",
    ),
    "OpenCV's axes": (
        corridors(lambda n: n * [1, -1, -1]),
        "point away.* As right, down, away, 0.0% would",
    ),
    "NYUv2's axes": (
        corridors(lambda n: n[..., [0, 2, 1]] * [1, -1, 1]),
        "point away.* As right, away, up, 0.0% would",
    ),
    "a few of every map": (corridors(specks), "1.0.% of all normals point away.*0.5%"),
    "y down": (
        corridors(lambda n: n * [1, -1, 1]),
        r"normals/: y points the other way.*agreement -1.00",
    ),
    "left-handed": (corridors(lambda n: n * [-1, 1, 1]), "x points the other way"),
    "x and y exchanged": (
        corridors(lambda n: n[..., [1, 0, 2]]),
        "normals/: x and y are exchanged",
    ),
    "inverse depth": (corridors(scale=10), r"half of all depths are below 0.0\d+ m"),
    "65535 for no depth": (
        largest_for_none,
        r'65535 is the largest number of its type.*"missing": \[0, 65535\].*1536 of',
    ),
    "a hole in a photograph": (
        hole_in_photograph,
        "rgb/p03.jpg: damaged JPEG: a hole of 20[0-9] zero bytes in it",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_wrong_labels_are_refused_with_their_share_and_cause(folder, name):
    change, message = CASES[name]
    change(folder)
    with pytest.raises(ValueError) as refusal:
        build(folder)
    assert re.search(message, str(refusal.value)), str(refusal.value)
    assert not list((folder.parent / "data").rglob("dataset_info.json"))


def test_right_ones_are_not(folder):
    corridors()(folder)
    build(folder)
    assert list((folder.parent / "data").rglob("dataset_info.json"))


@pytest.mark.parametrize(
    ("task", "change", "said"),
    [
        (
            "normals",
            corridors(lambda n: n[..., ::-1]),
            {"axes": ["toward", "up", "right"]},
        ),
        ("depth", largest_for_none, {"missing": [0, 65535]}),
        # Whoever says what is missing says that 65535 is not.
        ("depth", largest_for_none, {"missing": 0}),
    ],
)
def test_what_dataset_json_says_is_believed(folder, task, change, said):
    change(folder)
    settings(folder, **{task: said})
    build(folder)


def test_facing_away_is_a_matter_of_the_ray():
    # In the leftmost column of a view of 90 degrees the ray is (-0.99, -1): a wall on
    # the left may lean away from the axis by nearly 45 degrees and still be seen.
    normals = np.zeros((1, 64, 3))
    normals[..., 0], normals[..., 2] = np.sin(1.0), -np.cos(1.0)
    away = plausibility.facing_away(normals)[0]
    assert not away[0] and away[32:].all()
    # z - u x < -0.1 from u = (0.1 - cos 1) / sin 1 = -0.523: column 15 of 64.
    assert away.tolist() == [(k + 0.5) / 32 - 1 > -0.5233 for k in range(64)]


def test_a_whole_set_counts_what_is_stored():
    tasks = {"depth": depth_info(), "normals": normals_info()}
    seen = WholeSet(tasks)
    unit = np.zeros((20, 20, 3))
    unit[..., 2] = 1
    unit[0, :2, 2] = -1  # 2 of 400
    raw = {
        "depth": tasks["depth"].encode(np.full((20, 20), 0.05)),
        "normals": tasks["normals"].encode(unit),
    }
    seen.add(raw)
    assert [text.split(":")[0] for text in seen.problems()] == ["depth/"]
    unit[1, 0, 2] = -1
    seen.add(raw | {"normals": tasks["normals"].encode(unit)})
    assert "normals/: 0.62% of all normals" in seen.problems()[0]


Z = np.full((4, 6), 2.5, np.float32)


@pytest.mark.parametrize(
    ("channels", "read"),
    [
        (["Z"], "Z"),
        (["depth"], "depth"),
        (["Y"], "Y"),
        (["R"], "R"),
        (["A", "B", "G", "R", "Z"], "Z"),
        (["ViewLayer.Depth.Z", "ViewLayer.Combined.R"], "ViewLayer.Depth.Z"),
        (["View Layer.Depth.V"], "View Layer.Depth.V"),
        (["RenderLayer.Depth.Z", "RenderLayer.Normal.Z"], "RenderLayer.Depth.Z"),
        (["left.Z", "left.R"], "left.Z"),
        (["ViewLayer.Normal.X", "ViewLayer.Normal.Y", "ViewLayer.Normal.Z"], None),
        (["ViewLayer.Normal.Z"], None),
        (["Position.Z"], None),
        (["N.Z", "N.X"], None),
        (["X", "Y", "Z"], None),
        (["motion.X", "motion.Y", "motion.Z"], None),
        (["R", "G", "B"], None),
        (["Alpha"], None),
        (["left.Z", "right.Z"], None),
        (["depthless", "Zebra"], None),
    ],
)
def test_channels_of_exr_are_known_by_their_exact_names(tmp_path, channels, read):
    path = tmp_path / "a.exr"
    values = {name: (Z if name == read else -Z).copy() for name in channels}
    with OpenEXR.File({}, values) as file:
        file.write(str(path))
    if read:
        np.testing.assert_array_equal(exr.read_depth(path)[..., 0], Z)
    else:
        with pytest.raises(DamagedFile, match="expected one channel of depth"):
            exr.read_depth(path)


class TestNames:
    """Names and encodings: one form of Unicode, and others named."""

    @pytest.mark.parametrize("name", ["Küste", "Å", "가", "ñandú/é", "ﬁ", "🏔️"])
    @pytest.mark.parametrize("on_disk", ["NFC", "NFD"])
    @pytest.mark.parametrize("in_table", ["NFC", "NFD"])
    def test_composed_and_decomposed_are_one(self, tmp_path, name, on_disk, in_table):
        from datasets.folder import contents, tables

        stored = unicodedata.normalize(on_disk, name)
        for part in ("rgb", "depth"):
            save(tmp_path / part / f"{stored}.png", folder_files.image(1))
        written = unicodedata.normalize(in_table, name)
        (tmp_path / "scenes.csv").write_text(f"name,label\n{written},{written}\n")
        found, problems = contents.scan(tmp_path)
        scenes, more = tables.read_scenes(tmp_path / "scenes.csv", found)
        composed = unicodedata.normalize("NFC", name)
        assert (problems, more) == ([], [])
        assert scenes == {composed: (composed,)}
        assert found.tasks_of(composed) == {"depth"}

    def test_two_forms_of_one_name_are_a_problem(self, tmp_path):
        from datasets.folder import contents

        for form in ("NFC", "NFD"):
            stored = unicodedata.normalize(form, "é")
            save(tmp_path / "rgb" / f"{stored}.png", folder_files.image(1))
        save(tmp_path / "depth" / "é.png", folder_files.image(1))
        _, problems = contents.scan(tmp_path)
        assert any("have the same name 'é'" in problem for problem in problems)

    def test_bytes_that_are_no_text_are_escaped(self, folder):
        for part in ("rgb", "segmentation", "depth"):
            target = bytes(folder / part) + b"/K\xfcste.png"
            (folder / part / "p09.png").rename(target.decode(errors="surrogateescape"))
        builder = build(folder)
        parts = ("image", "segmentation", "depth")
        skip = dict.fromkeys(parts, tfds.decode.SkipDecoding())
        names = [
            example["name"].decode()
            for split in builder.info.splits
            for example in builder.as_data_source(split, decoders=skip)
        ]
        assert "K\\xfcste" in names
        builder.check_source(folder)

    @pytest.mark.parametrize(
        ("encoding", "found"),
        [
            ("utf-8", ""),
            ("utf-8-sig", ""),
            ("utf-16", "expected UTF-8, found UTF-16; save it as UTF-8"),
            ("utf-16-le", "found zero bytes"),
            ("utf-32", "found UTF-32"),
            ("latin-1", "found the byte 0xe4 in line 1 (of Latin-1 or Windows-1252?)"),
            ("cp1252", "found the byte 0xe4 in line 1"),
        ],
    )
    @pytest.mark.parametrize("table", ["scenes.csv", "splits.csv", "classes.txt"])
    def test_encodings_are_read_or_named(self, folder, table, encoding, found):
        texts = {
            "classes.txt": "Wänd\nfloor\nball\n",
            "scenes.csv": "name,label\np00,Wänd\n".replace("name,", "name,"),
            "splits.csv": "name,split\nWänd,train\n",
        }
        text = texts[table].replace("name,label\n", "").replace("name,split\n", "")
        head = texts[table].removesuffix(text)
        (folder / table).write_bytes((head + text).encode(encoding))
        if found:
            found = found.replace("line 1", f"line {1 + head.count(chr(10))}")
            with pytest.raises(ValueError, match=re.escape(found)) as refusal:
                build(folder)
            assert f"{table}: " in str(refusal.value)
        elif table == "splits.csv":
            with pytest.raises(ValueError, match="no image 'Wänd' in rgb/"):
                build(folder)
        else:
            from datasets.folder.plan import plan

            info = plan(folder, 64).info
            names = (*info.scene_names, *info.tasks["segmentation"].class_names)
            assert "Wänd" in names
