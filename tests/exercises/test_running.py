"""Hostile answers are survived, told in a sentence, and leave the process as it was."""

import os
import random
import signal
import sys
import threading
import time
import warnings
from functools import partial

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from converge_lib.exercises import check, running

ID = "descent.curvature-newton-step"


def right(gradient, hessian):
    return -np.linalg.solve(hessian, gradient)


def endless_loop(gradient, hessian):
    while True:
        pass


def endless_loop_that_swallows(gradient, hessian):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass


def endless_loops_that_swallow_in_turn(gradient, hessian):
    def inner():
        while True:
            try:
                while True:
                    sum(range(100))
            except BaseException:
                continue

    while True:
        try:
            inner()
        except:  # noqa: E722
            gradient = gradient + 0


def swallows_and_returns(gradient, hessian):
    try:
        while True:
            pass
    except BaseException:
        return right(gradient, hessian)


def sleeps(gradient, hessian):
    time.sleep(60)


def recursion(gradient, hessian):
    return recursion(gradient, hessian)


def bottomless_recursion(gradient, hessian):
    sys.setrecursionlimit(2**31 - 1)
    return recursion(gradient, hessian)


def exits(gradient, hessian):
    sys.exit(3)


def exits_at_once(gradient, hessian):
    os._exit(3)


def huge_array(gradient, hessian):
    return np.ones((200_000, 200_000)) @ gradient


def growing_list(gradient, hessian):
    pile = []
    while True:
        pile.append(np.ones(10_000_000))


def raises_interrupt(gradient, hessian):
    raise KeyboardInterrupt


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError


def raises_unspeakable(gradient, hessian):
    raise Unspeakable


def divides_by_zero(gradient, hessian):
    zero = 0
    return gradient / hessian if zero else 1 / zero


class Pretender:
    def __array__(self, *arguments, **options):
        raise ValueError("no array today")

    def __repr__(self):
        raise ValueError("no words either")


HOSTILE = {
    endless_loop: ("error", "still running after"),
    endless_loop_that_swallows: ("error", "still running after"),
    endless_loops_that_swallow_in_turn: ("error", "still running after"),
    swallows_and_returns: ("error", "still running after"),
    sleeps: ("error", "still running after"),
    recursion: ("error", "calls itself without an end"),
    bottomless_recursion: ("error", "calls itself without an end"),
    exits: ("error", "ends Python"),
    exits_at_once: ("error", "ends Python"),
    huge_array: ("error", "more memory than there is"),
    growing_list: ("error", ""),
    raises_interrupt: ("error", "interrupted from the keyboard"),
    raises_unspeakable: ("error", "Unspeakable"),
    divides_by_zero: ("error", "ZeroDivisionError: division by zero"),
    lambda gradient, hessian: (yield): ("wrong", "is a generator"),
    lambda gradient, hessian: None: ("wrong", "returns None"),
    lambda gradient, hessian: Pretender(): ("wrong", "`p` is a Pretender"),
    lambda gradient, hessian: "up": ("wrong", "`p` is a str"),
    lambda gradient, hessian: {1: 2}: ("wrong", "`p` is a dict"),
    lambda gradient, hessian: [[1], [1, 2]]: ("wrong", "an uneven list"),
    lambda gradient, hessian: 3.0: ("wrong", "`p` is one number; an array of shape (2,)"),
    lambda gradient, hessian: right(gradient, hessian)[:, None]: ("wrong", "of shape (2, 1)"),
    lambda gradient, hessian: np.zeros(10**7): ("wrong", "of shape (10000000,)"),
    lambda gradient, hessian: gradient * np.nan: ("wrong", "`p[0]` is NaN"),
    lambda gradient, hessian: gradient * np.inf: ("wrong", "is infinite"),
    lambda gradient, hessian: right(gradient, hessian) + 1j: ("wrong", "is complex"),
    lambda gradient, hessian: right: ("wrong", "`p` is a function"),
    lambda gradient: gradient: ("error", "cannot be called as `newton_step(gradient, hessian)`"),
    lambda: 1: ("error", "cannot be called as"),
    None: ("error", "needs the function itself"),
    3: ("error", "It got 3."),
    "newton_step": ("error", "needs the function itself"),
    int: ("error", ""),
    np.linalg.solve: ("error", "LinAlgError"),
    partial(right): ("correct", ""),
    lambda gradient, hessian: right(gradient, hessian).tolist(): ("correct", ""),
    lambda gradient, hessian: right(gradient, hessian) + 0j: ("correct", "imaginary part is 0"),
    lambda *arguments: right(*arguments): ("correct", ""),
}


@pytest.fixture
def short_limit(monkeypatch):
    monkeypatch.setattr(running, "LIMIT", 0.3)
    monkeypatch.setattr(running, "MEMORY", 2**28)


def state():
    return {
        "numpy": {name: id(value) for name, value in vars(np).items()},
        "linalg": {name: id(value) for name, value in vars(np.linalg).items()},
        "errors": np.geterr(),
        "random": random.getstate(),
        "numpy random": str(np.random.get_state()),
        "recursion": sys.getrecursionlimit(),
        "handlers": [signal.getsignal(number) for number in (signal.SIGALRM, signal.SIGINT)],
        "timer": signal.getitimer(signal.ITIMER_REAL),
        "trace": sys.gettrace(),
        "filters": list(warnings.filters),
        "streams": (sys.stdout, sys.stderr, sys.excepthook),
        "figures": plt.get_fignums(),
        "directory": os.getcwd(),
        "exit": (os._exit, os.abort),
    }


