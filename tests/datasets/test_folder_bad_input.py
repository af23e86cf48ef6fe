"""Folders with something wrong in them: one message, which names file and value."""

import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from datasets.folder import source
from tests.datasets import folder_files
from tests.datasets.folder_files import HEIGHT, NAMES, WIDTH, build, save, settings


@pytest.fixture
def folder(tmp_path):
    return folder_files.write(tmp_path / "photos")


def refused(folder, *messages, **attributes) -> str:
    """Asserts that the folder is refused for these reasons and nothing is built."""
    with pytest.raises(ValueError) as caught:
        build(folder, **attributes)
    for message in messages:
        assert re.search(message, str(caught.value)), str(caught.value)
    assert not list((folder.parent / "data").rglob("dataset_info.json"))
    return str(caught.value)


def write_map(task, values, name="p03", suffix=".png"):
    return lambda folder: save(folder / task / f"{name}{suffix}", values)


def depth_of(value, kind=np.float32):
    values = np.full((HEIGHT, WIDTH), 2.0, kind)
    values[5, 7] = value
    return values


def vectors_of(value):
    values = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    values[..., 2] = 1
    values[5, 7] = value
    return values


def float_depth(values):
    """All depth as floats, one map with these values."""

    def change(folder):
        shutil.rmtree(folder / "depth")
        for name in NAMES:
            good = np.full((HEIGHT, WIDTH), 2, np.float32)
            save(folder / "depth" / f"{name}.npy", values if name == "p03" else good)

    return change


def float_normals(values):
    def change(folder):
        for name in NAMES:
            good = vectors_of((0, 0, 1))
            save(folder / "normals" / f"{name}.npy", values if name == "p03" else good)

    return change


def unit_maps(task, value):
    def change(folder):
        for name in NAMES:
            values = np.full((HEIGHT, WIDTH), 0.5, np.float32)
            values[5, 7] = value if name == "p03" else 0.5
            save(folder / task / f"{name}.npy", values)

    return change


def curvature(first, second):
    def change(folder):
        for name in NAMES:
            values = np.zeros((HEIGHT, WIDTH, 2), np.float32)
            if name == "p03":
                values[5, 7] = first, second
            save(folder / "curvature" / f"{name}.npy", values)

    return change


AT = r" \(row 5, column 7; 1 of 3072 pixels\)"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            write_map("segmentation", np.full((HEIGHT, WIDTH), 3, np.uint8)),
            r"segmentation/p03.png: label id 3 is none of the 3 classes 0..2 .*row 0",
        ),
        (float_depth(depth_of(np.nan)), r"depth/p03.npy: a label is nan.*\"nan\"" + AT),
        (float_depth(depth_of(np.inf)), r"depth/p03.npy: a label is inf.*" + AT),
        (float_depth(depth_of(-0.25)), r"p03.npy: negative depth -0.25 m" + AT),
        (float_depth(depth_of(80)), r"depth 80 m is beyond 65.535 m.*farthest.*" + AT),
        (float_depth(depth_of(1e-4)), r"depth of 0.0001 is outside 0.001.*" + AT),
        (
            float_normals(vectors_of((0, 0, 0))),
            r"normals/p03.npy: the numbers 0, 0, 0 are a normal without length; if "
            r"they mean.*\"missing\"" + AT,
        ),
        (
            float_normals(vectors_of((0, 2, 1))),
            r"the numbers 0, 2, 1 are a normal longer than 1.*" + AT,
        ),
        (
            float_normals(-vectors_of((0, 0, 1))),
            r"3072 of 3072 normals \(100.0%\) point away.*right, up, toward right.* As "
            r"right, down, away, 0.0% would",
        ),
        (unit_maps("edges", 1.5), r"edges of 1.5 is outside 0..1; are unit.*" + AT),
        (unit_maps("reshading", -1), r"reshading of -1 is outside 0..1.*" + AT),
        (curvature(900, 0), r"curvature of 900, 0 is outside -511.98.*" + AT),
        (curvature(1, 2), r"first principal curvature is the smaller one: 1, 2" + AT),
    ],
)
def test_values_without_sense(folder, change, message):
    change(folder)
    refused(folder, r"1 of 10 frames", message)


