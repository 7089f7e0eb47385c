"""MaxoutLab in a page: its numbers are Python's, drawing, playing, two units, and the guess."""

import re

import numpy as np
import pytest
from figure_pages import CLICK_AT_ONCE, middle, open_bench, shown, value
from playwright.sync_api import expect

from converge_lib.widgets import MaxoutLab

KNOT = re.compile("^Height of the target at point")


def knots(chart):
    return chart.figure.get_by_role("slider", name=KNOT)


def assert_table_is_python_s(chart, figure):
    half = figure.ground().half
    wins, largest, ratio, twice, _ = chart.row("Gradient descent")
    fit = figure.results()
    assert wins.endswith(f" of {fit.wins.size}")
    assert sum(map(int, wins.split(" of ")[0].split(" + "))) == fit.wins.sum()
    assert shown(largest) == pytest.approx(half * fit.largest, rel=0.006)
    assert shown(twice) == pytest.approx(
        half * figure.results(2 * figure.pieces).largest, rel=0.006
    )
    name = "Best possible" if figure.units == 1 else "k . 1 points joined"
    _, other, _, other_twice, _ = chart.row(name)
    assert shown(other) == pytest.approx(figure.least(), rel=0.006)
    assert shown(other_twice) == pytest.approx(figure.least(2 * figure.pieces), rel=0.006)
    assert shown(ratio) == pytest.approx(half * fit.largest / figure.least(), rel=0.06)
    expect(chart.readout).to_contain_text(f"Its largest error is {largest}")
    square = re.search(r"mean square (\S+?)\. ", chart.readout.inner_text())[1]
    assert shown(square) == pytest.approx(half**2 * fit.square, rel=0.06)


def test_the_table_and_the_readout_say_what_python_computes(visit):
    chart = visit("maxout")
    assert_table_is_python_s(chart, MaxoutLab("x²", pieces=4))
    expect(chart.readout).to_contain_text("4 of 4 lines win somewhere")
    expect(chart.readout).to_contain_text("The best 4 lines can do is 0.0313")
    chart.select("Target").select_option("bump")
    chart.select("Units").select_option("2")
    chart.select("Start").select_option("fan")
    chart.slider("Lines of each unit").fill("5")
    chart.settle()
    assert_table_is_python_s(chart, MaxoutLab("bump", pieces=5, units=2, start="fan"))


def test_the_least_error_of_a_parabola_falls_as_theory_says(visit):
    chart = visit("maxout")
    expect(chart.figure.locator(".errors .marks")).to_contain_text("(b − a)²/8k²")
    for k in (1, 2, 3, 5, 6):
        chart.slider("Lines of each unit").fill(str(k))
        chart.settle()
        assert shown(chart.row("Best possible")[1]) == pytest.approx(4 / (8 * k**2), rel=0.006)
    assert shown(chart.row("Best possible")[4]) == pytest.approx(-2, abs=0.02)
    assert -1.2 < shown(chart.row("Gradient descent")[4]) < -0.5
    chart.select("Units").select_option("2")
    chart.settle()
    expect(chart.figure.locator(".errors .marks")).to_contain_text("(b − a)²/4k²")
    assert shown(chart.row("k . 1 points joined")[1]) == pytest.approx(4 / (4 * 6**2), rel=0.006)
    chart.select("Target").select_option("exp")
    expect(chart.figure.locator(".errors .marks")).to_contain_text("slope −2")


def test_a_unit_cannot_follow_what_is_not_convex_and_two_can(visit):
    chart = visit("maxout")
    chart.select("Target").select_option("zigzag")
    chart.settle()
    expect(chart.readout).to_contain_text(
        "not convex: no number of lines in one unit can follow it"
    )
    assert chart.row("Best possible")[1] == chart.row("Best possible")[3] == "0.5"
    assert chart.figure.locator(".unit canvas:visible").count() == 0
    chart.select("Units").select_option("2")
    chart.settle()
    assert chart.figure.locator(".unit canvas:visible").count() == 2
    assert not any(chart.blank())
    assert shown(chart.row("Gradient descent")[1]) < 1e-5
    assert chart.row("Gradient descent")[0] == "2 + 2 of 8"
    expect(chart.readout).to_contain_text("dead:")


