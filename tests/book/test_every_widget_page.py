"""What every figure of the book must keep, in a page and on a bench: one table, one contract.

The figures are listed in figure_pages.py.
"""

import base64
import json
import random
import re

import pytest
from built import serving
from figure_pages import (
    AXE,
    COUNT,
    FIGURES,
    POOR_HOSTS,
    PRESS_AT_ONCE,
    TOUCH,
    Chart,
    controls_that_lose_keys,
    middle,
    open_bench,
    same_picture,
    value,
)
from playwright.sync_api import expect

NARROW, WIDE = 320, 1440


def middle_when_drawn(handle):
    value(handle)
    return middle(handle)


# ── In a page ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("way", ["http", "file"])
def test_a_figure_lives_from_http_and_from_the_disk(figures, open_page, name, way):
    with serving(figures) as address:
        root = address if way == "http" else figures.as_uri()
        chart = Chart(open_page(f"{root}/book/{name}.html"))
        expect(chart.readout).to_have_text(re.compile(r"\w+ .*\."))
        assert not any(chart.blank())
        expect(chart.figure.get_by_role("group").first).to_have_attribute(
            "aria-label", re.compile(r"\w \w")
        )


@pytest.mark.parametrize("name", FIGURES)
def test_without_javascript_there_is_a_picture_that_is_described(figures, open_page, name):
    url = (figures / "book" / f"{name}.html").as_uri()
    picture = open_page(url, javascript=False).locator(".converge-figure img")
    expect(picture).to_be_visible()
    assert picture.evaluate("(image) => image.naturalWidth") > 600
    assert re.search(FIGURES[name].alt, picture.get_attribute("alt"))


@pytest.mark.parametrize("name", FIGURES)
def test_no_control_is_dead(visit, name):
    chart = visit(name)
    for slider in FIGURES[name].before:
        chart.slider(slider).press("Home")
    for slider in chart.figure.locator("input[type=range]:visible").all():
        position, seen, said = slider.input_value(), set(), set()
        for end in ("Home", "End"):
            slider.press(end)
            said.add(value(slider))
            chart.page.wait_for_timeout(150)
            chart.frames()  # on a busy machine they take longer
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
    for select in chart.figure.locator("select").all():
        seen = set()
        options = select.evaluate("(select) => [...select.options].map(({ value }) => value)")
        for option in options:
            select.select_option(option)
            chart.page.wait_for_timeout(150)
            chart.frames()  # on a busy machine they take longer
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
    for handle in chart.handles.all():
        handle.press("Home")
        handle.press("Shift+ArrowRight")
        handle.press("Shift+ArrowDown")  # away from the edges, if it has two directions
        start = middle_when_drawn(handle)
        places = [start]
        for key in ("ArrowRight", "ArrowLeft", "Shift+ArrowRight", "Shift+ArrowLeft"):
            handle.press(key)
            places.append(middle_when_drawn(handle))
            expect(handle).to_be_focused()
        small, back, big, again = (abs(x - start[0]) for x, _ in places[1:])
        assert 0 < small < big
        assert max(back, again) < 1
        said = {value(handle)}
        for end in ("Home", "End"):
            handle.press(end)
            said.add(value(handle))
        assert len(said) > 1
        for limit in ("aria-valuemin", "aria-valuenow", "aria-valuemax"):
            assert handle.get_attribute(limit) is not None
        at_end = middle_when_drawn(handle)
        handle.press("ArrowRight")
        assert middle_when_drawn(handle) == at_end


@pytest.mark.parametrize("name", FIGURES)
def test_keys_faster_than_frames_lose_no_step(visit, name):
    chart = visit(name)
    keys = ["Home", "ArrowRight", "ArrowRight", "ArrowRight"]
    for handle in chart.handles.all():
        for key in keys:
            handle.press(key)
            slowly = middle_when_drawn(handle)
        handle.press("End")
        assert middle_when_drawn(handle) != slowly
        handle.evaluate(PRESS_AT_ONCE, keys)
        assert middle_when_drawn(handle) == pytest.approx(slowly, abs=0.6)


