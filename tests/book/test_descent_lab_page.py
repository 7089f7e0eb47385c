"""The figures of the built book, used as readers use them: by mouse, finger, keyboard and link."""

import base64
import itertools
import json
import random
import re

import pytest
from built import BOOK
from figure_pages import (
    AXE,
    CLICK_AT_ONCE,
    CLIPBOARD,
    COUNT,
    POOR_HOSTS,
    PRESS_AT_ONCE,
    TOUCH,
    Chart,
    controls_that_lose_keys,
    middle,
    open_bench,
    value,
)
from playwright.sync_api import expect
from test_lean import PAGES, read_through

PAGES_WITH_FIGURES = [
    page
    for page in PAGES
    if (BOOK / page).exists() and "converge-figure" in (BOOK / page).read_text("utf-8")
] or ["book/index.html"]
SURFACES = ["rosenbrock", "quadratic", "beale", "himmelblau", "saddle", "plateau"]
SOLVERS = {
    "Gradient descent": ["learning rate η"],
    "Momentum": ["learning rate η", "momentum μ"],
    "Nesterov": ["learning rate η", "momentum μ"],
    "AdaGrad": ["learning rate η", "keeps the division finite ε"],
    "RMSProp": ["learning rate η", "decay of the square α", "keeps the division finite ε"],
    "Adadelta": ["learning rate η", "decay of the squares ρ", "keeps the division finite ε"],
    "Adam": [
        "learning rate η",
        "decay of the mean β₁",
        "decay of the square β₂",
        "keeps the division finite ε",
    ],
    "AdamW": [
        "learning rate η",
        "decay of the mean β₁",
        "decay of the square β₂",
        "weight decay λ",
        "keeps the division finite ε",
    ],
}
METHODS = {
    "Newton": ["first damping λ"],
    "Nonlinear CG": [],
    "L-BFGS": ["pairs remembered m"],
    "Hessian-free": ["first damping λ", "CG steps at most"],
}
PARTS = {
    "Steepest descent": "path.gradient",
    "Quadratic model": "path.ellipse",
    "Eigenvectors": "path.eigen",
    "Newton’s step": "path.newton",
}


class Lab(Chart):
    """A DescentLab in a page, with the names that a reader has for its parts."""

    def __init__(self, page, index=0):
        super().__init__(page, index)
        self.counter = self.figure.locator(".counter")
        self.numbers = self.figure.locator(".numbers")
        self.surface = self.figure.get_by_role("combobox", name="Surface")
        self.start = self.figure.get_by_role("slider", name=re.compile("^Start,"))
        self.probe = self.figure.get_by_role("slider", name=re.compile("^Probe of"))
        self.scrubber = self.figure.get_by_role("slider", name="Cost spent in the race")
        self.steps = self.figure.get_by_role("slider", name="Budget of each solver in gradients")

    def solver(self, name):
        return self.figure.locator(".solvers .chips").get_by_role("button", name=name, exact=True)

    def slider(self, solver, meaning):
        return self.figure.get_by_role("slider", name=f"{solver}: {meaning}", exact=True)

    def card(self, solver):
        return self.figure.get_by_role("group", name=f"{solver}: settings")

    def show_only(self, *solvers):
        for name in {**SOLVERS, **METHODS}:
            if (self.solver(name).get_attribute("aria-pressed") == "true") != (name in solvers):
                self.solver(name).click()
        self.settle()

    def settle(self, wait=200):
        """Wait until everything is drawn, after 150 ms the refined contours too."""
        self.page.evaluate(
            """(wait) => new Promise((done) => {
              requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, wait)));
            })""",
            wait,
        )

    def drawn(self, wait=200):
        """Return what is drawn in SVG, in no particular order."""
        self.settle(wait)
        return self.figure.locator("svg").evaluate_all("""(drawings) => drawings
          .flatMap((svg) => [...svg.querySelectorAll("path, circle, text")])
          .map((shape) => shape.outerHTML + (shape.parentNode.getAttribute("style") ?? ""))
          .sort().join("\\n")""")

    def seen(self, wait=200):
        """Return all that there is to be seen of the figure, less what it says in words."""
        drawn = self.drawn(wait)
        painted = "(canvases) => canvases.map((canvas) => canvas.toDataURL()).join()"
        return hash(drawn + self.figure.locator("canvas").evaluate_all(painted))

    def position(self, handle=None):
        """Return where a handle says that it is."""
        text = (handle or self.start).get_attribute("aria-valuetext").replace("−", "-")
        return [float(number) for number in re.findall(r"-?[\d.]+", text)]


def labs_of(page):
    """Return the DescentLabs of a page, which may hold other figures too."""
    figures = [Lab(page, i) for i in range(page.locator(".converge-figure").count())]
    return [lab for lab in figures if lab.figure.locator(".descent-lab").count()]


def press_far(slider):
    """Move a slider to an end where it is not yet."""
    before = value(slider)
    slider.press("End")
    if value(slider) == before:
        slider.press("Home")


@pytest.fixture
def lab(open_page, book):
    """Open the first page's figure."""
    return Lab(open_page(f"{book.as_uri()}/book/index.html", permissions=CLIPBOARD))


@pytest.fixture
def chapter(open_page, book):
    """Open the chapter on curvature, with its three figures."""
    return open_page(f"{book.as_uri()}/book/descent/curvature.html")


@pytest.fixture
def bench(open_page, tmp_path):
    """Open a bench for the figure, with the defaults in place of traits."""
    return open_bench(open_page, tmp_path, "descent_lab", {})