def test_lines_have_their_numbers_where_they_win_and_the_probe_reads_them(visit):
    chart = visit("maxout")
    probe = chart.handles.first
    seen = []
    for key in ("Home", *["Shift+ArrowRight"] * 10):
        probe.press(key)
        seen.append(re.search(r"line (\d) wins$", value(probe))[1])
    order = list(dict.fromkeys(seen))
    assert sorted(order) == ["1", "2", "3", "4"]
    assert "".join(seen) == "".join(one * seen.count(one) for one in order)
    expect(chart.figure.locator(".fit .rules")).to_contain_text(f"line {order[-1]} wins")
    texts = chart.figure.locator(".fit .marks text").all_text_contents()
    assert sorted(texts) == ["1", "2", "3", "4"]


def test_a_training_is_played_paused_scrubbed_and_stepped(visit):
    chart = visit("maxout")
    scrubber = chart.slider("Steps of the training")
    said = lambda: value(scrubber)  # noqa: E731
    assert said() == "step 2,000 of 2,000"
    end = chart.row("Gradient descent")
    scrubber.press("Home")
    assert said() == "step 0 of 2,000"
    chart.settle()
    assert shown(chart.row("Gradient descent")[1]) > 10 * shown(end[1])
    chart.button("Later").click()
    assert said() == "step 1 of 2,000"
    chart.button("Earlier").click()
    chart.button("Earlier").click()
    assert said() == "step 0 of 2,000"
    chart.button("Later").evaluate(CLICK_AT_ONCE, 3)
    assert said() == "step 3 of 2,000"
    chart.button("Earlier").evaluate(CLICK_AT_ONCE, 2)
    assert said() == "step 1 of 2,000"
    chart.button("Play").click()
    chart.page.wait_for_timeout(400)
    chart.button("Pause").click()
    assert 0 < scrubber.evaluate("(one) => Number(one.value) / Number(one.max)") < 1
    chart.button("Play").click()
    expect(chart.button("Play")).to_be_visible(timeout=20_000)
    chart.settle()
    assert said() == "step 2,000 of 2,000"
    assert chart.row("Gradient descent") == end


def test_who_wants_less_motion_gets_the_end_at_once(visit):
    chart = visit("maxout", reduced_motion="reduce")
    chart.slider("Steps of the training").press("Home")
    chart.button("Play").click()
    assert value(chart.slider("Steps of the training")) == "step 2,000 of 2,000"


def test_a_target_is_drawn_by_the_keyboard(visit):
    chart = visit("maxout")
    assert knots(chart).count() == 0
    chart.select("Target").select_option("drawn")
    chart.settle()
    assert knots(chart).count() == 9
    assert [float(one.get_attribute("aria-valuenow")) for one in knots(chart).all()] == (
        pytest.approx([2 * x * x - 1 for x in np.linspace(-1, 1, 9)], abs=1e-3)
    )
    first = knots(chart).first
    heights = []
    for key in ("Home", "ArrowUp", "Shift+ArrowUp", "ArrowDown", "End"):
        before = middle(first)
        first.press(key)
        value(first)
        heights.append(float(first.get_attribute("aria-valuenow")))
        assert middle(first)[0] == pytest.approx(before[0], abs=0.1)
        assert (middle(first)[1] < before[1]) == (key not in ("Home", "ArrowDown"))
    assert heights == pytest.approx([-1, -0.98, -0.78, -0.8, 1])
    knots(chart).nth(4).press("End")  # a peak, which no number of lines can follow
    chart.settle()
    assert chart.state()["knots"][0] == chart.state()["knots"][4] == 1
    drawn = MaxoutLab("drawn", knots=chart.state()["knots"], pieces=4)
    assert_table_is_python_s(chart, drawn)


def test_a_target_is_drawn_by_a_stroke_and_a_point_is_dragged(visit):
    chart = visit("maxout")
    chart.select("Target").select_option("drawn")
    chart.settle()
    plot = chart.figure.locator(".fit")
    plot.scroll_into_view_if_needed()
    places = [middle(one) for one in knots(chart).all()]
    level = places[0][1] + 60  # a height at which there is no handle
    mouse = chart.page.mouse
    mouse.move(places[0][0] - 3, level)
    mouse.down()
    mouse.move(places[-1][0] + 3, level, steps=3)
    mouse.up()
    chart.settle()
    after = [middle(one) for one in knots(chart).all()]
    assert [y for _, y in after] == pytest.approx([level] * 9, abs=1.5)
    assert [x for x, _ in after] == pytest.approx([x for x, _ in places], abs=0.1)
    x, y = after[4]
    mouse.move(x + 3, y - 2)
    mouse.down()
    mouse.move(x + 90, y + 78, steps=4)
    mouse.up()
    chart.settle()
    assert middle(knots(chart).nth(4)) == pytest.approx((x, y + 80), abs=1.5)
    assert middle(knots(chart).nth(3))[1] == pytest.approx(level, abs=1.5)
    expect(chart.readout).to_contain_text("What you drew")