@pytest.mark.parametrize("part", ["rgb", "segmentation", "depth"])
def test_truncated_files_are_all_named(folder, part):
    for name in ("p02", "p07", "p09"):
        path = folder / part / f"{name}.png"
        path.write_bytes(path.read_bytes()[:-30])
    names = [rf"  {name}: {part}/{name}.png: .*truncated" for name in ("p02", "p07")]
    refused(folder, "3 of 10 frames are damaged", *names)
    path = folder.parent / "data" / "folder" / "quarantine_64.json"
    assert len(json.loads(path.read_text())["damaged"]) == 3


def test_other_damage(folder):
    array = save(folder / "edges" / "p00.npy", np.zeros((HEIGHT, WIDTH), np.float32))
    for name in NAMES[1:]:
        shutil.copy(array, folder / "edges" / f"{name}.npy")
    array.write_bytes(array.read_bytes()[:-400])
    (folder / "edges" / "p01.npy").write_bytes(b"")
    (folder / "rgb" / "p02.png").write_bytes(b"")
    (folder / "depth" / "p02.png").write_bytes(b"GIF89a")
    refused(
        folder,
        "3 of 10 frames",
        "p00: edges/p00.npy: truncated or damaged array",
        "p01: edges/p01.npy: no array of NumPy",
        # Both files of one image, in one line.
        "p02: rgb/p02.png: the file is empty; depth/p02.png: no PNG: it begins b'GIF",
    )


def test_all_damage_is_listed_though_a_whole_split_is_damaged(folder):
    rows = [f"{n},train" for n in NAMES[:5]] + [f"{n},validation" for n in NAMES[5:8]]
    rows += [f"{n},test" for n in NAMES[8:]]
    (folder / "splits.csv").write_text("\n".join(["name,split", *rows]))
    for name in NAMES[2:8]:
        (folder / "rgb" / f"{name}.png").write_bytes(b"x")
    refused(folder, "6 of 10 frames", "p02: rgb", "p07: rgb")
    # Though so many may be left out, no split may be left without an image.
    refused(folder, "all 3 images of split 'validation' are damaged", max_damaged=0.9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            write_map("segmentation", np.zeros((HEIGHT, WIDTH - 1), np.uint8)),
            "segmentation/p03.png has 48x63 pixels .*, but rgb/p03.png has 48x64",
        ),
        (
            write_map("depth", np.zeros((HEIGHT, WIDTH), np.uint8)),
            "depth/p03.png holds uint8, but most maps in depth/ hold uint16",
        ),
        (
            write_map("segmentation", np.zeros((HEIGHT, WIDTH, 3), np.uint8)),
            "segmentation/p03.png: expected 1 channels, found 3",
        ),
        (
            write_map("segmentation", np.zeros((HEIGHT, WIDTH), bool)),
            "segmentation/p03.png: expected uint8 or uint16 or int, found 1-bit",
        ),
        (
            write_map("edges", np.zeros((HEIGHT, WIDTH), complex), suffix=".npy"),
            "edges/p03.npy: expected uint8 or uint16 or float, found complex128",
        ),
        (
            write_map("depth", np.ones((HEIGHT, WIDTH), np.uint16), "extra"),
            "depth/extra.png: there is no image 'extra' in rgb/",
        ),
        (
            lambda folder: Image.new("RGB", (64, 48)).save(folder / "rgb" / "p03.jpg"),
            "rgb/p03.jpg and rgb/p03.png have the same name 'p03'",
        ),
        (
            write_map("depth", np.ones((HEIGHT, WIDTH), np.float32), suffix=".npy"),
            "depth/p03.npy and depth/p03.png have the same name",
        ),
        (
            lambda folder: (folder / "rgb" / "new.webp").touch(),
            "rgb/new.webp: expected a file .jpg or .jpeg or .png",
        ),
        (
            lambda folder: (folder / "normal").mkdir(),
            "normal/ is none of rgb, segmentation, depth, normals.*begin with _",
        ),
        (
            lambda folder: (folder / "normals").mkdir(),
            "normals/ holds no map; fill the folder or delete it",
        ),
        (
            lambda folder: (folder / "scene.csv").touch(),
            "scene.csv is none of scenes.csv, classes.txt, splits.csv, dataset.json",
        ),
    ],
)
def test_names_sizes_and_forms(folder, change, message):
    change(folder)
    text = refused(folder, "photos: [12] problem", message)
    # Known before anything was decoded: there is no list of damaged files.
    assert "frames" not in text
    assert not (folder.parent / "data" / "folder" / "quarantine_64.json").exists()


