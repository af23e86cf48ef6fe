"""The checks of an audit: from its record to findings."""

import math
from collections.abc import Callable, Iterator

import numpy as np

from datasets import plausibility
from datasets.files import walk
from datasets.plausibility import SURE
from mgm_tf.data.audit.report import Finding, Level, Worst, some

TRAINED = frozenset({"train"})
UNLABELLED = frozenset({"weak"})  # splits that have image labels only
# Smallest and largest median, and what it probably is if it is beyond.
PLAUSIBLE = {
    "m": (0.1, 200.0, "metres stored as millimetres", "millimetres stored as metres")
}
NORMALIZED = 1.0  # metres; depth of photographs goes further
MOST = 0.9  # of the images: what holds for so many is no accident
ENOUGH = 8  # images, before edges are believed
MANY = 32  # images, before edges that say nothing are believed
UNSURE = 2.0  # Student's t below which there is no difference to be seen
Findings = Iterator[Finding]
Problems = Iterator[tuple[Level, str]]


def findings(record: dict) -> tuple[Finding, ...]:
    """Returns all findings, errors first."""
    results = list(_everywhere(record))
    for split, part in record["splits"].items():
        results += _images(split, part)
        results += _labels(record, split, part)
        for task, maps in part["tasks"].items():
            for check in (_presence, _constants, _values, _classes, _alignment):
                results += check(record, split, task, maps)
    order = {"error": 0, "warning": 1}
    return tuple(sorted(results, key=lambda finding: order[finding.level]))


def _everywhere(record: dict) -> Findings:
    damaged = record["damaged"]
    if damaged:
        shown = [
            f"{item['name']} ({item['file']}: {item['reason']})" for item in damaged
        ]
        text = f"{len(damaged)} examples were left out at building: {some(shown)}."
        yield Finding("warning", "damaged", text)
    for key, (level, check, text) in DUPLICATES.items():
        pairs = record["duplicates"][key]
        yield from _thumbnails(pairs["pairs"])
        if pairs["count"]:
            shown = [" = ".join(pair["images"]) for pair in pairs["pairs"]]
            text = text.format(pairs["count"])
            yield Finding(level, check, f"{text}: {some(shown, pairs['count'])}.")


def _thumbnails(pairs: list[dict]) -> Findings:
    """Finds pairs of which one is what a system keeps beside photographs."""
    for pair in pairs:
        for name, (split, number) in zip(pair["images"], pair["at"], strict=True):
            if any(map(walk.is_hidden, name.split("/"))):
                text = f"{name} is a file of the system, not a photograph; it looks as "
                other = next(each for each in pair["images"] if each != name)
                worst = Worst(split, number)
                yield Finding("error", "thumbnails", f"{text}{other} does.", worst)


DUPLICATES: dict[str, tuple[Level, str, str]] = {
    "across": ("error", "leak", "{} images are in more than one split"),
    "within": ("warning", "duplicates", "{} images are in a split more than once"),
    "near_across": (
        "warning",
        "near-duplicates",
        "{} pairs of images of different splits look the same",
    ),
    "near_within": (
        "warning",
        "near-duplicates",
        "{} pairs of images within a split look the same",
    ),
}


def _images(split: str, part: dict) -> Findings:
    damaged = part["damaged"]
    if damaged["count"]:
        text = f"{split}: {damaged['count']} stored examples cannot be read: "
        yield Finding("error", "damaged", text + damaged["reasons"][0])
    blank, read = part["image"]["blank"], part["looked_at"]
    if not read:
        return
    if blank["count"] >= MOST * read:
        text = f"{split}: {blank['count']} of {read} images are of one colour."
        yield Finding("error", "images", text)
    elif blank["count"]:
        shown = some(blank["names"], blank["count"])
        yield Finding("warning", "images", f"{split}: of one colour: {shown}.")


