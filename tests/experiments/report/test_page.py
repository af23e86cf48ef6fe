"""The report in its three forms: complete, self-contained, the same each time."""

import html.parser
import json
import re

import pytest

from mgm_tf.experiments.registry.records import Better, Published, Table
from mgm_tf.experiments.report import assemble, drawings, find, formatting, write
from tests.experiments.report import run_folders
from tests.experiments.report.run_folders import (
    COSTS,
    MGM,
    MT,
    ST_DEPTH,
    block,
    validation,
)

CLAIM = Better("MGM beats <MT>", ((("nyuv2 50 %", "MGM"), ("nyuv2 50 %", "MT")),))
BLOCK = block(published={("MT", "segmentation"): Published(0.237, 0.006)})
TABLES = {
    "2": Table("2", "Main results", (BLOCK,), (CLAIM,)),
    "F4": Table("F4", "Predictions", (BLOCK,), drawing="predictions"),
    "F5": Table("F5", "Ratios", (BLOCK,), drawing="ratio_curves"),
}
CHANGED = {"code": {"commit": "d" * 40}}
VOID = {"meta", "img", "path", "use"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    log = validation([(10, 0.2), (20, 0.4)])
    for seed in range(3):
        metrics = run_folders.figures(0.2 + 0.01 * seed, 0.5)
        start = CHANGED if seed == 2 else {}
        run = run_folders.write(root, MT, seed, metrics, log=log, start=start)
        run_folders.write_report_arrays(run)
        metrics = run_folders.figures(0.3 + 0.02 * seed, 0.4)
        run_folders.write(root, MGM, seed, metrics, costs=COSTS, log=log)
        width = {"network": {"width": 0.25 + seed}}
        run_folders.write(root, ST_DEPTH, seed, metrics, settings=width)
    return root


@pytest.fixture(scope="module")
def report(folder, tmp_path_factory):
    return written(folder, tmp_path_factory.mktemp("report") / "deep")


def written(runs, place):
    found = find([runs])
    record = assemble(TABLES, found, changeable={"log_every"})
    return write(record, drawings(record, found), place).parent


class Page(html.parser.HTMLParser):
    """Words, tags, addresses, and what stands around each tag."""

    def __init__(self, text):
        super().__init__()
        self.words, self.open, self.addresses, self.around = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.around.append((tag, [name for _, name in self.open], attributes))
        for key, value in attributes.items():
            if key in ("src", "href", "xlink:href", "data", "action"):
                self.addresses.append(value)
        if tag not in VOID:
            self.open.append((tag, attributes.get("class", "")))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop()[0] == tag

    def handle_data(self, data):
        self.words.append(data)

    def of(self, tag):
        return [(around, attrs) for name, around, attrs in self.around if name == tag]


@pytest.fixture(scope="module")
def text(report):
    return (report / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_the_page_needs_nothing_else(text, page):
    assert not page.open
    ids = re.findall(r' id="([^"]*)"', text)
    assert len(ids) == len(set(ids))
    for address in page.addresses:
        inside = address.startswith("#") and address[1:] in ids
        assert inside or address.startswith("data:image/png;base64,")
    references = re.findall(r"url\(([^)]*)\)", text)
    assert references and all(one[1:] in ids for one in references)
    assert "http" not in text and "<script" not in text and "@import" not in text


def test_the_page_is_in_order(page):
    assert len(page.of("h1")) == 1
    assert len(page.of("h2")) == 1 + len(TABLES)
    assert len(page.of("table")) > 5
    for around, _ in page.of("table"):
        assert around[-1] == "wide"
    for around, attrs in page.of("img"):
        assert around[-1] == "wide" and attrs["alt"]
    assert len(page.of("svg")) == 2 + 2
    for _, attrs in page.of("svg"):
        assert attrs["role"] == "img" and "At the end: " in attrs["aria-label"]


@pytest.mark.parametrize(
    "expected",
    [
        "MGM beats <MT>",
        "held",
        "2 of 2 comparisons agree",
        "Not the paper's data: rooms in the place of nyuv2 50 %.",
        "image_size 64 (the paper: 128 or 256), width 0.25 or 1.25 or 2.25",
        "2 CPU cores",
        "c0ffeec0ff",
        "rooms/64/1.0.0: 40 train, 8 test (abcdef01)",
        "0.210 ± 0.010 (3) [2]",
        "paper 0.237 ± 0.006",
        # Leads of .10, .11, .12: t = 11 sqrt(3), p = 1 - t / sqrt(t * t + 2).
        "MT +52.4\u00a0% (p = 0.0027, 3 pairs)",
        "not averaged [1]",
        "not averaged: --width: 0.25 in rooms-labelled_percent50-st_depth-seed0, 1.25",
        "commit: c0ffeec0ff in rooms-labelled_percent50-mt-seed0 and rooms-",
        "6 M",
        "1 min 40 s",
    ],
)
def test_what_the_page_says(page, report, expected):
    assert expected in "".join(page.words)


def test_the_best_is_bold(text):
    assert '<span class="strong">0.320 ± 0.020 (3)</span>' in text
    assert '<span class="strong">0.210' not in text


def test_markdown_shows_the_files_beside_it(report):
    text = (report / "report.md").read_text(encoding="utf-8")
    assert re.findall("^# .*", text, re.MULTILINE) == [
        "# MGM: results of the runs beside the paper's"
    ]
    assert "\n## Table 2: Main results\n" in text
    assert "**0.320 ± 0.020 (3)**<br>MT +52.4" in text
    assert "MGM beats \\<MT\\>" in text
    assert "<summary>held: MGM beats &lt;MT&gt; (rooms)</summary>" in text
    shown = re.findall(r"!\[.*?\]\((pictures/.*?)\)", text)
    assert sorted(shown) == sorted(
        f"pictures/{path.name}" for path in (report / "pictures").iterdir()
    )
    assert len(shown) == 2 + 2 + 2  # curves, test images, figures over a share
    # Every row of a table has as many cells as its head.
    for table in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        widths = {len(re.split(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1


def test_the_record_is_written_too(report):
    record = json.loads((report / "report.json").read_text(encoding="utf-8"))
    assert [table["name"] for table in record["tables"]] == list(TABLES)


def test_the_same_runs_give_the_same_report(folder, report, tmp_path):
    again = written(folder, tmp_path)
    files = sorted(path for path in report.rglob("*") if path.is_file())
    assert len(files) == 4 + 6
    for path in files:
        assert path.read_bytes() == (again / path.relative_to(report)).read_bytes()


def test_a_report_of_nothing(tmp_path):
    page = (written(tmp_path, tmp_path / "report") / "report.html").read_text("utf-8")
    assert "0 finished runs" in page and "come with no claims" in page


# --- Numbers ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((0.2514, 0.0038, 5), "0.251 ± 0.004 (5)"),
        ((1.5, None, 1), "1.500 (1)"),
        ((0.01234, 0.001), "0.0123 ± 0.0010"),
        ((123.456,), "123.5"),
        ((0.0,), "0.000"),
    ],
)
def test_figures(numbers, expected):
    assert formatting.figure(*numbers) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (formatting.percent(5.91), "+5.9\u00a0%"),
        (formatting.percent(None), "–"),
        (formatting.amount(9_830_000), "9.83 M"),
        (formatting.amount(60.0), "60"),
        (formatting.amount(2.5e12), "2.5 T"),
        (formatting.duration(59.4), "59 s"),
        (formatting.duration(200), "3 min 20 s"),
        (formatting.duration(7500), "2 h 05 min"),
        (formatting.memory(3.1 * 2**30), "3.1 GiB"),
        (formatting.probability({"p": 0.00001, "pairs": 5}), "p < 0.001, 5 pairs"),
        (formatting.probability(None), ""),
        (formatting.count(1, "run"), "1 run"),
        (formatting.count(0, "run"), "0 runs"),
    ],
)
def test_other_numbers(written, expected):
    assert written == expected


def test_rows_whose_encoder_is_pretrained_are_named(tmp_path):
    weights = {"name": "resnet18.safetensors", "bytes": 9, "sha256": "feedbeef" * 8}
    metrics = run_folders.figures(0.3, 0.4)
    start = {"pretrained": weights}
    run_folders.write(tmp_path / "runs", MGM, 0, metrics, start=start)
    run_folders.write(tmp_path / "runs", MT, 0, metrics)
    text = (written(tmp_path / "runs", tmp_path / "report") / "report.md").read_text()
    words = "the encoder of MGM began with resnet18.safetensors (feedbeef)"
    assert f"Not from random weights: {words}" in text
