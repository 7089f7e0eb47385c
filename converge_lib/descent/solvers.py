r"""First-order solvers: each is the last one plus one idea.

A solver is a frozen dataclass of hyperparameters with two pure methods::

    state = solver.init(x)
    x, state = solver.step(x, grad, state)

The same lines serve NumPy arrays and torch tensors of any shape: nothing but ``+ - * / **``.

====== =============================== ======================
symbol meaning                         in the code
====== =============================== ======================
x      the parameters                  ``x``
g      gradient of f at x              ``grad``
η      learning rate                   ``lr``
μ      momentum                        ``momentum``
v      velocity                        ``velocity``
s      running (mean) square of g      ``square``
m      running mean of g               ``mean``
β₁ β₂  decay of the running means      ``betas``
ε      keeps a division from exploding ``eps``
λ      weight decay                    ``weight_decay``
t      number of the step, from 1      ``t``
====== =============================== ======================

Every class equals its namesake in ``torch.optim`` step by step (tests/descent/test_solvers.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

from converge_lib._validation import number

Array = TypeVar("Array")


@runtime_checkable
class Solver(Protocol):
    """What :func:`converge_lib.descent.descend.descend` and the widgets ask of a solver."""

    def init(self, x: Array) -> Any:  # noqa: ANN401 - a solver's state is its own affair
        """Return the state before the first step at ``x``."""

    def step(self, x: Array, grad: Array, state: Any) -> tuple[Array, Any]:  # noqa: ANN401
        """Return the next ``x`` and the next state; ``x`` and ``grad`` stay as they are."""


@dataclass(frozen=True)
class GradientDescent:
    r"""Step against the gradient.

    x ← x − η g

    Source: Cauchy (1847). Equals ``torch.optim.SGD(lr)``.

    >>> import numpy as np
    >>> solver = GradientDescent(lr=0.5)       # on f = x²/2, whose gradient is x
    >>> x, state = np.array([8.0]), ()
    >>> for _ in range(3):
    ...     x, state = solver.step(x, x, state)
    >>> x                                      # halves each time: 8 (1 − η)³
    array([1.])
    """

    lr: float = 1e-3

    def __post_init__(self) -> None:
        number("lr", self.lr, low=0)

    def init(self, x: Array) -> tuple[()]:
        """Return the empty state: plain descent remembers nothing."""
        return ()

    def step(self, x: Array, grad: Array, state: tuple[()]) -> tuple[Array, tuple[()]]:
        """Return ``x − η g``; x and grad of any one shape."""
        _same_shape(x, grad)
        return x - self.lr * grad, ()


@dataclass(frozen=True)
class Momentum:
    r"""Gradient descent with a memory: directions that agree add up, those that alternate cancel.

    v ← μ v + g,  x ← x − η v

    Source: Polyak (1964), eq. 9. Equals ``torch.optim.SGD(lr, momentum)``: η multiplies v when it
    is used, where Polyak and Sutskever et al. (2013) multiply g when it enters v; for a constant η
    the paths are the same.

    >>> import numpy as np
    >>> solver = Momentum(lr=1.0, momentum=0.5)
    >>> x = np.array([0.0]); state = solver.init(x)
    >>> for _ in range(3):                     # a constant slope of −1: steps 1, 1.5, 1.75
    ...     x, state = solver.step(x, np.array([-1.0]), state)
    >>> x
    array([4.25])
    """

    lr: float = 1e-3
    momentum: float = 0.9

    def __post_init__(self) -> None:
        number("lr", self.lr, low=0)
        number("momentum", self.momentum, low=0, high=1, high_open=True)

    def init(self, x: Array) -> Array:
        """Return the velocity before the first step: zero, of x's shape."""
        return 0 * x

    def step(self, x: Array, grad: Array, velocity: Array) -> tuple[Array, Array]:
        """Return the next x and the next velocity."""
        _same_shape(x, grad)
        velocity = self.momentum * velocity + grad
        return x - self.lr * velocity, velocity


@dataclass(frozen=True)
class Nesterov:
    r"""Momentum that looks where it is about to land.

    v ← μ v + g,  x ← x − η (g + μ v)

    Source: Nesterov (1983); as momentum, Sutskever et al. (2013), eqs 3-4. Equals
    ``torch.optim.SGD(lr, momentum, nesterov=True)``. Deviation: the paper keeps the point before
    the look-ahead and takes the gradient after it; here ``x`` *is* the point after the look-ahead,
    so that the gradient is taken at ``x`` like everywhere else. The two tell the same story:
    x_here = x_paper + μ v_paper, with v_paper = −η v.

    >>> import numpy as np
    >>> solver = Nesterov(lr=1.0, momentum=0.5)
    >>> x = np.array([0.0]); state = solver.init(x)
    >>> for _ in range(2):                     # a constant slope of −1: steps 1.5, 1.75
    ...     x, state = solver.step(x, np.array([-1.0]), state)
    >>> x
    array([3.25])
    """

    lr: float = 1e-3
    momentum: float = 0.9

    def __post_init__(self) -> None:
        number("lr", self.lr, low=0)
        number("momentum", self.momentum, low=0, high=1, high_open=True)

    def init(self, x: Array) -> Array:
        """Return the velocity before the first step: zero, of x's shape."""
        return 0 * x

    def step(self, x: Array, grad: Array, velocity: Array) -> tuple[Array, Array]:
        """Return the next x and the next velocity."""
        _same_shape(x, grad)
        velocity = self.momentum * velocity + grad
        return x - self.lr * (grad + self.momentum * velocity), velocity