def test_a_stroke_across_another_target_changes_nothing(visit):
    chart = visit("maxout")
    before = chart.now()
    x, y = middle(chart.figure.locator(".fit"))
    chart.page.mouse.move(x - 80, y)
    chart.page.mouse.down()
    chart.page.mouse.move(x + 80, y, steps=3)
    chart.page.mouse.up()
    chart.settle()
    assert chart.now() == before


def test_a_new_start_is_another_training(visit):
    chart = visit("maxout")
    before = chart.row("Gradient descent")
    chart.button("New start").click()
    chart.settle()
    assert chart.state()["seed"] == 2
    assert chart.row("Gradient descent") != before
    assert_table_is_python_s(chart, MaxoutLab("x²", pieces=4, seed=2))


def test_a_rate_that_is_too_high_is_said_to_be(visit):
    chart = visit("maxout")
    chart.select("Units").select_option("2")
    chart.slider("Learning rate").press("End")
    chart.settle()
    expect(chart.readout).to_contain_text("runs away: its errors overflow after")
    assert chart.row("Gradient descent")[1] == "overflow"
    expect(chart.button("Predict first")).to_be_disabled()


def test_what_more_lines_do_is_hidden_until_it_is_guessed(visit):
    chart = visit("maxout")
    now, then = (shown(chart.row("Gradient descent")[i]) for i in (1, 3))
    best_then = chart.row("Best possible")[3]
    chart.button("Predict first").click()
    chart.settle()
    for name in ("Gradient descent", "Best possible"):
        assert chart.row(name)[3:] == ["?", "?"]
    expect(chart.readout).to_contain_text("What more lines do is hidden until you commit")
    expect(chart.readout).not_to_contain_text("With 8 lines")
    names = chart.figure.locator(".errors .marks text").all_text_contents()
    assert {name for name in names if name} == {"gradient descent", "best possible", "your guess"}
    assert chart.figure.locator(".errors .marks .marker:not([d='M0,0'])").count() == 5
    bet = chart.slider(
        "Your guess: the error with twice as many lines, as a share of the error now"
    )
    expect(bet).to_be_focused()
    picture = chart.now()
    bet.press("Home")
    chart.settle()
    assert chart.now() != picture
    chart.button("Reveal").click()
    share = f"× {then / now:.2f}"
    expect(chart.readout).to_contain_text(f"Not so: with 8 lines the largest error is {then}")
    expect(chart.readout).to_contain_text(f"{share}; you said × 0.02.")
    chart.settle()
    assert chart.row("Best possible")[3] == best_then
    chart.button("Predict first").click()
    bet.fill(str(np.log10(then / now)))
    chart.button("Reveal").click()
    expect(chart.readout).to_contain_text("Right: with 8 lines")
    chart.button("Predict first").click()
    chart.button("Cancel").click()
    chart.settle()
    assert shown(chart.row("Gradient descent")[3]) == then


def test_the_reader_s_own_function_is_there_to_be_picked(open_page, tmp_path):
    def hill(x):
        return 1000 - 3 * (x - 20) ** 2

    figure = MaxoutLab(hill, interval=(10, 30), units=2, pieces=3, start="fan")
    state = {key: one for key, one in figure.get_state().items() if not key.startswith("_")}
    page = open_bench(open_page, tmp_path, "maxout_lab", state)
    said, options, seen = page.evaluate("""async () => {
      const el = document.body.appendChild(document.createElement("div"));
      el.style.width = "900px";
      const model = modelOf({ ...traits });
      const cleanup = await widget.render({ model, el });
      const busy = () => el.querySelector("[aria-busy=true]");
      for (await frames(3); busy(); ) await frames(3);
      const said = el.querySelector(".readout").textContent;
      const options = [...el.querySelector("select").options].map((one) => one.textContent);
      model.set("target", "sine");
      for (await frames(3); busy(); ) await frames(3);
      await new Promise((done) => setTimeout(done, 900));
      const seen = el.querySelector(".readout").textContent;
      cleanup();
      return [said, options, seen];
    }""")
    assert options[-1] == "hill"
    assert seen.startswith("Sine on [−1, 1]")
    largest = shown(re.search(r"largest error is (\S+),", said)[1])
    assert said.startswith("hill on [10, 30], two units of 3 lines each")
    assert largest == pytest.approx(figure.ground().half * figure.results().largest, rel=0.006)
