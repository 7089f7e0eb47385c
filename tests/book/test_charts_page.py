"""RateFinder and CurvatureSpectrum in built pages, used by mouse, finger, keyboard and link."""

import base64
import io
import json
import random
import re

import numpy as np
import pytest
from built import ROOT, serving
from mini import build, make_book, write_notebook
from PIL import Image
from playwright.sync_api import expect
from test_descent_lab_page import AXE, CLIPBOARD, COUNT, middle, value

from converge_lib.descent import surface
from converge_lib.widgets.curvature_spectrum.spectrum import eigenvalues, measure, predicted
from converge_lib.widgets.rate_finder.sweep import run, sweep

STATIC = ROOT / "converge_lib" / "widgets" / "static"
FIGURES = ["rates", "spectrum"]
BUNDLES = {"rates": "rate_finder", "spectrum": "curvature_spectrum"}
NARROW, WIDE = 320, 1440


@pytest.fixture(scope="module")
def charts(tmp_path_factory):
    """A built book with a page for each figure, and one with both."""
    folder = tmp_path_factory.mktemp("charts")
    cells = {
        "rates": 'RateFinder(parameters={"condition": 50}, steps=60, key="rates")',
        "spectrum": 'CurvatureSpectrum("clusters", key="spectrum")',
    }
    book = folder / "book"
    write_notebook(book / "index.ipynb", "# Figures", "print('none here')")
    for page, cell in cells.items():
        source = f"from converge_lib.widgets import *\n{cell}"
        write_notebook(book / f"{page}.ipynb", f"# The page {page}", source)
    make_book(folder)
    finished = build(folder)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return folder / "_build" / "html"


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

    def __init__(self, page):
        self.page = page
        self.figure = page.locator(".converge-figure")
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
            expect(self.figure.locator(".plots")).to_have_attribute(
                "aria-busy", "false", timeout=30_000
            )
            self.page.wait_for_timeout(100)
            # on a busy machine a frame may take longer than that
            self.page.evaluate(THREE_FRAMES)
            before, now = now, self.now()

    def now(self):
        parts = self.figure.evaluate("""(figure) => [
          figure.querySelector(".table").textContent,
          ...[...figure.querySelectorAll("canvas")].map((canvas) => canvas.toDataURL()),
          ...[...figure.querySelectorAll("svg path, svg text")].map((shape) =>
            shape.outerHTML + (shape.parentNode.getAttribute("style") ?? "")).sort(),
        ]""")
        return tuple(parts)

    def blank(self):
        """Return of each chart whether nothing is painted on it."""
        return self.figure.locator("canvas").evaluate_all("""(all) => all.map((one) =>
          one.getContext("2d").getImageData(0, 0, one.width, one.height).data.every((b) => !b))""")

    def row(self, name):
        """Return the cells of a row of the table."""
        row = self.figure.get_by_role("row", name=re.compile(f"^{name}"))
        return row.get_by_role("cell").all_inner_texts()

    def state(self):
        self.button("Copy link").click()
        expect(self.figure.get_by_text("Link copied")).to_be_visible()
        self.link = self.page.evaluate("navigator.clipboard.readText()")
        payload = self.link.partition("#")[2].partition(".")[2]
        return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


@pytest.fixture
def visit(charts, open_page):
    """Open a figure from the disk: ``visit("rates")``."""

    def visit(name, hash="", **options):
        url = (charts / "book" / f"{name}.html").as_uri() + hash
        return Chart(open_page(url, **{"permissions": CLIPBOARD, **options}))

    return visit


# ── Both figures ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("way", ["http", "file"])
def test_a_figure_lives_from_http_and_from_the_disk(charts, open_page, name, way):
    with serving(charts) as address:
        root = address if way == "http" else charts.as_uri()
        chart = Chart(open_page(f"{root}/book/{name}.html"))
        expect(chart.readout).to_have_text(re.compile(r"\w+ .*\."))
        assert chart.blank() == [False, False]
        expect(chart.figure.get_by_role("group").first).to_have_attribute(
            "aria-label", re.compile(r"\w \w")
        )