# ── Every figure on every page ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", PAGES_WITH_FIGURES)
def test_every_figure_renders_from_http_and_from_the_disk(open_page, address, path):
    page = open_page(f"{address}/{path}")
    figures = page.locator(".converge-figure")
    assert figures.count() > 0
    for i in range(figures.count()):
        chart = Chart(page, i)
        figure = chart.figure
        expect(figure.get_by_role("group").first).to_have_attribute(
            "aria-label", re.compile(r"\w \w")
        )
        expect(figure.get_by_role("status").last).to_have_text(re.compile(r"\w+ .*\."))
        # While a prediction is awaited, a canvas of what answers it is empty.
        assert not any(chart.blank()) or chart.button("Reveal").is_visible()


@pytest.mark.parametrize("path", PAGES_WITH_FIGURES)
def test_no_control_of_any_figure_is_dead(open_page, book, path):
    page = open_page(f"{book.as_uri()}/{path}")
    for i in range(page.locator(".converge-figure").count()):
        lab = Lab(page, i)
        if lab.button("Cancel").is_visible():
            lab.button("Cancel").click()
            lab.settle()
        for slider in lab.figure.locator("input[type=range]:visible").all():
            before, said, position = lab.seen(wait=0), {value(slider)}, slider.input_value()
            seen = {before}
            for end in ("Home", "End"):
                slider.press(end)
                said.add(value(slider))
                seen.add(lab.seen(wait=0))
            assert len(said) > 1, slider.get_attribute("aria-label")
            assert len(seen) > 1, slider.get_attribute("aria-label")
            slider.fill(position)
        for button in lab.figure.locator("button.toggle:visible").all():
            Chart.settle(lab)  # what the sliders asked for is computed by and by
            before = lab.seen(wait=0)
            button.click()
            assert lab.seen(wait=0) != before, button.inner_text()
            button.click()
            Chart.settle(lab)
            assert lab.seen(wait=0) == before, button.inner_text()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_accessible_and_fits_at_every_width(open_page, book, path, dark):
    page = open_page(f"{book.as_uri()}/{path}", dark=dark)
    read_through(page)
    page.add_script_tag(content=AXE.read_text("utf-8"))
    for width in (320, 768, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        # The theme lets the keyboard scroll code and tables too wide, a moment after a resize.
        page.wait_for_function(
            """(scrollable) => [...document.querySelectorAll(scrollable)]
            .every((one) => one.scrollWidth <= one.clientWidth || one.tabIndex === 0)""",
            arg="pre, .cell_output > .output, .pst-scrollable-table-container",
        )
        page.wait_for_timeout(300)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width
        violations = page.evaluate("""async () => {
          const { violations } = await axe.run(document, { preload: false });
          return violations
            .filter(({ impact }) => impact === "serious" || impact === "critical")
            .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join(", ")}`);
        }""")
        assert violations == [], f"{width} px wide"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_figure_with_everything_switched_on_is_accessible(lab, dark):
    lab.page.emulate_media(color_scheme="dark" if dark else "light")
    off = lab.figure.locator("button.toggle[aria-pressed=false]")
    while off.count():
        off.first.click()
        lab.settle()
    for details in lab.figure.locator("summary:visible").all():
        details.click()
    lab.figure.get_by_label("Where the local model is taken").select_option("point")
    lab.slider("Gradient descent", "learning rate η").press("End")
    lab.button("Predict first").click()
    lab.settle()
    lab.page.add_script_tag(content=AXE.read_text("utf-8"))
    violations = lab.page.evaluate("""async () => {
      const { violations } = await axe.run(".converge-figure", { preload: false });
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target)}`);
    }""")
    assert violations == []


# ── Each control changes what it should ──────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", SURFACES)
def test_the_choice_of_a_surface_changes_the_ground_the_start_and_the_settings(lab, name):
    before = lab.seen()
    lab.surface.select_option("himmelblau" if name != "himmelblau" else "beale")
    other = lab.seen()
    lab.surface.select_option(name)
    assert lab.seen() not in {other} | ({before} if name != "rosenbrock" else set())
    state = lab.state()
    assert state["surface"] == name
    start = "From (" + ", ".join(rf"{x:.2f}\d*".replace("-", "−") for x in state["start"]) + ")"
    expect(lab.readout).to_contain_text(re.compile(start.replace("(", r"\(").replace(")", r"\)")))
    parameters = lab.figure.get_by_role("slider", name=re.compile("^(Condition number|Rotation)"))
    expect(parameters).to_have_count(2 if name == "quadratic" else 0)


def test_the_parameters_of_the_quadratic_change_its_curvature(lab):
    lab.surface.select_option("quadratic")
    lab.button("Eigenvectors").click()
    condition = lab.figure.get_by_role("slider", name="Condition number")
    for key, kappa in (("Home", "1"), ("End", None)):
        condition.press(key)
        lab.settle()
        expect(lab.numbers).to_contain_text(f"κ = {kappa or value(condition)}")
    rotation = lab.figure.get_by_role("slider", name="Rotation")
    before = lab.figure.locator("path.eigen").get_attribute("d")
    rotation.press("Home")
    lab.settle()
    assert lab.figure.locator("path.eigen").get_attribute("d") != before
    assert lab.state()["parameters"]["rotation"] == pytest.approx(-1.57, abs=0.01)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_solver_is_switched_on_and_off_and_keeps_its_settings(lab, solver):
    if lab.solver(solver).get_attribute("aria-pressed") == "false":
        expect(lab.card(solver)).to_be_hidden()
        lab.solver(solver).click()
    expect(lab.card(solver)).to_be_visible()
    expect(lab.readout).to_contain_text(solver)
    rate = lab.slider(solver, "learning rate η")
    rate.press("ArrowLeft")
    changed = value(rate)
    lab.solver(solver).click()
    expect(lab.card(solver)).to_be_hidden()
    expect(lab.readout).not_to_contain_text(re.compile(rf"{solver}(?!W)"))
    lab.solver(solver).click()
    expect(lab.card(solver)).to_be_visible()
    assert value(rate) == changed


@pytest.mark.parametrize("method", METHODS)
def test_a_second_order_method_is_switched_on_and_off(lab, method):
    before = lab.seen()
    expect(lab.card(method)).to_be_hidden()
    lab.solver(method).click()
    expect(lab.card(method)).to_contain_text(re.compile(r"\d+ steps \([\d.]+ gradients\)"))
    expect(lab.readout).to_contain_text(
        re.compile(rf"{method} (gets below 10⁻⁶ )?in \d+( steps)? \([\d.]+ gradients\)")
    )
    expect(lab.figure.locator(".map .heads")).to_contain_text(method)
    short = {"Nonlinear CG": "CG", "Hessian-free": "HF"}.get(method, method)
    expect(lab.figure.locator(".loss .heads")).to_contain_text(re.compile(f"{method}|{short}"))
    lab.solver(method).click()
    expect(lab.card(method)).to_be_hidden()
    assert lab.seen() == before


def test_newton_searches_along_its_line_only_when_told(lab):
    lab.show_only("Newton")
    switch = lab.card("Newton").get_by_role("button", name="Line search")
    before, pressed = lab.seen(), switch.get_attribute("aria-pressed")
    switch.click()
    other = {"true": "false", "false": "true"}[pressed]
    expect(switch).to_have_attribute("aria-pressed", other)
    assert lab.state()["solvers"][0]["line_search"] is (other == "true")
    assert lab.seen() != before
    lab.slider("Newton", "first damping λ").press("Home")
    assert value(lab.slider("Newton", "first damping λ")) == "none"
    assert lab.state()["solvers"][0]["damping"] is None


@pytest.mark.parametrize("solver", {**SOLVERS, **METHODS})
def test_each_hyperparameter_changes_its_solver_s_run_and_no_other(lab, solver):
    lab.show_only(solver)
    more = lab.card(solver).locator("summary")
    if more.is_visible():
        more.click()
    sliders = lab.card(solver).get_by_role("slider").all()
    assert [slider.get_attribute("aria-label") for slider in sliders] == [
        f"{solver}: {meaning}" for meaning in {**SOLVERS, **METHODS}[solver]
    ]
    for slider in sliders:
        before, values = lab.seen(), [value(other) for other in sliders]
        position = slider.input_value()
        press_far(slider)
        assert lab.seen() != before
        changed = [one for one, old in zip(sliders, values, strict=True) if value(one) != old]
        assert changed == [slider]
        slider.fill(position)


def test_the_learning_rate_goes_as_far_as_the_slider_says(lab):
    rate = lab.slider("Adam", "learning rate η")
    rate.press("Home")
    assert lab.state()["solvers"][-1]["lr"] == 1e-5
    rate.press("End")
    assert lab.state()["solvers"][-1]["lr"] == 10


def test_the_budget_ends_the_race_there(lab):
    lab.steps.press("Home")
    expect(lab.counter).to_have_text("10 / 10")
    expect(lab.readout).to_contain_text("after 10 gradients")


def test_play_runs_from_the_first_step_to_the_last_and_can_be_paused(lab):
    lab.button("Play").click()
    lab.button("Pause").click()
    expect(lab.button("Play")).to_be_visible()
    here = int(lab.counter.inner_text().partition(" /")[0].replace(",", ""))
    assert here < 1000
    lab.settle()
    expect(lab.counter).to_have_text(re.compile(f"^{here:,} /"))
    expect(lab.readout).to_contain_text("so far")
    lab.button("Play").click()
    expect(lab.counter).to_have_text("1,000 / 1,000", timeout=20_000)
    expect(lab.button("Play")).to_be_visible()


def test_steps_and_scrubbing_move_by_as_much_as_they_say(lab):
    seen = {lab.seen()}
    lab.button("One step back").click()
    expect(lab.counter).to_have_text("999 / 1,000")
    seen.add(lab.seen())
    lab.button("One step forward").click()
    expect(lab.counter).to_have_text("1,000 / 1,000")
    lab.button("One step forward").click()
    expect(lab.counter).to_have_text("1,000 / 1,000")
    lab.scrubber.press("Home")
    expect(lab.counter).to_have_text("0 / 1,000")
    seen.add(lab.seen())
    lab.button("One step back").click()
    expect(lab.counter).to_have_text("0 / 1,000")
    lab.scrubber.press("ArrowRight")
    expect(lab.counter).to_have_text("1 / 1,000")
    expect(lab.readout).to_contain_text("so far after 1 gradient:")
    seen.add(lab.seen())
    assert len(seen) == 4


def test_clicks_faster_than_frames_lose_no_step(lab):
    lab.scrubber.press("Home")
    lab.button("One step forward").evaluate(CLICK_AT_ONCE, 3)
    expect(lab.counter).to_have_text("3 / 1,000")
    lab.button("One step back").evaluate(CLICK_AT_ONCE, 2)
    expect(lab.counter).to_have_text("1 / 1,000")


def test_a_step_of_hessian_free_moves_by_what_it_costs(lab):
    lab.show_only("Hessian-free")
    lab.scrubber.press("Home")
    costs = []
    for _ in range(4):
        lab.settle()
        costs.append(int(lab.counter.inner_text().partition(" /")[0]))
        lab.button("One step forward").click()
    assert costs[0] == 0
    assert min(b - a for a, b in itertools.pairwise(costs)) > 3
    lab.button("One step back").click()
    expect(lab.counter).to_have_text(re.compile(f"^{costs[-1]} /"))


def test_the_conjugate_gradient_inside_a_step_is_drawn_and_said(lab):
    dots, label = lab.figure.locator(".inner .dots"), lab.figure.locator(".inner text")
    expect(dots).to_be_hidden()
    lab.surface.select_option("himmelblau")
    lab.show_only("Hessian-free")
    lab.scrubber.press("Home")
    dampings = set()
    for _ in range(6):
        expect(lab.readout).to_contain_text("so far")
        lab.settle(wait=800)
        said = re.search(r"λ = (\S+) and (\d+) step", lab.readout.inner_text())
        path = dots.get_attribute("d")
        assert (0 if path == "M0,0" else path.count("M")) == int(said[2])
        assert label.text_content() in ("", f"λ = {said[1]}")
        dampings.add(label.text_content())
        lab.button("One step forward").click()
    assert len(dampings) >= 3
    lab.button("Predict first").click()
    lab.settle()
    expect(dots).to_be_hidden()
    expect(lab.readout).not_to_contain_text("λ")


def test_the_model_at_hessian_free_s_head_has_its_damping(lab):
    lab.show_only("Adam", "Hessian-free")
    lab.button("Quadratic model").click()
    where = lab.figure.get_by_label("Where the local model is taken")
    lab.scrubber.press("Home")
    where.select_option(label="Adam’s head")
    expect(lab.numbers).not_to_contain_text("damping")
    plain = lab.figure.locator("path.ellipse").get_attribute("d")
    where.select_option(label="Hessian-free’s head")
    expect(lab.numbers).to_contain_text("damping λ = 10 included")
    assert lab.figure.locator("path.ellipse").get_attribute("d") != plain


def test_reset_restores_everything(lab):
    first, picture = lab.state(), lab.seen()
    lab.surface.select_option("beale")
    lab.solver("Adadelta").click()
    lab.button("Newton’s step").click()
    lab.start.press("Shift+ArrowUp")
    lab.steps.press("Home")
    lab.scrubber.press("Home")
    assert lab.state() != first
    lab.button("Reset").click()
    assert lab.state() == first
    lab.button("Reset").click()
    assert lab.seen() == picture


@pytest.mark.parametrize("part", PARTS)
def test_each_part_of_the_local_model_is_drawn_when_it_is_switched_on(lab, part):
    lab.start.press("Shift+ArrowUp")
    lab.settle()
    expect(lab.numbers).to_be_hidden()
    lab.button(part).click()
    lab.settle()
    drawn = {
        name: lab.figure.locator(selector).get_attribute("d") for name, selector in PARTS.items()
    }
    assert {name for name, path in drawn.items() if path != "M0,0"} == {part}
    expect(lab.numbers).to_contain_text(re.compile(r"‖∇f‖ = .*λ₁ = .*λ₂ = "))
    lab.button(part).click()
    expect(lab.numbers).to_be_hidden()


def test_the_local_model_follows_the_start_a_point_or_a_solver(lab):
    lab.button("Quadratic model").click()
    lab.settle()
    where = lab.figure.get_by_label("Where the local model is taken")
    expect(lab.probe).to_be_hidden()
    texts = [lab.numbers.inner_text()]
    where.select_option("point")
    expect(lab.probe).to_be_visible()
    expect(lab.numbers).not_to_have_text(texts[-1])
    texts.append(lab.numbers.inner_text())
    where.select_option(label="Adam’s head")
    expect(lab.probe).to_be_hidden()
    expect(lab.numbers).to_contain_text("At (1.00, 1.00)")
    lab.scrubber.press("Home")
    expect(lab.numbers).to_contain_text("At (−1.20, 1.00)")
    where.select_option("start")
    expect(lab.numbers).to_have_text(texts[0])


# ── Handles ──────────────────────────────────────────────────────────────────────────────────────


def handle_of(lab, name):
    if name == "probe":
        lab.button("Quadratic model").click()
        lab.figure.get_by_label("Where the local model is taken").select_option("point")
        lab.settle()
    return getattr(lab, name)


@pytest.mark.parametrize("name", ["start", "probe"])
@pytest.mark.parametrize(
    ("key", "direction"),
    [("ArrowLeft", (-1, 0)), ("ArrowRight", (1, 0)), ("ArrowUp", (0, 1)), ("ArrowDown", (0, -1))],
)
def test_the_arrow_keys_move_a_handle_and_shift_makes_big_steps(lab, name, key, direction):
    handle = handle_of(lab, name)
    for modifier, step in (("", 0.04), ("Shift+", 0.4)):
        before = lab.position(handle)
        handle.press(f"{modifier}{key}")
        expected = [b + step * d for b, d in zip(before, direction, strict=True)]
        lab.settle()
        assert lab.position(handle) == pytest.approx(expected, abs=0.011)
        expect(handle).to_be_focused()


def test_keys_faster_than_frames_lose_no_step(lab):
    x, y = lab.position()
    lab.start.evaluate(PRESS_AT_ONCE, ["ArrowRight"] * 3)
    lab.settle()
    assert lab.position() == pytest.approx([x + 3 * 0.04, y], abs=0.011)


def test_the_tab_key_reaches_both_handles(lab):
    handle_of(lab, "probe")
    reached = set()
    lab.surface.focus()
    for _ in range(6):
        lab.page.keyboard.press("Tab")
        reached.add(lab.page.evaluate("document.activeElement.getAttribute('aria-label')"))
    assert {name.partition(",")[0] for name in reached if name and "two dimensions" in name} == {
        "Start",
        "Probe of the local model",
    }


def test_a_focused_handle_shows_it(lab):
    lab.start.press("ArrowLeft")
    looks = """(handle) => [null, "::before", "::after"].map((part) => {
      const style = getComputedStyle(handle, part);
      return [style.outlineStyle, style.boxShadow, style.borderColor];
    }).join()"""
    focused = lab.start.evaluate(looks)
    lab.surface.focus()
    assert lab.start.evaluate(looks) != focused


def test_a_handle_stops_at_the_edge_of_the_picture(lab):
    for _ in range(12):
        lab.start.press("Shift+ArrowRight")
    lab.settle()
    assert lab.position()[0] == 2.0


@pytest.mark.parametrize("name", ["start", "probe"])
def test_a_handle_follows_the_mouse(lab, name):
    handle = handle_of(lab, name)
    lab.figure.locator(".plot").scroll_into_view_if_needed()
    before = lab.seen()
    x, y = middle(handle)
    dx = 90 if name == "start" else -60
    lab.page.mouse.move(x + 3, y - 2)
    lab.page.mouse.down()
    lab.page.mouse.move(x + 3 + dx / 2, y - 20, steps=4)
    lab.settle()
    during = lab.seen()
    lab.page.mouse.move(x + 3 + dx, y - 42, steps=4)
    lab.page.mouse.up()
    lab.settle()
    assert middle(handle) == pytest.approx((x + dx, y - 40), abs=1.0)
    assert len({before, during, lab.seen()}) == 3


def test_a_handle_follows_a_finger_and_the_page_stays(open_page, book):
    page = open_page(f"{book.as_uri()}/book/index.html", width=390, height=800, has_touch=True)
    lab = Lab(page)
    lab.figure.locator(".plot").scroll_into_view_if_needed()
    x, y = middle(lab.start)
    scrolled = page.evaluate("scrollY")
    session = page.context.new_cdp_session(page)
    for kind, dx, dy in (("Start", 0, 0), ("Move", 20, 10), ("Move", 60, 30)):
        points = [{"x": x + dx, "y": y + dy}]
        session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})
        page.evaluate("new Promise(requestAnimationFrame)")
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    lab.settle()
    assert middle(lab.start) == pytest.approx((x + 60, y + 30), abs=1.5)
    assert page.evaluate("scrollY") == scrolled


