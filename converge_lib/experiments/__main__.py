"""Perform the experiments of this folder and record their results.

python -m converge_lib.experiments [NAME ...] [--scale page|paper] [--device cpu] [--jobs 1]
    [--slices]

What is done is kept in results/NAME.unfinished.json, from which a stopped repetition goes on. When
all runs are done the slices are made that the pages repeat, on the processor, and then the record
that the pages read is replaced, whole. --slices makes them alone, from the record that is there.
"""

from __future__ import annotations

import argparse
import multiprocessing
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from tqdm import tqdm

from converge_lib import recorded

HERE = Path(__file__).parent


def record(name: str, scale: str, device: str, jobs: int) -> Path:
    """Perform an experiment's runs and slices, and return the path of the record of them."""
    path = recorded.results_path(HERE, name, scale)
    unfinished = path.with_suffix(".unfinished.json")
    runs = perform(name, scale, device, jobs, unfinished)
    recorded.write(path, runs, cut(name, scale, jobs, runs))
    unfinished.unlink(missing_ok=True)
    return path


def perform(
    name: str, scale: str, device: str, jobs: int, unfinished: Path
) -> tuple[recorded.Run, ...]:
    """Perform all the runs of an experiment, and return them as they were planned."""
    experiment = recorded.load(name, HERE)
    runs = list(recorded.read(unfinished)[0]) if unfinished.exists() else []
    with _pool(jobs) as pool, tqdm(desc=name) as bar:
        while True:
            wanted = experiment.plan(scale, runs)
            done = [run.settings for run in runs]
            missing = [settings for settings in wanted if settings not in done]
            bar.total, bar.n = len(wanted), len(wanted) - len(missing)
            bar.refresh()
            if not missing:
                break
            futures = [
                pool.submit(recorded.perform, name, settings, device=device, folder=HERE)
                for settings in missing
            ]
            try:
                for future in as_completed(futures):
                    runs.append(future.result())
                    recorded.write(unfinished, runs)
                    bar.update()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    kept = (run for run in runs if run.settings in wanted)
    return tuple(sorted(kept, key=lambda run: wanted.index(run.settings)))


def cut(name: str, scale: str, jobs: int, runs: tuple[recorded.Run, ...]) -> list[recorded.Slice]:
    """Make the slices of these runs."""
    wanted = recorded.load(name, HERE).slices(recorded.Record(name, scale, runs))
    with _pool(jobs) as pool:
        futures = [pool.submit(recorded.cut, name, run, short, HERE) for run, short in wanted]
        return [future.result() for future in tqdm(futures, desc=f"{name}, slices")]


def cut_again(name: str, scale: str, jobs: int) -> Path:
    """Make the slices of the record that is there, and return its path."""
    path = recorded.results_path(HERE, name, scale)
    runs, _ = recorded.read(path)
    recorded.write(path, runs, cut(name, scale, jobs, runs))
    return path


def _pool(jobs: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        jobs,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=recorded.end_with_parent,
    )


def main() -> None:
    """Read the command line."""
    names = sorted(path.stem for path in HERE.glob("[!_]*.py"))
    parser = argparse.ArgumentParser(prog="experiments", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(names)}")
    parser.add_argument("--scale", choices=recorded.SCALES, default="page")
    parser.add_argument("--device", default="cpu", help="as torch names it: cpu, cuda")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--slices", action="store_true", help="keep the runs that are recorded")
    arguments = parser.parse_args()
    for name in arguments.names or names:
        if name not in names:
            parser.error(f"NAME must be one of {', '.join(names)}, got {name!r}")
        try:
            recorded.load(name, HERE).plan(arguments.scale, [])
        except ValueError as error:
            parser.error(f"--scale {arguments.scale} is not one of {name}: {error}")
    for name in arguments.names or names:
        if arguments.slices:
            print(cut_again(name, arguments.scale, arguments.jobs))
        else:
            print(record(name, arguments.scale, arguments.device, arguments.jobs))


if __name__ == "__main__":
    main()