@pytest.mark.parametrize("name", FIGURES)
def test_without_javascript_there_is_a_picture_that_is_described(charts, open_page, name):
    url = (charts / "book" / f"{name}.html").as_uri()
    picture = open_page(url, javascript=False).locator(".converge-figure img")
    expect(picture).to_be_visible()
    assert picture.evaluate("(image) => image.naturalWidth") > 600
    assert re.search(r"gradient ?descent", picture.get_attribute("alt"), re.IGNORECASE)


@pytest.mark.parametrize("name", FIGURES)
def test_no_control_is_dead(visit, name):
    chart = visit(name)
    if name == "spectrum":
        chart.slider("Condition number").press("Home")  # what is quick to measure
    for slider in chart.figure.locator("input[type=range]:visible").all():
        position, seen, said = slider.input_value(), set(), set()
        for end in ("Home", "End"):
            slider.press(end)
            said.add(value(slider))
            chart.page.wait_for_timeout(150)
            seen.add(chart.now())
        assert len(seen) == len(said) == 2, slider.get_attribute("aria-label")
        slider.fill(position)
    for button in chart.figure.locator("button.toggle:visible").all():
        chart.settle()
        before = chart.now()
        button.click()
        chart.settle()
        assert chart.now() != before, button.inner_text()
        button.click()
        chart.settle()
        assert chart.now() == before, button.inner_text()
    for select in chart.figure.get_by_role("combobox").all():
        seen = set()
        options = select.evaluate("(select) => [...select.options].map(({ value }) => value)")
        for option in options:
            select.select_option(option)
            chart.page.wait_for_timeout(150)
            seen.add(chart.now())
        assert len(seen) == len(options), select.get_attribute("aria-label")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_accessible_and_fits_at_every_width(visit, name, dark):
    chart = visit(name, dark=dark)
    page = chart.page
    off = chart.figure.locator("button.toggle[aria-pressed=false]")
    while off.count():
        off.first.click()
        chart.settle()
    page.add_script_tag(content=AXE.read_text("utf-8"))
    for asking in (False, True):
        if asking:
            chart.button("Predict first").click()
        for width in (NARROW, 768, WIDE):
            page.set_viewport_size({"width": width, "height": 900})
            chart.settle()
            assert page.evaluate("document.scrollingElement.scrollWidth") <= width
            violations = page.evaluate("""async () => {
              const { violations } = await axe.run(".converge-figure", { preload: false });
              const where = (nodes) => nodes.map(({ target }) => target);
              return violations.map(({ id, nodes }) => `${id}: ${where(nodes)}`);
            }""")
            assert violations == [], f"{width} px wide"


@pytest.mark.parametrize("name", FIGURES)
def test_labels_and_axes_stay_inside_the_figure(visit, name):
    chart = visit(name)
    for width in (NARROW, 700, WIDE):
        chart.page.set_viewport_size({"width": width, "height": 900})
        chart.settle()
        outside = chart.figure.evaluate("""(figure) => {
          const room = figure.getBoundingClientRect();
          return [...figure.querySelectorAll("svg text")].filter((text) => {
            const { left, right, width } = text.getBoundingClientRect();
            return width && (left < room.left || right > room.right);
          }).map((text) => text.textContent);
        }""")
        assert outside == [], f"{width} px wide"


