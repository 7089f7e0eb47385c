"""Run all benchmarks, print their tables, and write them to results.md, which the book includes.

python -m benchmarks
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TITLES = {
    "lbfgs": "L-BFGS to a gradient norm of 1e-8",
    "solvers": "A step of the first-order solvers at a million parameters",
    "curvature": "Products with curvature matrices",
    "hessian_free": "A deep autoencoder by Hessian-free optimisation",
}
COMPARED = ["scipy", "torch", "curvlinops-for-pytorch", "hessianfree", "pytorch-minimize"]


def versions() -> str:
    """Return a sentence that says what was compared."""
    found = [f"Python {platform.python_version()}"]
    for package in COMPARED:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found.append(f"{package} {importlib.metadata.version(package)}")
    return f"Measured in one run each, with {', '.join(found)}."


def main() -> None:
    """Run each script in a process of its own, lest one's settings reach the next."""
    parts = [versions()]
    for name, title in TITLES.items():
        out = io.StringIO()
        command = [sys.executable, str(HERE / f"{name}.py")]
        # one thread: with more, candidates measure each other's waiting
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=environment
        ) as process:
            for line in process.stdout:
                print(line, end="", flush=True)
                out.write(line)
        if process.returncode:
            raise SystemExit(f"benchmarks/{name}.py failed")
        parts.append(f"## {title}\n\n{out.getvalue().strip()}")
    (HERE / "results.md").write_text("\n\n".join(parts) + "\n", "utf-8")


if __name__ == "__main__":
    main()
