"""Find a Chromium for the browser tests, or install one. Run as a script by `make test`.

Playwright's own build is tried first where none is installed, then Debian's packages: the headless
shell, which starts three times as fast as the browser with its windows, or else that. Where none
can be had this fails with CONVERGE_STRICT=1; without it the browser tests are skipped, and say so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
PACKAGES = ("chromium-headless-shell", "chromium")


def find() -> str | None:
    """Return the path of an installed Chromium, or None."""
    for name in (os.environ.get("CHROMIUM"), *NAMES):
        path = name and shutil.which(name)
        if path:
            return path
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def install() -> None:
    """Try the ways to get a Chromium, from the least to the most intrusive."""
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    if find() is None and hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        for package in PACKAGES:
            subprocess.run(["apt-get", "install", "-y", "-qq", package], check=False)
            if find() is not None:
                break


if __name__ == "__main__":
    if find() is None:
        install()
    found = find()
    if not found and os.environ.get("CONVERGE_STRICT") == "1":
        sys.exit(
            "Chromium: none found, and none could be installed. Get one, or name it in CHROMIUM. "
            "Without a browser: .venv/bin/python -m pytest tests converge_lib --ignore=tests/book"
        )
    print(f"Chromium: {found or 'none found, so the browser tests will be skipped'}")
