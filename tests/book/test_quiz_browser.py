"""Questions in a built page: answered by mouse and by keyboard, over http and from the disk."""

import json
import re

import numpy as np
import pytest
import quiz
import quiz_page as reader
from built import ROOT, serving
from mini import build
from quiz_project import write_sample

AXE = ROOT / "converge_lib" / "widgets" / "node_modules" / "axe-core" / "axe.min.js"
NAMES = ("double-kappa", "newton-cost", "momentum-steps", "momentum-order", "steps-by-kappa")
SLOPE_ONE = [0.09 + 0.089 * number for number in range(11)]  # about 2.3 κ, on the sample's axes


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """Build the sample once, with the real book's settings."""
    folder = tmp_path_factory.mktemp("quiz")
    (folder / "book").mkdir()
    write_sample(folder)
    finished = build(folder)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return folder / "_build" / "html"


@pytest.fixture(scope="module")
def served(sample):
    with serving(sample) as address:
        yield f"{address}/book/index.html"


@pytest.fixture(params=["http", "file"])
def url(request, sample):
    if request.param == "http":
        return request.getfixturevalue("served")
    return (sample / "book" / "index.html").as_uri()


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def tab_into(page, quiz_):
    """Go from the question's text to its first control, as Tab does."""
    quiz_.locator(".quiz-instruction").click()
    press(page, "Tab")


def focused(page, selector):
    return page.evaluate("selector => document.activeElement.matches(selector)", selector)


def test_single_choice_by_mouse(open_page, url):
    page = open_page(url)
    question = reader.question(page, "double-kappa")
    assert reader.said(question) == []
    reader.choose(question, 2)
    assert reader.state(question) == "open"
    reader.press(question)
    assert reader.state(question) == "wrong"
    assert reader.said(question) == ["Wrong That is momentum: its rate has κ for κ."]
    reader.choose(question, 3)  # another choice takes the verdict away
    assert reader.state(question) == "open" and reader.said(question) == []
    reader.press(question)
    assert reader.state(question) == "right"
    (feedback,) = reader.said(question)
    assert feedback.startswith("Right For large κ, log")
    others = question.locator(".quiz-feedback:visible")
    assert others.count() == 3
    others.first.locator("summary").click()
    assert "moves towards 1" in others.first.inner_text()
    reader.press(question)
    assert reader.state(question) == "open" and reader.said(question) == []
    assert question.locator("input:checked").count() == 0
    assert question.locator(".quiz-feedback:visible").count() == 0


def test_single_choice_by_keyboard(open_page, url):
    page = open_page(url)
    question = reader.question(page, "double-kappa")
    tab_into(page, question)
    assert focused(page, "#quiz-double-kappa input[type=radio]")
    press(page, "ArrowDown", "Enter")
    assert reader.state(question) == "wrong"
    press(page, "ArrowDown", "Tab")
    assert focused(page, "#quiz-double-kappa .quiz-button")
    press(page, "Enter")
    assert reader.state(question) == "right"
    assert focused(page, "#quiz-double-kappa .quiz-button")
    press(page, "Enter")
    assert reader.state(question) == "open"
    assert focused(page, "#quiz-double-kappa input")


@pytest.mark.parametrize("name", NAMES[:3])
def test_a_question_without_an_answer_asks_for_one(name, open_page, served):
    page = open_page(served)
    question = reader.question(page, name)
    reader.press(question)
    assert reader.state(question) == "open"
    assert reader.summary(question) in ("Choose an answer first.", "Type a number first.")
    assert focused(page, f"#quiz-{name} input")


def test_holding_enter_does_not_undo_the_answer(open_page, served):
    page = open_page(served)
    question = reader.question(page, "double-kappa")
    reader.choose(question, 3)
    question.locator(".quiz-button").focus()
    for _ in range(4):
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    assert reader.state(question) == "right"


def test_multiple_choice_by_mouse(open_page, url):
    page = open_page(url)
    question = reader.question(page, "newton-cost")
    reader.choose(question, 1, 2)
    reader.press(question)
    assert reader.state(question) == "wrong"
    first, second = reader.said(question)
    assert first == "Right H−1 undoes the curvature." and second.startswith("Wrong Solving")
    expected = "Not yet: 1 of your 2 choices does not hold; 1 that holds is missing."
    assert reader.summary(question) == expected
    reader.choose(question, 2)
    reader.press(question)
    assert reader.state(question) == "wrong"
    assert reader.summary(question) == "Not yet: 1 that holds is missing."
    reader.choose(question, 3)
    reader.press(question)
    assert reader.state(question) == "right"
    assert len(reader.said(question)) == 2


