"""Run the notebooks and the unit tests as other machines would, and tell what differs there.

``make machines`` runs every notebook of the book, and all unit tests, under each of SETTINGS that
this processor can play, and prints what was off. ``make machines SETTING=oldest NOTEBOOK=maxout``
runs a part. What has run is kept in ``_build/machines``, and runs again when the notebook, the
library or the machine has changed, so that an interrupted run goes on.

From two settings on it also compares them:

- *margins*: how far each assertion is from its limit, in every setting. It must hold with room: the
  observed number lies a factor of ROOM away from its limit, or ROOM times as far as the settings
  move it. An EXCEPTION says why it may have less;
- *words*: the computed numbers that the text would say differently, into ``words.txt``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import numpy as np
import torch
from myst_nb.core.variables import format_plain_text
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "_build" / "machines"
NOTEBOOKS = {path.stem: path for path in sorted((ROOT / "book").glob("**/*.ipynb"))}
UNIT_TESTS = "unit-tests"
"""The name by which NOTEBOOK asks for them."""
MISTAKES = "tests/test_slices.py::test_a_mistake_is_caught"
"""Not repeated for each setting: a mistake is made in the slices that must agree there anyway."""
REPEATED = "A recorded experiment, repeated in part"
"""The title of a repeated slice's card."""
ROOM = 2.0
KERNELS = 2


@dataclass(frozen=True)
class Setting:
    """One machine that this one can play.

    Attributes:
        environment: variables, set for the whole process.
        code: what is run in it before anything else, where no variable exists.
        package: what is installed for it, in front of the packages that are there.
        capability: what the processor must have.
    """

    environment: dict[str, str] = field(default_factory=dict)
    code: str = ""
    package: str = ""
    capability: str = ""


def _threads(n: int) -> Setting:
    return Setting({"OMP_NUM_THREADS": str(n), "MKL_NUM_THREADS": str(n)})


AS_IS = "as-is"
SETTINGS = {
    AS_IS: Setting(),
    "aten-default": Setting({"ATEN_CPU_CAPABILITY": "default"}),
    "aten-avx2": Setting({"ATEN_CPU_CAPABILITY": "avx2"}),
    "onednn-sse41": Setting({"ONEDNN_MAX_CPU_ISA": "SSE41"}),
    "onednn-off": Setting(code="import torch\ntorch.backends.mkldnn.enabled = False\n"),
    "threads-1": _threads(1),
    "threads-4": _threads(4),
    "openblas-nehalem": Setting({"OPENBLAS_CORETYPE": "Nehalem"}),
    "openblas-haswell": Setting({"OPENBLAS_CORETYPE": "Haswell"}),
    "openblas-skylakex": Setting({"OPENBLAS_CORETYPE": "SkylakeX"}, capability="AVX512"),
    "oldest": Setting(
        {
            "ATEN_CPU_CAPABILITY": "default",
            "ONEDNN_MAX_CPU_ISA": "SSE41",
            "MKL_CBWR": "COMPATIBLE",
            "OPENBLAS_CORETYPE": "Nehalem",
            # all that NumPy has found here above what every processor has
            "NPY_DISABLE_CPU_FEATURES": " ".join(
                np.show_config("dicts")["SIMD Extensions"].get("found", [])
            ),
        }
    ),
    "newest-torch": Setting(package="torch"),
}

EXCEPTIONS: dict[tuple[str, str], str] = {}
"""Assertions that may have less room: notebook and text, and why."""


# ── Running ──────────────────────────────────────────────────────────────────────────────────────


def kept(setting: str, page: str) -> dict | None:
    """Return what is known of a notebook, or the unit tests, under a setting."""
    path = KEPT / setting / f"{page}.json"
    if not path.exists():
        return None
    result = json.loads(path.read_text("utf-8"))
    return result if result["key"] == _key(setting, page) else None


def run(setting: str, page: str) -> dict:
    """Run a notebook, or the unit tests, under a setting, unless its result is known."""
    if result := kept(setting, page):
        return result
    start, key = time.perf_counter(), _key(setting, page)
    environment = _environment(setting)
    found = unit_tests(environment) if page == UNIT_TESTS else execute(NOTEBOOKS[page], environment)
    result = {"key": key, "seconds": round(time.perf_counter() - start), **found}
    path = KEPT / setting / f"{page}.json"
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(result, indent=1), "utf-8")
    beside.replace(path)
    return result


