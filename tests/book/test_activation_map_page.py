"""ActivationMap in a page: its classes, its search, its pixels, its numbers, and the guess."""

import base64
import gzip
import io
import re

import numpy as np
import pytest
from figure_pages import AXE, STATIC, middle, shown, value
from PIL import Image
from playwright.sync_api import expect

from converge_lib.data import photographs
from converge_lib.structure.class_activation import upsample
from converge_lib.widgets import ActivationMap
from converge_lib.widgets.activation_map.colours import coloured


@pytest.fixture(scope="module")
def python():
    """The same figure in Python."""
    return ActivationMap(photographs()["coffee"])


def combobox(chart, name):
    return chart.figure.get_by_role("combobox", name=name)


def options(chart):
    return chart.figure.get_by_role("option").all_inner_texts()


def choose(chart, name, sought):
    combobox(chart, name).fill(sought)
    combobox(chart, name).press("Enter")
    chart.settle()


def percent(text):
    return shown(text.replace("%", "").strip()) / 100


def logits(text):
    return float(text.replace("−", "-"))


def cell_of(chart):
    return chart.handles.first.get_attribute("aria-valuetext").partition(":")[0]


# ── What the page carries ────────────────────────────────────────────────────────────────────────


def test_a_page_with_a_photograph_keeps_its_budget(figures):
    page = (figures / "book" / "activation.html").read_bytes()
    script = (STATIC / "activation_map.js").read_bytes()
    assert 60_000 < len(gzip.compress(page)) + len(gzip.compress(script)) < 150_000


# ── Classes ──────────────────────────────────────────────────────────────────────────────────────


