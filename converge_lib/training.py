r"""Train classifiers: softmax regression many times at once, or any network once.

Softmax regression has one weight matrix W, a row for each feature and a column for each class. The
seeds are stacked in one tensor, and a mini-batch is gathered once for all solvers, so that a grid
of learning rates over several seeds fits in a page. Any other network is trained alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

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


def train_classifier(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    optimiser: torch.optim.Optimizer,
    epochs: int,
    batch: int = 100,
    seed: int = 0,
    updates: int | None = None,
    after_update: Callable[[], None] = lambda: None,
) -> list[float]:
    r"""Minimise the mean cross-entropy of a network's scores; return the loss at each update.

    The learning rate follows one cycle: from 1/25 of the optimiser's own it rises to that over the
    first three tenths of all updates, and falls to nearly nothing along a cosine. The images come
    in a new random order in each epoch; those left over at the end of one are not used in it.

    Args:
        network: network(images) gives scores, shape (n, classes). It is trained in place, in
            ``train()`` mode, and left in ``eval()`` mode.
        images: shape (n, ...), on the network's device.
        labels: shape (n,), classes from 0, on the same device.
        optimiser: of the network's parameters; its ``lr`` is the peak of the cycle, and is so
            again when the training is over.
        epochs: passes over the images, for which the cycle is laid out.
        batch: images in an update.
        seed: of the order of the images, and of what the network draws, such as dropout.
        updates: stop after so many, as if the rest were still to come.
        after_update: called after each, to keep weights within a norm, say.

    Raises:
        ValueError: naming the argument, the value got and what is allowed.

    Source: the cycle is Smith and Topin's (2017), section 3, as ``torch.optim.lr_scheduler`` has
    it. Deviation: momentum stays as it is.

    >>> images, labels = torch.eye(2), torch.tensor([0, 1])
    >>> network = nn.Linear(2, 2)
    >>> adam = torch.optim.Adam(network.parameters(), lr=0.1)
    >>> losses = train_classifier(network, images, labels, optimiser=adam, epochs=100, batch=2)
    >>> len(losses), accuracy(network, images, labels)
    (100, 1.0)
    """
    if len(labels) != len(images):
        raise ValueError(
            f"labels must have one entry for each of {len(images)} images, got {len(labels)}"
        )
    batch = count("batch", batch, low=1)
    if batch > len(images):
        raise ValueError(f"batch must be at most the number of images, {len(images)}, got {batch}")
    a_pass = len(images) // batch
    total = count("epochs", epochs, low=1) * a_pass
    wanted = total if updates is None else count("updates", updates, low=1)
    if wanted > total:
        raise ValueError(f"updates must be at most {total}, all of {epochs} epochs, got {updates}")
    seed = count("seed", seed)
    peaks = [group["lr"] for group in optimiser.param_groups]
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=peaks, total_steps=total, cycle_momentum=False
    )
    order = torch.Generator().manual_seed(seed)
    losses: list[Tensor] = []
    network.train()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for t in range(wanted):
            place = t % a_pass * batch
            if place == 0:
                shuffled = torch.randperm(len(images), generator=order).to(images.device)
            chosen = shuffled[place : place + batch]
            optimiser.zero_grad()
            loss = nn.functional.cross_entropy(network(images[chosen]), labels[chosen])
            loss.backward()
            optimiser.step()
            after_update()
            if t + 1 < total:
                schedule.step()
            losses.append(loss.detach())
    for group, peak in zip(optimiser.param_groups, peaks, strict=True):
        group["lr"] = peak
    network.eval()
    return torch.stack(losses).tolist()


def accuracy(network: nn.Module, images: Tensor, labels: Tensor, *, batch: int = 500) -> float:
    """Return the share of images whose highest score is that of their label.

    Args:
        network: network(images) gives scores, shape (n, classes); it is run as it is, so call
            ``eval()`` first if it was in training.
        images: shape (n, ...), at least one.
        labels: shape (n,).
        batch: images at a time.

    >>> accuracy(nn.Identity(), torch.eye(3), torch.tensor([0, 1, 1]))
    0.6666666666666666
    """
    if not len(images) == len(labels) > 0:
        raise ValueError(
            "labels must have one entry for each image, and there must be one, "
            f"got {len(labels)} for {len(images)}"
        )
    batch = count("batch", batch, low=1)
    with torch.no_grad():
        best = torch.cat([network(part).argmax(1) for part in images.split(batch)])
    return (best == labels).sum().item() / len(labels)
