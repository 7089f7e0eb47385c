"""Figures that live without a kernel: the static host of the book's widgets.

A page with a Jupyter widget normally loads close to a megabyte of scripts from two other hosts. All
that an anywidget needs is a model with ``get``, ``set`` and ``on``, and an element to draw in. So
this extension

1. replaces each widget in a page by an empty element, and inside ``<noscript>`` the picture of its
   first state (the ``image/png`` beside the widget in the cell's output; ``text/plain`` describes
   it);
2. takes the code (``_esm``, ``_css``) out of the page's widget state and writes each distinct one
   once, to ``_static/figures/NAME.HASH.js``, as a script that also loads from ``file://``;
3. leaves the rest of the state in the page, for ``_static/figures.js`` to bring to life.

A widget that cannot live so (anything that is no anywidget), a widget without a picture and an
image without alternative text each give a warning, and warnings fail the build.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from docutils import nodes
from markupsafe import Markup
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"

logger = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the two halves: the doctree's widgets, then the page's state."""
    app.add_post_transform(WidgetsToElements)
    # After MyST-NB, which adds the state at the default priority of 500.
    app.connect("html-page-context", put_state_in_page, priority=800)
    app.connect("build-finished", drop_unused_modules)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class WidgetsToElements(SphinxPostTransform):
    """Replace each widget's output by the element it is drawn in; ask images for a description."""

    default_priority = 3  # MyST-NB chooses one of the forms of an output at 4
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:  # noqa: ANN401 - Sphinx's signature
        """Walk over the outputs of the page's code cells."""
        for bundle in list(self.document.findall(_is_output)):
            forms = {form["mime_type"]: form for form in bundle.children}
            if VIEW in forms:
                bundle.replace_self(self._element(forms, bundle))
            for image in bundle.findall(nodes.image):
                if VIEW not in forms and not image.get("alt", "").strip():
                    logger.warning(
                        "an image without alternative text: add it to the cell's metadata as "
                        '{"mystnb": {"image": {"alt": "…"}}}',
                        location=bundle,
                        type="figures",
                    )

    def _element(self, forms: dict[str, nodes.Element], location: nodes.Node) -> list[nodes.Node]:
        view = forms[VIEW].astext() or "".join(n.astext() for n in forms[VIEW].children)
        model = json.loads(view[view.index("{") : view.rindex("}") + 1])["model_id"]
        state = _models(self.env, self.env.docname)
        if "_esm" not in state.get(model, {}).get("state", {}):
            logger.warning(
                "a widget that needs a kernel would be dead in the page: use an anywidget",
                location=location,
                type="figures",
            )
        picture = (
            next(iter(forms["image/png"].findall(nodes.image)), None)
            if ("image/png" in forms)
            else None
        )
        if picture is None:
            logger.warning(
                "a widget without a picture for readers without JavaScript: add image/png to what "
                "its _repr_mimebundle_ returns",
                location=location,
                type="figures",
            )
            picture = nodes.inline()
        else:
            picture = picture.deepcopy()
            picture["alt"] = forms["text/plain"].astext().strip()
        return [
            _html(f'<div class="converge-figure" data-model="{model}"><noscript>'),
            picture,
            _html("</noscript></div>"),
        ]


def put_state_in_page(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Swap the stock widget state for the slim one, and load the code that the page needs."""
    scripts = context["script_files"]  # Sphinx's own list: what is added later must find it
    scripts[:] = [s for s in scripts if _attributes(s).get("type") != STATE]
    models = {
        model: entry
        for model, entry in _models(app.env, page).items()
        if "_esm" in entry.get("state", {})
    }
    if not models:
        return
    slim = {}
    for model, entry in models.items():
        traits = dict(entry["state"])
        name = str(traits.get("_anywidget_id", "figure")).rpartition(".")[2]
        module = _write_module(app, name, traits.pop("_esm"), traits.pop("_css", ""))
        app.add_js_file(module, loading_method="defer")
        traits = {key: value for key, value in traits.items() if not key.startswith("_")}
        slim[model] = {"module": Path(module).stem, "state": traits}
        if entry.get("buffers"):
            slim[model]["buffers"] = entry["buffers"]
    app.add_js_file("figures.js", loading_method="defer")
    body = json.dumps(slim, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
    context["body"] = Markup(  # our own markup: the JSON cannot close its element
        f'{context["body"]}<script type="application/json" data-converge-figures>{body}</script>'
    )


def drop_unused_modules(app: Sphinx, exception: Exception | None) -> None:
    """Delete the modules of earlier builds that no page loads any more."""
    if exception or app.builder.format != "html":
        return
    pages = "".join(path.read_text("utf-8") for path in Path(app.outdir).rglob("*.html"))
    for module in Path(app.outdir, "_static", "figures").glob("*.js"):
        if f"figures/{module.name}" not in pages:
            module.unlink()


def _write_module(app: Sphinx, name: str, esm: str, css: str) -> str:
    """Write a widget's code as a classic script, and return its path under _static."""
    source = json.dumps({"esm": esm, "css": css}, ensure_ascii=False)
    name = f"{name}.{hashlib.sha256(source.encode()).hexdigest()[:12]}"
    path = f"figures/{name}.js"
    target = Path(app.outdir, "_static", path)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        # file:// forbids <script type=module src>, but allows import() of a blob: figures.js does.
        target.write_text(
            f"(globalThis.convergeModules??={{}})[{json.dumps(name)}]={source};\n", "utf-8"
        )
    return path


def _models(env: Any, page: str) -> dict[str, dict[str, Any]]:  # noqa: ANN401
    files = NbMetadataCollector.get_js_files(env, page)
    if "ipywidgets_state" not in files:
        return {}
    _, attributes = files["ipywidgets_state"]
    return json.loads(attributes["body"])["state"]


def _is_output(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and node.get("nb_element") == "mime_bundle"


def _html(text: str) -> nodes.raw:
    return nodes.raw(text=text, format="html")


def _attributes(script: Any) -> dict[str, Any]:  # noqa: ANN401 - a str or one of Sphinx's own
    return getattr(script, "attributes", {})