def test_a_click_on_the_ground_moves_the_start_there(lab):
    plot = lab.figure.locator(".plot")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    plot.click(position={"x": box["width"] * 0.75, "y": box["height"] * 0.25})
    lab.settle()
    assert lab.position() == pytest.approx([1.0, 2.0], abs=0.02)


# ── Divergence, prediction, links ────────────────────────────────────────────────────────────────


def test_divergence_is_said_and_drawn(lab):
    lab.slider("Gradient descent", "learning rate η").press("End")
    expect(lab.readout).to_contain_text(
        re.compile(r"Gradient descent left the view after \d+ steps?, overflow after \d+")
    )
    expect(lab.card("Gradient descent")).to_contain_text(re.compile(r"overflow after \d+"))
    expect(lab.figure.locator(".map .heads")).to_contain_text("out of view")
    expect(lab.figure.locator(".loss .heads")).to_contain_text("overflow")
    assert "NaN" not in lab.drawn()


@pytest.mark.parametrize("guess", ["Nesterov", "Adam", "none of them"])
def test_a_prediction_hides_the_race_until_it_is_made_and_is_then_judged(open_page, book, guess):
    lab = Lab(open_page(f"{book.as_uri()}/book/index.html", reduced_motion="reduce"))
    lab.button("Predict first").click()
    expect(lab.readout).to_contain_text("hidden until you commit")
    expect(lab.figure.locator(".map .heads")).to_have_text("")
    expect(lab.card("Adam")).not_to_contain_text("steps")
    expect(lab.button("Reveal")).to_be_disabled()
    lab.figure.get_by_role("radio", name=guess, exact=True).check()
    lab.button("Reveal").click()
    verdict = "Right: Nesterov gets there first" if guess == "Nesterov" else "Not so: Nesterov gets"
    expect(lab.readout).to_contain_text(verdict)
    expect(lab.readout).to_contain_text(
        "Nesterov 488 · Momentum 685 · Adam 791 · Gradient descent not"
    )
    expect(lab.figure.locator(".map .heads")).to_contain_text("Nesterov")


