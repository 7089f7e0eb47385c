"""PixelLens in a page: the pixel against the maps, ReLU, shuffling, and the guess about it."""

import re

import pytest
from figure_pages import FIGURES, shown
from playwright.sync_api import expect

from converge_lib.widgets.pixel_lens.lens import shuffled_order

SHUFFLE = "Shuffle the pixels"


@pytest.fixture
def python():
    """Give the figure as Python has it."""
    return FIGURES["lens"].made()


def place(row, column):
    return f"row {row}, column {column}"


def assert_scores(chart, python):
    for k, name in enumerate(python.names):
        own, in_maps, _ = chart.row(name)
        assert shown(own) == pytest.approx(python.activations()[-1][k], rel=0.006, abs=1e-3)
        assert own == in_maps


def test_the_scores_are_what_python_computes(visit, python):
    chart = visit("lens")
    assert_scores(chart, python)
    for key, at in (("ArrowRight", [16, 25]), ("Shift+ArrowUp", [8, 25]), ("End", [31, 47])):
        chart.handles.first.press(key)
        chart.settle()
        expect(chart.handles.first).to_have_attribute("aria-valuetext", place(*at))
        python.at = at
        assert_scores(chart, python)
    expect(chart.readout).to_contain_text("have the same scores at this pixel, to the last bit")


def test_without_relu_the_network_is_one_linear_map(visit, python):
    chart = visit("lens")
    chart.figure.get_by_role("button", name="ReLU").click()
    chart.settle()
    python.relu = False
    assert_scores(chart, python)
    expect(chart.readout).to_contain_text("2 layers are one linear map, a 3 × 3 matrix")
    moved = int(re.search(r"(\d+) % of the pixels", chart.readout.inner_text())[1])
    assert moved == pytest.approx(100 * python.moved(), abs=0.51) and moved > 0


def test_shuffling_moves_the_pixel_and_leaves_its_scores(visit, python):
    chart = visit("lens")
    before, scores = chart.now(), [chart.row(name) for name in python.names]
    chart.figure.get_by_role("button", name=SHUFFLE).click()
    chart.settle()
    python.shuffled = True
    expect(chart.handles.first).to_have_attribute("aria-valuetext", place(*python.place()))
    assert python.place() != (16, 24)
    assert [chart.row(name) for name in python.names] == scores
    assert chart.now() != before
    expect(chart.readout).to_contain_text("no neighbour matters")
    chart.handles.first.press("Home")  # the pixel that stands there now
    chart.settle()
    expect(chart.handles.first).to_have_attribute("aria-valuetext", place(0, 0))
    python.at = list(divmod(int(shuffled_order(32 * 48)[0]), 48))
    assert_scores(chart, python)
    expect(chart.readout).to_contain_text(f"The pixel from {place(*python.at)} is")


def test_every_layer_has_its_maps_with_the_pixel_in_each(visit, python):
    chart = visit("lens")
    tiles = chart.figure.locator(".tile")
    for layer, names in (("0", ["red", "green", "blue"]), ("1", ["unit 1"]), ("2", python.names)):
        chart.select("Layer whose maps are shown").select_option(layer)
        chart.settle()
        captions = tiles.locator(".name").all_inner_texts()
        assert captions[: len(names)] == names
        assert len(captions) == len(python.activations()[int(layer)])
        numbers = tiles.locator(".number").all_inner_texts()
        if layer != "2":  # the output's are shares
            expected = python.activations()[int(layer)]
            assert [*map(shown, numbers)] == pytest.approx(expected, rel=0.06, abs=1e-3)
        room, ring = tiles.first.locator("canvas"), tiles.first.locator("circle")
        width = room.bounding_box()["width"]
        assert float(ring.get_attribute("cx")) == pytest.approx(24.5 * width / 48, abs=1)


def test_a_click_on_the_picture_or_a_map_moves_the_pixel_there(visit):
    chart = visit("lens")
    for plot in (
        chart.figure.locator(".picture .raster"),
        chart.figure.locator(".tile .raster").last,
    ):
        chart.button("Reset").click()
        box = plot.bounding_box()
        plot.click(position={"x": 0.26 * box["width"], "y": 0.76 * box["height"]})
        chart.settle()
        expect(chart.handles.first).to_have_attribute("aria-valuetext", place(24, 12))


def test_units_and_lines_are_drawn_for_every_layer(visit, python):
    chart = visit("lens")
    network = chart.figure.locator(".network")
    expect(network.locator(".units .box")).to_have_count(3 + 6 + 3)
    assert network.locator(".lines path").count() > 6
    said = network.locator(".units .name").all_text_contents()
    assert said[:3] == ["red", "green", "blue"] and said[-3:] == python.names
    expect(network.locator(".units .best .name")).to_have_text(
        python.names[int(python.activations()[-1].argmax())]
    )


def test_a_guess_about_shuffling_is_asked_and_judged(visit, python):
    chart = visit("lens")
    chart.figure.get_by_role("button", name=SHUFFLE).click()
    chart.button("Predict first").click()
    chart.settle()
    expect(chart.handles.first).to_have_attribute("aria-valuetext", place(16, 24))  # not shuffled
    expect(chart.figure.get_by_role("button", name=SHUFFLE)).to_be_disabled()
    expect(chart.readout).to_contain_text("hidden until you commit")
    assert not re.search("no neighbour|stay as they are,", chart.figure.inner_text())
    chart.figure.get_by_text("they change, for it has other neighbours").click()
    chart.button("Reveal").click()
    expect(chart.readout).to_contain_text("Not so: the scores of this pixel stay as they are")
    python.shuffled = True
    expect(chart.handles.first).to_have_attribute("aria-valuetext", place(*python.place()))
    chart.button("Predict first").click()
    chart.figure.get_by_text("they stay as they are").click()
    chart.button("Reveal").click()
    expect(chart.readout).to_contain_text("Right: the scores of this pixel stay as they are")
    chart.button("Reset").click()
    chart.button("Predict first").click()
    chart.button("Cancel").click()
    expect(chart.figure.get_by_role("button", name=SHUFFLE)).to_be_enabled()
