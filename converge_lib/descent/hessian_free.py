r"""Hessian-free optimisation: Newton's step without a matrix, made robust enough for networks.

At each iteration conjugate gradient minimises the quadratic model

    m(p) = f + gᵀp + ½ pᵀ(B + λI)p

from products B v alone. B is the Gauss-Newton matrix, which unlike the Hessian has no negative
eigenvalue. Around that core stand the safeguards that make it work, each against one failure:

========================== =================================================================
what goes wrong            what is done
========================== =================================================================
m is trusted too far       Levenberg-Marquardt: λ ← 3/2 λ where ρ < ¼, 2/3 λ where ρ > ¾, with
                           ρ = (f(x + p) − f(x)) / (m(p) − m(0)), m without its λ
CG runs on for nothing     truncation: stop when m falls by less than 5e-4 an iteration
CG starts from nothing     warm start at 0.95 times the last solution
CG is slow                 preconditioner M = diag(Σᵢ gᵢ² + λ)^¾ over the cases' own gradients gᵢ
the last iterate overfits  backtracking: go back over kept iterates while f falls
p is still too long        Armijo: shorten p by 0.8 until f falls by 1 % of the slope
B v over all data is dear  curvature on a mini-batch, the same one throughout a CG run
========================== =================================================================

Source: Martens (2010), and Martens and Sutskever (2012) for the whole in one place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from converge_lib._validation import count, number
from converge_lib.descent.conjugate_gradient import LinearSolution, Vector, linear_cg
from converge_lib.descent.curvature import (
    Loss,
    call_with,
    flatten,
    gauss_newton,
    outputs_of,
    parameters_of,
    squared_gradients,
    unflatten,
)
from converge_lib.descent.objective import (
    FUN_COST,
    GRADIENT_COST,
    Differentiable,
    Objective,
    Result,
    Trace,
)

CG_PROGRESS = 5e-4
ARMIJO = 1e-2
SHORTEN = 0.8
SHORTEST = SHORTEN**60
GAUSS_NEWTON_COST = 4 / 3
"""A product with cached activations, in gradient-equivalents over the cases that it uses."""


@dataclass(frozen=True)
class Iteration:
    """What one iteration did.

    Attributes:
        loss: f before it.
        damping: the λ that it used.
        cg_steps: iterations of CG.
        cg_reason: why CG stopped, see :class:`~converge_lib.descent.conjugate_gradient.\
LinearSolution`.
        ratio: ρ, the decrease of f over the decrease that the model promised; −∞ where it
            promised none, or f was not finite.
        rate: the share of p that was gone; 0 where f fell nowhere along it.
        cost: gradient-equivalents spent from the start up to the end of this iteration.
        cg_path: the kept iterates p of CG, each of shape (n,); empty in HessianFree's log.
    """

    loss: float
    damping: float
    cg_steps: int
    cg_reason: str
    ratio: float
    rate: float
    cost: float
    cg_path: tuple[np.ndarray, ...] = ()


@dataclass(frozen=True)
class HessianFreeResult(Result):
    """A Result with a log: what each iteration did."""

    log: tuple[Iteration, ...]


def hessian_free(
    objective: Objective | Differentiable,
    x0: np.ndarray,
    *,
    damping: float = 1.0,
    cg_steps: int = 250,
    steps: int = 100,
    tolerance: float = 1e-8,
) -> HessianFreeResult:
    r"""Minimise by Hessian-free optimisation; for functions of NumPy vectors.

    The curvature is the objective's ``hvp``. Give it Gauss-Newton products where the function is a
    sum of squares or a loss of a network; with those of an indefinite Hessian CG stops at the first
    direction of negative curvature, and λ grows whatever ρ is.

    Args:
        objective: a Surface, an Objective, or anything with ``fun``, ``gradient`` and either
            ``hvp`` or ``hessian``.
        x0: the start, shape (n,).
        damping: the first λ, > 0.
        cg_steps: the most iterations of CG in one step.
        steps: the most steps to take, those that stay where they are included.
        tolerance: stop when ‖g‖ is at most this.

    Deviations from the method for networks, :class:`HessianFree`: no preconditioner, no mini-batch,
    and every CG iterate is kept for backtracking.

    >>> from converge_lib.descent.surfaces import rosenbrock
    >>> result = hessian_free(rosenbrock(), [-1.2, 1.0])
    >>> result.reason, bool(np.allclose(result.x, 1))
    ('converged', True)
    """
    damping = number("damping", damping, low=0, low_open=True)
    cg_steps = count("cg_steps", cg_steps, low=1)
    steps = count("steps", steps)
    tolerance = number("tolerance", tolerance, low=0)
    objective = Objective.of(objective)
    trace = Trace(objective, x0)
    x, direction = trace.x, None
    log: list[Iteration] = []

    def finish(reason: str) -> HessianFreeResult:
        return HessianFreeResult(**vars(trace.result(reason)), log=tuple(log))

    with np.errstate(over="ignore", invalid="ignore"):
        f, g = objective.value_and_gradient(x)
        for _ in range(steps):
            if not np.isfinite(np.linalg.norm(g)):
                return finish("diverged")
            if np.linalg.norm(g) <= tolerance:
                return finish("converged")
            update = _update(
                lambda p, x=x: objective.fun(x + p),
                f,
                g,
                lambda v, _, x=x: objective.hvp(x, v),
                damping,
                direction,
                cg_steps=cg_steps,
                keep=range(1, cg_steps + 1),
            )
            iteration = update.iteration(f, damping, trace.spent.cost)
            log.append(replace(iteration, cg_path=tuple(update.solution.iterates.values())))
            damping, direction = update.damping, 0.95 * update.solution.x
            if update.rate == 0:
                continue  # stay at x, where f and g still hold, and trust the model less
            if np.array_equal(x + update.move, x):
                return finish("stalled")
            x = x + update.move
            f, g = objective.value_and_gradient(x)
            trace.record(x, f)
            log[-1] = replace(log[-1], cost=trace.spent.cost)
        return finish("converged" if np.linalg.norm(g) <= tolerance else "steps")


class HessianFree(torch.optim.Optimizer):
    r"""Hessian-free optimisation of a network, as a torch optimiser.

    A step needs the data rather than a loss, since it evaluates the loss at several points, the
    gradient over all cases, and curvature over a part of them::

        optimiser = HessianFree(model, PerCase(nn.MSELoss(reduction="sum")), curvature_cases=500)
        for _ in range(100):
            loss = optimiser.step(lambda: (inputs, targets))

    Args:
        model: any network of one tensor, cases first; model(inputs) returns the outputs, or for
            structural damping the pair (outputs, hidden), hidden of shape (cases, ...). Loss and
            gradient should not be random: switch dropout off.
        loss: one whose output curvature is known, see
            :func:`~converge_lib.descent.curvature.output_curvature`; mind its scale, which is what
            λ is compared with.
        damping: the first λ, > 0.
        cg_steps: the most iterations of CG in one step.
        curvature_cases: cases in the curvature's mini-batch, drawn anew for each step; None for
            all.
        structural: μ of structural damping, for recurrent networks: the model of the loss gets the
            further penalty λμ/2 ‖change of the hidden states‖², averaged over cases.
        boost: the factor of λ up and down, at least 1; 1 fixes it.
        decay: the share of the last solution that CG starts from, in [0, 1].
        exponent: of the preconditioner, in [0, 1]; 0 goes without.
        seed: of the draws of the mini-batches.

    Attributes:
        log: an :class:`Iteration` for every step of this object. Its cost counts a gradient over
            all cases 1, a loss 1/3, a Gauss-Newton product 4/3; going through the network once for
            those products, and the cases' own gradients, 1 each; the last three times the share of
            the cases used.

    ``state_dict`` holds what the next step needs, and not the log. Training that is resumed from it
    and from the model's goes on bit for bit as if it had not stopped.

    Source: Martens (2010), with the constants of his code; structural damping is Martens and
    Sutskever (2011), section 3. Deviations: backtracking, ρ and the line search use the loss over
    all the cases of the step, and structural damping the squared distance of the hidden states.

    >>> from converge_lib.descent.curvature import PerCase
    >>> model = nn.Linear(2, 1, dtype=torch.float64)
    >>> x = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    >>> y = 1 + x @ torch.tensor([[2.0], [3.0]], dtype=torch.float64)
    >>> optimiser = HessianFree(model, PerCase(nn.MSELoss(reduction="sum")), damping=1e-3)
    >>> losses = [optimiser.step(lambda: (x, y)) for _ in range(10)]
    >>> losses[-1] < 1e-12
    True
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Loss,
        *,
        damping: float = 45.0,
        cg_steps: int = 50,
        curvature_cases: int | None = None,
        structural: float = 0.0,
        boost: float = 1.5,
        decay: float = 0.95,
        exponent: float = 0.75,
        seed: int = 0,
    ) -> None:
        if curvature_cases is not None:
            curvature_cases = count("curvature_cases", curvature_cases, low=1)
        defaults = {
            "damping": number("damping", damping, low=0, low_open=True),
            "cg_steps": count("cg_steps", cg_steps, low=1),
            "curvature_cases": curvature_cases,
            "structural": number("structural", structural, low=0),
            "boost": number("boost", boost, low=1),
            "decay": number("decay", decay, low=0, high=1),
            "exponent": number("exponent", exponent, low=0, high=1),
            "seed": count("seed", seed),
        }
        super().__init__(parameters_of(model), defaults)
        self.model, self.loss = model, loss
        self.log: list[Iteration] = []

    def step(self, closure: Callable[[], tuple[Tensor, Tensor]]) -> float:
        """Take one step; return the loss before it.

        Args:
            closure: returns (inputs, targets), cases first: the cases that the gradient is taken
                over. Take all of them, or a large part.
        """
        if not callable(closure):
            raise ValueError(f"closure must be a function that returns a batch, got {closure!r}")
        inputs, targets = closure()
        if len(inputs) != len(targets) or len(inputs) == 0:
            raise ValueError(
                "closure must return as many targets as inputs, and at least one, "
                f"got {len(inputs)} inputs and {len(targets)} targets"
            )
        group = self.param_groups[0]
        parameters = group["params"]
        state = self.state[parameters[0]]
        if not state:
            state.update(step=0, cost=0.0, damping=group["damping"], direction=None)
        cases = len(inputs)
        chosen = slice(None)
        share = 1.0
        if group["curvature_cases"] is not None and group["curvature_cases"] < cases:
            # seeded by the step, so that a resumed run draws what the first one would have drawn
            generator = torch.Generator().manual_seed(group["seed"] + state["step"])
            chosen = torch.randperm(cases, generator=generator)[: group["curvature_cases"]]
            chosen = chosen.to(inputs.device)
            share = group["curvature_cases"] / cases
        some = inputs[chosen], targets[chosen]

        f, g = self._value_and_gradient(inputs, targets, parameters)
        if not (math.isfinite(f) and g.isfinite().all()):
            raise ValueError(f"loss and gradient must be finite before a step, got a loss of {f}")
        product = gauss_newton(self.model, self.loss, *some)
        damping, preconditioner = state["damping"], None
        if group["exponent"]:
            diagonal = squared_gradients(self.model, self.loss, *some)
            diagonal = (diagonal + damping) ** group["exponent"]
            preconditioner = diagonal.reciprocal().mul
        theta = flatten(parameters).detach()
        update = _update(
            lambda p: self._value(inputs, targets, theta + p),
            f,
            g,
            product,
            damping,
            None if state["direction"] is None else group["decay"] * state["direction"],
            cg_steps=group["cg_steps"],
            keep=_KEPT,
            preconditioner=preconditioner,
            structural=group["structural"],
            boost=group["boost"],
        )
        if update.rate > 0:
            with torch.no_grad():
                for p, piece in zip(
                    parameters, unflatten(theta + update.move, parameters), strict=True
                ):
                    p.copy_(piece)
        curvature_cost = (
            1 + (preconditioner is not None) + GAUSS_NEWTON_COST * update.products
        ) * share
        state["cost"] += GRADIENT_COST + FUN_COST * update.evaluations + curvature_cost
        state["step"] += 1
        state["damping"], state["direction"] = update.damping, update.solution.x
        self.log.append(update.iteration(f, damping, state["cost"]))
        return f

    def _value_and_gradient(
        self, inputs: Tensor, targets: Tensor, parameters: list[nn.Parameter]
    ) -> tuple[float, Tensor]:
        with torch.enable_grad():
            value = self.loss(outputs_of(self.model(inputs)), targets)
            gradient = torch.autograd.grad(value, parameters, materialize_grads=True)
        return float(value.detach()), flatten(gradient)

    @torch.no_grad()
    def _value(self, inputs: Tensor, targets: Tensor, theta: Tensor) -> float:
        # the model keeps its own parameters: to change them would break the recorded products
        pieces = unflatten(theta, parameters_of(self.model))
        return float(self.loss(outputs_of(call_with(self.model, pieces, inputs)), targets))