def test_a_prediction_is_judged_by_cost_and_not_by_steps(open_page, book):
    lab = Lab(open_page(f"{book.as_uri()}/book/index.html", reduced_motion="reduce"))
    lab.show_only("Newton", "L-BFGS")
    steps = [
        int(re.search(r"(\d+) steps", lab.card(name).inner_text())[1])
        for name in ("Newton", "L-BFGS")
    ]
    assert steps[0] < steps[1]
    lab.button("Predict first").click()
    lab.figure.get_by_role("radio", name="L-BFGS", exact=True).check()
    lab.button("Reveal").click()
    expect(lab.readout).to_contain_text(
        re.compile(r"Right: L-BFGS gets there first. Cost in gradients: L-BFGS \d+ · Newton \d+")
    )


def predict(lab, guess):
    lab.button("Predict first").click()
    assert lab.figure.get_by_role("radio").first.evaluate("(one) => one === document.activeElement")
    expect(lab.readout).to_contain_text("hidden until you commit")
    expect(lab.figure.locator("input[type=radio]:checked")).to_have_count(0)
    expect(lab.button("Reveal")).to_be_disabled()
    lab.figure.get_by_role("radio", name=guess, exact=True).check()
    lab.button("Reveal").click()
    expect(lab.button("Predict first")).to_be_focused()