@pytest.mark.parametrize("name", FIGURES)
def test_a_handle_is_moved_by_the_keyboard_in_small_and_big_steps(visit, name):
    chart = visit(name)
    handle = chart.handles.first
    now = lambda: float(handle.get_attribute("aria-valuenow"))  # noqa: E731
    for key, factor in (
        ("ArrowRight", 10**0.02),
        ("ArrowDown", 10**-0.02),
        ("Shift+ArrowUp", 10**0.2),
        ("Shift+ArrowLeft", 10**-0.2),
    ):
        before = now()
        handle.press(key)
        value(handle)
        assert now() == pytest.approx(before * factor, rel=0.006), key
        expect(handle).to_be_focused()
    for key, end in (("Home", "aria-valuemin"), ("End", "aria-valuemax")):
        handle.press(key)
        value(handle)
        assert now() == float(handle.get_attribute(end))
    handle.press("ArrowRight")
    assert now() == float(handle.get_attribute("aria-valuemax"))


@pytest.mark.parametrize("name", FIGURES)
def test_the_tab_key_reaches_every_handle_and_shows_it(visit, name):
    chart = visit(name)
    names = {one.get_attribute("aria-label") for one in chart.handles.all()}
    assert len(names) == {"rates": 1, "spectrum": 2}[name]
    chart.figure.get_by_role("combobox").first.focus()
    reached = set()
    while not names <= reached:
        chart.page.keyboard.press("Tab")
        reached.add(chart.page.evaluate("document.activeElement.getAttribute('aria-label')"))
        outline = chart.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"
        assert len(reached) < 16


@pytest.mark.parametrize("name", FIGURES)
def test_handles_follow_the_mouse(visit, name):
    chart = visit(name)
    for handle in chart.handles.all():
        handle.scroll_into_view_if_needed()
        seen = {chart.now()}
        x, y = middle(handle)
        chart.page.mouse.move(x + 2, y - 3)
        chart.page.mouse.down()
        chart.page.mouse.move(x + 27, y, steps=4)
        chart.page.wait_for_timeout(100)
        seen.add(chart.now())
        chart.page.mouse.move(x + 42, y + 30, steps=4)
        chart.page.mouse.up()
        chart.settle()
        assert middle(handle) == pytest.approx((x + 40, y), abs=1.5)
        assert len(seen | {chart.now()}) == 3


@pytest.mark.parametrize("name", FIGURES)
def test_a_handle_follows_a_finger_and_the_page_stays(visit, name):
    chart = visit(name, width=390, height=800, has_touch=True)
    handle = chart.handles.first
    handle.scroll_into_view_if_needed()
    x, y = middle(handle)
    scrolled = chart.page.evaluate("scrollY")
    session = chart.page.context.new_cdp_session(chart.page)
    for kind, dx in (("Start", 0), ("Move", 20), ("Move", 45)):
        points = [{"x": x + dx, "y": y + dx / 2}]
        session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})
        chart.page.evaluate("new Promise(requestAnimationFrame)")
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    chart.settle()
    assert middle(handle) == pytest.approx((x + 45, y), abs=1.5)
    assert chart.page.evaluate("scrollY") == scrolled


@pytest.mark.parametrize("name", FIGURES)
def test_a_copied_link_opens_the_same_state_and_reset_goes_back(visit, name):
    chart = visit(name)
    first, picture = chart.state(), chart.now()
    chart.handles.first.press("Shift+ArrowRight")
    for slider in chart.figure.locator("input[type=range]:visible").all():
        slider.press("ArrowLeft")
    chart.settle()
    state, changed = chart.state(), chart.now()
    assert state != first
    other = visit(name, "#" + chart.link.partition("#")[2])
    assert other.state() == state
    other.settle()
    assert same_picture(other.now(), changed)
    chart.button("Reset").click()
    chart.settle()
    assert chart.state() == first
    assert same_picture(chart.now(), picture)


