"""A small book with a question of each kind, for the tests of the ``{quiz}`` directive."""

from __future__ import annotations

from pathlib import Path

from mini import make_book, write_notebook

# Gradient descent and momentum with the best rates for a quadratic with curvatures 1 and κ.
MEASURE = """\
import numpy as np
from myst_nb import glue


def steps(kappa, lr, momentum, goal=1e-6):
    curvature = np.array([1.0, kappa])
    x = np.ones(2)
    velocity = np.zeros(2)
    for step in range(100_000):
        if np.linalg.norm(x) <= goal:
            return step
        velocity = momentum * velocity + curvature * x
        x = x - lr * velocity
    raise RuntimeError("did not converge")


def descent(kappa):
    return steps(kappa, 2 / (1 + kappa), 0.0)


def heavy_ball(kappa):
    root = np.sqrt(kappa)
    return steps(kappa, (2 / (1 + root)) ** 2, ((root - 1) / (root + 1)) ** 2)


kappas = np.geomspace(2, 1000, 12)
"""
GLUE = """\
glue("kappa", 100.0, display=False)
glue("steps-descent", descent(100), display=False)
glue("steps-momentum", heavy_ball(100), display=False)
glue(
    "descent-by-kappa",
    {"x": kappas.tolist(), "y": [descent(kappa) for kappa in kappas]},
    display=False,
)
glue(
    "momentum-by-kappa",
    {"x": kappas.tolist(), "y": [heavy_ball(kappa) for kappa in kappas]},
    display=False,
)
"""

QUESTIONS = {
    "single": r""":::{quiz} double-kappa

You double the condition number $\kappa$ of a quadratic. Gradient descent, with its best
learning rate, then needs about

- as many steps <!-- wrong: The rate is $\frac{\kappa-1}{\kappa+1}$, and it moves towards 1. -->
- $\sqrt2$ times as many <!-- wrong: That is **momentum**: its rate has $\sqrt\kappa$ for
  $\kappa$. -->
- twice as many <!-- right: For large $\kappa$, $\log\frac{\kappa-1}{\kappa+1} \approx
  -\frac{2}{\kappa}$: twice the $\kappa$, half the progress a step. -->
- four times as many <!-- wrong: That would be a rate with $\kappa^2$ in it. -->

:::
""",
    "multiple": r""":::{quiz} newton-cost
:kind: multiple

Newton's method minimises a quadratic in $n$ dimensions. Which of these hold?

- It takes one step, whatever $\kappa$ is. <!-- right: $H^{-1}$ undoes the curvature. -->
- The step costs about as much as a gradient. <!-- wrong: Solving $Hp = -g$ takes about $n^3/3$
  operations. -->
- $H$ alone fills $n^2$ numbers. <!-- right: For $n = 10^6$, 8 TB in double precision. -->
- It needs the best learning rate. <!-- wrong: The step's length is part of the solution. -->

:::
""",
    "numeric": r""":::{quiz} momentum-steps
:kind: numeric
:tolerance: 15 %
:unit: steps

With $\kappa = $ {glue:text}`kappa:.0f`, gradient descent takes {glue:text}`steps-descent` steps
to shrink the error a million times. How many does momentum take, with its best settings?

<!-- right glue:steps-momentum: Measured: {glue:text}`steps-momentum:d`. A little more than a tenth,
since $\sqrt\kappa$ replaces $\kappa$ in the rate. -->
<!-- wrong glue:steps-descent: That is gradient descent itself. -->
<!-- wrong 345: You halved it: $\sqrt{100}$ is 10. -->
<!-- wrong: Put $\sqrt\kappa$ for $\kappa$ in the rate, and count again. -->

:::
""",
    "order": r""":::{quiz} momentum-order
:kind: order

Put one step of momentum in order.

- Move: $x \leftarrow x - \eta v$ <!-- 3: The step uses the velocity of this step. -->
- Compute the gradient $g$ at $x$ <!-- 1: All else needs it, and it belongs to the old $x$. -->
- Renew the velocity: $v \leftarrow \mu v + g$ <!-- 2: It adds the gradient just computed. -->

:::
""",
    "curve": r""":::{quiz} steps-by-kappa
:kind: curve
:x: condition number κ, 1 to 1000, log
:y: steps, 1 to 10000, log
:tolerance: 0.25 decades

How does the number of steps of gradient descent grow with $\kappa$? Draw it.

<!-- right glue:descent-by-kappa: A straight line of slope 1: the steps grow like $\kappa$. -->
<!-- wrong glue:momentum-by-kappa: You drew slope one half, $\sqrt\kappa$: that is momentum. -->
<!-- wrong: On two log axes a power law is straight, and its slope is the power. -->

:::
""",
}


def write_sample(folder: Path) -> None:
    """Write a book with a question of each kind, and a second page without any."""
    write_notebook(
        folder / "book" / "index.ipynb", "# Questions", MEASURE, GLUE, *QUESTIONS.values()
    )
    write_notebook(folder / "book" / "plain.ipynb", "# No question here")
    make_book(folder)