def test_a_judged_prediction_stands_until_there_is_another_race(open_page, book):
    lab = Lab(open_page(f"{book.as_uri()}/book/index.html", reduced_motion="reduce"))
    predict(lab, "Nesterov")
    expect(lab.readout).to_have_class("readout right")
    lab.button("One step back").click()
    lab.button("Newton’s step").click()
    lab.settle(wait=900)
    expect(lab.readout).to_contain_text(re.compile("^Right: Nesterov .* so far after 999"))
    lab.start.press("ArrowUp")
    expect(lab.readout).to_contain_text(re.compile("^From"))
    expect(lab.readout).to_have_class("readout")


def test_a_reveal_that_is_interrupted_is_judged_and_one_that_is_reset_is_not(lab):
    predict(lab, "Adam")
    expect(lab.counter).not_to_have_text(re.compile("^(0|1,000) /"))
    expect(lab.readout).to_contain_text("hidden until you commit")
    lab.button("Pause").click()
    expect(lab.counter).to_have_text("1,000 / 1,000")
    expect(lab.readout).to_contain_text(re.compile("^Not so: Nesterov gets there first"))
    predict(lab, "Nesterov")
    lab.button("Reset").click()
    expect(lab.readout).to_contain_text(re.compile("^From"))
    lab.settle(wait=900)
    expect(lab.readout).to_contain_text(re.compile("^From"))
    expect(lab.button("Play")).to_be_visible()