@pytest.mark.parametrize("name", FIGURES)
def test_the_tab_key_reaches_every_handle_and_shows_it(visit, name):
    chart = visit(name)
    names = {one.get_attribute("aria-label") for one in chart.handles.all()}
    assert len(names) == chart.handles.count() == FIGURES[name].handles
    chart.figure.locator("button:enabled, select, input").first.focus()
    reached = set()
    while not names <= reached:
        chart.page.keyboard.press("Tab")
        reached.add(chart.page.evaluate("document.activeElement.getAttribute('aria-label')"))
        outline = chart.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"
        assert len(reached) < 60


@pytest.mark.parametrize("name", FIGURES)
def test_handles_follow_the_mouse(visit, name):
    chart = visit(name)
    snap = FIGURES[name].snap
    for handle in chart.handles.all():
        handle.scroll_into_view_if_needed()
        handle.press("Home")
        handle.press("Shift+ArrowRight")
        handle.press("Shift+ArrowDown")
        chart.settle()
        seen = {chart.now()}
        x, y = middle(handle)
        chart.page.mouse.move(x + 2, y - 3)
        chart.page.mouse.down()
        chart.page.mouse.move(x + 27, y - 3, steps=4)
        chart.page.wait_for_timeout(100)
        chart.frames()
        seen.add(chart.now())
        chart.page.mouse.move(x + 42, y - 3, steps=4)
        chart.page.mouse.up()
        chart.settle()
        assert middle(handle) == pytest.approx((x + 40, y), abs=snap)
        assert len(seen | {chart.now()}) >= 2


@pytest.mark.parametrize("name", FIGURES)
def test_a_handle_follows_a_finger_and_the_page_stays(visit, name):
    chart = visit(name, width=390, height=800, has_touch=True)
    handle = chart.handles.first
    handle.scroll_into_view_if_needed()
    handle.press("Home")
    handle.press("Shift+ArrowRight")
    chart.settle()
    x, y = middle(handle)
    scrolled = chart.page.evaluate("scrollY")
    session = chart.page.context.new_cdp_session(chart.page)
    for kind, dx in (("Start", 0), ("Move", 20), ("Move", 45)):
        points = [{"x": x + dx, "y": y}]
        session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})
        chart.page.evaluate("new Promise(requestAnimationFrame)")
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    chart.settle()
    assert middle(handle) == pytest.approx((x + 45, y), abs=FIGURES[name].snap)
    assert chart.page.evaluate("scrollY") == scrolled


@pytest.mark.parametrize("name", FIGURES)
def test_a_copied_link_opens_the_same_state_and_reset_goes_back(visit, name):
    chart = visit(name)
    first, picture = chart.state(), chart.now()
    chart.handles.first.press("Shift+ArrowRight")
    for slider in chart.figure.locator("input[type=range]:visible").all():
        slider.press("ArrowLeft")
    value(chart.handles.first)
    if chart.state() == first:  # it was at the end of its way
        chart.handles.first.press("Shift+ArrowLeft")
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
        *FIGURES[name].hostile,
        {"key": "<script>", "label": "<img src=x onerror='globalThis.hacked=1'>", "predict": "no"},
        {"__proto__": {"key": "x"}, "constructor": 1, "toString": None},
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
    assert same_picture(chart.now(), light)


@pytest.mark.parametrize("name", FIGURES)
def test_hundreds_of_touches_never_throw(visit, name):
    chart = visit(name)
    chart.page.evaluate(TOUCH, [0, 7, 300])
    chart.page.wait_for_timeout(300)
    assert not re.search("NaN|undefined|Infinity", chart.figure.inner_html())


# ── Hosts that are not this book ─────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def traits():
    """Give the traits of each figure, as Python makes them."""
    made = {}

    def traits(name):
        if name not in made:
            state = FIGURES[name].made().get_state()
            made[name] = {key: one for key, one in state.items() if not key.startswith("_")}
        return made[name]

    return traits


@pytest.fixture(params=FIGURES)
def bench(request, open_page, tmp_path, traits):
    """Open a bench for each figure."""
    figure = FIGURES[request.param]
    page = open_bench(open_page, tmp_path, figure.bundle, traits(request.param))
    page.figure = figure
    return page