def _labels(record: dict, split: str, part: dict) -> Findings:
    labels, read, names = part["labels"], part["looked_at"], record["scene_names"]
    if labels["wrong"]["count"]:
        shown = some(labels["wrong"]["names"], labels["wrong"]["count"])
        text = f"{split}: image labels that are none of {len(names)} classes: {shown}."
        yield Finding("error", "image labels", text)
    unknown = labels["unknown"]["count"]
    if unknown and names:
        shown = some(labels["unknown"]["names"], unknown)
        text = f"{split}: {unknown} of {read} images have no image label: {shown}."
        yield Finding("warning", "image labels", text)
    if split not in TRAINED or not part["complete"] or not any(labels["counts"]):
        return
    empty = [name for name, n in zip(names, labels["counts"], strict=True) if not n]
    if empty:
        text = f"{split}: no image of {some(empty)} ({len(empty)} of {len(names)})."
        yield Finding("warning", "classes without examples", text)


def _presence(record: dict, split: str, task: str, maps: dict) -> Findings:
    if split in UNLABELLED:
        return
    if maps.get("beyond"):
        return
    if not maps["images"]:
        level: Level = "error" if split in TRAINED else "warning"
        count = maps["searched"]
        text = f"{split}: no pixel of {task} is labelled in {count} images."
        yield Finding(level, "no labels", f"{text} Leave the task out, or build again.")
    elif maps["ignored"] > MOST:
        text = f"{split}: {maps['ignored']:.1%} of the pixels of {task} have no label."
        yield Finding("warning", "ignored pixels", text)


def _constants(record: dict, split: str, task: str, maps: dict) -> Findings:
    constant, number = maps["constant"], maps["images"]
    repeated = maps["most_repeated_map"]
    if number and constant["count"] >= MOST * number:
        text = f"{constant['count']} of {number} maps of {task} have one value only"
        text = f"{split}: {text}, e.g. {some(constant['names'], most=3)}."
        yield Finding("error", "constant maps", text)
    elif number > 1 and repeated >= MOST * number:
        text = f"{split}: the same map of {task} stands {repeated} times in {number}."
        yield Finding("error", "constant maps", text)
    elif constant["count"] and task not in FLAT:
        shown = some(constant["names"], constant["count"])
        text = f"{split}: one value everywhere in the maps of {task} of {shown}."
        yield Finding("warning", "constant maps", text)


# A picture without an edge, or of flat surfaces only, is nothing special.
FLAT = frozenset({"curvature", "edges"})


def _values(record: dict, split: str, task: str, maps: dict) -> Findings:
    check_values = VALUES.get(task)
    if maps["images"] and check_values:
        for level, text in check_values(maps):
            yield Finding(level, "values", f"{split}: {task} {text}.")
    for measure, limits in SHARES.get(task, {}).items():
        yield from _share(split, task, maps, measure, limits)


def _share(
    split: str, task: str, maps: dict, measure: str, limits: tuple[float, float, str]
) -> Findings:
    """Yields a finding if too large a share of the pixels is impossible."""
    some_, many, text = limits
    share, worst = maps[measure], maps["worst"][measure]
    if share <= some_:
        return
    value = maps["values"][0]["max"]
    text = text.format(f"{share:.2%}", f"{value:.4g} {maps['unit']}")
    text = f"{split}: {task} {text}; worst in {worst['name']} ({worst['share']:.1%})."
    level: Level = "error" if share > many else "warning"
    example = Worst(split, worst["number"], task, measure)
    yield Finding(level, "values", text, example)


# Task -> what is counted -> the share from which it is told, and that from which it
# cannot be, and the sentence of share and largest value.
SHARES: dict[str, dict[str, tuple[float, float, str]]] = {
    "normals": {
        "away": (
            plausibility.MOST_AWAY / 10,
            plausibility.MOST_AWAY,
            "face away from the camera in {} of the pixels, which none that it sees "
            "can: other axes than x right, y up, z towards it, or red and blue "
            "exchanged?",
        )
    },
    "depth": {
        "at_top": (
            0.001,
            0.01,
            "is the largest that can be stored in {} of the pixels, {}: a number that "
            "means that there is no depth, taken for one?",
        )
    },
}


def _depth(maps: dict) -> Problems:
    value, unit = maps["values"][0], maps["unit"]
    low, high, small, large = PLAUSIBLE.get(unit, (0, math.inf, "", ""))
    fact = f"has a median of {value['median']:.4g} {unit}"
    if value["median"] < low:
        yield "error", f"{fact}, below {low:g}: another unit ({small}?)"
    if value["median"] > high:
        yield "error", f"{fact}, above {high:g}: another unit ({large}?)"
    if value["min"] < 0:
        yield "error", f"is negative somewhere: {value['min']:.4g} {unit}"
    if low <= value["median"] and value["max"] <= NORMALIZED:
        yield (
            "warning",
            f"is nowhere beyond {value['max']:.4g} {unit}: divided by the largest, or "
            "another quantity?",
        )


