"""SlidingWindow in a page: window against map, the player, padding, and the guess of the factor."""

import math
import re

import pytest
from figure_pages import FIGURES, Chart, middle, shown
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def python():
    """Give the figure as Python has it."""
    return FIGURES["sliding"].made()


def millions(text):
    number, _, unit = text.partition(" ")
    return shown(number) * (1e6 if unit == "million" else 1)


def test_scores_of_window_and_map_are_what_python_computes(visit, python):
    chart = visit("sliding")
    chart.handles.first.press("Shift+ArrowLeft")
    chart.handles.first.press("ArrowUp")
    chart.settle()
    python.at = [8, 20]
    expect(chart.handles.first).to_have_attribute("aria-valuetext", "row 8, column 20")
    for name, window, cell in zip(
        python.labels, python.window_scores(), python.score_map()[:, 2, 5], strict=True
    ):
        own, other = chart.row(name)
        assert shown(own) == pytest.approx(window, rel=0.006, abs=1e-3)
        assert shown(other) == pytest.approx(cell, rel=0.006, abs=1e-3)
        assert own == other
    expect(chart.readout).to_contain_text(re.compile(r"cell \(2, 5\) says the same (to|but)"))


def test_costs_are_what_python_counts_at_every_size(visit, python):
    chart = visit("sliding")
    for presses, size in ((0, 80), (4, 64), (20, 28)):
        for _ in range(presses):
            chart.slider("Size of the picture").press("ArrowLeft")
        chart.settle()
        python.size = size
        bill = python.costs()
        slid, once = chart.figure.locator(".costs .said").all_inner_texts()
        assert slid.startswith(f"{bill.rows * bill.columns} × {bill.each:,} = ")
        assert millions(slid.partition("= ")[2]) == pytest.approx(bill.slid, rel=0.006)
        assert millions(once) == pytest.approx(bill.once, rel=0.006)
        saved = chart.figure.locator(".costs .saved").inner_text()
        factor = re.search(r"multiplies (\S+)× less", saved)
        if size > 28:
            assert float(factor[1]) == pytest.approx(bill.factor, rel=0.05)
    assert saved == "The converted network multiplies as often."
    expect(chart.readout).to_contain_text("1 window of")


def test_between_the_cells_the_map_has_no_answer(visit):
    chart = visit("sliding")
    chart.figure.get_by_role("button", name="Snap to cells").click()
    chart.handles.first.press("ArrowRight")
    chart.settle()
    assert {cells[-1] for cells in map(chart.row, "0123456789")} == {"–"}
    expect(chart.readout).to_contain_text("has no cell for this window: its cells lie 4 pixels")
    chart.figure.get_by_role("button", name="Snap to cells").click()
    expect(chart.handles.first).to_have_attribute("aria-valuetext", "row 12, column 36")


def test_a_key_within_the_frame_of_a_click_takes_the_new_step(visit):
    chart = visit("sliding")
    chart.figure.evaluate("""(figure) => {
      [...figure.querySelectorAll("button")].find((one) => /^Snap/.test(one.textContent)).click();
      figure.querySelector(".handle").dispatchEvent(
        new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
    }""")
    expect(chart.handles.first).to_have_attribute("aria-valuetext", "row 12, column 37")


def test_padding_breaks_the_equality_and_the_figure_says_where(visit):
    chart = visit("sliding")
    differing = chart.figure.locator(".differing")
    expect(differing).to_have_attribute("d", "M0,0")
    chart.figure.get_by_role("button", name="Padding").click()
    chart.settle()
    expect(chart.readout).to_contain_text(re.compile(r"With padding \d+ of 196 cells differ"))
    said = int(re.search(r"padding (\d+) of", chart.readout.inner_text())[1])
    assert differing.get_attribute("d").count("M") == said > 10


def test_sliding_fills_the_map_cell_by_cell(visit):
    chart = visit("sliding")
    whole = chart.now()
    chart.button("Slide it").click()
    expect(chart.button("Stop")).to_be_visible()
    counts, seen = [], set()
    while chart.button("Stop").count():
        count = chart.figure.locator(".costs .said").first.inner_text()
        counts.append(int(re.match(r"\d+", count)[0]))
        seen.add(chart.handles.first.get_attribute("aria-valuetext"))
        chart.page.wait_for_timeout(60)
    assert counts == sorted(counts) and counts[0] < 150 and len(seen) > 5
    expect(chart.handles.first).to_have_attribute("aria-valuetext", "row 52, column 52")
    chart.settle()
    assert chart.now() != whole
    chart.button("Reset").click()
    chart.settle()
    assert chart.now() == whole


def test_a_hand_on_the_window_stops_the_sliding(visit):
    chart = visit("sliding")
    chart.button("Slide it").click()
    chart.page.wait_for_timeout(300)
    chart.handles.first.press("Home")
    chart.settle()
    expect(chart.button("Slide it")).to_be_visible()
    expect(chart.handles.first).to_have_attribute("aria-valuetext", "row 0, column 0")


def test_who_wants_no_motion_gets_the_end_at_once(visit):
    chart = visit("sliding", reduced_motion="reduce")
    chart.button("Slide it").click()
    expect(chart.handles.first).to_have_attribute("aria-valuetext", "row 52, column 52")
    expect(chart.button("Slide it")).to_be_visible()


def test_a_click_on_the_picture_brings_the_window_there(visit):
    chart = visit("sliding")
    plot = chart.figure.locator(".picture .raster")
    box = plot.bounding_box()
    plot.click(position={"x": 0.25 * box["width"], "y": 0.75 * box["height"]})
    chart.settle()
    x, y = middle(chart.handles.first)
    step = 2.1 * box["width"] / 80
    assert x == pytest.approx(box["x"] + 0.25 * box["width"], abs=step)
    assert y == pytest.approx(box["y"] + 0.75 * box["height"], abs=step)


def test_the_map_shows_one_class_or_the_largest(visit):
    chart = visit("sliding")
    chart.select("Class that the map shows").select_option(label="Score of “0”")
    expect(chart.figure.locator(".map .note")).to_contain_text("how sure of “0”")
    boxes = chart.figure.locator(".picture svg text").all_text_contents()
    assert set(boxes) == {"0"}


def test_a_guess_of_the_factor_is_asked_and_judged(visit, python):
    chart: Chart = visit("sliding")
    chart.button("Predict first").click()
    chart.settle()
    assert chart.figure.locator(".costs .said").all_inner_texts() == ["?", "?"]
    expect(chart.readout).to_contain_text("hidden until you commit")
    text = chart.figure.inner_text()
    assert not re.search(r"\d× less|million|multiplies \d", text)
    widths = chart.figure.locator(".track span").evaluate_all(
        "(all) => all.map((one) => one.getBoundingClientRect().width)"
    )
    assert widths == [0, 0]
    expect(chart.button("Slide it")).to_be_disabled()
    guess = chart.slider("Your prediction of the factor")
    guess.press("End")
    chart.button("Reveal").click()
    expect(chart.readout).to_contain_text(re.compile("^Not so: .* you said 1,000×"))
    python.size = 80
    chart.button("Predict first").click()
    guess.fill(f"{math.log10(python.costs().factor):.1f}")
    chart.button("Reveal").click()
    expect(chart.readout).to_contain_text("Right: the converted network is")
    chart.button("Predict first").click()
    chart.button("Cancel").click()
    expect(chart.readout).to_contain_text("Sliding multiplies")
