"""The library behind *Converge*: every technique of the book, importable and tested.

It needs NumPy, Matplotlib, anywidget and IPython. What a part of it needs besides are extras:
``converge-lib[torch]`` for networks, ``converge-lib[book]`` for all that the book's notebooks do.
"""

import sys

from converge_lib._extras import MissingExtra

sys.meta_path.append(MissingExtra)
