"""Run a learner's function so that nothing it does outlives the call.

It runs in the learner's own process and thread. A process of its own would be easier to kill, but
none serves everywhere: functions typed into a notebook or closed over its variables cannot be
pickled for a fresh process, and forking a kernel that holds threads (NumPy's, torch's, Jupyter's)
can hang on Linux, is unsafe on macOS and absent on Windows. What the call changes is put back
instead (:func:`preserved`), and time is kept by a deadline:

- In the main thread of Linux and macOS an alarm raises TimeUp in the learner's code, again every
  10 ms, and once more on the line after one that swallowed it.
- Elsewhere (Windows, other threads) a watchdog raises TimeUp asynchronously. Code that swallows
  every exception in an endless loop is not stopped there.

Nowhere can Python stop a single call into C that does not return, such as ``10**10**10``: that
needs the kernel's own restart. Threads that a function starts are its own, too.
"""

from __future__ import annotations

import builtins
import contextlib
import ctypes
import io
import linecache
import math
import os
import random
import signal
import sys
import sysconfig
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None

LIMIT = 10.0
"""Seconds that an answer may run, over all calls of one check."""

MEMORY = 2 * 2**30
"""Bytes that an answer may ask for beyond what the process holds; enforced on Linux only."""

PRINTED = 500
"""Characters of what an answer prints that are kept."""

_PROTECTED = (builtins, math, os, random, sys, time, np, np.fft, np.linalg, np.random)


class Stopped(Exception):
    """The learner's function did not return; ``outcome`` is "error" or "not attempted"."""

    def __init__(self, outcome: str, message: str, line: str = "") -> None:
        super().__init__(message)
        self.outcome, self.message, self.line = outcome, message, line


class TimeUp(BaseException):
    """Raised in the learner's code when its time is up; not an Exception, so few catch it."""


class Answer:
    """The learner's function, safe to call: returns, or raises :class:`Stopped`.

    Attributes:
        name: what the function is called.
        remarks: sentences on what it did besides: warnings, figures, patched modules.
        printed: the beginning of what it printed.
    """

    def __init__(self, function: Callable) -> None:
        self.function = function
        self.name = getattr(function, "__name__", type(function).__name__)
        self.remarks: list[str] = []
        self.printed = ""
        self._seconds_left = LIMIT

    def __call__(self, *arguments: Any, read: Callable[[Any], Any]) -> Any:  # noqa: ANN401
        """Return ``read(function(*arguments))``; ``read`` meets the learner's objects in here."""
        start = time.perf_counter()
        output = _Head(PRINTED)
        remarks: list[str] = []
        try:
            with preserved(output, remarks):
                return _call_within(self._seconds_left, lambda: read(self.function(*arguments)))
        except TimeUp as stop:
            message = f"It was still running after {LIMIT:g} s, and was interrupted."
            raise Stopped("error", message, learners_line(stop)) from None
        except BaseException as error:
            raise self._stopped(error) from None
        finally:
            self._seconds_left = max(0.01, self._seconds_left - time.perf_counter() + start)
            self.printed = (self.printed + output.getvalue())[:PRINTED]
            self.remarks += [remark for remark in remarks if remark not in self.remarks]

    def _stopped(self, error: BaseException) -> Stopped:
        line = learners_line(error)
        if isinstance(error, NotImplementedError) and _raised_by_learner(error):
            return Stopped("not attempted", "Replace `raise NotImplementedError` by your answer.")
        if isinstance(error, SystemExit):
            message = "It ends Python (`exit`, `sys.exit`) where it should return a value."
        elif isinstance(error, RecursionError):
            message = "It calls itself without an end (RecursionError)."
        elif isinstance(error, MemoryError):
            message = "It asks for more memory than there is (MemoryError). How large is its array?"
        elif isinstance(error, KeyboardInterrupt):
            message = "It was interrupted from the keyboard."
        else:
            message = f"It raises {type(error).__name__}: {_text(error)}"
        return Stopped("error", message, line)