def test_cleanup_leaves_nothing_behind(bench):
    bench.evaluate(COUNT)
    left = bench.evaluate("""async () => {
      const model = modelOf({ ...traits, key: "bench", predict: true });
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
      model.set("label", "Another");
      await new Promise((done) => setTimeout(done, 900));
      return [...live.values(), ...model.listeners.keys()];
    }""")
    assert left == []


def test_keys_stay_in_the_figure_whatever_has_the_focus(bench):
    assert controls_that_lose_keys(bench) == []


@pytest.mark.parametrize("model", POOR_HOSTS)
def test_a_poor_host_is_enough(bench, model):
    bench.evaluate(
        f"""async () => {{
          const el = document.body.appendChild(document.createElement("div"));
          const cleanup = await widget.render({{ model: {model}, el }});
          await frames(9);
          el.querySelector(".handle")?.dispatchEvent(
            new KeyboardEvent("keydown", {{ key: "ArrowUp", bubbles: true }}));
          await new Promise((done) => setTimeout(done, 1500));
          if (!el.querySelector(".readout").textContent) throw new Error("nothing is said");
          cleanup();
        }}"""
    )


def test_the_model_is_told_what_the_reader_set_and_the_figure_what_the_host_set(bench):
    (told, end), (given, wanted, says) = bench.figure.end, bench.figure.host
    stored, said = bench.evaluate(
        """async ([told, given, wanted]) => {
          const el = document.body.appendChild(document.createElement("div"));
          const model = modelOf({ ...traits });
          const cleanup = await widget.render({ model, el });
          await new Promise((done) => setTimeout(done, 500));
          const handle = el.querySelector(".handle");
          handle.dispatchEvent(new KeyboardEvent("keydown", { key: "End", bubbles: true }));
          await new Promise((done) => setTimeout(done, 300));
          const stored = model.get(told);
          model.set(given, wanted);
          await frames(3);
          const said = handle.getAttribute("aria-valuetext");
          cleanup();
          return [stored, said];
        }""",
        [told, given, wanted],
    )
    assert stored == end
    assert re.search(says, said)


def test_what_is_said_is_what_is_drawn_though_frames_stay_away(bench):
    given, wanted, says = bench.figure.host
    said = bench.evaluate(
        """async ([given, wanted]) => {
          const wait = (time) => new Promise((done) => setTimeout(done, time));
          const el = document.body.appendChild(document.createElement("div"));
          const model = modelOf({ ...traits });
          const cleanup = await widget.render({ model, el });
          const handle = el.querySelector(".handle");
          do await wait(1000); while (el.querySelector("[aria-busy=true]"));
          handle.dispatchEvent(new KeyboardEvent("keydown", { key: "End", bubbles: true }));
          await frames(1);
          await wait(200); // it is drawn, and the model told; nothing is said yet
          globalThis.requestAnimationFrame = () => 1e9;
          model.set(given, wanted);
          await wait(1500);
          cleanup();
          return handle.getAttribute("aria-valuetext");
        }""",
        [given, wanted],
    )
    assert re.search(says, said)


VALUES = [
    *("NaN", "Infinity", "-1", "0", "1e308", "5e-324", "null", "undefined", "10n", "'x'", "[]"),
    *("'__proto__'", "{}", "[NaN]", "['Adam', null]", "[0.5, 'a']", "true", "Symbol.iterator"),
    *("'clusters'", "'outlier'", "'cost'", "'saddle'", "[0.1, 0.9]", "{condition: -1}", "() => 1"),
]


@pytest.mark.parametrize("seed", [1, 2])
def test_hundreds_of_trait_settings_never_throw(bench, seed):
    chance = random.Random(seed)
    names = bench.evaluate("Object.keys(traits)")
    settings = [[chance.choice(names), chance.choice(VALUES)] for _ in range(250)]
    bench.evaluate(
        """async (settings) => {
          const el = document.body.appendChild(document.createElement("div"));
          const model = modelOf({ ...traits });
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