@dataclass(frozen=True)
class AdaGrad:
    r"""A rate for each coordinate: those with a history of large gradients take small steps.

    s ← s + g²,  x ← x − η g / (√s + ε)

    Source: Duchi, Hazan and Singer (2011), fig. 1, with the diagonal of the matrix. Equals
    ``torch.optim.Adagrad(lr, eps=eps)``.

    >>> import numpy as np
    >>> solver = AdaGrad(lr=1.0)
    >>> x, grad = np.zeros(2), np.array([1e-3, 1e3])
    >>> x, state = solver.step(x, grad, solver.init(x))
    >>> x.round(6)                             # the first step is η whatever the gradient's size
    array([-1., -1.])
    """

    lr: float = 1e-2
    eps: float = 1e-10

    def __post_init__(self) -> None:
        number("lr", self.lr, low=0)
        number("eps", self.eps, low=0)

    def init(self, x: Array) -> Array:
        """Return the sum of squares before the first step: zero, of x's shape."""
        return 0 * x

    def step(self, x: Array, grad: Array, square: Array) -> tuple[Array, Array]:
        """Return the next x and the next sum of squared gradients."""
        _same_shape(x, grad)
        square = square + grad**2
        return x - self.lr * grad / (square**0.5 + self.eps), square


@dataclass(frozen=True)
class RMSProp:
    r"""AdaGrad that forgets, so that its rate need not fall for ever.

    s ← α s + (1 − α) g²,  x ← x − η g / (√s + ε)

    Source: Tieleman and Hinton (2012), lecture 6.5. Equals ``torch.optim.RMSprop(lr, alpha, eps)``.

    >>> import numpy as np
    >>> solver = RMSProp(lr=0.1, alpha=0.99)
    >>> x, state = solver.step(np.zeros(1), np.ones(1), np.zeros(1))
    >>> x.round(6)                             # s starts at zero: the first step is η/√(1 − α)
    array([-1.])
    """

    lr: float = 1e-2
    alpha: float = 0.99
    eps: float = 1e-8

    def __post_init__(self) -> None:
        number("lr", self.lr, low=0)
        number("alpha", self.alpha, low=0, high=1, high_open=True)
        number("eps", self.eps, low=0)

    def init(self, x: Array) -> Array:
        """Return the mean square before the first step: zero, of x's shape."""
        return 0 * x

    def step(self, x: Array, grad: Array, square: Array) -> tuple[Array, Array]:
        """Return the next x and the next running mean of squared gradients."""
        _same_shape(x, grad)
        square = self.alpha * square + (1 - self.alpha) * grad**2
        return x - self.lr * grad / (square**0.5 + self.eps), square


@dataclass(frozen=True)
class Adadelta:
    r"""RMSProp whose step has the units of x: past steps set its length.

    s ← ρ s + (1 − ρ) g²,  Δ = g √(d + ε) / √(s + ε),  d ← ρ d + (1 − ρ) Δ²,  x ← x − η Δ

    Source: Zeiler (2012), algorithm 1; the paper has η = 1. Note ε *inside* both roots: it sets the
    length of the first step. Equals ``torch.optim.Adadelta(lr, rho, eps)``.

    >>> import numpy as np
    >>> solver = Adadelta(rho=0.75, eps=1e-6)
    >>> x = np.zeros(1)
    >>> x, state = solver.step(x, np.ones(1), solver.init(x))
    >>> x.round(6)                             # √ε/√(1 − ρ): the first step is tiny
    array([-0.002])
    """

    lr: float = 1.0
    rho: float = 0.9
    eps: float = 1e-6

    def __post_init__(self) -> None:
        number("lr", self.lr, low=0)
        number("rho", self.rho, low=0, high=1, high_open=True)
        number("eps", self.eps, low=0, low_open=True)

    def init(self, x: Array) -> tuple[Array, Array]:
        """Return the mean squares of gradients and of steps: zeros, of x's shape."""
        return 0 * x, 0 * x

    def step(
        self, x: Array, grad: Array, state: tuple[Array, Array]
    ) -> tuple[Array, tuple[Array, Array]]:
        """Return the next x and the next mean squares of gradients and of steps."""
        _same_shape(x, grad)
        square, square_delta = state
        square = self.rho * square + (1 - self.rho) * grad**2
        delta = grad * (square_delta + self.eps) ** 0.5 / (square + self.eps) ** 0.5
        square_delta = self.rho * square_delta + (1 - self.rho) * delta**2
        return x - self.lr * delta, (square, square_delta)