def sparse_init(
    module: nn.Module, connections: int = 15, *, generator: torch.Generator | None = None
) -> nn.Module:
    r"""Give every unit of every ``nn.Linear`` a few incoming weights from N(0, 1), and return it.

    The other weights and all biases are zero. A unit's input then has the same spread however many
    units feed it, and no two units see the same; dense weights of that size would saturate them.

    Args:
        module: changed in place.
        connections: weights a unit, at least 1; all of them where it has fewer inputs.
        generator: the source of the numbers; None for torch's own.

    Source: Martens (2010), section 5.

    >>> layer = sparse_init(nn.Linear(100, 7))
    >>> (layer.weight != 0).sum(1)
    tensor([15, 15, 15, 15, 15, 15, 15])
    """
    connections = count("connections", connections, low=1)
    layers = [layer for layer in module.modules() if isinstance(layer, nn.Linear)]
    if not layers:
        raise ValueError(f"module must contain a torch.nn.Linear, got {module!r}")
    with torch.no_grad():
        for layer in layers:
            shape = layer.weight.shape
            k = min(connections, shape[1])
            order = torch.rand(shape, generator=generator).argsort(1)
            values = torch.randn(shape[0], k, generator=generator)
            layer.weight.copy_(torch.zeros(shape).scatter_(1, order[:, :k], values))
            if layer.bias is not None:
                layer.bias.zero_()
    return module