def _normals(maps: dict) -> Problems:
    if maps["off_length"] > 1e-3:
        level: Level = "error" if maps["off_length"] > 0.01 else "warning"
        yield level, f"are no unit vectors in {maps['off_length']:.1%} of the pixels"


def _unit_interval(maps: dict) -> Problems:
    value = maps["values"][0]
    tolerance = 1e-3
    if value["min"] < -tolerance or value["max"] > 1 + tolerance:
        ends = f"{value['min']:.4g} to {value['max']:.4g}"
        yield "error", f"must be in 0..1, and is {ends}"
    elif value["max"] < 1.01 / 257:
        yield "warning", f"is at most {value['max']:.2g} of 1: 8 bits read as 16?"


def _curvature(maps: dict) -> Problems:
    if maps["at_top"] > 0.05:
        share = f"{maps['at_top']:.1%} of the pixels"
        yield "warning", f"is the largest that can be stored in {share}"


VALUES: dict[str, Callable[[dict], Problems]] = {
    "depth": _depth,
    "normals": _normals,
    "edges": _unit_interval,
    "reshading": _unit_interval,
    "curvature": _curvature,
}


def _classes(record: dict, split: str, task: str, maps: dict) -> Findings:
    names = [entry["name"] for entry in record["tasks"][task]["classes"]]
    if not names or not maps["images"]:
        return
    if maps["outside"]:
        text = f"{split}: {maps['outside']:.2%} of the labelled pixels of {task}"
        text = f"{text} are none of the {len(names)} classes."
        yield Finding("error", "class numbers", text)
    pixels = maps["classes"]["pixels"]
    largest = max(pixels)
    if largest > 0.99 * sum(pixels) and sum(n > 0 for n in pixels) > 1:
        text = f"{split}: {largest / sum(pixels):.2%} of the labelled pixels of {task}"
        text = f"{text} are {names[pixels.index(largest)]}."
        yield Finding("warning", "class numbers", text)
    empty = [name for name, count in zip(names, pixels, strict=True) if not count]
    if empty and split in TRAINED and record["splits"][split]["complete"]:
        text = f"{split}: no pixel of {task} is {some(empty)}"
        text = f"{text} ({len(empty)} of {len(names)} classes)."
        yield Finding("warning", "classes without examples", text)


def _alignment(record: dict, split: str, task: str, maps: dict) -> Findings:
    fit = maps["alignment"]
    for axis in fit.get("opposite", ()):
        text = f"{split}: {task} have the wrong sign in {axis}: depth leans the"
        yield Finding("error", "alignment", f"{text} other way.")
    if fit.get("exchanged"):
        text = f"{split}: x and y of {task} are exchanged: depth leans in x as they do"
        yield Finding("error", "alignment", f"{text} in y.")
    number = fit.get("images", 0)
    if number < ENOUGH:
        return
    arrangements = fit["arrangements"].items()
    name, best = max(arrangements, key=lambda item: np.nan_to_num(item[1]["t"]))
    fact = f"edges agree with {fit['own']:.2f} as they are"
    if best["t"] > SURE:
        text = f"{split}: labels of {task} look {name}: {fact}, with {best['mean']:.2f}"
        yield Finding("error", "alignment", f"{text} the other way ({number} images).")
    elif fit["others_t"] < UNSURE:
        level: Level = "error" if number >= MANY else "warning"
        doubt = "do not" if number >= MANY else "may not"
        text = f"{split}: labels of {task} {doubt} belong to these images: {fact},"
        text = f"{text} with {fit['others']:.2f} on other images ({number} images)."
        yield Finding(level, "alignment", text)
    elif fit["others_t"] < SURE or fit["own"] < 0.02:
        text = f"{split}: labels of {task} hardly follow the edges of their images:"
        text = f"{text} {fact}, with {fit['others']:.2f} on other images."
        yield Finding("warning", "alignment", text)
