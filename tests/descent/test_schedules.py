"""Schedules against torch.optim.lr_scheduler, and at their ends."""

import math

import pytest
import torch

from converge_lib.descent.schedules import cosine, inverse_root, step_decay, warm_up


def factors_of(scheduler, steps, **arguments):
    """The factors by which a scheduler of torch's multiplies a rate of 1."""
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = scheduler(optimiser, **arguments)
    factors = []
    for _ in range(steps):
        factors.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    return factors


@pytest.mark.parametrize(
    ("ours", "theirs", "arguments"),
    [
        (lambda t: step_decay(t, 7, 0.3), "StepLR", {"step_size": 7, "gamma": 0.3}),
        (lambda t: step_decay(t, 1), "StepLR", {"step_size": 1, "gamma": 0.1}),
        (lambda t: cosine(t, 30), "CosineAnnealingLR", {"T_max": 30}),
        (
            lambda t: warm_up(t, 12),
            "LinearLR",
            {"start_factor": 1 / 12, "total_iters": 11},
        ),
        (inverse_root, "LambdaLR", {"lr_lambda": lambda t: (t + 1) ** -0.5}),
    ],
)
def test_equals_torch(ours, theirs, arguments):
    expected = factors_of(getattr(torch.optim.lr_scheduler, theirs), 30, **arguments)
    assert [ours(t) for t in range(30)] == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_cosine_ends_at_zero_and_stays_there():
    assert cosine(0, 10) == 1
    assert cosine(5, 10) == pytest.approx(0.5)
    assert cosine(10, 10) == cosine(11, 10) == cosine(10**9, 10) == 0


def test_warm_up_wastes_no_step_and_may_be_absent():
    assert warm_up(0, 5) == 0.2
    assert warm_up(4, 5) == warm_up(5, 5) == 1
    assert warm_up(0, 0) == warm_up(0, 1) == 1


def test_inverse_root_begins_at_one():
    assert inverse_root(0) == 1
    assert inverse_root(99) == 1 / math.sqrt(100)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: step_decay(-1, 5), "t must be a whole number of at least 0, got -1"),
        (lambda: step_decay(0, 0), "every must be a whole number of at least 1, got 0"),
        (lambda: step_decay(0, 5, 0.0), r"factor must be a finite number in \(0, 1\], got 0.0"),
        (lambda: cosine(0, 0), "steps must be a whole number of at least 1, got 0"),
        (lambda: cosine(0.5, 10), "t must be a whole number"),
        (lambda: warm_up(0, -1), "steps must be a whole number of at least 0, got -1"),
        (lambda: inverse_root(math.nan), "t must be a whole number"),
    ],
)
def test_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()