@dataclass(frozen=True)
class _Update:
    move: Vector
    damping: float
    solution: LinearSolution
    ratio: float
    rate: float
    evaluations: int
    products: int

    def iteration(self, loss: float, damping: float, cost: float) -> Iteration:
        solution = self.solution
        return Iteration(
            loss, damping, solution.steps, solution.reason, self.ratio, self.rate, cost
        )


def _update(
    fun: Callable[[Vector], float],
    f: float,
    g: Vector,
    product: Callable[[Vector, float], Vector],
    damping: float,
    start: Vector | None,
    *,
    cg_steps: int,
    keep: range | frozenset[int],
    preconditioner: Callable[[Vector], Vector] | None = None,
    structural: float = 0.0,
    boost: float = 1.5,
) -> _Update:
    """One iteration on NumPy or torch vectors; fun(p) is f(x + p), product(v, s) is B v + s S v."""
    evaluations = products = 0

    def evaluate(p: Vector) -> float:
        nonlocal evaluations
        evaluations += 1
        return fun(p)

    def multiply(v: Vector, weight: float) -> Vector:
        nonlocal products
        products += 1
        return product(v, weight)

    solution = linear_cg(
        lambda v: multiply(v, damping * structural) + damping * v,
        -g,
        start,
        preconditioner=preconditioner,
        steps=cg_steps,
        progress=CG_PROGRESS,
        keep=keep,
    )

    # backtracking: the last iterate fits the curvature's mini-batch best, and perhaps too well
    p, value, i = solution.x, evaluate(solution.x), solution.steps
    for j in sorted(solution.iterates, reverse=True):
        if j == solution.steps:
            continue
        earlier = evaluate(solution.iterates[j])
        if earlier >= value:
            break
        p, value, i = solution.iterates[j], earlier, j

    slope = float(g @ p)
    if structural:
        promised = slope + float(p @ multiply(p, 0.0)) / 2
    else:
        promised = solution.values[i] - damping * float(p @ p) / 2  # CG's own m(p), less its λ
    ratio = (value - f) / promised if promised < 0 and math.isfinite(value) else -math.inf
    if ratio < 0.25 or solution.reason == "negative curvature":
        damping = damping * boost
    elif ratio > 0.75:
        damping = damping / boost

    rate = 1.0 if slope < 0 else 0.0
    while rate > 0 and not value <= f + ARMIJO * rate * slope:
        rate = rate * SHORTEN if rate > SHORTEST else 0.0
        value = evaluate(rate * p) if rate > 0 else f
    return _Update(rate * p, damping, solution, ratio, rate, evaluations, products)


def _kept(last: int) -> frozenset[int]:
    numbers, i = set(), 5
    while i <= last:
        numbers.add(i)
        i = math.ceil(1.3 * i)
    return frozenset(numbers)


_KEPT = _kept(10_000)
"""The iterations of CG whose iterates are kept: from 5 on, each 1.3 times the one before."""