def test_the_likeliest_classes_come_first_with_their_probabilities(visit, python):
    chart = visit("activation")
    buttons = chart.figure.locator("button.class")
    expect(buttons).to_have_count(5)
    likely = np.argsort(-python.probabilities())[:5]
    for button, index in zip(buttons.all(), likely, strict=True):
        assert button.locator(".name").inner_text() == python.names[index]
        told = percent(button.locator(".value").inner_text())
        assert told == pytest.approx(python.probabilities()[index], rel=0.05)
    expect(buttons.first).to_have_attribute("aria-pressed", "true")
    buttons.nth(1).click()
    expect(buttons.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(buttons.first).to_have_attribute("aria-pressed", "false")
    expect(combobox(chart, "Class")).to_have_value("cup")
    expect(chart.readout).to_contain_text("cup, 1.7 %, is the 2nd likeliest of 1,000 classes.")


def test_any_class_is_found_by_keyboard(visit, python):
    chart = visit("activation")
    field = combobox(chart, "Class")
    field.focus()
    assert field.evaluate("(input) => input.selectionEnd - input.selectionStart") == 8
    chart.page.keyboard.type("cat")
    expect(field).to_have_attribute("aria-expanded", "true")
    names = [text.split("\n")[0] for text in options(chart)]
    assert set(names) == {name for name in python.names if "cat" in name.lower()}
    assert names[0] == "Persian cat" and "oystercatcher" in names[-2:]
    active = lambda: field.get_attribute("aria-activedescendant")  # noqa: E731
    first = active()
    field.press("ArrowDown")
    field.press("ArrowDown")
    assert active() != first
    selected = chart.figure.get_by_role("option", selected=True)
    expect(selected).to_have_attribute("id", active())
    name, note = selected.inner_text().split("\n")
    index = python.names.index(name)
    rank = 1 + int((python.probabilities() > python.probabilities()[index]).sum())
    assert note.startswith(f"{rank}") and "%" in note
    field.press("ArrowUp")
    field.press("ArrowDown")
    field.press("Enter")
    expect(field).to_have_attribute("aria-expanded", "false")
    expect(field).to_have_value(name)
    expect(chart.readout).to_contain_text(name)
    pressed = chart.figure.locator("button.class[aria-pressed=true]")
    expect(pressed).to_contain_text(f"{rank}{name}")
    expect(chart.figure.locator("button.class")).to_have_count(6)


def test_escape_and_leaving_put_the_name_back_and_nothing_found_is_said(visit):
    chart = visit("activation")
    field = combobox(chart, "Class")
    field.fill("zzz")
    expect(chart.figure.get_by_text("No class is called so.")).to_be_visible()
    field.press("Enter")
    field.press("ArrowDown")
    expect(chart.figure.get_by_role("option")).to_have_count(0)
    field.press("Escape")
    expect(field).to_have_value("espresso")
    field.fill("cup")
    field.press("Tab")
    expect(field).to_have_value("espresso")
    expect(chart.figure.get_by_role("listbox")).to_have_count(0)


def test_a_class_is_chosen_with_the_mouse_and_the_list_scrolls_with_the_keys(visit):
    chart = visit("activation")
    field = combobox(chart, "Class")
    field.click()
    expect(chart.figure.get_by_role("option")).to_have_count(50)
    expect(chart.figure.get_by_text("The first 50 of 1,000.")).to_be_visible()
    for _ in range(3):
        field.press("PageDown")
    inside = chart.figure.get_by_role("option", selected=True).evaluate("""(option) => {
      const [a, b] = [option, option.parentNode].map((one) => one.getBoundingClientRect());
      return a.top >= b.top - 1 && a.bottom <= b.bottom + 1;
    }""")
    assert inside
    field.press("ArrowUp")
    chart.figure.get_by_role("option").nth(3).click()
    expect(field).to_have_value("coffee mug")
    expect(field).to_be_focused()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_an_open_list_is_accessible(visit, dark):
    chart = visit("activation", dark=dark, width=320)
    combobox(chart, "Class").click()
    chart.page.add_script_tag(content=AXE.read_text("utf-8"))
    violations = chart.page.evaluate("""async () => {
      const { violations } = await axe.run(".converge-figure", { preload: false });
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target)}`);
    }""")
    assert violations == []
    assert chart.page.evaluate("document.scrollingElement.scrollWidth") <= 320


# ── The picture ──────────────────────────────────────────────────────────────────────────────────


def painted(chart, canvas):
    """Return the pixels of a canvas, shape (height, width, 4)."""
    url = chart.figure.locator(f"canvas.{canvas}").evaluate("(canvas) => canvas.toDataURL()")
    data = base64.b64decode(url.partition("base64,")[2])
    return np.array(Image.open(io.BytesIO(data)).convert("RGBA")).astype(int)


def pixels(chart, shares):
    """Return the map's colours at points, given in shares of its height and width."""
    found = painted(chart, "map")
    height, width = found.shape[:2]
    points = np.array([found[int(y * height), int(x * width)] for y, x in shares])
    assert (points[:, 3] == 255).all()
    return points[:, :3]


@pytest.mark.parametrize("other", [None, "cup"])
@pytest.mark.parametrize("own", [False, True], ids=["one scale", "own scale"])
@pytest.mark.parametrize("name", ["espresso", "tench"])
def test_the_pixels_are_python_s_map(visit, python, name, own, other):
    chart = visit("activation")
    choose(chart, "Class", name)
    if other:
        choose(chart, "Minus", other)
    chart.slider("Opacity of the map").press("End")
    if own:
        chart.button("Own scale").click()
    maps = python.maps()
    map = maps[python.names.index(name)] - (maps[python.names.index(other)] if other else 0)
    scale = np.abs(map).max() if own else max(np.abs(maps).max(), np.abs(map).max())
    shares = [((row + 0.5) / 7, (column + 0.5) / 7) for row in range(7) for column in range(7)]
    large = upsample(map, 224)
    expected = coloured(
        large[[int(224 * y) for y, _ in shares], [int(224 * x) for _, x in shares]] / scale
    )
    chart.settle()
    assert np.abs(pixels(chart, shares) - expected).max() < 9
    chart.button("Smooth").click()
    chart.settle()
    assert np.abs(pixels(chart, shares) - coloured(map.ravel() / scale)).max() < 1.5


def test_the_box_is_python_s(visit, python):
    chart = visit("activation")
    chart.button("Box").click()
    slider = chart.slider("Threshold of the box, as a share of the map’s range")
    photograph = chart.figure.locator(".photograph")
    for threshold in (0.2, 0.5, 0.95):
        slider.fill(str(threshold))
        chart.settle()
        drawn = chart.figure.locator("path.box").get_attribute("d")
        left, top, width, height, _ = (float(x) for x in re.findall(r"-?[\d.]+", drawn))
        room = photograph.bounding_box()
        found = np.array([top, left, top + height, left + width]) * 224 / room["width"]
        np.testing.assert_allclose(found, python.box(threshold), atol=0.3)
        area = height * width / room["width"] ** 2
        told = re.search(r"covers ([\d.]+) % of the picture", chart.readout.inner_text())
        if told is None:
            chart.page.wait_for_timeout(900)  # the readout waits for the end of a drag
            told = re.search(r"covers ([\d.]+)\s%", chart.readout.inner_text())
        assert float(told[1]) / 100 == pytest.approx(area, rel=0.06)


def test_the_photograph_loses_its_colours_to_the_map_and_only_to_it(visit):
    chart = visit("activation")
    spread = lambda: np.ptp(painted(chart, "base")[..., :3], axis=2).max()  # noqa: E731
    assert spread() < 5
    chart.slider("Opacity of the map").press("Home")
    chart.settle()
    assert spread() > 100


# ── Numbers ──────────────────────────────────────────────────────────────────────────────────────


def test_the_table_tells_python_s_numbers_for_every_cell_and_class(visit, python):
    chart = visit("activation")
    maps, random = python.maps(), np.random.default_rng(0)
    for name in ("espresso", "cup", "tench", "Persian cat"):
        choose(chart, "Class", name)
        index = python.names.index(name)
        python.index = index
        chart.handles.first.press("Home")
        row, column = (int(i) for i in random.integers(0, 7, 2))
        for _ in range(row):
            chart.handles.first.press("ArrowDown")
        for _ in range(column):
            chart.handles.first.press("ArrowRight")
        chart.settle()
        assert cell_of(chart) == f"row {row + 1}, column {column + 1}"
        gives, share = chart.row("row ")
        assert logits(gives) == pytest.approx(maps[index, row, column] / 49, abs=0.0006)
        expected = python.share(row, column)
        if np.isnan(expected):
            assert share == "–"
        else:
            assert percent(share) == pytest.approx(expected, rel=0.06)
        others, _ = chart.row("the 48 other")
        rest = (maps[index].sum() - maps[index, row, column]) / 49
        assert logits(others) == pytest.approx(rest, abs=0.0006)
        bias = python._floats("biases")[index]
        assert logits(chart.row("bias")[0]) == pytest.approx(bias, abs=0.0006)
        score = python._floats("scores")[index]
        assert logits(chart.row("score")[0]) == pytest.approx(score, abs=0.0006)
        told = percent(chart.row("probability")[0])
        assert told == pytest.approx(python.probabilities()[index], rel=0.006)
    python.index = int(python.probabilities().argmax())


def test_two_classes_are_compared_and_change_places(visit, python):
    chart = visit("activation")
    choose(chart, "Minus", "coffee mug")
    maps = python.maps()
    a, b = (python.names.index(name) for name in ("espresso", "coffee mug"))
    row = [logits(text) for text in chart.row("row 4, column 4")]
    expected = np.array([maps[a, 3, 3], maps[b, 3, 3], maps[a, 3, 3] - maps[b, 3, 3]]) / 49
    np.testing.assert_allclose(row, expected, atol=0.0006)
    odds = python.probabilities()[a] / python.probabilities()[b]
    told = re.search(r"odds\s([\d,.]+)\s:\s1", chart.row("probability")[2])[1]
    assert float(told.replace(",", "")) == pytest.approx(odds, rel=0.06)
    expect(chart.readout).to_contain_text("espresso minus coffee mug")
    expect(chart.figure.locator(".channels")).to_be_hidden()
    chart.figure.locator("button.class").filter(has_text="coffee mug").click()
    expect(chart.readout).to_contain_text("coffee mug minus espresso")
    field = combobox(chart, "Minus")
    field.click()
    expect(chart.figure.get_by_role("option").first).to_have_text("no other class")
    field.press("Enter")
    expect(chart.readout).to_contain_text("coffee mug, 0.43 %")
    expect(field).to_have_value("")


def test_channels_are_told_with_what_they_and_all_others_give(visit, python):
    chart = visit("activation")
    tiles = chart.figure.locator(".tile")
    for name in ("espresso", "cup"):
        choose(chart, "Class", name)
        index = python.names.index(name)
        [stored] = [one["channels"] for one in python.tiles if one["index"] == index]
        expect(tiles).to_have_count(6)
        for tile, expected in zip(tiles.all(), stored, strict=True):
            gives, channel = tile.locator("strong, span").all_inner_texts()
            assert logits(gives) == pytest.approx(expected["gives"], abs=0.0006)
            assert channel == f"channel {expected['channel']}"
        note = chart.figure.locator(".channels .note").inner_text()
        together, others = re.findall(r"[+−]\d+\.\d+", note)
        mean = python.maps()[index].mean()
        assert logits(together) + logits(others) == pytest.approx(mean, abs=0.0011)
        assert "1,274 others" in note
    choose(chart, "Class", "tench")
    expect(tiles).to_have_count(0)
    expect(chart.figure.locator(".channels")).to_contain_text("espresso, cup, consomme")


# ── The cell ─────────────────────────────────────────────────────────────────────────────────────


def test_a_click_moves_the_cell_and_the_mouse_only_looks(visit, python):
    chart = visit("activation")
    photograph = chart.figure.locator(".photograph")
    room = photograph.bounding_box()
    place = lambda row, column: {  # noqa: E731
        "x": (column + 0.3) * room["width"] / 7,
        "y": (row + 0.7) * room["height"] / 7,
    }
    photograph.hover(position=place(1, 5))
    chart.settle()
    tag = chart.figure.locator(".tag")
    gives = python.maps()[python.index, 1, 5] / 49
    assert logits(tag.text_content().partition(",")[0]) == pytest.approx(gives, abs=0.0006)
    assert cell_of(chart) == "row 4, column 4"
    chart.page.mouse.move(0, 0)
    chart.settle()
    gives = python.maps()[python.index, 3, 3] / 49
    assert logits(tag.text_content().partition(",")[0]) == pytest.approx(gives, abs=0.0006)
    photograph.click(position=place(6, 0))
    chart.settle()
    assert cell_of(chart) == "row 7, column 1"
    x, y = middle(chart.handles.first)
    assert x - room["x"] == pytest.approx(room["width"] / 14, abs=1.5)
    assert room["y"] + room["height"] - y == pytest.approx(room["height"] / 14, abs=1.5)


def test_a_finger_taps_a_cell_and_scrolls_past_the_picture(visit):
    chart = visit("activation", width=390, height=600, has_touch=True)
    photograph = chart.figure.locator(".photograph")
    room = photograph.bounding_box()
    photograph.tap(position={"x": room["width"] * 0.9, "y": room["height"] * 0.1})
    chart.settle()
    assert cell_of(chart) == "row 1, column 7"
    assert photograph.evaluate("(it) => getComputedStyle(it).touchAction") != "none"


def test_the_brightest_cell_is_one_press_away(visit, python):
    chart = visit("activation")
    chart.button("Brightest cell").click()
    value(chart.handles.first)
    row, column = np.unravel_index(python.maps()[python.index].argmax(), (7, 7))
    assert cell_of(chart) == f"row {row + 1}, column {column + 1}"


# ── Predict, then reveal ─────────────────────────────────────────────────────────────────────────


def test_a_guess_is_asked_hides_every_answer_and_is_judged_by_its_place(visit, python):
    chart = visit("activation")
    chart.button("Box").click()
    chart.button("Predict first").click()
    chart.settle()
    expect(chart.handles.first).to_be_focused()
    expect(chart.readout).to_have_text("The map of espresso is hidden until you commit to a cell.")
    assert not painted(chart, "map").any()
    assert set(chart.row("row ")) | set(chart.row("the 48 other")) == {"?"}
    assert chart.figure.locator("path.box").get_attribute("d") == "M0,0"
    expect(chart.figure.locator(".channels")).to_be_hidden()
    chart.figure.locator(".photograph").hover(position={"x": 150, "y": 60})
    assert chart.figure.locator(".tag").text_content() == ""
    for key in ("Home", "End"):
        chart.handles.first.press(key)
        assert re.fullmatch(r"row \d, column \d", value(chart.handles.first))
    assert "espresso" not in "".join(chart.figure.locator("svg text").all_text_contents())
    chart.button("Reveal").click()
    map = python.maps()[python.index]
    rank = 1 + int((map > map[6, 6]).sum())
    expect(chart.readout).to_contain_text(
        re.compile(
            rf"^Not so: row 7, column 7 gives .*, the {rank}th most of 49 cells\. Most comes"
        )
    )
    chart.button("Brightest cell").click()
    chart.button("Predict first").click()
    chart.button("Reveal").click()
    expect(chart.readout).to_contain_text(
        re.compile(r"^Right: .*, the most of 49 cells\. espresso")
    )
    chart.button("Predict first").click()
    chart.button("Cancel").click()
    chart.settle()
    assert painted(chart, "map").all()
