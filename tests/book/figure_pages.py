"""The book's figures on pages of their own, each to be opened and used as readers use it.

``FIGURES`` is the table of them: whoever adds a figure adds a line, and test_every_widget_page.py
holds it to what every figure must keep. What is particular to a figure is in its own test file.
"""

import base64
import io
import json
import re
from dataclasses import dataclass, field

import numpy as np
from built import ROOT
from PIL import Image
from playwright.sync_api import expect

from converge_lib import widgets

STATIC = ROOT / "converge_lib" / "widgets" / "static"
AXE = ROOT / "converge_lib" / "widgets" / "node_modules" / "axe-core" / "axe.min.js"
CLIPBOARD = ["clipboard-read", "clipboard-write"]


@dataclass(frozen=True)
class Shown:
    """A figure as the tests show it.

    Attributes:
        source: code whose last line makes the figure; it is the cell of the figure's page, and
            gives the traits of the bench.
        bundle: name of its script in converge_lib/widgets/static.
        alt: what the alternative text must match.
        handles: how many there are to be dragged.
        end: a trait, and its value when the first handle has been brought to its end.
        host: a trait, a value that the host gives it, and what the first handle's
            ``aria-valuetext`` then matches.
        snap: by how many pixels a handle may miss the pointer, where it moves in steps.
        before: names of sliders to bring to their start before controls are tried, lest all of it
            take long.
        hostile: states that a hostile link may bring, beside those that every figure gets.
    """

    source: str
    bundle: str
    alt: str
    handles: int
    end: tuple
    host: tuple
    snap: float = 1.5
    before: tuple = ()
    hostile: list = field(default_factory=list)

    def made(self):
        """Return the figure as Python makes it."""
        names = {name: getattr(widgets, name) for name in widgets.__all__}
        *setup, last = self.source.rstrip().split("\n")
        exec("\n".join(setup), names)
        return eval(last, names)


