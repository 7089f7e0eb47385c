r"""Train one model many times at once: several solvers and several seeds side by side.

Softmax regression has one weight matrix W, a row for each feature and a column for each class. The
seeds are stacked in one tensor, and a mini-batch is gathered once for all solvers, so that a grid
of learning rates over several seeds fits in a page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from converge_lib._validation import count


@dataclass(frozen=True)
class Training:
    """What a training recorded.

    Attributes:
        passes: the cost at each record in passes over the data, shape (records,).
        losses: mean cross-entropy of the evaluated images, shape (records, solvers, seeds); NaN or
            infinite where a run diverged.
        weights: the last ones, shape (solvers, seeds, features + 1, classes); the bias comes last.
    """

    passes: np.ndarray
    losses: np.ndarray
    weights: torch.Tensor


def train_softmax_regression(
    solvers: Sequence[Any],
    images: np.ndarray,
    labels: np.ndarray,
    *,
    batch: int,
    at: Sequence[float],
    seeds: int = 3,
    schedule: Callable[[int], float] = lambda t: 1.0,
    evaluate: int = 2000,
) -> Training:
    r"""Minimise the mean cross-entropy of softmax regression from W = 0, once a solver and seed.

    The loss of an image x of class c is −log softmax(Wᵀx)_c, and its gradient x (softmax(Wᵀx) −
    e_c)ᵀ. A seed decides the order in which the images come and nothing else; all solvers see the
    same order. It is drawn anew for each pass.

    Args:
        solvers: dataclasses with ``lr``, ``init`` and ``step``, see converge_lib.descent.solvers.
        images: shape (n, ...); each is flattened, and a 1 is appended for the bias.
        labels: shape (n,), classes from 0.
        batch: images in a mini-batch; those left over at the end of a pass are not used in it.
        at: costs at which the loss is recorded, in passes over the data, rising; each is rounded to
            a whole step, and the training ends at the last.
        seeds: number of runs of each solver.
        schedule: from the step t = 0, 1, … to a factor that multiplies every solver's ``lr``.
        evaluate: the loss is recorded on the first ``evaluate`` of the images.

    Raises:
        ValueError: naming the argument, the value got and what is allowed.

    >>> from converge_lib.data import mnist
    >>> from converge_lib.descent import GradientDescent
    >>> slow, fast = GradientDescent(0.01), GradientDescent(0.1)
    >>> runs = train_softmax_regression([slow, fast], *mnist(n=200), batch=50, at=[0, 1, 2])
    >>> runs.losses.shape, round(float(runs.losses[0, 0, 0]), 3)      # at first, log 10
    ((3, 2, 3), 2.303)
    """
    n, classes = len(images), int(np.max(labels)) + 1
    if len(labels) != n:
        raise ValueError(f"labels must have one entry for each of {n} images, got {len(labels)}")
    evaluate = count("evaluate", evaluate, low=1)
    if not 1 <= count("batch", batch) <= n:
        raise ValueError(f"batch must be from 1 to the number of images, {n}, got {batch}")
    x = torch.as_tensor(images, dtype=torch.float32).reshape(n, -1)
    x = torch.cat([x, torch.ones(n, 1)], 1)
    y = torch.nn.functional.one_hot(torch.as_tensor(labels), classes).float()
    a_pass = n // batch
    records = [round(passes * a_pass) for passes in at]
    if not records or records[0] < 0 or sorted(set(records)) != records:
        raise ValueError(
            f"at must rise from 0 or more by at least a step of 1/{a_pass} pass, got {list(at)}"
        )

    weights = [torch.zeros(count("seeds", seeds, low=1), x.shape[1], classes) for _ in solvers]
    states = [solver.init(w) for solver, w in zip(solvers, weights, strict=True)]
    generators = [torch.Generator().manual_seed(seed) for seed in range(seeds)]
    losses = []
    for t in range(records[-1] + 1):
        if t in records:
            losses.append(_loss(torch.stack(weights), x[:evaluate], y[:evaluate]))
        place = t % a_pass * batch
        if place == 0:
            orders = torch.stack([torch.randperm(n, generator=g) for g in generators])
        if t == records[-1]:
            break
        chosen = orders[:, place : place + batch]
        x_batch, y_batch = x[chosen], y[chosen]
        # One product for all solvers: their weights stand side by side.
        logits = (x_batch @ torch.cat(weights, -1)).unflatten(-1, (-1, classes))
        delta = torch.softmax(logits, -1) - y_batch[:, :, None]
        grads = (x_batch.mT @ delta.flatten(-2) / batch).split(classes, -1)
        factor = schedule(t)
        for i, solver in enumerate(solvers):
            now = replace(solver, lr=factor * solver.lr)
            weights[i], states[i] = now.step(weights[i], grads[i].contiguous(), states[i])
    return Training(np.array(records) / a_pass, np.array(losses), torch.stack(weights))


def _loss(weights: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> np.ndarray:
    """Return the mean cross-entropy, shape (solvers, seeds), of weights (solvers, seeds, …)."""
    solvers, seeds, features, classes = weights.shape
    logits = (x @ weights.permute(2, 0, 1, 3).reshape(features, -1)).view(
        -1, solvers * seeds, classes
    )
    right = (logits * y[:, None]).sum(-1)
    return (torch.logsumexp(logits, -1) - right).mean(0).view(solvers, seeds).numpy()