def test_multiple_choice_by_keyboard(open_page, url):
    page = open_page(url)
    question = reader.question(page, "newton-cost")
    tab_into(page, question)
    press(page, "Space", "Tab", "Tab", "Tab", "Space", "Enter")
    assert reader.state(question) == "wrong"
    press(page, "Space", "Shift+Tab", "Space", "Enter")
    assert reader.state(question) == "right"


NUMBERS = {
    "95": "right",
    " 95 steps ": "right",
    "9.5e1": "right",
    "190/2": "right",
    "709": "gradient descent itself",
    "345": "halved",
    "1e5": "count again",
    "-95": "count again",
    "−95": "count again",
    "ninety": "not a number",
    "1/0": "not a number",
    "0x5f": "not a number",
    "Infinity": "not a number",
    "1,000": "rather than",
    "  ": "Type a number first",
}


def test_numbers_as_readers_type_them(open_page, url):
    page = open_page(url)
    question = reader.question(page, "momentum-steps")
    field = question.locator("input")
    for typed, expected in NUMBERS.items():
        tab_into(page, question)
        press(page, "Control+A")
        page.keyboard.type(typed)
        press(page, "Enter")
        if expected == "right":
            assert reader.state(question) == "right", typed
            assert reader.said(question)[0].startswith("Right: 95 steps Measured: 95.")
        elif "not a" in expected or "first" in expected or "rather" in expected:
            assert reader.state(question) == "open", typed
            assert expected in reader.summary(question)
            assert reader.said(question) == []
        else:
            assert reader.state(question) == "wrong", typed
            assert expected in reader.said(question)[0]
    field.fill("95")
    reader.press(question)
    assert reader.state(question) == "right"
    reader.press(question)
    assert field.input_value() == ""


def test_the_tolerance_ends_where_it_says(open_page, served):
    page = open_page(served)
    question = reader.question(page, "momentum-steps")
    feedback = question.locator("[data-low]").first
    low, high = (float(feedback.get_attribute(f"data-{end}")) for end in ("low", "high"))
    assert (low, high) == pytest.approx((95 * 0.85, 95 * 1.15))
    for number, expected in ((low, "right"), (high, "right"), (low - 0.01, "wrong")):
        question.locator("input").fill(repr(number))
        reader.press(question)
        assert reader.state(question) == expected


def test_order_by_mouse(open_page, url):
    page = open_page(url)
    question = reader.question(page, "momentum-order")
    assert reader.order(question) == ["3", "1", "2"]
    reader.press(question)
    assert reader.state(question) == "wrong"
    assert reader.summary(question) == "Not yet: 0 of 3 in place."
    assert reader.said(question) == ["Too early The step uses the velocity of this step."]
    reader.drag_item(page, question, 1, 3)
    assert reader.order(question) == ["1", "2", "3"]
    assert reader.state(question) == "open"
    reader.press(question)
    assert reader.state(question) == "right"
    assert [text.split(" ")[0] for text in reader.said(question)] == ["In"] * 3
    reader.press(question)
    assert reader.order(question) == ["3", "1", "2"]
    reader.drag_item(page, question, 3, 1)
    assert reader.order(question) == ["2", "3", "1"]


def test_order_by_keyboard(open_page, url):
    page = open_page(url)
    question = reader.question(page, "momentum-order")
    live = question.locator(".quiz-unseen")
    tab_into(page, question)
    press(page, "Enter")  # up: the first item cannot
    assert reader.order(question) == ["3", "1", "2"]
    press(page, "Tab", "Enter")
    assert reader.order(question) == ["1", "3", "2"]
    assert live.inner_text() == "Move: x←x−ηv: now 2 of 3."
    assert focused(page, "#quiz-momentum-order .quiz-move[aria-label^='Move down: Move']")
    press(page, "Space")
    assert reader.order(question) == ["1", "2", "3"]
    press(page, "Space")  # down: the last item cannot
    assert reader.order(question) == ["1", "2", "3"]
    press(page, "Tab", "Enter")
    assert reader.state(question) == "right"


def expected_score(question):
    """Return the mean distance in decades, by Python's reading of the handles and the table."""
    spec = json.loads(question.get_attribute("data-quiz"))
    kept = question.page.evaluate(
        "Object.entries(localStorage).find(([key]) => key.includes('steps-by-kappa'))[1]"
    )
    heights = np.array(json.loads(kept))
    x = np.geomspace(spec["x"]["low"], spec["x"]["high"], len(heights))
    y = spec["y"]["low"] * (spec["y"]["high"] / spec["y"]["low"]) ** heights
    points = question.locator("[data-points]").first.get_attribute("data-points")
    return quiz.distance(
        np.stack([x, y], axis=1), np.array(json.loads(points)), spec["x"], spec["y"]
    )