def execute(source: Path, environment: dict[str, str]) -> dict:
    """Execute a notebook, and return what was off, its limits and its glued numbers."""
    notebook = nbformat.read(source, as_version=4)
    code = nbformat.v4.new_code_cell
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log.json")
        first = code("import instrument, setting; _log = instrument.install(get_ipython())")
        staged = nbformat.v4.new_notebook(
            cells=[first, *notebook.cells, code(f"_log.write({str(log)!r})")],
            metadata=notebook.metadata,
        )
        client = NotebookClient(
            staged,
            timeout=1800,
            allow_errors=True,
            extra_arguments=["--log-level=ERROR"],
            resources={"metadata": {"path": folder}},
        )
        environment |= {"CONVERGE_PROGRESS": str(Path(folder, "progress.json"))}
        try:
            client.execute(env=environment)
        except DeadKernelError as error:
            off = [{"cell": None, "says": str(error)}]
            return {"off": off, "limits": [], "repeated": [], "glued": {}}
        noted = json.loads(log.read_text("utf-8"))
    ran = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code" and cell.source]
    for entry in noted["failed"] + noted["limits"]:
        entry["cell"] = ran[entry["cell"]]
    off = [{"cell": f["cell"], "says": f"assert {f['text']}"} for f in noted["failed"]]
    repeated, glued = [], {}
    for i in ran:
        for output in notebook.cells[i].outputs:
            data, metadata = output.get("data", {}), output.get("metadata", {})
            if output.output_type == "error":
                off.append({"cell": i, "says": f"{output.ename}: {output.evalue}"})
            elif "converge.difference" in metadata:
                off.append({"cell": i, "says": metadata["converge.difference"]["says"]})
            elif "scrapbook" in metadata:
                scrap = metadata["scrapbook"]
                glued[scrap["name"]] = data[f"{scrap['mime_prefix']}text/plain"]
            elif REPEATED in data.get("text/plain", ""):
                repeated.append({"cell": i, "says": data["text/plain"]})
    return {"off": off, "limits": noted["limits"], "repeated": repeated, "glued": glued}


def unit_tests(environment: dict[str, str]) -> dict:
    """Run all tests but those of the built book, and return which failed."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [sys.executable, "-m", "pytest", "tests", "converge_lib", "--ignore=tests/book"]
        command += ["-p", "setting", "-p", "no:cacheprovider", "-q", "-n", str(KERNELS)]
        command += ["--deselect", MISTAKES]
        finished = subprocess.run(
            [*command, f"--junitxml={report}"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if not report.exists():
            return {"off": [{"cell": None, "says": finished.stdout[-300:]}], "passed": 0}
        cases = list(ElementTree.parse(report).iter("testcase"))
    off = [
        {"cell": None, "says": f"{case.get('classname')}.{case.get('name')}: {f.get('message')}"}
        for case in cases
        for f in case
        if f.tag in ("failure", "error")
    ]
    return {"off": off, "passed": sum(len(case) == 0 for case in cases)}


def prepare(name: str) -> None:
    """Make what a setting needs: its code as a module ``setting``, and its packages."""
    folder = KEPT / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "setting.py").write_text(SETTINGS[name].code, "utf-8")
    packages, beside = folder / "packages", folder / "packages.part"
    if SETTINGS[name].package and not packages.exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target"]
        subprocess.run([*pip, str(beside), SETTINGS[name].package], check=True)
        beside.rename(packages)


def _environment(name: str) -> dict[str, str]:
    folder = KEPT / name
    path = [folder / "packages", folder, ROOT / "tests", ROOT, os.environ.get("PYTHONPATH")]
    return {
        **os.environ,
        "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // KERNELS)),  # as in a build
        "PYTHONPATH": os.pathsep.join(str(each) for each in path if each),
        **SETTINGS[name].environment,
    }


def _key(name: str, page: str) -> str:
    """Return a digest of all that a result depends on."""
    versions = platform.python_version(), np.__version__, torch.__version__
    packages = sorted(path.name for path in (KEPT / name / "packages").glob("*.dist-info"))
    processor = np.show_config("dicts")["SIMD Extensions"].get("found", []), os.cpu_count()
    machine = SETTINGS[name], platform.machine(), processor, versions, packages
    digest = hashlib.sha256(repr(machine).encode())
    files = [NOTEBOOKS[page]] if page in NOTEBOOKS else sorted((ROOT / "tests").rglob("*.*"))
    library = sorted((ROOT / "converge_lib").rglob("*.*"))
    for path in [*files, *library, Path(__file__).with_name("instrument.py")]:
        if path.is_file() and not {"node_modules", "__pycache__"} & set(path.parts):
            digest.update(path.read_bytes())
    return digest.hexdigest()


# ── Comparing the settings ───────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Margin:
    """An assertion with its two sides in each setting, the lower one first."""

    page: str
    cell: int
    text: str
    sides: dict[str, tuple[float, float]]

    @property
    def rooms(self) -> list[float]:
        """The distance between the two sides in each setting."""
        return [high - low for low, high in self.sides.values()]

    @property
    def factor(self) -> float:
        """The least factor between the two sides; 1 where they are not on one side of 0."""
        return min(
            max(low / high, high / low) if low * high > 0 else 1.0
            for low, high in self.sides.values()
        )

    @property
    def tight(self) -> bool:
        """Whether the settings move it, and it has less than ROOM on either measure."""
        moved = max(self.rooms) - min(self.rooms)
        return self.factor < ROOM and moved * ROOM > min(self.rooms)


def margins(results: dict[tuple[str, str], dict]) -> list[Margin]:
    """Return every comparison that holds in all settings, with its sides."""
    sides: dict[tuple, dict] = {}
    for (setting, page), result in results.items():
        for limit in result.get("limits", []):
            at = sides.setdefault((page, limit["cell"], limit["text"]), {})
            at[setting] = limit["low"], limit["high"]
    return [
        Margin(*place, at)
        for place, at in sides.items()
        if len(at) > 1 and all(0 <= high - low < np.inf for low, high in at.values())
    ]


def words(results: dict[tuple[str, str], dict]) -> Iterator[str]:
    """Tell which computed numbers a page's text would say differently, and where."""
    for page, source in NOTEBOOKS.items():
        glued = {name: r["glued"] for (name, p), r in results.items() if p == page}
        cells = nbformat.read(source, as_version=4).cells
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        for role in re.finditer(r'<data value="([^":]+):?([^"]*)">', text):
            name, form = role.groups()
            said = {
                setting: format_plain_text(values[name], form)
                for setting, values in glued.items()
                if name in values
            }
            if len(set(said.values())) > 1:
                around = text[max(0, role.start() - 100) : role.end() + 60].replace("\n", " ")
                each = ", ".join(f"{setting} {word}" for setting, word in said.items())
                yield f"{page}, {name}: {each}\n    … {around} …"


