"""Execute each notebook once, in parallel, and again when anything it used has changed.

jupyter-cache, which MyST-NB reads from, knows a notebook by its code alone: after a change in
``converge_lib`` it would serve a stale page. So before a build this extension

1. looks at what each notebook used the last time it ran: every file of this repository that it
   imported or opened, and the versions of the packages it stands on;
2. runs those for which any of that has changed through ``pytest --nbmake``, in parallel, on copies
   (the sources stay without outputs);
3. puts the results into jupyter-cache and notes what each run used.

``jupyter-book build .`` therefore does the same as ``make book``.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
from jupyter_cache import get_cache
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util import logging

PACKAGES = ("anywidget", "ipywidgets", "matplotlib", "numpy", "torch")

# Runs in the notebook's kernel, before its first cell: notes every file of the repository that is
# opened. Imports may come from compiled files, so the second cell adds the modules' sources.
WATCH = """
import os as _os, sys as _sys
_opened = set()
_sys.addaudithook(
    lambda event, args: event == "open" and isinstance(args[0], str)
    and _opened.add(_os.path.realpath(args[0]))
)
"""
REPORT = """
import json as _json
_files = _opened | {{_os.path.realpath(m.__file__) for m in list(_sys.modules.values())
                     if getattr(m, "__file__", None)}}
with open({report!r}, "w", encoding="utf-8") as _file:
    _json.dump(sorted(_files), _file)
"""

logger = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, Any]:
    """Execute before anything is read, and have Sphinx read again what has run again."""
    app.connect("env-get-outdated", execute_stale)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def execute_stale(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """Run the notebooks whose cached result no longer stands, and return their pages' names."""
    root = Path(app.srcdir)
    cache = get_cache(env.mystnb_config.execution_cache_path)
    records = Path(env.mystnb_config.execution_cache_path, "used.json")
    used = json.loads(records.read_text("utf-8")) if records.exists() else {}
    stale = {}
    for page in sorted(env.found_docs):
        source = Path(env.doc2path(page))
        if source.suffix != ".ipynb":
            continue
        notebook = nbformat.read(source, as_version=4)
        key = cache.create_hashed_notebook(notebook)[1]
        record = _cached(cache, notebook)
        if record is None or not _still_holds(used.get(key), root):
            if record is not None:
                cache.remove_cache(record.pk)
            stale[page] = notebook
    if not stale:
        return []
    # nbmake passes over anything below a folder called _build.
    with tempfile.TemporaryDirectory() as staging:
        copies = {page: Path(staging, f"{page}.ipynb") for page in stale}
        for page, copy in copies.items():
            _stage(copy, stale[page])
        _run(Path(staging), list(copies.values()), int(env.mystnb_config.execution_timeout))
        for page, copy in copies.items():
            used |= _keep(cache, stale[page], env.doc2path(page), copy, root)
    records.write_text(json.dumps(used, indent=1), "utf-8")
    return list(stale)


def _keep(
    cache: Any,  # noqa: ANN401 - jupyter-cache's own class
    notebook: nbformat.NotebookNode,
    source: str,
    copy: Path,
    root: Path,
) -> dict[str, dict[str, str]]:
    """Cache the outputs of an executed copy, and return what it used under the cache's key."""
    executed = nbformat.read(copy, as_version=4)
    # The run rewrites metadata that the cache's key is made of: take the outputs alone.
    notebook = deepcopy(notebook)
    for cell, after in zip(notebook.cells, executed.cells[1:-1], strict=True):
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = after.outputs, after.execution_count
    notebook.metadata["widgets"] = executed.metadata.get("widgets", {})
    nbformat.write(notebook, copy)
    seconds = sum(map(_seconds, executed.cells))
    cache.cache_notebook_file(
        copy,
        uri=source,
        data={"execution_seconds": seconds},
        check_validity=False,
        overwrite=True,
    )
    logger.info("%s took %.1f s", source, seconds)
    files = json.loads(_report(copy).read_text("utf-8"))
    return {cache.create_hashed_notebook(notebook)[1]: _fingerprint(files, root)}


def _cached(cache: Any, notebook: nbformat.NotebookNode) -> Any:  # noqa: ANN401
    try:
        return cache.match_cache_notebook(notebook)
    except KeyError:
        return None


def _stage(copy: Path, notebook: nbformat.NotebookNode) -> None:
    watch = nbformat.v4.new_code_cell(WATCH)
    report = nbformat.v4.new_code_cell(REPORT.format(report=str(_report(copy))))
    staged = nbformat.v4.new_notebook(
        cells=[watch, *notebook.cells, report], metadata=notebook.metadata
    )
    copy.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(staged, copy)


def _report(copy: Path) -> Path:
    return copy.with_suffix(".used.json")


def _run(staging: Path, copies: list[Path], timeout: int) -> None:
    processors = os.cpu_count() or 1
    workers = min(processors, len(copies))
    (staging / "pytest.ini").write_text("[pytest]\n")  # not the settings of the book's own tests
    command = [sys.executable, "-m", "pytest", "--nbmake", "--overwrite", "--durations=0", "-q"]
    command += [f"--nbmake-timeout={timeout}", "-p", "no:cacheprovider", "-n", str(workers)]
    logger.info("executing %d notebooks, %d at a time", len(copies), workers)
    environment = {
        "OMP_NUM_THREADS": str(max(1, processors // workers)),
        "CONVERGE_PROGRESS": str(staging / "progress.json"),  # not the record of whoever builds
    }
    finished = subprocess.run(
        [*command, "-c", str(staging / "pytest.ini"), *map(str, copies)],
        env={**os.environ, **environment},
        check=False,
    )
    if finished.returncode:
        raise ExtensionError("a notebook failed: its traceback is above")


def _seconds(cell: nbformat.NotebookNode) -> float:
    """Return how long a cell ran, by the time stamps that nbclient leaves in its metadata."""
    stamps = cell.metadata.get("execution", {})
    if "iopub.execute_input" not in stamps or "shell.execute_reply" not in stamps:
        return 0.0
    first, last = stamps["iopub.execute_input"], stamps["shell.execute_reply"]
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()


def _fingerprint(files: list[str], root: Path) -> dict[str, str]:
    """Return the digests of those files that belong to the repository, and the versions."""
    build = str(root / "_build")
    ours = [f for f in files if f.startswith(f"{root}{os.sep}") and not f.startswith(build)]
    ours = [f for f in ours if not f.endswith(".pyc") and f"{os.sep}.venv{os.sep}" not in f]
    prints = {str(Path(f).relative_to(root)): _digest(Path(f)) for f in ours}
    return {**prints, **_versions()}


def _still_holds(fingerprint: dict[str, str] | None, root: Path) -> bool:
    if fingerprint is None:
        return False
    versions = _versions()
    return all(
        versions[name] == value if name in versions else _digest(root / name) == value
        for name, value in fingerprint.items()
    )


def _versions() -> dict[str, str]:
    versions = {"version of Python": platform.python_version()}
    for package in PACKAGES:
        versions[f"version of {package}"] = importlib.metadata.version(package)
    return versions


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "missing"