def test_a_turned_photograph_has_the_size_that_viewers_show(folder):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    picture = Image.fromarray(folder_files.image(3))
    (folder / "rgb" / "p03.png").unlink()
    picture.save(folder / "rgb" / "p03.jpg", exif=exif)
    refused(folder, r"p03.png has 48x64 .*p03.jpg has 64x48 \(upright, as viewers")


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"scenes": "p00,inside\n"}, "scenes.csv: expected the header 'name,label', f"),
        ({"scenes": "name,label\n"}, "scenes.csv has no rows"),
        (
            {"scenes": "name,label\np77,inside\n"},
            "scenes.csv, line 2: there is no image 'p77' in rgb/",
        ),
        (
            {"scenes": "name,label\np07.png,inside\n"},
            "no image 'p07.png' in rgb/; names go without suffix: p07",
        ),
        (
            {"scenes": "name,label\np07,inside\np07,outside\n"},
            "scenes.csv, line 3: 'p07' is there twice, first in line 2",
        ),
        ({"scenes": "name,label\np07,\n"}, "line 2: 'p07' has an empty label"),
        ({"scenes": "name,label\np07,a;a\n"}, "line 2: 'p07' has a label twice: a;a"),
        ({"scenes": "name,label\np07,a,b\n"}, "line 2: expected 2 cells, found 3"),
        ({"scenes": 'name,label\np07,"a\n'}, "scenes.csv, line 2: unexpected end"),
        (
            {
                "scenes": "name,label\np07,a;b\n",
                "dataset": '{"scenes": {"kind": "categorical"}}',
            },
            "calls scenes categorical, but scenes.csv gives several labels to p07",
        ),
        (
            {"scenes": "", "dataset": '{"scenes": {"kind": "multi_hot"}}'},
            "dataset.json tells of scenes, but scenes.csv has none",
        ),
        ({"classes": "wall\n\nball\n"}, "classes.txt, line 2: the line has no name"),
        ({"classes": "a\nb\na\n"}, "classes.txt, line 3: 'a' is there twice"),
        (
            {"classes": "a\nb, red\nc\n"},
            "classes.txt, line 2: expected NAME or NAME, #rrggbb; found 'b, red'",
        ),
        ({"classes": "\n"}, "classes.txt: expected 1 to 255 classes, found 0"),
        (
            {"splits": "name,split\np00,train\np01,dev\n"},
            "line 3: 'p01' is in the unknown split 'dev'; expected train, validation",
        ),
        (
            {"splits": "name,split\n" + "".join(f"{n},train\n" for n in NAMES[1:])},
            "splits.csv leaves out 1 of the images: p00",
        ),
        (
            {"splits": "name,split\n" + "".join(f"{n},train\n" for n in NAMES)},
            "split 'validation' is empty\n  split 'test' is empty",
        ),
        (
            {"splits": "name,split\n" + "".join(f"{n},weak\n" for n in NAMES)},
            "puts images into 'weak' that have no label in scenes.csv: p07, p08, p09",
        ),
    ],
)
def test_tables(tmp_path, tables, message):
    folder = folder_files.write(tmp_path / "photos", **tables)
    refused(folder, re.escape(message))


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"dept": {}}, "the file: unknown key 'dept'; allowed are segmentation, depth"),
        (
            {"depth": {"missing": 0, "units": "m"}},
            "depth: unknown key 'units'; allowed are unit, scale, offset, missing",
        ),
        ({"depth": {"unit": "km"}}, "depth.unit: expected one of 'm', 'cm', 'mm'; fou"),
        ({"depth": {"scale": 0.1}}, '"scale" and "offset" need "unit" beside them'),
        (
            {"depth": {"unit": "m", "scale": 0}},
            "depth.scale: expected a finite number above 0, found 0",
        ),
        (
            {"depth": {"target_scale": [1, 2]}},
            "depth.target_scale: expected one number or one a channel, found [1, 2]",
        ),
        ({"depth": {"missing": "none"}}, "depth.missing: expected one of 'nan', 'inf'"),
        (
            {"depth": {"missing": True}},
            "depth.missing: expected a finite number, found True",
        ),
        (
            {"normals": {"axes": ["right", "left", "up"]}},
            "normals.axes: expected where the three channels point",
        ),
        ({"edges": {}}, "dataset.json tells of edges, but there is no folder edges/"),
        (
            {"scenes": {"kind": "one"}},
            "scenes.kind: expected one of 'categorical', 'mu",
        ),
        (
            {"unlabelled": "keep"},
            "unlabelled: expected one of 'refuse', 'leave_out', 'weak'",
        ),
        ({"notes": 3}, "notes: expected a text, found 3"),
        ([], "the file: expected an object {…}, found []"),
    ],
)
def test_settings(folder, record, message):
    (folder / "dataset.json").write_text(json.dumps(record))
    refused(folder, re.escape(message))