def test_curve_by_mouse(open_page, url):
    page = open_page(url)
    question = reader.question(page, "steps-by-kappa")
    assert not question.locator(".quiz-table").is_visible()
    reader.press(question)
    assert reader.summary(question) == "Draw first: the line is still where it began."
    assert reader.state(question) == "open"

    reader.draw(page, question, [0.2, 0.9, 0.3])
    assert reader.heights(question) == pytest.approx(
        np.interp(np.linspace(0, 2, 11), [0, 1, 2], [0.2, 0.9, 0.3]), abs=0.015
    )
    reader.press(question)
    assert reader.state(question) == "wrong"
    (feedback,) = reader.said(question)
    assert "its slope is the power" in feedback
    off = float(re.search(r"off: (\d\.\d\d) decades", feedback)[1])
    assert off == pytest.approx(expected_score(question), abs=0.0051)
    assert question.locator(".quiz-measured").get_attribute("d")
    assert question.locator(".quiz-table").is_visible()

    kept = reader.heights(question)
    reader.draw(page, question, [0.5, 0.5])  # what is committed stays
    question.locator(".quiz-handle").first.press("ArrowUp")
    assert reader.heights(question) == kept and reader.state(question) == "wrong"

    reader.press(question)
    assert not question.locator(".quiz-measured").get_attribute("d")
    assert reader.heights(question) == [0.5] * 11
    reader.draw(page, question, [SLOPE_ONE[0], SLOPE_ONE[-1]])
    reader.press(question)
    assert reader.state(question) == "right"
    assert re.match(r"(Very close|Close): 0\.\d\d decades on average, a", reader.said(question)[0])


def test_curve_by_keyboard(open_page, url):
    page = open_page(url)
    question = reader.question(page, "steps-by-kappa")
    tab_into(page, question)
    assert focused(page, "#quiz-steps-by-kappa .quiz-handle")
    handle = question.locator(".quiz-handle").first
    assert handle.get_attribute("aria-label") == "steps at condition number κ 1"
    assert handle.get_attribute("aria-valuetext") == "100"
    press(page, "ArrowUp", "Shift+ArrowUp", "PageDown", "ArrowDown", "ArrowDown")
    assert handle.get_attribute("aria-valuenow") == "48"
    press(page, "End", "ArrowUp")
    assert handle.get_attribute("aria-valuetext") == "10000"

    wanted = [0.22 + 0.04 * number for number in range(11)]  # slope one half: momentum's curve
    reader.draw_by_keys(page, question, wanted)
    assert reader.heights(question) == pytest.approx(wanted, abs=0.011)
    press(page, "Tab", "Enter")
    assert reader.state(question) == "wrong"
    assert "that is momentum" in reader.said(question)[0]
    assert focused(page, "#quiz-steps-by-kappa .quiz-button")
    press(page, "Enter")
    assert focused(page, "#quiz-steps-by-kappa .quiz-handle")
    reader.draw_by_keys(page, question, SLOPE_ONE)
    press(page, "Tab", "Enter")
    assert reader.state(question) == "right"


def answer_all(page):
    """Answer each question: right, wrong, right, wrong, right."""
    question = reader.question(page, "double-kappa")
    reader.choose(question, 3)
    reader.press(question)
    question = reader.question(page, "newton-cost")
    reader.choose(question, 1, 2)
    reader.press(question)
    question = reader.question(page, "momentum-steps")
    question.locator("input").fill("95")
    reader.press(question)
    question = reader.question(page, "momentum-order")
    question.locator(".quiz-move").nth(1).click()
    reader.press(question)
    question = reader.question(page, "steps-by-kappa")
    reader.draw(page, question, [SLOPE_ONE[0], SLOPE_ONE[-1]])
    reader.press(question)


def outcome(page):
    questions = [reader.question(page, name) for name in NAMES]
    return [(reader.state(question), reader.said(question)) for question in questions]


def test_answers_are_kept_in_this_browser(open_page, url):
    page = open_page(url)
    answer_all(page)
    before = outcome(page)
    assert [state for state, _ in before] == ["right", "wrong", "right", "wrong", "right"]
    page.reload()
    assert outcome(page) == before
    assert reader.order(reader.question(page, "momentum-order")) == ["1", "3", "2"]
    for name in NAMES:
        reader.press(reader.question(page, name))
    page.reload()
    assert outcome(page) == [("open", [])] * 5


