"""Decodes all frames by Apache Beam, chunk by chunk, into the store.

A chunk that is done is not done again. What is passed through the pipeline is small:
buildings, chunks and numbers; pictures go from file to file.
"""

import contextlib
import dataclasses
import functools
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import tqdm
from etils import epath

from datasets.files import DamagedFile
from datasets.tiny_taskonomy import frames, layout, store, tasks
from datasets.tiny_taskonomy.layout import Building
from datasets.tiny_taskonomy.store import Chunk, Report, Store

if TYPE_CHECKING:  # it takes seconds to import
    from apache_beam.options.pipeline_options import PipelineOptions

# Runs in this process, offline, with whatever worker processes are asked for. Beam's
# DirectRunner would first try to download a program that runs the pipeline.
RUNNER = "FnApiRunner"
_TELL_EVERY = 2.0  # seconds
_ERRORS = {
    error.__name__: error
    for error in (OSError, FileNotFoundError, PermissionError, ValueError)
}


@dataclasses.dataclass(frozen=True)
class Work:
    """The work, the same for all workers.

    Attributes:
      store: the store of the decoded frames.
      domains: the domains that are read.
      size: height and width of the stored images and maps.
      max_damaged: the fraction of frames that may be left out.
    """

    store: Store
    domains: tuple[str, ...]
    size: int
    max_damaged: float

    def chunks(self, building: Building) -> list[Chunk]:
        """Lists the frames of a building, notes its chunks and removes others."""
        listed = layout.list_frames(building)
        rows = [[name, layout.stamps(paths)] for name, paths in listed.items()]
        # The domains tell which files are missing.
        chunks = store.chunks_of(building.name, rows, [self.size, building.domains])
        self.store.remove_others(building.name, chunks)
        self.store.write_index(building.name, chunks)
        return chunks

    def run(
        self, chunk: Chunk, frames_in_all: int, buildings: Sequence[Building]
    ) -> None:
        """Decodes a chunk, unless that is done or too many frames are damaged."""
        if chunk.stem in self.store.done(chunk.building):
            return
        damaged = sum(sum(self.store.done(each.name).values()) for each in buildings)
        if damaged > self.max_damaged * frames_in_all:
            return
        building = next(each for each in buildings if each.name == chunk.building)
        names = list(layout_of(building))[chunk.start : chunk.stop]
        report = Report([], [], [])
        self.store.write(chunk, self._frames(building, names, report))
        self.store.write_report(chunk, report)

    def _frames(
        self, building: Building, names: Sequence[str], report: Report
    ) -> Iterator[tuple[str, dict[str, bytes]]]:
        """Yields (name, PNG by feature) of the whole frames; `report` grows."""
        infos = tasks.task_infos(self.domains)
        for name in names:
            paths = layout_of(building)[name]
            missing = [domain for domain in building.domains if domain not in paths]
            if missing:
                file = layout.missing_file(building, name, missing[0])
                reason = f"no file of the frame for {', '.join(missing)}"
                report.damaged.append({"name": name, "file": file, "reason": reason})
                continue
            try:
                scene = frames.read_scene(paths[layout.SCENE])
                images = frames.read_frame(paths, infos, self.size)
            except DamagedFile as error:
                report.damaged.append(
                    {"name": name, "file": str(error.path), "reason": error.reason}
                )
                continue
            report.names.append(name)
            report.scenes.append(scene)
            yield name, images


@functools.lru_cache(maxsize=2)
def layout_of(building: Building) -> dict[str, dict[str, epath.Path]]:
    """Returns the files of a building's frames; keeps those of the last buildings."""
    return layout.list_frames(building)


def run(
    work: Work,
    buildings: Sequence[Building],
    options: "PipelineOptions | None",
    runner: Any,
) -> None:
    """Decodes all frames that are not done, showing progress and the time left.

    Args:
      work: the work, the same for all workers.
      buildings: the buildings with the domains to be read, no others.
      options: the options of Beam's pipeline, or None.
      runner: the runner of Beam, or None.

    Raises:
      ValueError, OSError: what a worker met, in one sentence.
    """
    layout_of.cache_clear()
    for building in buildings:
        work.store.forget_index(building.name)
    with _told_shortly(work.store), _progress(work.store, buildings):
        _run_pipeline(work, buildings, options, runner)


def _run_pipeline(
    work: Work,
    buildings: Sequence[Building],
    options: "PipelineOptions | None",
    runner: Any,
) -> None:
    # Imported where it is needed: it takes seconds.
    import apache_beam as beam
    from apache_beam.options import pipeline_options

    # Without flags Beam would read those of our command line.
    options = options or pipeline_options.PipelineOptions(flags=[])
    standard = options.view_as(pipeline_options.StandardOptions)
    if runner is None and standard.runner is None:
        standard.runner = RUNNER
    with beam.Pipeline(runner=runner, options=options) as pipeline:
        chunks = (
            pipeline
            | "Buildings" >> beam.Create(list(buildings))
            | "Spread" >> beam.Reshuffle()
            | "List" >> beam.FlatMap(work.chunks)
        )
        in_all = chunks | "Count" >> beam.Map(len) | "Sum" >> beam.CombineGlobally(sum)
        _ = (
            chunks
            | "Spread chunks" >> beam.Reshuffle()
            | "Decode"
            >> beam.Map(work.run, beam.pvalue.AsSingleton(in_all), list(buildings))
        )


@contextlib.contextmanager
def _told_shortly(where: Store) -> Iterator[None]:
    """Makes one sentence of what Beam tells of a worker's error in pages."""
    try:
        yield
    except RuntimeError as error:
        lines = str(error).strip().splitlines() or [""]
        last = re.fullmatch(r"(\w+): (.*?)(?: \[while running .*)?", lines[-1])
        if not last or last[1] not in _ERRORS:
            raise
        raise _ERRORS[last[1]](
            f"{last[2]} (Decoded frames are kept in {where.root}.)"
        ) from error


@contextlib.contextmanager
def _progress(where: Store, buildings: Sequence[Building]) -> Iterator[None]:
    """Shows how many frames are decoded, from what is on disk."""
    ended = threading.Event()

    def watch(bar: tqdm.tqdm) -> None:
        while not ended.wait(_TELL_EVERY):
            _tell(bar, where, buildings)

    with tqdm.tqdm(total=0, unit=" frames", desc="Decoding", file=sys.stderr) as bar:
        thread = threading.Thread(target=watch, args=(bar,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            _tell(bar, where, buildings)


def _tell(bar: tqdm.tqdm, where: Store, buildings: Sequence[Building]) -> None:
    total = done = 0
    for building in buildings:
        chunks = where.read_index(building.name)
        if chunks is None:
            return  # the time left is not known before all frames are counted
        finished = where.done(building.name)
        total += sum(map(len, chunks))
        done += sum(len(chunk) for chunk in chunks if chunk.stem in finished)
    if not bar.total:
        # Frames of earlier runs cost no time in this one.
        bar.initial = bar.n = done
    bar.total = total
    bar.n = done
    bar.refresh()
