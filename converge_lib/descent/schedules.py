r"""Learning-rate schedules: the rate as a function of the step.

A schedule is a pure function of the step t = 0, 1, … and returns the factor by which the solver's
rate is multiplied at that step, between 0 and 1::

    solver = replace(solver, lr=lr * cosine(t, steps))

They are not tied to a solver, and each may be used with any.
"""

from __future__ import annotations

import math

from converge_lib._validation import count, number


def step_decay(t: int, every: int, factor: float = 0.1) -> float:
    """Return ``factor`` to the power ⌊t / every⌋: constant, with a drop after each ``every`` steps.

    >>> [step_decay(t, every=2, factor=0.5) for t in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    every = count("every", every, low=1)
    factor = number("factor", factor, low=0, high=1, low_open=True)
    return factor ** (count("t", t) // every)


def inverse_root(t: int) -> float:
    """Return 1/√(t + 1), under which Kingma and Ba (2015, section 4) prove that Adam converges.

    >>> inverse_root(0), inverse_root(3)
    (1.0, 0.5)
    """
    return 1 / math.sqrt(count("t", t) + 1)


def cosine(t: int, steps: int) -> float:
    """Return half a cosine from 1 at t = 0 to 0 at t = ``steps``, and 0 after it.

    Source: Loshchilov and Hutter (2017), eq. 5, with one period and a lowest rate of 0.

    >>> [round(cosine(t, steps=4), 3) for t in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """
    steps = count("steps", steps, low=1)
    return (1 + math.cos(math.pi * min(count("t", t) / steps, 1))) / 2


def warm_up(t: int, steps: int) -> float:
    """Return (t + 1) / ``steps``, rising to 1 at the last of ``steps`` steps, and 1 after it.

    Multiply it with another schedule. With ``steps`` = 0 there is no warm-up. Source: Goyal et al.
    (2017), section 2.2.

    >>> [warm_up(t, steps=4) for t in range(6)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    """
    t, steps = count("t", t), count("steps", steps)
    return min((t + 1) / steps, 1.0) if steps else 1.0