@pytest.mark.parametrize("name", FIGURES)
def test_hostile_links_open_a_sound_figure(visit, name):
    chart = visit(name)
    states = [
        {"surface": "__proto__", "rate": "1e999", "solvers": "all", "distribution": 3, "n": -1},
        {"solvers": ["toString", None, {"name": "Adam"}], "steps": 1e308, "condition": 1e308},
        {"parameters": {"condition": "1e9"}, "positions": [None, "x", 5], "momentum": None},
        {"distribution": "clusters", "n": 1e9, "positions": [[0.5]] * 3, "measure": "<b>"},
        {"key": "<script>", "label": "<img src=x onerror='globalThis.hacked=1'>", "predict": "no"},
    ]
    payloads = ["%%%", "", base64.urlsafe_b64encode(b"[1]").decode(), "A" * 90_000]
    payloads += [base64.urlsafe_b64encode(json.dumps(one).encode()).decode() for one in states]
    for payload in payloads:
        fragment = f"{name}.{payload.rstrip('=')}"
        chart.page.evaluate("(hash) => { location.hash = hash }", fragment)
        chart.page.wait_for_timeout(200)
        assert not re.search("NaN|undefined|Infinity", chart.figure.inner_html())
    assert chart.page.evaluate("globalThis.hacked") is None


@pytest.mark.parametrize("name", FIGURES)
def test_the_theme_of_the_page_repaints_the_figure(visit, name):
    chart = visit(name)
    light = chart.now()
    chart.page.emulate_media(color_scheme="dark")
    chart.settle()
    assert chart.now() != light
    chart.page.evaluate("document.documentElement.dataset.theme = 'light'")
    chart.settle()
    assert chart.now() == light


TOUCH = """async ([seed, count]) => {
  let x = seed;
  const random = () => (x = (x * 48271) % 2147483647) / 2147483647;
  const pick = (list) => list[Math.floor(random() * list.length)];
  const root = document.querySelector(".converge-figure");
  for (let i = 0; i < count; i++) {
    const choice = random();
    if (choice < 0.4) {
      const input = pick([...root.querySelectorAll("input[type=range]")]);
      input.value = random() < 0.3 ? pick([input.min, input.max, "1e9", "NaN", ""])
        : String(Number(input.min) + random() * (input.max - input.min));
      input.dispatchEvent(new Event("input", { bubbles: true }));
    } else if (choice < 0.65) {
      pick([...root.querySelectorAll("button:not(:disabled)")]
        .filter((button) => !/link/i.test(button.textContent))).click();
    } else if (choice < 0.75) {
      const select = pick([...root.querySelectorAll("select")]);
      select.value = pick([...select.options]).value;
      select.dispatchEvent(new Event("change", { bubbles: true }));
    } else {
      pick([...root.querySelectorAll(".handle")]).dispatchEvent(new KeyboardEvent("keydown", {
        key: pick(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "x"]),
        shiftKey: random() < 0.5, bubbles: true, cancelable: true,
      }));
    }
    if (i % 4 === 0) await new Promise(requestAnimationFrame);
  }
}"""


@pytest.mark.parametrize("name", FIGURES)
def test_hundreds_of_touches_never_throw(visit, name):
    chart = visit(name)
    chart.page.evaluate(TOUCH, [7, 300])
    chart.page.wait_for_timeout(300)
    assert not re.search("NaN|undefined|Infinity", chart.figure.inner_html())


# ── Hosts that are not this book ─────────────────────────────────────────────────────────────────


@pytest.fixture(params=FIGURES)
def bench(request, open_page, tmp_path):
    """Open an empty page with a figure's code, and a model that remembers who listens to it."""
    (tmp_path / "bench.html").write_text(
        "<!doctype html><html lang=en><title>Bench</title><body></body>", "utf-8"
    )
    page = open_page((tmp_path / "bench.html").as_uri())
    page.evaluate(
        """async (code) => {
          const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
          globalThis.widget = (await import(url)).default;
          globalThis.modelOf = (traits) => {
            const listeners = new Map();
            return {
              listeners,
              get: (name) => traits[name],
              set(name, value) {
                traits[name] = value;
                listeners.get(`change:${name}`)?.();
              },
              save_changes() {},
              on: (event, call) => listeners.set(event, call),
              off: (event) => listeners.delete(event),
            };
          };
          globalThis.frames = (n = 2) => new Promise((done) => {
            const next = () => (n-- > 0 ? requestAnimationFrame(next) : done());
            next();
          });
        }""",
        (STATIC / f"{BUNDLES[request.param]}.js").read_text("utf-8"),
    )
    return page


