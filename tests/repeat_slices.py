"""Repeat every slice of the book's records: python tests/repeat_slices.py [without-mkldnn].

Prints JSON: for each slice the largest difference, in what it is allowed. More than 1 is a
difference. Environment variables make it another machine, see `test_slices.py`.
"""

import json
import sys

import torch

from converge_lib import recorded

NAMES = sorted(path.stem for path in recorded.FOLDER.glob("[!_]*.py"))


def repeat(name: str, part: recorded.Slice) -> recorded.Comparison:
    """Do a slice again and compare."""
    again = recorded.perform_slice(name, {**part.of, **part.changed})
    return recorded.compare(part, again.result)


if __name__ == "__main__":
    torch.backends.mkldnn.enabled = "without-mkldnn" not in sys.argv
    used = {}
    for name in NAMES:
        slices = recorded.recorded(name).slices
        used[name] = [repeat(name, part).used for part in slices]
    print(json.dumps(used))