def main() -> int:
    """Run what is asked for; return 1 where anything is off or has too little room."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("settings", nargs="*", metavar="SETTING")
    parser.add_argument("--notebook", nargs="*", choices=[*NOTEBOOKS, UNIT_TESTS], default=[])
    chosen = parser.parse_args()
    if unknown := set(chosen.settings) - {*SETTINGS, "all"}:
        parser.error(f"SETTING must be among all, {', '.join(SETTINGS)}, got {', '.join(unknown)}")
    names = chosen.settings or [name for name in SETTINGS if not SETTINGS[name].package]
    names = list(SETTINGS) if "all" in names else names
    pages = chosen.notebook or [*NOTEBOOKS, UNIT_TESTS]
    off = 0
    for name in names:
        if SETTINGS[name].capability not in ("", torch.backends.cpu.get_cpu_capability()):
            print(f"{name:18} not on this processor: it has no {SETTINGS[name].capability}")
            continue
        prepare(name)
        executed = [page for page in pages if page != UNIT_TESTS]
        with ThreadPoolExecutor(KERNELS) as pool:
            for page, result in zip(executed, pool.map(partial(run, name), executed), strict=True):
                off += _tell(name, page, result)
        if UNIT_TESTS in pages:
            off += _tell(name, UNIT_TESTS, run(name, UNIT_TESTS))
    known = {(name, page): kept(name, page) for name in SETTINGS for page in pages}
    known = {place: result for place, result in known.items() if result}
    tight = [m for m in margins(known) if m.tight and (m.page, m.text) not in EXCEPTIONS]
    for margin in tight:
        print(f"\ntoo little room: {margin.page}, cell {margin.cell}: {margin.text}")
        for setting, (low, high) in margin.sides.items():
            print(f"    {setting:18} {low:.4g} < {high:.4g}")
    if changed := list(words(known)):
        (KEPT / "words.txt").write_text("\n".join(changed) + "\n", "utf-8")
        print(f"\n{len(changed)} numbers in the text depend on the setting: {KEPT / 'words.txt'}")
    return int(bool(off or tight))


def _tell(setting: str, page: str, result: dict) -> int:
    """Print a row of the table, and return how many things were off."""
    held = f"{result['passed']} passed" if page == UNIT_TESTS else f"{len(result['limits'])} limits"
    print(
        f"{setting:18} {page:24} {result['seconds']:4} s  {held}, {len(result['off'])} off",
        flush=True,
    )
    for event in result["off"]:
        where = "" if event["cell"] is None else f"cell {event['cell']}: "
        print(f"    {where}{' '.join(event['says'].split())[:300]}", flush=True)
    return len(result["off"])


if __name__ == "__main__":
    sys.exit(main())