def test_cleanup_leaves_nothing_behind(bench):
    bench.evaluate(COUNT)
    left = bench.evaluate("""async () => {
      const model = modelOf({ key: "bench", predict: true, condition: 90000, steps: 2000 });
      for (let i = 0; i < 3; i++) {
        const el = document.body.appendChild(document.createElement("div"));
        const cleanup = await widget.render({ model, el });
        await frames();
        if (!live.size || !model.listeners.size) throw new Error("the figure listens to nothing");
        await frames(i);
        cleanup();
        if (el.innerHTML) throw new Error(`left in the page: ${el.innerHTML}`);
      }
      document.documentElement.dataset.theme = "dark";
      location.hash = "bench.e30";
      model.set("condition", 20);
      await new Promise((done) => setTimeout(done, 900));
      return [...live.values(), ...model.listeners.keys()];
    }""")
    assert left == []


@pytest.mark.parametrize(
    "model",
    [
        "({ get: () => undefined })",
        "({ get: () => undefined, set() { throw new Error('read only') }, on() {} })",
        "({ get() { throw new Error('gone') } })",
        "({ ...modelOf({}), save_changes() { throw new Error('no kernel') } })",
        "({ ...modelOf({}), save_changes: undefined, off: undefined })",
    ],
)
def test_a_poor_host_is_enough(bench, model):
    bench.evaluate(
        f"""async () => {{
          const el = document.body.appendChild(document.createElement("div"));
          const cleanup = await widget.render({{ model: {model}, el }});
          await frames(9);
          el.querySelector(".handle").dispatchEvent(
            new KeyboardEvent("keydown", {{ key: "ArrowUp", bubbles: true }}));
          await new Promise((done) => setTimeout(done, 1500));
          if (!el.querySelector(".readout").textContent) throw new Error("nothing is said");
          cleanup();
        }}"""
    )


def test_the_model_is_told_what_the_reader_set_and_the_figure_what_the_host_set(bench):
    told = bench.evaluate("""async () => {
      const el = document.body.appendChild(document.createElement("div"));
      const model = modelOf({});
      const cleanup = await widget.render({ model, el });
      await new Promise((done) => setTimeout(done, 500));
      const handle = el.querySelector(".handle");
      handle.dispatchEvent(new KeyboardEvent("keydown", { key: "End", bubbles: true }));
      await new Promise((done) => setTimeout(done, 300));
      const stored = model.get("rate") ?? model.get("condition");
      model.set(model.get("rate") ? "rate" : "condition", 12);
      await frames(3);
      const shown = handle.getAttribute("aria-valuenow");
      cleanup();
      return [stored, Number(shown)];
    }""")
    assert told in ([100, 12], [1e5, 12])


NAMES = [
    *("surface", "parameters", "solvers", "steps", "momentum", "rate", "measure", "target"),
    *("distribution", "condition", "n", "positions", "predict", "key", "label"),
]
VALUES = [
    *("NaN", "Infinity", "-1", "0", "1e308", "5e-324", "null", "undefined", "10n", "'x'", "[]"),
    *("'__proto__'", "{}", "[NaN]", "['Adam', null]", "[0.5, 'a']", "true", "Symbol.iterator"),
    *("'clusters'", "'outlier'", "'cost'", "'saddle'", "[0.1, 0.9]", "{condition: -1}", "() => 1"),
]


