"""GapVersusDense in its page: the digit dragged, cropped, put on a larger sheet, and drawn."""

import base64
import io
import re

import numpy as np
import pytest
from figure_pages import FIGURES, middle, value
from PIL import Image
from playwright.sync_api import expect

from converge_lib.widgets.gap_versus_dense.measure import SHIFTS, SIZES

NAMES = ["dense head", "GAP"]


@pytest.fixture(scope="module")
def python():
    """Return the page's figure, made here."""
    return FIGURES["gap"].made()


def percent(share):
    return f"{int(100 * share + 0.5)} %"


def scores(chart):
    """Return of each network the class that it says, and the share it gives that; None if none."""
    found = []
    for column in chart.figure.locator(".column").all():
        winner = column.locator(".winner:visible")
        if winner.count() == 0:
            found.append(None)
            continue
        rows = column.locator(".class")
        k = rows.evaluate_all("(all) => all.findIndex((one) => one.matches('.winner'))")
        found.append((k, winner.inner_text()))
    return found


def assert_scores_are_python_s(chart, figure):
    for said, shares in zip(scores(chart), figure.answers().values(), strict=True):
        if shares is None:
            assert said is None
        else:
            assert said == (shares.argmax(), f"{percent(shares.max())} ◀")


def test_what_is_said_of_a_dragged_digit_is_what_python_says(visit, python):
    chart = visit("gap")
    handle = chart.handles.first
    x, y = middle(handle)
    chart.page.mouse.move(x, y)
    chart.page.mouse.down()
    chart.page.mouse.move(x + 20, y - 14, steps=4)
    chart.page.mouse.up()
    chart.settle()
    right, down = chart.state()["shift"]
    assert right > 0 > down
    python.shift = [right, down]
    assert_scores_are_python_s(chart, python)
    by = max(right, -down)
    for name in NAMES:
        known = python.measured()[name]
        train, test, moved, _ = chart.row(name)
        assert (train, test) == (percent(known.train), percent(known.shifts[0]))
        assert moved == percent(known.shifts[by])
        expect(chart.readout).to_contain_text(f"{name} {moved}")
    expect(chart.readout).to_contain_text(f"{right} px right, {-down} px up")
    python.shift = [0, 0]


def test_arrow_keys_move_by_one_pixel_and_with_shift_by_four(visit):
    chart = visit("gap")
    handle = chart.handles.first
    for key, says in (
        ("ArrowRight", "1 px right"),
        ("Shift+ArrowDown", "1 px right, 4 px down"),
        ("ArrowLeft", "4 px down"),
        ("Shift+ArrowUp", "not moved"),
        ("Home", "8 px left, 8 px up"),
        ("End", "8 px right, 8 px down"),
    ):
        handle.press(key)
        assert value(handle) == says


@pytest.mark.parametrize("size", [12, 24, 56])
def test_at_another_size_the_dense_head_says_why_it_cannot_run(visit, python, size):
    chart = visit("gap")
    chart.slider("Size of the image").fill(str(size))
    chart.settle()
    python.size = size
    assert_scores_are_python_s(chart, python)
    python.size = 28
    side = size // 4
    reason = f"expects 392 numbers (8×7×7), got {8 * side * side:,} (8×{side}×{side})"
    expect(chart.figure.locator(".refused:visible")).to_have_text(f"Cannot run: its head {reason}.")
    expect(chart.readout).to_contain_text(f"dense head cannot run: its head {reason}")
    assert chart.row("dense head")[3] == "cannot run"
    share = python.measured()["GAP"].sizes[SIZES.index(size)]
    assert chart.row("GAP")[3] == percent(share)
    assert chart.state()["chart"] == "size"


def test_the_chart_marks_what_was_measured(visit, python):
    chart = visit("gap")
    markers = chart.figure.locator(".accuracies .marker")
    expect(markers).to_have_count(2 * len(SHIFTS))
    chart.select("What the chart shows").select_option("size")
    expect(markers).to_have_count(1 + len(SIZES))
    expect(chart.figure.locator(".accuracies .cursor text")).to_have_text("28×28")


def test_a_digit_is_chosen_with_the_keyboard(visit, python):
    chart = visit("gap")
    first = chart.figure.get_by_role("radio", name="a 0")
    first.focus()
    first.press("ArrowRight")
    second = chart.figure.get_by_role("radio", name="a 1")
    expect(second).to_be_checked()
    expect(second).to_be_focused()
    python.digit = 1
    chart.settle()
    assert_scores_are_python_s(chart, python)
    python.digit = 0
    expect(chart.readout).to_contain_text("A 1, not moved")