@dataclass(frozen=True)
class Adam:
    r"""RMSProp with momentum, both corrected for having started at zero.

    m ← β₁ m + (1 − β₁) g,  s ← β₂ s + (1 − β₂) g²,
    x ← x − η m̂ / (√ŝ + ε)  with  m̂ = m / (1 − β₁ᵗ),  ŝ = s / (1 − β₂ᵗ)

    Source: Kingma and Ba (2015), algorithm 1. Equals ``torch.optim.Adam(lr, betas, eps)``.

    >>> import numpy as np
    >>> solver = Adam(lr=0.1)
    >>> x = np.zeros(2)
    >>> x, state = solver.step(x, np.array([1e-3, -1e3]), solver.init(x))
    >>> x.round(5)                             # the first step is η against the gradient's sign
    array([-0.1,  0.1])
    """

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8

    def __post_init__(self) -> None:
        number("lr", self.lr, low=0)
        _pair_of_betas(self.betas)
        number("eps", self.eps, low=0)

    def init(self, x: Array) -> tuple[int, Array, Array]:
        """Return t = 0 and both running means: zeros, of x's shape."""
        return 0, 0 * x, 0 * x

    def step(
        self, x: Array, grad: Array, state: tuple[int, Array, Array]
    ) -> tuple[Array, tuple[int, Array, Array]]:
        """Return the next x and the next (t, mean, square)."""
        _same_shape(x, grad)
        t, mean, square = state
        beta1, beta2 = self.betas
        t = t + 1
        mean = beta1 * mean + (1 - beta1) * grad
        square = beta2 * square + (1 - beta2) * grad**2
        mean_hat = mean / (1 - beta1**t)
        square_hat = square / (1 - beta2**t)
        return x - self.lr * mean_hat / (square_hat**0.5 + self.eps), (t, mean, square)


@dataclass(frozen=True)
class AdamW:
    r"""Adam with weight decay kept out of the gradient, so that the rescaling leaves it alone.

    x ← (1 − η λ) x, then Adam's step

    Source: Loshchilov and Hutter (2019), algorithm 2. Equals
    ``torch.optim.AdamW(lr, betas, eps, weight_decay)``: λ is multiplied by η, where the paper
    multiplies it by the schedule alone.

    >>> import numpy as np
    >>> solver = AdamW(lr=0.1, weight_decay=0.5)
    >>> x = np.array([2.0])
    >>> x, state = solver.step(x, np.zeros(1), solver.init(x))
    >>> x                                      # no gradient, so decay alone: 2 (1 − 0.05)
    array([1.9])
    """

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 1e-2

    def __post_init__(self) -> None:
        self._adam()
        number("weight_decay", self.weight_decay, low=0)

    def _adam(self) -> Adam:
        return Adam(self.lr, self.betas, self.eps)

    def init(self, x: Array) -> tuple[int, Array, Array]:
        """Return Adam's state."""
        return self._adam().init(x)

    def step(
        self, x: Array, grad: Array, state: tuple[int, Array, Array]
    ) -> tuple[Array, tuple[int, Array, Array]]:
        """Return the next x and Adam's next state."""
        return self._adam().step(x * (1 - self.lr * self.weight_decay), grad, state)


SOLVERS: dict[str, type[Solver]] = {
    solver.__name__: solver
    for solver in (
        GradientDescent,
        Momentum,
        Nesterov,
        AdaGrad,
        RMSProp,
        Adadelta,
        Adam,
        AdamW,
    )
}
"""The solvers of this module by name, in the order in which the book derives them."""


def _same_shape(x: Array, grad: Array) -> None:
    # A gradient of shape (n, 1) beside an x of shape (n,) would broadcast without a word.
    if getattr(x, "shape", None) is None or x.shape != getattr(grad, "shape", None):
        raise ValueError(
            f"grad must be an array of x's shape {getattr(x, 'shape', type(x).__name__)}, "
            f"got {getattr(grad, 'shape', type(grad).__name__)}"
        )


def _pair_of_betas(betas: tuple[float, float]) -> None:
    if not isinstance(betas, tuple | list) or len(betas) != 2:
        raise ValueError(f"betas must be a pair of numbers in [0, 1), got {betas!r}")
    for i, beta in enumerate(betas):
        number(f"betas[{i}]", beta, low=0, high=1, high_open=True)
