"""CurvatureSpectrum in a page: its table, slopes, clusters, and the guess of steps."""

import re

import pytest
from figure_pages import shown, value
from playwright.sync_api import expect

from converge_lib.widgets.curvature_spectrum.spectrum import eigenvalues, measure, predicted

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


def test_a_guess_made_again_within_a_frame_is_judged_anew(visit):
    chart = visit("spectrum")
    chart.button("Predict first").click()
    chart.button("Reveal").click()
    expect(chart.readout).to_contain_text("you said 10")
    chart.figure.evaluate("""(figure) => {
      const press = (name) =>
        [...figure.querySelectorAll("button")].find((one) => one.textContent === name).click();
      press("Predict first");
      const bet = figure.querySelector(".quiz input[type=range]");
      bet.value = "0.48";
      bet.dispatchEvent(new Event("input", { bubbles: true }));
      press("Reveal");
    }""")
    expect(chart.readout).to_contain_text("Right: conjugate gradient takes 3 steps, you said 3.")