def test_a_prediction_can_be_called_off(lab):
    before = lab.seen()
    lab.button("Predict first").click()
    assert lab.seen() != before
    lab.button("Cancel").click()
    assert lab.seen() == before


def test_a_figure_that_asks_first_shows_nothing_before_the_answer(chapter):
    lab = Lab(chapter, 0)
    expect(lab.readout).to_contain_text("hidden until you commit")
    expect(lab.figure.locator(".loss .heads")).to_have_text("")
    lab.figure.get_by_role("radio").last.check()
    lab.button("Reveal").click()
    expect(lab.figure.locator(".loss .heads")).not_to_have_text("")
    lab.button("Reset").click()
    lab.settle()
    expect(lab.figure.locator(".loss .heads")).to_have_text("")
    expect(lab.button("Reveal")).to_be_disabled()
    lab.figure.get_by_role("radio").last.check()
    lab.button("Reveal").click()
    expect(lab.readout).to_contain_text(re.compile("Right|Not so"), timeout=20_000)


def test_a_copied_link_opens_the_same_state(open_page, address):
    page = open_page(f"{address}/book/index.html", permissions=CLIPBOARD)
    lab = Lab(page)
    lab.surface.select_option("quadratic")
    lab.solver("AdaGrad").click()
    lab.slider("AdaGrad", "learning rate η").press("ArrowRight")
    for method in METHODS:
        lab.solver(method).click()
    lab.slider("Hessian-free", "CG steps at most").press("Home")
    lab.slider("L-BFGS", "pairs remembered m").press("ArrowLeft")
    lab.button("Newton’s step").click()
    lab.figure.get_by_label("Where the local model is taken").select_option("point")
    lab.start.press("Shift+ArrowLeft")
    lab.button("One step back").click()
    state, picture = lab.state(), lab.seen()
    other = Lab(open_page(lab.link, permissions=CLIPBOARD))
    assert other.state() == state
    other.page.mouse.move(0, 0)
    assert other.seen() == picture
    here = Lab(open_page(f"{address}/book/index.html", permissions=CLIPBOARD))
    here.page.evaluate("(hash) => { location.hash = hash }", lab.link.partition("#")[2])
    here.settle()
    assert here.state() == state


@pytest.mark.parametrize("key", ["race", "condition", "newton"])
def test_a_link_opens_the_figure_it_names_wherever_it_is_on_the_page(open_page, book, key):
    payload = base64.urlsafe_b64encode(json.dumps({"surface": "saddle"}).encode()).decode()
    link = f"{book.as_uri()}/book/descent/curvature.html#{key}.{payload.rstrip('=')}"
    page = open_page(link)
    page.wait_for_timeout(1000)
    chosen = page.locator(".converge-figure select[aria-label=Surface]").filter(visible=True)
    opened = [select for select in chosen.all() if select.input_value() == "saddle"]
    assert len(opened) == 1
    expect(opened[0]).to_be_in_viewport()