FIGURES = {
    "rates": Shown(
        source='RateFinder(parameters={"condition": 50}, steps=60, key="rates")',
        bundle="rate_finder",
        alt="GradientDescent",
        handles=1,
        end=("rate", 100),
        host=("rate", 12, "^12$"),
        hostile=[
            {"surface": "__proto__", "rate": "1e999", "solvers": "all"},
            {"solvers": ["toString", None, {"name": "Adam"}], "steps": 1e308, "momentum": None},
            {"parameters": {"condition": "1e9"}, "measure": "<b>"},
        ],
    ),
    "spectrum": Shown(
        source='CurvatureSpectrum("clusters", key="spectrum")',
        bundle="curvature_spectrum",
        alt="gradient descent",
        handles=2,
        end=("condition", 1e5),
        host=("condition", 12, "^12$"),
        before=("Condition number",),
        hostile=[
            {"distribution": 3, "n": -1, "condition": 1e308, "positions": [None, "x", 5]},
            {"distribution": "clusters", "n": 1e9, "positions": [[0.5]] * 3},
        ],
    ),
    "maxout": Shown(
        source='MaxoutLab("x²", pieces=4, key="maxout")',
        bundle="maxout_lab",
        alt="4 of 4 win somewhere",
        handles=1,
        end=("probe", 1),
        host=("probe", 0.5, "^x 0.50, line [1-4] wins$"),
        hostile=[
            {"target": "own", "knots": [None, "x", 5], "units": 1e9, "pieces": -3, "step": 1e308},
            {"target": "drawn", "knots": [1e308] * 9, "rate": 1e308, "seed": "NaN", "probe": []},
            {"start": "__proto__", "steps": -1, "step": -5, "samples": [1, 2], "interval": 3},
        ],
    ),
    "lens": Shown(
        source="""import numpy as np
import torch
from torch import nn
torch.manual_seed(3)
network = nn.Sequential(nn.Conv2d(3, 6, 1), nn.ReLU(), nn.Conv2d(6, 3, 1)).requires_grad_(False)
for parameter in network.parameters():
    parameter.mul_(6)
down, across = np.mgrid[:32, :48] / 48
picture = np.stack([across, down, 1 - across], axis=2)
PixelLens(picture, network, names=["sky", "sea", "sand"], key="lens")""",
        bundle="pixel_lens",
        alt="takes it for “s",
        handles=1,
        end=("at", [31, 47]),
        host=("at", [3, 5], "^row 3, column 5$"),
        snap=5,
        hostile=[
            {"at": [1e308, -1e308], "layer": 9, "relu": "no", "shuffled": 1},
            {"at": "x", "layer": None, "network": {}, "image": [], "names": "__proto__"},
        ],
    ),
    "sliding": Shown(
        source="""import numpy as np
import torch
from torch import nn
from converge_lib.data import mnist
from converge_lib.training import train_classifier
torch.manual_seed(0)
network = nn.Sequential(
    *(nn.Conv2d(1, 4, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 8, 5), nn.MaxPool2d(2)),
    *(nn.Flatten(), nn.ReLU(), nn.Linear(128, 10)),
)
digits, classes = mnist(n=3000)
adam = torch.optim.Adam(network.parameters(), lr=0.01)
train_classifier(
    network, torch.tensor(digits[:, None]), torch.tensor(classes), optimiser=adam, epochs=1
)
scene = np.zeros((80, 80))
for digit, (row, column) in zip(digits, [(2, 6), (6, 46), (44, 10), (50, 48)]):
    scene[row : row + 28, column : column + 28] = digit
SlidingWindow(network, {"Four": scene, "Two": scene[:, 4:60]}, at=(12, 36), key="sliding")""",
        bundle="sliding_window",
        alt="map of 14 × 14 cells",
        handles=1,
        end=("at", [52, 52]),
        host=("at", [8, 12], "^row 8, column 12$"),
        snap=12,
        hostile=[
            {"at": [1e308, -1e308], "image": 9, "size": -5, "shown": "__proto__"},
            {"at": "x", "image": None, "size": "1e9", "snap": "no", "padded": {}, "marked": 0},
            {"network": {}, "images": [], "window": 1e9, "labels": None},
        ],
    ),
    "activation": Shown(
        source="""from converge_lib.data import photographs
ActivationMap(photographs()["coffee"], key="activation")""",
        bundle="activation_map",
        alt="espresso 94 %",
        handles=1,
        end=("cell", [6, 6]),
        host=("cell", [0, 2], "^row 1, column 3: "),
        snap=38,
        hostile=[
            {"index": 1e9, "other": "1", "cell": [[0], None], "opacity": -1, "threshold": 1e308},
            {"index": None, "other": -5, "cell": 3, "opacity": "1", "smooth": 0, "boxed": "yes"},
            {"names": [], "cells": "AAAA", "shape": [0, 1e9], "photograph": "http://x.invalid/"},
        ],
    ),
    "gap": Shown(
        source="""import torch
from torch import nn
from converge_lib.data import mnist
from converge_lib.training import train_classifier
torch.manual_seed(0)
heads = {
    "dense head": (nn.Flatten(), nn.Linear(392, 10)),
    "GAP": (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)),
}
trunk = lambda: (
    *(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
    *(nn.Conv2d(4, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
)
networks = {name: nn.Sequential(*trunk(), *head) for name, head in heads.items()}
digits, labels = mnist(n=1000)
for network in networks.values():
    adam = torch.optim.Adam(network.parameters(), lr=0.01)
    train_classifier(
        network, torch.tensor(digits[:, None]), torch.tensor(labels), optimiser=adam, epochs=5
    )
GapVersusDense(networks, train=(digits, labels), test=mnist("test", 40), key="gap")""",
        bundle="gap_versus_dense",
        alt="dense head: 4,266 parameters, 3,930 of them in linear layers",
        handles=1,
        end=("shift", [8, 8]),
        host=("shift", [3, -2], "^3 px right, 2 px up$"),
        snap=4.5,
        hostile=[
            {"digit": 1e9, "drawing": "<b>", "shift": [None, "x"], "size": -1e308, "chart": "b"},
            {"digit": -1, "drawing": "f" * 783, "shift": [1e308, -1e308], "size": 29.4},
            {"networks": [], "digits": None, "tested": "x", "mapped": 1, "shift": 5},
        ],
    ),
}

# Presses keys within one frame.
PRESS_AT_ONCE = """(handle, keys) => keys.forEach((key) => handle.dispatchEvent(
  new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true })))"""

# Clicks so often within one frame.
CLICK_AT_ONCE = "(button, count) => { while (count--) button.click(); }"

THREE_FRAMES = """async () => {
  for (let i = 0; i < 3; i++) await new Promise((done) => requestAnimationFrame(done));
}"""


def same_picture(one, other):
    """Say whether two of Chart.now's are alike: a line may lie a tenth of a pixel beside itself."""

    def pixels(part):
        image = Image.open(io.BytesIO(base64.b64decode(part.partition("base64,")[2])))
        return np.asarray(Image.alpha_composite(Image.new("RGBA", image.size, "white"), image))

    def alike(a, b):
        if not a.startswith("data:image"):
            return a == b
        a, b = pixels(a).astype(int), pixels(b).astype(int)
        return a.shape == b.shape and abs(a - b).max() <= 25

    return len(one) == len(other) and all(map(alike, one, other))