@pytest.mark.parametrize("seed", [1, 2])
def test_hundreds_of_trait_settings_never_throw(bench, seed):
    chance = random.Random(seed)
    settings = [[chance.choice(NAMES), chance.choice(VALUES)] for _ in range(250)]
    bench.evaluate(
        """async (settings) => {
          const el = document.body.appendChild(document.createElement("div"));
          const model = modelOf({ condition: 20 });
          const cleanup = await widget.render({ model, el });
          for (const [i, [name, source]] of settings.entries()) {
            model.set(name, new Function(`return ${source}`)());
            if (i % 5 === 0) await frames(1);
            if (/NaN|undefined|Infinity/.test(el.innerHTML)) throw new Error(`${name} = ${source}`);
          }
          cleanup();
        }""",
        settings,
    )


# ── RateFinder ───────────────────────────────────────────────────────────────────────────────────


def shown(text):
    """Return the number that a cell shows: 9.8×10⁻⁷."""
    plain = text.replace("−", "-").replace(",", "")
    for exponent in re.findall("10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", plain):
        digits = exponent.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
        plain = plain.replace(f"×10{exponent}", f"e{digits}").replace(
            f"10{exponent}", f"1e{digits}"
        )
    return float(plain)


def test_the_table_says_what_python_computes(visit):
    chart = visit("rates")
    handle = chart.handles.first
    handle.press("Shift+ArrowRight")
    chart.settle()
    rate = float(handle.get_attribute("aria-valuenow"))
    ground = surface("quadratic", condition=50)
    options = {"steps": 60, "momentum": 0.9, "target": 1e-6}
    for name, label in (("GradientDescent", "Gradient descent"), ("Momentum", "Momentum")):
        best, loss, here, cliff = chart.row(label)
        curve = sweep(name, ground, **options)
        i = curve.best("loss")
        assert shown(best) == pytest.approx(curve.rates[i], rel=0.006)
        assert shown(loss) == pytest.approx(curve.losses[i], rel=0.06)
        assert shown(here) == pytest.approx(run(name, rate, ground, **options).loss, rel=0.06)
        assert shown(cliff) == pytest.approx(curve.cliff.rate, rel=0.006)
        expect(chart.readout).to_contain_text(re.compile(f"{label} .*diverges from {cliff}"))


def test_theory_is_marked_on_the_quadratic_and_nowhere_else(visit):
    chart = visit("rates")
    rules = chart.figure.locator(".losses .rules")
    expect(rules).to_contain_text("2/λₘₐₓ")
    expect(rules).to_contain_text("(2+2μ)/λₘₐₓ")
    expect(chart.figure.locator(".losses .marks")).to_contain_text("diverges from 0.04")
    chart.select("Surface").select_option("beale")
    expect(rules).not_to_contain_text("λ")
    expect(chart.slider("Condition number")).to_be_hidden()


def test_a_click_on_the_chart_moves_the_rate_there(visit):
    chart = visit("rates")
    plot = chart.figure.locator(".losses")
    box = plot.bounding_box()
    plot.click(position={"x": 0.5 * box["width"], "y": 0.4 * box["height"]})
    x, _ = middle(chart.handles.first)
    assert x == pytest.approx(box["x"] + 0.5 * box["width"], abs=1.5)


def test_steps_to_the_target_can_be_shown_instead(visit):
    chart = visit("rates")
    chart.select("What is measured").select_option("cost")
    chart.settle()
    assert chart.row("Gradient descent")[2] == "not there"
    expect(chart.readout).to_contain_text("Steps until f − f* is below 10⁻⁶, at most 60")


def test_a_guess_of_the_best_rate_is_asked_and_judged(visit):
    chart = visit("rates")
    best = chart.row("Gradient descent")[0]
    chart.button("Predict first").click()
    chart.settle()
    assert set(chart.row("Gradient descent")) == {"?"}
    expect(chart.readout).to_contain_text("hidden until you commit")
    assert chart.blank() == [True, True]
    chart.handles.first.press("End")
    chart.button("Reveal").click()
    expect(chart.readout).to_contain_text(f"Not so: Gradient descent is best at η = {best}")
    chart.button("Predict first").click()
    link = base64.urlsafe_b64encode(json.dumps({"rate": shown(best)}).encode()).decode()
    chart.page.evaluate("(hash) => { location.hash = hash }", f"rates.{link.rstrip('=')}")
    chart.button("Reveal").click()
    expect(chart.readout).to_contain_text("Right: Gradient descent is best")
    chart.button("Predict first").click()
    chart.button("Cancel").click()
    chart.settle()
    assert chart.row("Gradient descent")[0] == best