HOSTILE = {
    "no JSON": "welcome.bm90IGpzb24",
    "not base64": "welcome.%%%",
    "empty": "welcome.",
    "null": "welcome." + base64.urlsafe_b64encode(b"null").decode(),
    "list": "welcome." + base64.urlsafe_b64encode(b"[1,2]").decode(),
    "long": "welcome." + "A" * 100_000,
    "script": "welcome.<script>globalThis.hacked=1</script>",
}
STATES = [
    {"surface": "__proto__", "solvers": "all", "steps": -1, "frame": 1e99, "probe": {"x": 1}},
    {"surface": "constructor", "start": [None, "1"], "show": ["gradient"] * 500},
    {
        "start": [1e308, -1e308],
        "steps": 1e308,
        "solvers": [{"name": "Adam", "betas": None, "lr": 1e308}],
    },
    {
        "solvers": [{"name": "toString"}, None, 3, {"name": ["Adam"]}],
        "parameters": {"condition": -1},
    },
    {"surface": "quadratic", "parameters": {"condition": "1e9", "rotation": None}, "show": None},
    {"label": "<img src=x onerror='globalThis.hacked=1'>", "key": "<script>", "predict": "yes"},
    {"custom_runs": [{"path": [[None]], "values": ["NaN"]}], "__proto__": {"surface": 1}},
    {"probe": "__proto__", "frame": "last", "target": 0},
]
for i, state in enumerate(STATES):
    encoded = base64.urlsafe_b64encode(json.dumps(state).encode()).decode().rstrip("=")
    HOSTILE[f"state {i}"] = f"welcome.{encoded}"


def test_hostile_links_open_a_sound_figure(open_page, http_book):
    page = open_page(f"{http_book}/book/index.html")
    lab = Lab(page)
    for fragment in HOSTILE.values():
        page.evaluate("(hash) => { location.hash = hash }", fragment)
        lab.settle()
        expect(lab.readout).to_contain_text(re.compile(r"From \(|No solver"))
        assert "NaN" not in lab.readout.inner_text()
        assert "NaN" not in lab.drawn()
    assert page.evaluate("globalThis.hacked") is None
    assert page.evaluate("({}).surface") is None


# ── A good citizen of its page ───────────────────────────────────────────────────────────────────


def test_figures_of_one_page_are_independent(chapter):
    labs = labs_of(chapter)
    assert len(labs) >= 3
    for i, changed in enumerate(labs):
        others = [lab for lab in labs if lab is not changed]
        before = [lab.seen() for lab in others]
        changed.surface.select_option("plateau" if i else "saddle")
        changed.button("Steepest descent").click()
        changed.start.press("Shift+ArrowUp")
        changed.settle()
        assert [lab.seen() for lab in others] == before


def test_the_theme_of_the_page_repaints_the_figure_and_keeps_its_state(lab):
    lab.start.press("Shift+ArrowUp")
    lab.settle()
    position, light = lab.position(), lab.seen()
    lab.page.emulate_media(color_scheme="dark")
    dark = lab.seen()
    assert dark != light
    assert lab.position() == position
    lab.page.evaluate("document.documentElement.dataset.theme = 'light'")
    assert lab.seen() == light


def test_reduced_motion_is_heeded(open_page, book):
    lab = Lab(open_page(f"{book.as_uri()}/book/index.html", reduced_motion="reduce"))
    lab.scrubber.press("Home")
    expect(lab.counter).to_have_text("0 / 1,000")
    lab.button("Play").click()
    lab.settle()
    assert lab.counter.inner_text() == "1,000 / 1,000"
    moving = lab.figure.evaluate("""(figure) => [...figure.querySelectorAll("*")].filter((e) =>
      [getComputedStyle(e).transitionDuration, getComputedStyle(e).animationDuration]
        .join().split(",").some((duration) => parseFloat(duration) > 0.01)).length""")
    assert moving == 0


def test_the_figure_fills_the_room_that_it_gets(lab):
    for width in (1440, 700, 320, 1000):
        lab.page.set_viewport_size({"width": width, "height": 900})
        lab.settle()
        plot = lab.figure.locator(".plot").bounding_box()
        room = lab.figure.bounding_box()
        assert plot["width"] == pytest.approx(plot["height"], abs=1)
        assert plot["width"] > 0.4 * room["width"]
        assert plot["x"] + plot["width"] <= room["x"] + room["width"]


def test_cleanup_leaves_nothing_behind(bench):
    bench.evaluate(COUNT)
    left = bench.evaluate("""async () => {
      const model = modelOf({ key: "bench", predict: true, show: ["newton"], probe: [0, 0] });
      for (let i = 0; i < 3; i++) {
        const el = document.body.appendChild(document.createElement("div"));
        const cleanup = await widget.render({ model, el });
        await frames();
        if (!live.size || !model.listeners.size) throw new Error("the figure listens to nothing");
        [...el.querySelectorAll("button")].find((b) => b.textContent === "Cancel").click();
        el.querySelector("button.play").click();
        await frames(i);
        cleanup();
        if (el.innerHTML) throw new Error(`left in the page: ${el.innerHTML}`);
      }
      document.documentElement.dataset.theme = "dark";
      location.hash = "bench.e30";
      dispatchEvent(new Event("resize"));
      model.set("surface", "saddle");
      await frames(5);
      await new Promise((done) => setTimeout(done, 900));
      return [...live.values(), ...model.listeners.keys()];
    }""")
    assert left == []


def test_keys_stay_in_the_figure_whatever_has_the_focus(bench):
    assert controls_that_lose_keys(bench) == []


