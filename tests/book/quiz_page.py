"""Answer a question of a page as a reader would. Each takes Playwright's page or the question."""

from __future__ import annotations

from collections.abc import Sequence

from playwright.sync_api import Locator, Page

HANDLES = 11


def question(page: Page, name: str) -> Locator:
    """Return the question with this id, once the script has made its controls."""
    quiz = page.locator(f"#quiz-{name}[data-state]")
    quiz.wait_for()
    return quiz


def state(quiz: Locator) -> str:
    """Return "open", "right" or "wrong"."""
    return quiz.get_attribute("data-state")


def said(quiz: Locator) -> list[str]:
    """Return the feedback that is shown, in order, without what rendered maths repeats."""
    return quiz.locator(".quiz-slot .quiz-why").evaluate_all("""whys => whys.map(why => {
        const copy = why.cloneNode(true);
        copy.querySelectorAll(".katex-html, annotation").forEach(extra => extra.remove());
        return copy.textContent.replace(/\\s+/g, " ").trim();
    })""")


def summary(quiz: Locator) -> str:
    """Return the sentence under the answers."""
    return quiz.locator(".quiz-status").inner_text()


def press(quiz: Locator) -> None:
    """Press the question's button: check, or try again."""
    quiz.locator(".quiz-button").click()


def choose(quiz: Locator, *numbers: int) -> None:
    """Click the options with these numbers, from 1."""
    for number in numbers:
        quiz.locator(".quiz-choice").nth(number - 1).click(position={"x": 12, "y": 16})


def order(quiz: Locator) -> list[str]:
    """Return the items' places in the right order, as they stand now."""
    return quiz.locator(".quiz-feedback").evaluate_all(
        "items => items.map(item => item.dataset.place)"
    )


def drag_item(page: Page, quiz: Locator, start: int, end: int) -> None:
    """Drag an item by its grip to where another one stands; both from 1."""
    quiz.scroll_into_view_if_needed()
    boxes = [grip.bounding_box() for grip in quiz.locator(".quiz-grip").all()]
    centre = [(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in boxes]
    (x, y), (_, goal) = centre[start - 1], centre[end - 1]
    beyond = 0.45 * boxes[end - 1]["height"] * (1 if end > start else -1)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, (y + goal) / 2, steps=4)
    page.mouse.move(x, goal + beyond, steps=4)
    page.mouse.up()


def draw(page: Page, quiz: Locator, heights: Sequence[float]) -> None:
    """Draw a curve with the mouse; ``heights`` are shares of the y-axis, evenly spaced along x."""
    places = corners(quiz)
    left, right = places["left"], places["right"]
    top, bottom = places["top"], places["bottom"]
    for number, height in enumerate(heights):
        x = left + (right - left) * number / (len(heights) - 1)
        y = bottom + (top - bottom) * height
        page.mouse.move(x, y, steps=1 if number == 0 else 5)
        if number == 0:
            page.mouse.down()
    page.mouse.up()


def corners(quiz: Locator) -> dict[str, float]:
    """Return the edges of the plot's axes on the screen, in pixels."""
    plot = quiz.locator(".quiz-plot")
    plot.scroll_into_view_if_needed()
    return plot.evaluate("""plot => {
        const box = plot.getBoundingClientRect();
        const axis = plot.querySelector(".quiz-axis").getBoundingClientRect();
        return {left: axis.left, right: axis.right, top: box.top + 28, bottom: axis.top};
    }""")


def heights(quiz: Locator) -> list[float]:
    """Return the heights of the handles, as shares of the y-axis (to a hundredth)."""
    return quiz.locator(".quiz-handle").evaluate_all(
        "handles => handles.map(handle => Number(handle.getAttribute('aria-valuenow')) / 100)"
    )


def draw_by_keys(page: Page, quiz: Locator, heights: Sequence[float]) -> None:
    """Draw with the keyboard alone; one height a handle, to a multiple of 0.02."""
    quiz.locator(".quiz-handle").first.focus()
    for number, height in enumerate(heights):
        if number:
            page.keyboard.press("ArrowRight")
        page.keyboard.press("Home")
        tenths, rest = divmod(round(height * 50), 5)
        for _ in range(tenths):
            page.keyboard.press("Shift+ArrowUp")
        for _ in range(rest):
            page.keyboard.press("ArrowUp")
