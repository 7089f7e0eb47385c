"""Long-term dependencies: a recurrent network that must remember two symbols over T steps.

After Martens and Sutskever (2011). Every method sees fresh sequences all the time, and stops when
it classifies them; what counts is how many it needs, and the work that it does on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from converge_lib._validation import choice
from converge_lib.data.temporal_order import temporal_order
from converge_lib.descent.curvature import call_with, flatten, parameters_of, unflatten
from converge_lib.descent.hessian_free import HessianFree, sparse_init
from converge_lib.descent.solvers import Adam, GradientDescent
from converge_lib.recorded import Record, Run

UNITS = 50
RADIUS = 1.1
"""Spectral radius of the recurrent weights at the start: states neither die nor explode at once."""
BATCH = 100
"""Sequences in a mini-batch of the first-order methods."""
GRADIENT, CURVATURE = 2000, 500
"""Sequences for a gradient of HF, and for its curvature."""
TEST = 2000
SOLVED = 0.005
"""A run ends when this share of the test sequences, or less, is classified wrongly."""
SEQUENCES = {
    30: {"HF": 60_000, "HF structural": 60_000, "SGD": 200_000, "Adam": 200_000},
    60: {"HF": 60_000, "HF structural": 60_000, "SGD": 400_000, "Adam": 400_000},
}
"""Sequences seen at most, by the length T and the method; HF works much longer on each."""
RATES = {"SGD": [0.001, 0.003, 0.01, 0.03], "Adam": [0.0003, 0.001, 0.003, 0.01]}
STRUCTURAL = {"HF": 0.0, "HF structural": 0.1}
SEEDS = range(4)


class Network(nn.Module):
    """h ← tanh(W x + U h + b) over the sequence, and four outputs from the last h.

    The hidden states are returned too, for structural damping.
    """

    def __init__(self, seed: int, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.enter, self.recur = nn.Linear(6, UNITS, bias=False), nn.Linear(UNITS, UNITS)
        self.leave = nn.Linear(UNITS, 4)
        generator = torch.Generator().manual_seed(seed)
        sparse_init(self, generator=generator)
        with torch.no_grad():
            self.to(dtype)  # in which the radius is computed
            radius = torch.linalg.eigvals(self.recur.weight).abs().max()
            self.recur.weight *= RADIUS / radius
            self.enter.weight *= 0.1  # else the noise of the inputs drives every unit to ±1
            self.leave.weight *= 0.1

    def forward(self, sequences: Tensor) -> tuple[Tensor, Tensor]:
        """Return outputs, shape (cases, 4), and hidden states, (cases, T, units)."""
        entering = self.enter(sequences)
        h = entering.new_zeros(len(sequences), UNITS)
        states = []
        for t in range(sequences.shape[1]):
            h = torch.tanh(entering[:, t] + self.recur(h))
            states.append(h)
        return self.leave(h), torch.stack(states, 1)


def plan(scale: str, runs: list[Run]) -> list[dict[str, Any]]:
    """Each rate on each seed: from one start in four the best rate may fail. HF has no rate."""
    del runs
    choice("scale", scale, ["page"])  # the papers' networks are of this size, with T up to 200
    return [
        {"method": method, "length": length, "sequences": sequences, "rate": rate, "seed": seed}
        for length, most in SEQUENCES.items()
        for method, sequences in most.items()
        for rate in RATES.get(method, [None])
        for seed in SEEDS
    ]


def slices(record: Record) -> list[tuple[Run, dict[str, Any]]]:
    """The first step of HF, with 15 steps of CG.

    Further steps multiply what rounding leaves. In double precision sixteen other roundings leave
    the loss within 1e-15 after 15 steps of CG; the one that was tried with 20 moved it by 1e-4.
    """
    run = record.one(method="HF", length=30, seed=0)
    return [(run, {"sequences": GRADIENT, "cg_steps": 15, "precision": "float64"})]


def tuned(runs: Sequence[Run], method: str, length: int) -> list[Run]:
    """Return the runs at the best rate, one a seed: that solves most, then that costs least."""
    where = {"method": method, "length": length}
    these = [run for run in runs if where.items() <= run.settings.items()]
    by_rate = [
        [run for run in these if run.settings["rate"] == rate] for rate in RATES.get(method, [None])
    ]

    def quality(group: list[Run]) -> tuple[float, float]:
        failed = sum(run.result["errors"][-1] > SOLVED for run in group)
        return failed, float(np.median([run.result["costs"][-1] for run in group]))

    return min(by_rate, key=quality)


def run(
    *,
    method: str,
    rate: float | None,
    seed: int,
    length: int,
    sequences: int,
    cg_steps: int = 100,
    precision: str = "float32",
    device: str = "cpu",
) -> dict[str, Any]:
    """Train on ``sequences`` sequences at most, and test now and then.

    "errors" are the shares classified wrongly after so many "sequences", "losses" the cross-entropy
    there, and "costs" is the work in gradients of one sequence.
    """
    dtype = getattr(torch, precision)
    model = Network(seed, dtype).to(device)
    inputs, classes = fresh(TEST, length, 10**6, device, dtype)

    seen: list[int] = []
    errors: list[float] = []
    losses: list[float] = []

    def test(after: int) -> bool:
        with torch.no_grad():
            outputs, _ = model(inputs)
        seen.append(after)
        errors.append(int((outputs.argmax(1) != classes).sum()) / TEST)
        losses.append(float(nn.functional.cross_entropy(outputs, classes)))
        return errors[-1] <= SOLVED

    test(0)
    if method in STRUCTURAL:
        optimiser = HessianFree(
            model,
            nn.CrossEntropyLoss(),
            damping=0.03,
            cg_steps=cg_steps,
            curvature_cases=CURVATURE,
            structural=STRUCTURAL[method],
            seed=1000 * seed,
        )
        for t in range(sequences // GRADIENT):
            batch = fresh(GRADIENT, length, 10**4 * seed + t, device, dtype)
            optimiser.step(lambda batch=batch: batch)
            if test((t + 1) * GRADIENT):
                break
        costs = [0.0, *(step.cost * GRADIENT for step in optimiser.log)]
        return {"sequences": seen, "errors": errors, "losses": losses, "costs": costs}

    parameters = parameters_of(model)
    theta = flatten(parameters).detach()
    solver = GradientDescent(rate) if method == "SGD" else Adam(rate)
    state = solver.init(theta)
    for t in range(sequences // BATCH):
        if t % 100 == 0:
            many, many_classes = fresh(100 * BATCH, length, 10**4 * seed + t // 100, device, dtype)
        here = slice(t % 100 * BATCH, (t % 100 + 1) * BATCH)
        theta.requires_grad_()
        outputs, _ = call_with(model, unflatten(theta, parameters), many[here])
        value = nn.functional.cross_entropy(outputs, many_classes[here])
        (grad,) = torch.autograd.grad(value, theta)
        theta, state = solver.step(theta.detach(), grad, state)
        if (t + 1) % 20 == 0:
            with torch.no_grad():
                for p, piece in zip(parameters, unflatten(theta, parameters), strict=True):
                    p.copy_(piece)
            if test((t + 1) * BATCH):
                break
    costs = [float(n) for n in seen]
    return {"sequences": seen, "errors": errors, "losses": losses, "costs": costs}


def fresh(n: int, length: int, seed: int, device: str, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return sequences that no other seed gives."""
    sequences, classes = temporal_order(n, length, seed)
    inputs = torch.tensor(sequences, dtype=dtype, device=device)
    return inputs, torch.tensor(classes, device=device)