def test_settings_that_are_no_json(folder):
    (folder / "dataset.json").write_text('{"depth": {}, "depth": {}}')
    refused(folder, "photos/dataset.json: the key 'depth' is there twice")
    (folder / "dataset.json").write_text('{"depth": ')
    refused(
        folder, "photos/dataset.json: expected JSON: Expecting value: line 1 column 11"
    )


def test_numbers_of_unknown_meaning(folder):
    for name in NAMES:
        save(folder / "depth" / f"{name}.png", np.ones((HEIGHT, WIDTH), np.uint8))
        save(
            folder / "curvature" / f"{name}.png", np.ones((HEIGHT, WIDTH, 3), np.uint8)
        )
    text = "dataset.json has to say what the numbers mean"
    refused(folder, f"depth of uint8: {text}", f"curvature of uint8: {text}")


def test_a_depth_in_another_unit_than_declared(folder):
    settings(folder, depth={"unit": "m"})
    refused(folder, "10 of 10 frames", r"depth/p00.png: depth 2500 m is beyond 65.535")


def test_images_without_any_label(folder):
    for part in ("segmentation", "depth"):
        for name in NAMES[6:]:
            (folder / part / f"{name}.png").unlink()
    refused(
        folder,
        r"with neither a label map nor a label in scenes.csv \(3\): p07, p08, p09\.",
        '"unlabelled": "leave_out"',
    )


def test_too_few_images_to_divide(folder):
    for name in NAMES[:8]:
        (folder / "depth" / f"{name}.png").unlink()
    refused(
        folder,
        "10 images have label maps; to divide them, at least 3 are needed, 3 with a "
        "map of each task: split '.*' has no depth map. Add some, or write splits.csv",
    )
    for name in NAMES[:7]:  # these have a label, and become weak
        (folder / "segmentation" / f"{name}.png").unlink()
    (folder / "segmentation" / "p07.png").unlink()
    (folder / "rgb" / "p07.png").unlink()
    refused(folder, "2 images have label maps.*split 'test' is empty")


def test_no_map_of_a_task_can_be_read(folder):
    for name in NAMES:
        (folder / "depth" / f"{name}.png").write_bytes(b"BM6")
    refused(folder, "depth/: no map can be read; .*p00.png: no PNG: it begins b'BM6'")


def test_a_folder_that_changes_during_the_build(folder, monkeypatch):
    looks = iter([{"a": 1}, {"a": 2}])
    monkeypatch.setattr(source, "states", lambda contents: next(looks))
    refused(folder, "photos was changed while it was read; start again")


def test_all_problems_are_told_at_once(folder):
    (folder / "rgb" / "p02.png").unlink()
    save(folder / "segmentation" / "p03.png", np.zeros((9, 9), np.uint8))
    (folder / "scenes.csv").write_text("name,label\np66,inside\n")
    text = refused(folder, "photos: 4 problems:")
    for part in ("segmentation/p02.png", "depth/p02.png", "9x9", "'p66'"):
        assert part in text


def test_a_long_list_is_cut(folder):
    rows = [f"q{number},inside" for number in range(30)]
    (folder / "scenes.csv").write_text("\n".join(["name,label", *rows]))
    text = refused(folder, "30 problems")
    assert "'q19'" in text and "'q20'" not in text and "and 10 more" in text


def test_wrong_folder(folder):
    around = folder.parent / "around"
    around.mkdir()
    folder = folder.rename(around / "photos")
    message = r"rgb/NAME.jpg.*the folder holds photos. Did you mean .*around/photos\?$"
    with pytest.raises(ValueError, match=message):
        build(around)
    with pytest.raises(ValueError, match=r"holds p00.png, .*Did you mean .*photos\?"):
        build(folder / "rgb")
    other = folder.parent.parent / "other"
    (other / "images").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"the folder holds images\.$"):
        build(other)
    shutil.rmtree(folder / "segmentation")
    shutil.rmtree(folder / "depth")
    with pytest.raises(ValueError, match="no label maps: there is none of the folders"):
        build(folder)
