"""RateFinder in a page: its table, theory, clicks, and the guess of the best rate."""

import base64
import json
import re

import pytest
from figure_pages import middle, shown
from playwright.sync_api import expect

from converge_lib.descent import surface
from converge_lib.widgets.rate_finder.sweep import run, sweep


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
    chart.settle()
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
