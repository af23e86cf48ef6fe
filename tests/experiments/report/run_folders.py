"""Fabricated folders of runs: small JSON files, and exhibits of a few pixels."""

import dataclasses
import json
import pathlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from datasets import metadata
from mgm_tf.experiments.registry import names
from mgm_tf.experiments.registry.records import Block, Row, Training

ST_DEPTH = Training(("st_depth",))
ST_SEGMENTATION = Training(("st_segmentation",))
MT = Training(("mt",))
MGM = Training(("mgm",))
TASKS = ("segmentation", "depth")
ROWS = (
    Row("ST", {"segmentation": ST_SEGMENTATION, "depth": ST_DEPTH}),
    Row("MT", dict.fromkeys(TASKS, MT)),
    Row("MGM", dict.fromkeys(TASKS, MGM)),
)
Flags = tuple[tuple[str, str], ...]
HALF: Flags = (("labelled_percent", "50"),)
SETTINGS = {
    "data": {"dataset": "rooms", "image_size": 64, "labelled_percent": 50.0},
    "network": {"width": 0.25},
    "schedule": {"joint_length": "300steps"},
    "run": {"seed": 0, "replicas": 0, "log_every": 50},
}
START = {
    "time": 1.0,
    "code": {"commit": "c0ffee" * 6, "modified": False},
    "machine": {"cpus": 2, "gpus": [], "tensorflow": "2.21.0", "keras": "3.15.0"},
    "data": {
        "name": "rooms/64/1.0.0",
        "examples": {"train": 40, "test": 8},
        "fingerprint": "abcdef0123456789",
    },
}
COSTS = {
    "parameters": {"encoder": 5_000_000, "decoders": 1_000_000},
    "prediction_parameters": 6_000_000,
    "wall_seconds": 100.0,
    "peak_memory_bytes": 2**31,
    "stages": {
        "multi_task": {"steps": 10, "images_per_second": 100.0, "flops_per_step": None},
        "joint": {"steps": 30, "images_per_second": 60.0, "flops_per_step": 2e12},
    },
}


def block(
    name: str = "nyuv2 50 %",
    dataset: str = "nyuv2",
    rows: tuple[Row, ...] = ROWS,
    flags: Flags = HALF,
    **others: Any,
) -> Block:
    return Block(name, dataset, rows, flags, **others)


def figures(miou: float | None, error: float | None) -> dict:
    """The metrics of a run on Rooms: what the columns of its table read."""
    return {"segmentation": {"miou": miou}, "depth": {"absolute_error": error}}


def write(
    root: pathlib.Path,
    training: Training,
    seed: int,
    metrics: dict | None = None,
    *,
    dataset: str = "rooms",
    flags: Flags = HALF,
    settings: dict | None = None,
    start: dict | None = None,
    costs: dict | None = None,
    log: list[dict] | None = None,
) -> pathlib.Path:
    """A run's folder; finished if there are metrics.

    `settings` and `start` change what is usual, group by group.
    """
    folder = root / names.run_name(dataset, flags, training, seed)
    changed = {"run": {"seed": seed}, "data": {"dataset": dataset}}
    write_json(folder / "config.json", merged(SETTINGS, changed, settings or {}))
    starts = json.dumps(merged(START, start or {}))
    (folder / "provenance.jsonl").write_text(starts + "\n")
    if metrics is not None:
        result = {
            "metrics_version": 2,
            "split": "test",
            "examples": 8,
            "checkpoint": "best_of_joint",
            "step": 30,
        }
        write_json(
            folder / "eval" / "test.best_of_joint.json", result | {"metrics": metrics}
        )
    if costs is not None:
        write_json(folder / "costs.json", costs)
    if log is not None:
        lines = "".join(json.dumps(line) + "\n" for line in log)
        (folder / "metrics.jsonl").write_text(lines)
    return folder


def write_json(path: pathlib.Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def merged(*records: dict) -> dict:
    """Groups of values, later ones over earlier ones."""
    result: dict = {}
    for record in records:
        for name, value in record.items():
            is_group = isinstance(value, dict)
            result[name] = {**result.get(name, {}), **value} if is_group else value
    return result


def validation(
    steps_and_scores: Iterable[tuple[int, float]],
    task: str = "depth",
    metric: str = "absolute_error",
) -> list[dict]:
    """The lines of a log: the headline is 1 - score."""
    lines: list[dict] = [{"step": 0, "stage": "joint", "event": "started"}]
    for step, score in steps_and_scores:
        lines.append({"step": step, "stage": "joint", "loss/multi_task": 2.0})
        lines.append(
            {
                "step": step,
                "stage": "joint",
                "validation/score": score,
                f"validation/{task}/{metric}": 1 - score,
            }
        )
    return lines


INFOS = {
    "segmentation": metadata.segmentation_info(
        ("wall", "floor"), ((200, 50, 50), (50, 50, 200))
    ),
    "depth": metadata.depth_info(),
}


def write_report_arrays(
    folder: pathlib.Path,
    tasks: Sequence[str] = TASKS,
    images: int = 2,
    seed: int = 0,
) -> None:
    """Predictions, samples and annotations of 8 pixels."""
    place = folder / "exhibits"
    write_json(
        place / "tasks.json", {task: dataclasses.asdict(INFOS[task]) for task in tasks}
    )
    shown = np.random.default_rng(7).integers(0, 255, (images, 8, 8, 3), np.uint8)
    rng = np.random.default_rng(seed)
    maps = {
        "segmentation": lambda r: r.integers(0, 2, (images, 8, 8, 1)),
        "depth": lambda r: r.uniform(1, 5, (images, 8, 8, 1)),
    }
    arrays: dict[str, Any] = {"image": shown}
    for number, task in enumerate(tasks):
        arrays[f"prediction_{task}"] = maps[task](rng)
        arrays[f"target_{task}"] = maps[task](np.random.default_rng(number))
        arrays[f"valid_{task}"] = np.ones((images, 8, 8), bool)
    np.savez(place / "predictions.npz", **arrays)
    made = rng.integers(0, 255, (2, 3, 8, 8, 3), np.uint8)
    np.savez(place / "samples.npz", images=made, titles=np.array(["bath", "hall"]))
    classes = rng.integers(0, 2, (images, 8, 8, 1))
    np.savez(place / "oracle.npz", image=shown, segmentation=classes)
