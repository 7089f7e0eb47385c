"""Perform the experiments of this folder and record their results.

python -m converge_lib.experiments [NAME ...] [--scale page|paper] [--device cpu] [--jobs 1]

What is done is kept in results/NAME.unfinished.json, from which a stopped repetition goes on. The
record that the pages read is replaced when all is done.
"""

from __future__ import annotations

import argparse
import multiprocessing
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from tqdm import tqdm

from converge_lib import recorded

HERE = Path(__file__).parent


def repeat(name: str, scale: str, device: str, jobs: int) -> Path:
    """Perform all the runs of an experiment, and return the path of its record."""
    experiment = recorded.load(name, HERE)
    path = recorded.results_path(HERE, name, scale)
    unfinished = path.with_suffix(".unfinished.json")
    runs = list(recorded.read(unfinished)) if unfinished.exists() else []
    pool = ProcessPoolExecutor(
        jobs,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=recorded.end_with_parent,
    )
    with pool, tqdm(desc=name) as bar:
        while True:
            wanted = experiment.plan(scale, runs)
            done = [run.settings for run in runs]
            missing = [settings for settings in wanted if settings not in done]
            bar.total, bar.n = len(wanted), len(wanted) - len(missing)
            bar.refresh()
            if not missing:
                break
            futures = [
                pool.submit(recorded.perform, name, settings, device, HERE) for settings in missing
            ]
            try:
                for future in as_completed(futures):
                    runs.append(future.result())
                    recorded.write(unfinished, runs)
                    bar.update()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    recorded.write(
        path,
        sorted((r for r in runs if r.settings in wanted), key=lambda r: wanted.index(r.settings)),
    )
    unfinished.unlink(missing_ok=True)
    return path


def main() -> None:
    """Read the command line."""
    names = sorted(path.stem for path in HERE.glob("[!_]*.py"))
    parser = argparse.ArgumentParser(prog="experiments", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(names)}")
    parser.add_argument("--scale", choices=recorded.SCALES, default="page")
    parser.add_argument("--device", default="cpu", help="as torch names it: cpu, cuda")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    arguments = parser.parse_args()
    for name in arguments.names or names:
        if name not in names:
            parser.error(f"NAME must be one of {', '.join(names)}, got {name!r}")
    for name in arguments.names or names:
        print(repeat(name, arguments.scale, arguments.device, arguments.jobs))


if __name__ == "__main__":
    main()
