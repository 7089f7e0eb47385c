"""Ask JavaScript what the figures of charts compute, and what all such figures must keep to."""

import base64
import io
import json
import struct

import matplotlib as mpl
from PIL import Image

from converge_lib.widgets.figure import Figure
from tests import node


def ask(folder, **questions):
    """Return JavaScript's answers, by kind of question; one node process answers all."""
    (folder / "questions.json").write_text(json.dumps(questions))
    script = node.WIDGETS.parents[1] / "tests" / "widgets" / "compute_charts.mjs"
    ran = node.run(
        "node", str(script), str(folder / "questions.json"), str(folder / "answers.json")
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads((folder / "answers.json").read_text())


def own_state(figure):
    """Return the traits that are the figure's own, as a page stores them."""
    state = {key: value for key, value in figure.get_state().items() if not key.startswith("_")}
    json.dumps(state, allow_nan=False)
    return state


def without_help(figure_class):
    """Return the names of the figure's traits that explain nothing."""
    own = figure_class.class_own_traits() | Figure.class_own_traits()
    assert len(own) >= 7
    return [name for name, one in own.items() if not one.help]


def assert_shows_a_small_picture(figure):
    """Check what stands for the figure where it is not live: its words, and a PNG.

    The PNG is legible on white, small, and says nothing of the machine.
    """
    data, _ = figure._repr_mimebundle_()
    assert {"application/vnd.jupyter.widget-view+json", "image/png"} <= set(data)
    assert data["text/plain"] == figure.describe()
    png = base64.b64decode(data["image/png"])
    assert len(png) <= 60_000
    assert set(_chunks(png)) <= {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"pHYs", b"tRNS"}
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    assert picture.width > 600 and picture.height > 300
    assert min(picture.getpixel((0, 0))) > 252
    assert len(picture.getcolors(picture.width * picture.height)) > 10


def assert_is_the_same_whatever_the_style(make):
    """Check that a notebook's own style does not change the picture."""
    first = make().picture()
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "black", "savefig.dpi": 10}):
        assert make().picture() == first


def _chunks(png):
    at = 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        yield png[at + 4 : at + 8]
        at += 12 + length