@contextlib.contextmanager
def preserved(output: io.TextIOBase, remarks: list[str]) -> Iterator[None]:
    """Send what is printed to ``output``, and put everything back that the body changes.

    Attributes of NumPy and of Python's own modules, NumPy's error handling, both random states,
    the recursion limit, the working directory, signal handlers, tracing, warnings and figures.
    What a learner may want to know of is added to ``remarks``, a sentence each.
    """
    modules = {module: dict(vars(module)) for module in _PROTECTED}
    recursion_limit = sys.getrecursionlimit()
    directory = Path.cwd()
    errors, numpy_state, python_state = np.geterr(), np.random.get_state(), random.getstate()
    tracer = sys.gettrace()
    handlers = _handlers()
    figures = _figures()
    with warnings.catch_warnings(record=True) as caught, _limited_memory():
        warnings.simplefilter("always")
        sys.stdout = sys.stderr = output
        os._exit = os.abort = _refuse_exit
        sys.setrecursionlimit = _set_safe_recursion_limit
        patched = {module: dict(vars(module)) for module in _PROTECTED}
        try:
            yield
        finally:
            sys.settrace(tracer)
            remarks += _restore(modules, patched)
            sys.setrecursionlimit(recursion_limit)
            os.chdir(directory)
            np.seterr(**errors)
            np.random.set_state(numpy_state)
            random.setstate(python_state)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            if new := _figures() - figures:
                plt = sys.modules["matplotlib.pyplot"]
                for number in new:
                    plt.close(number)
                remarks.append("It draws a figure; the check closed it.")
    for warning in caught:
        if issubclass(warning.category, RuntimeWarning):
            remarks.append(f"NumPy warned: {_text(warning.message)}.")


def learners_line(error: BaseException) -> str:
    """Return where in the learner's own code ``error`` arose, with the line itself, or ""."""
    frames = [f for f in _frames(error) if not _is_library(f[0].f_code.co_filename)]
    if not frames:
        return ""
    frame, number = frames[-1]
    path = frame.f_code.co_filename
    typed = path.startswith("<") or "ipykernel_" in path
    place = f"line {number} of {'the cell' if typed else Path(path).name}"
    if frame.f_code.co_name != "<module>":
        place += f", in {frame.f_code.co_name}"
    line = linecache.getline(path, number, frame.f_globals).strip()
    return f"{place}\n    {line}" if line else place


class _Head(io.StringIO):
    """A text stream that keeps its first ``size`` characters, however much is written."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def write(self, text: str) -> int:
        super().write(text[: max(0, self._size - self.tell())])
        return len(text)


def _call_within(seconds: float, function: Callable[[], Any]) -> Any:  # noqa: ANN401
    """Return ``function()``, or raise TimeUp if that takes longer than ``seconds``."""
    main = threading.current_thread() is threading.main_thread()
    deadline = _Alarm(seconds) if main and hasattr(signal, "setitimer") else _Watchdog(seconds)
    try:
        deadline.start()
        value = function()
    finally:
        while not deadline.stopped:
            try:  # noqa: SIM105 - a call to `suppress` could itself be interrupted
                deadline.stop()
            except TimeUp:  # the watchdog's may arrive as late as this
                pass
    if deadline.expired:  # the answer swallowed TimeUp, and returned all the same
        raise TimeUp
    return value


class _Alarm:
    """Raises TimeUp in the learner's frames, never in this module's."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.expired = self.stopped = False
        self._rings = 0

    def start(self) -> None:
        self._tracer = sys.gettrace()
        self._handler = signal.signal(signal.SIGALRM, self._ring)
        self._timer = signal.setitimer(signal.ITIMER_REAL, self.seconds, 0.01)

    def stop(self) -> None:
        sys.settrace(self._tracer)
        signal.setitimer(signal.ITIMER_REAL, *self._timer)
        signal.signal(signal.SIGALRM, self._handler)
        self.stopped = True

    def _ring(self, signum: int, frame: FrameType | None) -> None:
        if frame is None or frame.f_code in _OWN:
            return
        self.expired = True
        # Where loops swallow it in turn, only one that comes between two `try` gets through.
        # So the next comes after 1 µs, or a fifth more than the last, up to 8 ms, and round again.
        signal.setitimer(signal.ITIMER_REAL, 1e-6 * 1.2 ** (self._rings % 50), 0.01)
        self._rings += 1
        # An `except BaseException` in the learner's loop would catch this for ever. The trace
        # raises again on the next line, which is already outside that `try`.
        for _ in range(20):
            if frame is None or frame.f_code in _OWN:
                break
            frame.f_trace = _raise_again
            frame = frame.f_back
        sys.settrace(_raise_again)
        raise TimeUp