def test_a_digit_is_drawn_moved_shared_and_cleared(visit, python):
    chart = visit("gap")
    chart.figure.get_by_role("radio", name="your own").check()
    expect(chart.readout).to_have_text("The paper is blank: draw a digit on it.")
    expect(chart.handles).to_have_count(0)
    box = chart.figure.locator(".paper").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    chart.page.mouse.move(x, y - 40)
    chart.page.mouse.down()
    chart.page.mouse.move(x, y + 40, steps=8)
    chart.page.mouse.up()
    chart.settle()
    state = chart.state()
    ink = np.array([int(one, 16) for one in state["drawing"]]).reshape(28, 28)
    assert 10 < (ink > 7).any(1).sum() < 18 and 1 <= (ink > 7).any(0).sum() <= 4
    python.digit, python.drawing = -1, state["drawing"]
    assert_scores_are_python_s(chart, python)
    python.digit, python.drawing = 0, ""
    expect(chart.readout).to_contain_text("Your digit, not moved")

    other = visit("gap", "#" + chart.link.partition("#")[2])
    assert other.state() == state

    chart.button("Pen").click()
    chart.handles.first.press("Shift+ArrowRight")
    expect(chart.readout).to_contain_text("Your digit, 4 px right")
    assert chart.state()["drawing"] == state["drawing"]
    chart.button("Clear the paper").click()
    expect(chart.readout).to_contain_text("The paper is blank")


def test_the_map_lies_over_the_image_and_nowhere_else(visit):
    chart = visit("gap")

    def painted():
        url = chart.figure.locator(".paper > canvas").evaluate("(canvas) => canvas.toDataURL()")
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))))

    plain = painted()
    chart.button("Map of the winner’s score").click()
    chart.settle()
    differs = (painted() != plain).any(2)
    edge = int(0.19 * len(plain))  # the frame is 28 of 48 pixels
    assert differs[edge:-edge, edge:-edge].mean() > 0.1
    differs[edge:-edge, edge:-edge] = False
    assert not differs.any()


@pytest.mark.parametrize("width", [320, 1440])
def test_the_digit_s_box_never_covers_the_title(visit, width):
    chart = visit("gap", width=width)
    slider, title = chart.slider("Size of the image"), chart.figure.locator(".paper .title")
    handle = chart.handles.first
    handle.press("Home")
    for keys in ("Home", "ArrowRight", "ArrowRight", "ArrowRight", "End"):
        slider.press(keys)
        chart.settle()
        one, other = title.bounding_box(), handle.bounding_box()
        assert one["y"] + one["height"] <= other["y"] or one["y"] >= other["y"] + other["height"]


def test_a_guess_is_asked_and_judged_and_nothing_tells_it_before(visit, python):
    chart = visit("gap")
    chart.handles.first.press("Shift+ArrowRight")
    chart.settle()
    answers = [percent(python.measured()[name].shifts[4]) for name in NAMES]
    chart.button("Predict first").click()
    chart.settle()
    expect(chart.figure.locator(".quiz")).to_contain_text("moved by 4 pixels,")
    for name in NAMES:
        assert chart.row(name)[2:] == ["?", "?"]
    assert scores(chart) == [None, None]
    assert set(chart.figure.locator(".share").all_inner_texts()) == {"?"}
    expect(chart.figure.locator(".accuracies .marker")).to_have_count(0)
    expect(chart.readout).to_have_text(
        "What the networks say is hidden until you commit to an answer."
    )
    labels = chart.figure.locator("[aria-label]").evaluate_all(
        "(all) => all.map((one) => one.getAttribute('aria-label')).join()"
    )
    assert not re.search("says", labels)
    for name, answer in zip(NAMES, answers, strict=True):
        far = "0.99" if int(answer[:-2]) < 50 else "0.01"
        chart.slider(f"Your guess: {name}").fill(far)
    chart.button("Reveal").click()
    expect(chart.readout).to_contain_text(f"Not so: moved by 4 px, dense head gets {answers[0]}")
    expect(chart.readout).to_contain_text(f"GAP gets {answers[1]}")

    chart.button("Predict first").click()
    for name, answer in zip(NAMES, answers, strict=True):
        chart.slider(f"Your guess: {name}").fill(str(int(answer[:-2]) / 100))
    chart.button("Reveal").click()
    expect(chart.readout).to_contain_text("Right: moved by 4 px")
    chart.button("Predict first").click()
    chart.button("Cancel").click()
    chart.settle()
    assert chart.row("GAP")[2] == answers[1]


def test_a_digit_that_is_not_moved_is_asked_of_at_four_pixels(visit):
    chart = visit("gap")
    chart.button("Predict first").click()
    expect(chart.figure.locator(".quiz")).to_contain_text("moved by 4 pixels,")
    chart.handles.first.press("ArrowLeft")
    expect(chart.figure.locator(".quiz")).to_contain_text("moved by 1 pixel,")