def test_the_host_is_told_where_playing_stops_and_not_of_the_way_there(bench):
    while_playing, paused, counter = bench.evaluate("""async () => {
      const el = document.body.appendChild(document.createElement("div"));
      const told = [];
      const model = { ...modelOf({ frame: 3 }), set: (name, value) => told.push([name, value]) };
      const cleanup = await widget.render({ model, el });
      await frames();
      const at = () => el.querySelector(".counter").textContent;
      const start = at();
      const enough = performance.now() + 500; // the host is told 120 ms after a change
      el.querySelector("button.play").click();
      while (at() === start || performance.now() < enough) await frames(3);
      const way = told.length;
      el.querySelector("button.play").click();
      await new Promise((done) => setTimeout(done, 300));
      await frames(3);
      const counter = at();
      cleanup();
      return [way, told, counter];
    }""")
    assert while_playing == 0
    ((name, frame),) = paused
    assert (name, f"{frame:,}") == ("frame", counter.partition(" /")[0])
    assert frame > 3


@pytest.mark.parametrize("model", POOR_HOSTS)
def test_a_poor_host_is_enough(bench, model):
    bench.evaluate(
        f"""async () => {{
          const el = document.body.appendChild(document.createElement("div"));
          const cleanup = await widget.render({{ model: {model}, el }});
          await frames(9);
          el.querySelector(".handle.start").dispatchEvent(
            new KeyboardEvent("keydown", {{ key: "ArrowUp", bubbles: true }}));
          await new Promise((done) => setTimeout(done, 300));
          if (!el.querySelector(".readout").textContent) throw new Error("nothing is said");
          cleanup();
        }}"""
    )


# ── Anything at all ──────────────────────────────────────────────────────────────────────────────

NAMES = [
    "surface",
    "parameters",
    "start",
    "solvers",
    "steps",
    "target",
    "frame",
    "probe",
    "show",
    "predict",
    "key",
    "label",
    "custom_runs",
]
SET_TRAITS = """async (settings) => {
  const el = document.body.appendChild(document.createElement("div"));
  const model = modelOf({});
  const cleanup = await widget.render({ model, el });
  for (const [i, [name, source]] of settings.entries()) {
    model.set(name, new Function(`return ${source}`)());
    if (i % 5 === 0) await frames(1);
    if (i % 100 === 0) {
      const other = document.body.appendChild(document.createElement("div"));
      const traits = Object.fromEntries(settings.slice(i, i + 40).map(([name, source]) =>
        [name, new Function(`return ${source}`)()]));
      (await widget.render({ model: modelOf(traits), el: other }))();
    }
    if (/NaN|undefined|Infinity/.test(el.querySelector("svg.scene").outerHTML)) {
      throw new Error(`${name} = ${source} is drawn as no number`);
    }
  }
  cleanup();
}"""


def some_value(random, depth=0):
    """Return JavaScript for a value that a trait may hold, sound or not."""
    number = random.choice(
        [
            "NaN",
            "Infinity",
            "-Infinity",
            "0",
            "-0",
            "-1",
            "1e308",
            "-1e308",
            "5e-324",
            "1.5",
            "2**53",
        ]
    )
    text = random.choice(["''", "'__proto__'", "'x'.repeat(9999)", "'<b>'", "'NaN'", "'\\ud800'"])
    known = repr(random.choice([*SURFACES, "Adam", "HessianFree", "gradient", "newton"]))
    plain = [number, text, known, "null", "undefined", "true", "false", "10n", "Symbol.iterator"]
    if depth > 2:
        return random.choice(plain)
    inner = [some_value(random, depth + 1) for _ in range(random.randrange(4))]
    solver = random.choice(["Adam", "AdaGrad", "toString"])
    return random.choice(
        [
            *plain,
            f"[{', '.join(inner)}]",
            f"[{number}, {random.uniform(-3, 3)}]",
            "{" + ", ".join(f"{k}: {v}" for k, v in zip("abc", inner, strict=False)) + "}",
            f"[{{name: '{solver}', lr: {number}, betas: [{', '.join(inner)}]}}]",
            f"[{{name: 'Momentum', momentum: {number}}}]",
            f"[{{name: 'Newton', damping: {number}, line_search: {known}}}, 'NonlinearCG']",
            f"[{{name: 'HessianFree', damping: {number}, cg_steps: {number}}}, 'LBFGS']",
            f"[{{label: {text}, path: [{', '.join(inner)}], values: [{number}], about: {known}}}]",
            f"{{condition: {number}, rotation: {number}}}",
            str(random.uniform(-10, 10_000)),
            "(() => 1)",
            "new Date(NaN)",
        ]
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_hundreds_of_trait_settings_never_throw(bench, seed):
    chance = random.Random(seed)
    settings = [[chance.choice(NAMES), some_value(chance)] for _ in range(350)]
    bench.evaluate(SET_TRAITS, settings)


@pytest.mark.parametrize("path", PAGES_WITH_FIGURES)
def test_hundreds_of_touches_never_throw(open_page, book, path):
    page = open_page(f"{book.as_uri()}/{path}")
    figures = page.locator(".converge-figure").count()
    for figure in range(figures):
        lab = Lab(page, figure)
        said = page.evaluate(TOUCH, [figure, 7 + figure, 400 // figures])
        assert "NaN" not in said
        if not lab.figure.locator(".descent-lab").count():
            continue
        chance = random.Random(figure)
        plot = lab.figure.locator(".plot")
        plot.scroll_into_view_if_needed()
        for _ in range(4):
            page.mouse.move(*middle(lab.start))
            page.mouse.down()
            box = plot.bounding_box()
            for _ in range(5):
                x, y = (chance.uniform(-0.5, 1.5) for _ in "xy")
                page.mouse.move(box["x"] + x * box["width"], max(0, box["y"] + y * box["height"]))
            page.mouse.up()
        lab.settle()
        assert "NaN" not in lab.drawn()