def _raise_again(frame: FrameType, event: str, argument: object) -> Callable | None:
    if frame.f_code in _OWN:
        return None
    if event in ("call", "line"):
        raise TimeUp
    return _raise_again


class _Watchdog:
    """Raises TimeUp in the calling thread from a second one."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.expired = self.stopped = False
        self._thread = threading.get_ident()
        self._done = threading.Event()
        self._lock = threading.Lock()

    def start(self) -> None:
        threading.Thread(target=self._watch, daemon=True).start()

    def stop(self) -> None:
        with self._lock:
            self._done.set()
        self.stopped = True
        for _ in range(3):  # a TimeUp that is still on its way arrives in here
            pass

    def _watch(self) -> None:
        wait = self.seconds
        while not self._done.wait(wait):
            with self._lock:
                if not self._done.is_set():
                    self.expired = True
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(
                        ctypes.c_ulong(self._thread), ctypes.py_object(TimeUp)
                    )
            wait = 0.05


_OWN: frozenset[CodeType] = frozenset(
    function.__code__
    for function in (_call_within, _Alarm.start, _Alarm.stop, _Alarm._ring, _raise_again)
)


def _set_safe_recursion_limit(limit: int) -> None:
    """Set at most a depth that no thread's stack overflows at, which would end the process."""
    _set_recursion_limit(min(limit, 20_000))


_set_recursion_limit = sys.setrecursionlimit


def _refuse_exit(*_: object) -> None:
    raise SystemExit


def _restore(modules: dict, patched: dict) -> list[str]:
    """Put back the attributes of ``modules``; say which of ``patched`` had been changed."""
    changed = []
    for module, before in modules.items():
        now = vars(module)
        for name in [n for n in now if n not in before]:
            if not isinstance(now[name], type(sys)):  # a submodule that was imported may stay
                del now[name]
        for name, value in before.items():
            if now.get(name, _restore) is not patched[module].get(name, _restore):
                changed.append(f"`{module.__name__}.{name}`")
            if now.get(name, _restore) is not value:
                now[name] = value
    return [f"It replaces {name}; the check put it back." for name in changed]


def _handlers() -> dict[int, Any]:
    if threading.current_thread() is not threading.main_thread():
        return {}  # a handler can be set by the main thread only
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    return {n: h for n, h in handlers.items() if n in _CATCHABLE and h is not None}


_CATCHABLE = {
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGHUP", "SIGCHLD")
    if hasattr(signal, name)
}


def _figures() -> set[int]:
    plt = sys.modules.get("matplotlib.pyplot")
    return set(plt.get_fignums()) if plt else set()


@contextlib.contextmanager
def _limited_memory() -> Iterator[None]:
    statistics = Path("/proc/self/statm")
    if resource is None or not statistics.exists():
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = int(statistics.read_text().split()[0]) * resource.getpagesize() + MEMORY
    bounds = [wanted, *(limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY)]
    resource.setrlimit(resource.RLIMIT_AS, (min(bounds), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _frames(error: BaseException) -> list[tuple[FrameType, int]]:
    """Return the frames of ``error`` from the learner's function on, with their lines."""
    frames = list(traceback.walk_tb(error.__traceback__))
    calls = [i for i, (frame, _) in enumerate(frames) if frame.f_code is _call_within.__code__]
    return frames[calls[-1] + 1 :] if calls else []


def _raised_by_learner(error: BaseException) -> bool:
    frames = _frames(error)
    return bool(frames) and not _is_library(frames[-1][0].f_code.co_filename)


def _is_library(path: str) -> bool:
    return path.startswith(_LIBRARIES) or "site-packages" in path or "dist-packages" in path


_LIBRARIES = (
    "<frozen ",
    "<__array_function__",
    str(Path(__file__).parents[1]) + os.sep,
    *(sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib")),
)


def _text(value: object) -> str:
    """Return what ``value`` says in one line, whatever its ``__str__`` does."""
    try:
        return " ".join(str(value).split())[:300]
    except Exception:
        return "(its message cannot be shown)"
