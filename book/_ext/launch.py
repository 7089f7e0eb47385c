"""Launch buttons, from one address.

Set ``repository: url:`` in ``_config.yml``, and every notebook's page gets buttons to open it on
Binder (in JupyterLab) and Colab, to see its source and to download it. Colab knows nothing of this
book's library, so a line at the end of the page says what to install there. Without an address
there is nothing to launch, so there are no buttons.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from markupsafe import escape
from sphinx.application import Sphinx
from sphinx.config import Config


def setup(app: Sphinx) -> dict[str, Any]:
    """Set the theme's options before it reads them."""
    app.connect("config-inited", set_buttons, priority=100)
    app.connect("html-page-context", say_what_colab_needs)
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


def say_what_colab_needs(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """End a notebook's page with the line that makes it run on Colab."""
    address = app.config.html_theme_options.get("repository_url")
    if address and doctree and app.env.doc2path(page).endswith(".ipynb"):
        context["body"] = (
            f"{context['body']}<p>On Colab or another machine, run this in a first cell: "
            f"<code>%pip install git+{escape(address)} myst-nb</code></p>"
        )