class Chart:
    """A figure in a page, with the names that a reader has for its parts."""

    def __init__(self, page, index=0):
        self.page = page
        self.figure = page.locator(".converge-figure").nth(index)
        self.figure.scroll_into_view_if_needed()
        expect(self.figure).to_have_attribute("data-live", "true")
        self.readout = self.figure.locator(".readout")
        self.handles = self.figure.locator(".handle:visible")
        self.settle()

    def button(self, name):
        return self.figure.get_by_role("button", name=name, exact=True)

    def slider(self, name):
        return self.figure.get_by_role("slider", name=name, exact=True)

    def select(self, name):
        return self.figure.get_by_role("combobox", name=name)

    def settle(self):
        """Wait until all is measured and drawn: until nothing changes any more."""
        self.page.wait_for_timeout(100)
        before, now = None, self.now()
        while before != now:
            expect(self.figure.locator("[aria-busy=true]")).to_have_count(0, timeout=30_000)
            self.page.wait_for_timeout(100)
            # on a busy machine a frame may take longer than that
            self.frames()
            before, now = now, self.now()

    def frames(self):
        """Wait for three frames."""
        self.page.evaluate(THREE_FRAMES)

    def now(self):
        shapes = "svg :is(path, rect, circle, line, text)"
        parts = self.figure.evaluate(
            """(figure, shapes) => [
          ...[...figure.querySelectorAll(".table")].map((table) => table.textContent),
          ...[...figure.querySelectorAll("canvas")].map((canvas) => canvas.toDataURL()),
          ...[...figure.querySelectorAll(shapes)].map((shape) =>
            shape.outerHTML + (shape.parentNode.getAttribute("style") ?? "")).sort(),
        ]""",
            shapes,
        )
        return tuple(parts)

    def blank(self):
        """Return of each canvas to be seen whether nothing is painted on it."""
        return self.figure.locator("canvas:visible").evaluate_all("""(all) => all.map((one) =>
          one.getContext("2d").getImageData(0, 0, one.width, one.height).data.every((b) => !b))""")

    def row(self, name):
        """Return the cells of a row of the table."""
        row = self.figure.get_by_role("row", name=re.compile(f"^{name}"))
        return row.get_by_role("cell").all_inner_texts()

    def state(self):
        """Return the state that the figure writes into a link."""
        self.button("Copy link").click()
        expect(self.figure.get_by_text("Link copied")).to_be_visible()
        self.link = self.page.evaluate("navigator.clipboard.readText()")
        payload = self.link.partition("#")[2].partition(".")[2]
        return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def value(slider):
    """Return what a slider says that it is set to, once that is drawn."""
    slider.page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    return slider.get_attribute("aria-valuetext")


def middle(locator):
    """Return the middle of an element, in the window's pixels."""
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def shown(text):
    """Return the number that a cell shows: 9.8×10⁻⁷."""
    plain = text.replace("−", "-").replace(",", "")
    for exponent in re.findall("10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", plain):
        digits = exponent.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
        plain = plain.replace(f"×10{exponent}", f"e{digits}").replace(
            f"10{exponent}", f"1e{digits}"
        )
    return float(plain)


# Counts what a figure leaves outside of itself: listeners and observers still alive.
COUNT = """() => {
  const live = (globalThis.live = new Map());
  for (const target of [EventTarget.prototype]) {
    const { addEventListener: add, removeEventListener: remove } = target;
    const outside = (it) => it === globalThis || it === document || it instanceof MediaQueryList
      || it === document.documentElement || it === document.body || it === undefined;
    target.addEventListener = function (...given) {
      if (outside(this)) live.set(given[1], given[0]);
      return add.apply(this, given);
    };
    target.removeEventListener = function (...given) {
      live.delete(given[1]);
      return remove.apply(this, given);
    };
  }
  for (const name of ["MutationObserver", "ResizeObserver", "IntersectionObserver"]) {
    const Observer = globalThis[name];
    globalThis[name] = class extends Observer {
      observe(...given) { live.set(this, name); return super.observe(...given); }
      disconnect() { live.delete(this); return super.disconnect(); }
    };
  }
}"""