# ── CurvatureSpectrum ────────────────────────────────────────────────────────────────────────────

LABELS = {
    "GradientDescent": "Gradient descent",
    "Momentum": "Momentum",
    "ConjugateGradient": "Conjugate gradient",
}


def assert_table_is_python_s(chart, values):
    for method, label in LABELS.items():
        most, took, _ = chart.row(label)
        assert shown(most) == predicted(method, float(values[-1]))
        assert abs(shown(took) - measure(method, values).steps) <= (method == "ConjugateGradient")


def test_steps_in_the_table_are_python_s(visit):
    chart = visit("spectrum")
    assert_table_is_python_s(chart, eigenvalues("clusters", 100.0, 40, [0.5]))
    for name in ("log-uniform", "linear", "outlier"):
        chart.select("Distribution").select_option(name)
        chart.settle()
        positions = [0.25] if name == "outlier" else []
        assert_table_is_python_s(chart, eigenvalues(name, 100.0, 40, positions))


def test_slopes_are_measured(visit):
    chart = visit("spectrum")
    cells = chart.figure.get_by_role("row", name="Gradient descent").get_by_role("cell")
    expect(cells.last).not_to_have_text("…", timeout=30_000)
    slopes = {method: shown(chart.row(label)[2]) for method, label in LABELS.items()}
    assert slopes["GradientDescent"] == pytest.approx(1, abs=0.1)
    assert slopes["Momentum"] == pytest.approx(0.5, abs=0.1)
    assert slopes["ConjugateGradient"] == 0


def test_conjugate_gradient_takes_as_many_steps_as_there_are_clusters(visit):
    chart = visit("spectrum")
    for clusters in (2, 5, 8):
        chart.slider("Number of clusters").fill(str(clusters))
        chart.settle()
        expect(chart.handles).to_have_count(clusters - 1)
        assert chart.row("Conjugate gradient")[1] == str(clusters)
        expect(chart.readout).to_contain_text(f"{clusters} of them different")


def test_a_cluster_that_is_moved_onto_another_is_one_less(visit):
    chart = visit("spectrum")
    cluster = chart.figure.get_by_role("slider", name=re.compile("^Cluster 2 of 3"))
    cluster.press("Home")
    chart.settle()
    assert chart.row("Conjugate gradient")[1] == "2"
    expect(chart.figure.locator(".counts")).to_have_text(re.compile("×2[67].*×1[34]"))


def test_the_handle_of_the_spectrum_and_the_slider_are_one_condition_number(visit):
    chart = visit("spectrum")
    edge = chart.figure.get_by_role("slider", name=re.compile("^Largest eigenvalue"))
    edge.press("Home")
    assert value(chart.slider("Condition number")) == "10"
    chart.slider("Condition number").press("End")
    assert value(edge) == "10⁵"


def test_a_guess_of_conjugate_gradient_s_steps_is_asked_and_judged(visit):
    chart = visit("spectrum")
    chart.button("Predict first").click()
    chart.settle()
    assert chart.row("Conjugate gradient")[1:] == ["?", "?"]
    bet = chart.slider("Your guess: steps of conjugate gradient")
    expect(bet).to_be_focused()
    chart.button("Reveal").click()
    expect(chart.readout).to_contain_text(
        "Not so: conjugate gradient takes 3 steps, you said 10. One step for each different"
    )
    chart.button("Predict first").click()
    bet.fill("0.48")
    chart.button("Reveal").click()
    expect(chart.readout).to_contain_text("Right: conjugate gradient takes 3 steps, you said 3.")