@pytest.mark.parametrize(
    ("answer", "status", "sentence"),
    [
        pytest.param(answer, *told, id=f"{number}-{getattr(answer, '__name__', type(answer))}")
        for number, (answer, told) in enumerate(HOSTILE.items())
    ],
)
def test_a_hostile_answer_is_survived_and_told(answer, status, sentence, short_limit):
    before = state()
    card = check(ID, answer)
    assert state() == before
    assert card.status == status, card
    assert sentence in " ".join(map(str, card.body))


def test_an_async_answer_is_told():
    async def answer(gradient, hessian):
        return right(gradient, hessian)

    assert "write a plain `def`" in check(ID, answer).body[0]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs the alarm")
def test_an_answer_in_another_thread_is_interrupted_too(short_limit):
    cards = []
    thread = threading.Thread(target=lambda: cards.append(check(ID, endless_loop)))
    thread.start()
    thread.join(timeout=20)
    assert "still running after" in cards[0].body[0]


def test_where_there_is_no_alarm_the_watchdog_interrupts(short_limit, monkeypatch):
    monkeypatch.delattr(signal, "setitimer")
    for answer in (endless_loop, swallows_and_returns):
        assert "still running after" in check(ID, answer).body[0]
    assert check(ID, right).status == "correct"


def test_in_a_kernel_an_endless_answer_is_interrupted_and_the_next_cell_runs():
    first = (
        "from converge_lib.exercises import check, running\n"
        "running.LIMIT = 0.3\n"
        "def answer(gradient, hessian):\n"
        "    while True:\n"
        "        try:\n"
        "            while True: pass\n"
        "        except BaseException: pass\n"
        f"check({ID!r}, answer)"
    )
    cells = [nbformat.v4.new_code_cell(source) for source in (first, "print(6 * 7)")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, kernel_name="python3", timeout=120).execute()
    shown, printed = (cell.outputs[0] for cell in notebook.cells)
    assert "still running after 0.3 s" in shown.data["text/plain"]
    assert "of the cell, in answer" in shown.data["text/plain"]
    assert "converge-card-error" in shown.data["text/html"]
    assert printed.text == "42\n"


def test_the_time_is_that_of_all_calls_together(monkeypatch):
    monkeypatch.setattr(running, "LIMIT", 0.5)

    def slow(gradient, hessian):
        end = time.perf_counter() + 0.2
        while time.perf_counter() < end:
            pass
        return right(gradient, hessian)

    assert "still running after 0.5 s" in check(ID, slow).body[0]


def test_what_an_answer_changes_is_put_back_and_told():
    def answer(gradient, hessian):
        p = right(gradient, hessian)
        np.linalg.solve = np.allclose = lambda *_: 0
        np.invented = 1
        np.seterr(all="raise")
        np.random.seed(0)
        random.seed(0)
        os.chdir("/")
        sys.setrecursionlimit(5000)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        warnings.simplefilter("ignore")
        plt.figure()
        print("p is", p)
        sys.stdout = None
        return p

    before = state()
    card = check(ID, answer)
    assert state() == before
    assert not hasattr(np, "invented")
    assert card.status == "correct"
    told = repr(card)
    assert "`numpy.linalg.solve`" in told and "`numpy.allclose`" in told
    assert "draws a figure" in told
    assert "p is [-2. -2.]" in told


def test_an_open_figure_stays_open():
    mine = plt.figure()
    check(ID, lambda gradient, hessian: plt.plot(gradient) and right(gradient, hessian))
    assert plt.fignum_exists(mine.number)
    plt.close(mine)


def test_printing_without_an_end_fills_no_memory(short_limit):
    def answer(gradient, hessian):
        while True:
            print("x" * 1000)

    card = check(ID, answer)
    assert len(repr(card)) < 2000
    assert "xxx" in repr(card)


def test_a_warning_is_told_and_no_error():
    def answer(gradient, hessian):
        np.array(1.0) / 0
        return right(gradient, hessian)

    card = check(ID, answer)
    assert card.status == "correct"
    assert card.body == ("NumPy warned: divide by zero encountered in divide.",)


def test_an_error_shows_the_learners_line_and_no_other():
    def helper(values):
        return values[7]  # the line to show

    def answer(gradient, hessian):
        return helper(gradient)

    text = repr(check(ID, answer))
    assert "IndexError" in text
    assert "in helper\n        return values[7]  # the line to show" in text
    assert "converge_lib" not in text and "Traceback" not in text


def test_an_error_inside_numpy_shows_the_line_that_called_it():
    def answer(gradient, hessian):
        return np.linalg.solve(hessian[:, :1], gradient)

    text = repr(check(ID, answer))
    assert "LinAlgError" in text
    assert "return np.linalg.solve(hessian[:, :1], gradient)" in text


def test_code_typed_into_a_cell_is_called_a_cell():
    namespace = {}
    source = "def answer(gradient, hessian):\n    return 1 / 0\n"
    exec(compile(source, "/tmp/ipykernel_1/2.py", "exec"), namespace)
    assert "line 2 of the cell, in answer" in repr(check(ID, namespace["answer"]))


def test_not_implemented_inside_a_library_is_an_error():
    def answer(gradient, hessian):
        return np.ndarray.__class_getitem__ and random.Random.getrandbits and missing()

    def missing():
        class Stub(np.lib.mixins.NDArrayOperatorsMixin):
            pass

        return Stub() + 1

    assert check(ID, answer).status == "error"