# Touches a figure at random and returns what it says then.
TOUCH = """async ([figure, seed, count]) => {
  let x = seed;
  const random = () => (x = (x * 48271) % 2147483647) / 2147483647;
  const pick = (list) => list[Math.floor(random() * list.length)];
  const root = document.querySelectorAll(".converge-figure")[figure];
  for (let i = 0; i < count; i++) {
    const all = (selector) => [...root.querySelectorAll(selector)];
    const choice = random();
    if (choice < 0.4) {
      const input = pick(all("input[type=range]"));
      if (!input) continue;
      input.value = random() < 0.3 ? pick([input.min, input.max, "1e9", "-1e9", "NaN", ""])
        : String(Number(input.min) + random() * (input.max - input.min));
      input.dispatchEvent(new Event("input", { bubbles: true }));
    } else if (choice < 0.7) {
      pick(all("button:not(:disabled), input[type=radio], summary")
        .filter((button) => !/link/i.test(button.textContent))).click();
    } else if (choice < 0.8) {
      const select = pick(all("select"));
      if (!select) continue;
      select.value = pick([...select.options]).value;
      select.dispatchEvent(new Event("change", { bubbles: true }));
    } else {
      pick(all(".handle"))?.dispatchEvent(new KeyboardEvent("keydown", {
        key: pick(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "x"]),
        shiftKey: random() < 0.5, bubbles: true, cancelable: true,
      }));
    }
    if (i % 4 === 0) await new Promise(requestAnimationFrame);
  }
  return root.querySelector(".readout").textContent;
}"""


# A model that remembers who listens to it, and the figure's code.
BENCH = """async ([code, own]) => {
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  globalThis.traits = own;
  globalThis.widget = (await import(url)).default;
  globalThis.modelOf = (traits) => {
    const listeners = new Map();
    return {
      listeners,
      get: (name) => traits[name],
      set(name, value) {
        traits[name] = value;
        for (const call of listeners.get(`change:${name}`) ?? []) call();
      },
      save_changes() {},
      on: (event, call) => listeners.set(event, [...(listeners.get(event) ?? []), call]),
      off: (event, call) => {
        const rest = (listeners.get(event) ?? []).filter((other) => other !== call);
        if (rest.length) listeners.set(event, rest);
        else listeners.delete(event);
      },
    };
  };
  globalThis.frames = (n = 2) => new Promise((done) => {
    const next = () => (n-- > 0 ? requestAnimationFrame(next) : done());
    next();
  });
}"""


# Models that lack or break what a figure may only hope for.
POOR_HOSTS = [
    "({ get: () => undefined })",
    "({ get: () => undefined, set() { throw new Error('read only') }, on() {} })",
    "({ get() { throw new Error('gone') } })",
    "({ ...modelOf(traits), save_changes() { throw new Error('no kernel') } })",
    "({ ...modelOf(traits), save_changes: undefined, off: undefined })",
]


def open_bench(open_page, folder, bundle, traits):
    """Open an empty page with a figure's code, its traits, and a model that remembers listeners."""
    (folder / "bench.html").write_text(
        "<!doctype html><html lang=en><title>Bench</title><body></body>", "utf-8"
    )
    page = open_page((folder / "bench.html").as_uri())
    page.evaluate(BENCH, [(STATIC / f"{bundle}.js").read_text("utf-8"), traits])
    return page


# Gives the focus to all that takes it, whether to be seen now or at another time. Returns which
# controls did not take it, and what took it without keeping its keys from a notebook around it.
FOCUS_ALL = """async (predict) => {
  const el = document.body.appendChild(document.createElement("div"));
  const cleanup = await widget.render({ model: modelOf({ ...traits, predict }), el });
  await frames(9);
  for (const one of el.querySelectorAll("[hidden]")) one.hidden = false;
  for (const one of el.querySelectorAll("details")) one.open = true;
  for (const one of el.querySelectorAll(":disabled")) one.disabled = false;
  const controls = "a[href], button, input, select, summary, textarea, [tabindex]";
  const untried = new Set(el.querySelectorAll(controls));
  const loose = [];
  for (const one of el.querySelectorAll("*")) {
    one.focus();
    if (document.activeElement !== one) continue;
    untried.delete(one);
    if (!one.hasAttribute("data-lm-suppress-shortcuts")) loose.push(one);
  }
  cleanup();
  return [...untried, ...loose].map((one) => one.outerHTML);
}"""


def controls_that_lose_keys(bench):
    """Return what takes the focus in a figure and does not tell JupyterLab to leave its keys."""
    return [one for predict in (False, True) for one in bench.evaluate(FOCUS_ALL, predict)]
