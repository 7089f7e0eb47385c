"""Launch buttons, from one address.

Set ``repository: url:`` in ``_config.yml``, and every notebook's page gets buttons to open it on
Binder (in JupyterLab) and Colab, to see its source and to download it. Without an address there is
nothing to launch, so there are no buttons. `make plain` (`plain.py`) writes the same address into
the cell that installs the library where a notebook is opened without it, on Colab for one.
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config


def setup(app: Sphinx) -> dict[str, Any]:
    """Set the theme's options before it reads them."""
    app.connect("config-inited", set_buttons, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def set_buttons(app: Sphinx, config: Config) -> None:
    """Turn the buttons on where the repository's address is set, else off."""
    options = config.html_theme_options
    known = bool(options.get("repository_url"))
    options["use_download_button"] = known
    options["use_repository_button"] = known
    options["use_source_button"] = known
    options["launch_buttons"] = (
        {
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
            "notebook_interface": "jupyterlab",
        }
        if known
        else {}
    )
