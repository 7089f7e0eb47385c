"""What a learner has tried and solved: a file of their own, read by nobody else.

The file is ``progress.json`` in the platform's folder for application data, or what the
environment variable ``CONVERGE_PROGRESS`` names. Nothing is ever sent anywhere.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path

_unsaved: dict[str, Entry] = {}


@dataclass
class Entry:
    """One exercise: checks of a real attempt, hints shown, whether solved and solution seen."""

    tries: int = 0
    hints: int = 0
    solved: bool = False
    solution: bool = False


def path() -> Path:
    """Return where the record is kept."""
    if named := os.environ.get("CONVERGE_PROGRESS"):
        return Path(named)
    if sys.platform == "win32":
        folder = Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        folder = Path.home() / "Library" / "Application Support"
    else:
        folder = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return folder / "converge" / "progress.json"


def load() -> tuple[dict[str, Entry], str]:
    """Return the entries by exercise, and a sentence for the learner if some could not be read.

    A damaged file is set aside under another name, and a new record begun.
    """
    try:
        stored = json.loads(path().read_text(encoding="utf-8"))
        entries = {id: _entry(values) for id, values in stored["exercises"].items()}
    except FileNotFoundError:
        return dict(_unsaved), ""
    except OSError as error:
        return dict(_unsaved), f"Your record of progress cannot be read: {error}."
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        aside = path().with_name(path().name + ".damaged")
        with contextlib.suppress(OSError):
            os.replace(path(), aside)
        return dict(_unsaved), f"Your record of progress was damaged. It is now {aside}."
    return entries | _unsaved, ""


def save(id: str, entry: Entry) -> str:
    """Store the entry of one exercise; return a sentence for the learner if that failed.

    What cannot be written is kept until the session ends.
    """
    entries, trouble = load()
    entries[id] = entry
    text = json.dumps(
        {"exercises": {key: asdict(value) for key, value in entries.items()}}, indent=1
    )
    temporary = None
    try:
        path().parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path().parent, suffix=".tmp")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path())
    except OSError as error:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        _unsaved[id] = entry
        return f"Your progress could not be saved, and lasts for this session only: {error}."
    _unsaved.clear()
    return trouble


def _entry(values: dict) -> Entry:
    entry = Entry(**values)
    for field in fields(Entry):
        if type(getattr(entry, field.name)) is not type(field.default):
            raise TypeError(f"{field.name} must be of the type of {field.default!r}")
    return entry