@pytest.mark.parametrize("blocked", ["getter", "methods"])
def test_without_storage_the_questions_work_and_forget(blocked, open_page, url):
    page = open_page(url)
    refuse = "() => { throw new DOMException('blocked', 'SecurityError'); }"
    page.add_init_script(
        f"Object.defineProperty(window, 'localStorage', {{get: {refuse}}})"
        if blocked == "getter"
        else f"for (const name of ['getItem', 'setItem', 'removeItem']) "
        f"Storage.prototype[name] = {refuse}"
    )
    # The theme itself needs storage; what it logs is not the questions'.
    page.problems.clear()
    page.reload()
    answer_all(page)
    assert [state for state, _ in outcome(page)] == ["right", "wrong", "right", "wrong", "right"]
    page.reload()
    assert outcome(page) == [("open", [])] * 5
    assert not [problem for problem in page.problems if "quiz" in problem]
    page.problems.clear()


DAMAGE = ["", "{", "null", "[]", "[99]", '"x"', "[0,0,0]", "[-1]", "{}", "17", "[1e999]", "true"]


def test_damaged_storage_is_survived(open_page, served):
    page = open_page(served)
    answer_all(page)
    kept = page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('quiz:'))")
    assert len(kept) == 5
    for damage in DAMAGE:
        page.evaluate(
            "([keys, text]) => keys.forEach(key => localStorage[key] = text)", [kept, damage]
        )
        page.reload()
        assert [state for state, _ in outcome(page)] == ["open"] * 5, damage


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [320, 768, 1440])
def test_accessible_and_within_the_page(width, dark, open_page, served):
    page = open_page(served, width=width, dark=dark, reduced_motion="reduce")
    reader.question(page, NAMES[-1])
    page.add_script_tag(path=AXE)
    for answered in (False, True):
        if answered:
            answer_all(page)
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(overflow) == 0
        for name in NAMES:
            box = page.locator(f"#quiz-{name}").bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= width
        violations = page.evaluate("""async () => {
            const found = await axe.run({include: [[".quiz"]]});
            return found.violations
                .filter(({impact}) => impact === "serious" || impact === "critical")
                .map(({id, nodes}) => [id, nodes.map(node => node.html)]);
        }""")
        assert violations == []
    theme = page.evaluate("getComputedStyle(document.querySelector('.quiz')).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", theme)[:3])) < 200) == dark


def test_focus_is_visible(open_page, served):
    page = open_page(served)
    for name in NAMES:
        question = reader.question(page, name)
        tab_into(page, question)
        look = "({outlineStyle, strokeWidth}) => [outlineStyle, strokeWidth]"
        outline, stroke = page.evaluate(f"({look})(getComputedStyle(document.activeElement))")
        assert outline == "solid" or stroke == "3px", name


def test_a_tap_answers_on_a_touch_screen(open_page, served):
    page = open_page(served, width=390, has_touch=True, is_mobile=True)
    question = reader.question(page, "double-kappa")
    question.locator(".quiz-choice").nth(2).tap()
    question.locator(".quiz-button").tap()
    assert reader.state(question) == "right"
    for target in page.locator(".quiz-choice, .quiz-button, .quiz-move").all():
        assert target.bounding_box()["height"] >= 24


def test_the_plot_follows_the_width_of_the_page(open_page, served):
    page = open_page(served, width=1440)
    question = reader.question(page, "steps-by-kappa")
    reader.draw(page, question, [0.1, 0.9])
    page.set_viewport_size({"width": 320, "height": 900})
    plot = question.locator(".quiz-plot")
    page.wait_for_function(
        "plot => plot.viewBox.baseVal.width === plot.clientWidth", arg=plot.element_handle()
    )
    assert reader.heights(question) == pytest.approx(np.linspace(0.1, 0.9, 11), abs=0.015)
    box = plot.bounding_box()
    for handle in question.locator(".quiz-handle").all():
        inner = handle.bounding_box()
        assert inner["x"] >= box["x"] and inner["x"] + inner["width"] <= box["x"] + box["width"]


def test_without_javascript_the_page_can_be_read(open_page, url):
    page = open_page(url, javascript=False)
    assert page.locator(".quiz").count() == 5
    assert page.locator(".quiz :is(button, input, svg.quiz-plot)").count() == 0
    question = page.locator("#quiz-double-kappa")
    assert "twice as many" in question.inner_text()
    feedback = question.locator("details").nth(2)
    assert not feedback.locator(".quiz-why").is_visible()
    feedback.locator("summary").click()
    assert "half the progress a step" in feedback.inner_text()
    curve = page.locator("#quiz-steps-by-kappa .quiz-table")
    curve.locator("summary").click()
    assert curve.locator("tbody tr").count() == 9


def test_the_script_leaves_no_name_behind(open_page, served, sample):
    page = open_page(served.replace("index.html", "plain.html"))
    names = "Object.getOwnPropertyNames(window)"
    before = set(page.evaluate(names))
    page.add_script_tag(path=sample / "_static" / "quiz.js")
    assert set(page.evaluate(names)) == before
