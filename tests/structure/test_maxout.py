"""Maxout against torch's autograd, finite differences, closed forms and brute force."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from converge_lib.structure.maxout import (
    Maxout,
    MaxoutConv2d,
    abs_as_maxout,
    fit_convex,
    fit_difference,
    largest_error,
    maxout,
    maxout_backward,
    piecewise_linear,
    relu_as_maxout,
)

SHAPES = [(5, 3, 4, 2), (1, 1, 1, 1), (4, 3, 2, 1), (7, 1, 3, 5), (0, 3, 2, 2), (2, 6, 1, 9)]


def problem(shape, seed):
    n, d, m, k = shape
    rng = np.random.default_rng(seed)
    sizes = ((n, d), (d, m, k), (m, k), (n, m))
    return [rng.standard_normal(size) for size in sizes]


def by_torch(x, W, b, upstream):
    x, W, b = (torch.tensor(a, requires_grad=True) for a in (x, W, b))
    h = (torch.einsum("nd,dmk->nmk", x, W) + b).max(-1).values
    h.backward(torch.tensor(upstream))
    return [h.detach().numpy(), *(a.grad.numpy() for a in (x, W, b))]


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("shape", SHAPES)
def test_equals_autograd(shape, seed):
    x, W, b, upstream = problem(shape, seed)
    ours = [maxout(x, W, b), *maxout_backward(x, W, b, upstream)]
    for mine, theirs in zip(ours, by_torch(x, W, b, upstream), strict=True):
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_gradient_by_differences(seed):
    *arrays, upstream = problem((6, 3, 4, 3), seed)
    gradients = maxout_backward(*arrays, upstream)
    for array, gradient in zip(arrays, gradients, strict=True):
        for place in np.ndindex(array.shape):
            values = []
            for shift in (1e-6, -1e-6):
                array[place] += shift
                values.append(np.sum(upstream * maxout(*arrays)))
                array[place] -= shift
            assert gradient[place] == pytest.approx((values[0] - values[1]) / 2e-6, abs=1e-7)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_first_of_equal_pieces_wins_as_in_torch(seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(-1, 2, (50, 2)).astype(float)
    W = rng.integers(-1, 2, (2, 3, 4)).astype(float)
    b, upstream = np.zeros((3, 4)), rng.standard_normal((50, 3))
    z = np.einsum("nd,dmk->nmk", x, W)
    assert ((z == z.max(-1, keepdims=True)).sum(-1) > 1).mean() > 0.3
    for mine, theirs in zip(
        maxout_backward(x, W, b, upstream), by_torch(x, W, b, upstream)[1:], strict=True
    ):
        np.testing.assert_allclose(mine, theirs, atol=1e-12)


def test_all_pieces_equal_send_the_gradient_to_the_first_alone():
    _, _, by_b = maxout_backward(np.ones((1, 2)), np.ones((2, 1, 3)), np.zeros((1, 3)), [[2.0]])
    assert by_b.tolist() == [[2.0, 0.0, 0.0]]


def test_one_piece_is_a_linear_layer():
    x, W, b, upstream = problem((5, 3, 4, 1), 0)
    close = {
        "rtol": 1e-12,
        "atol": 1e-13,
    }  # sums of four terms, which may cancel
    np.testing.assert_allclose(maxout(x, W, b), x @ W[..., 0] + b[:, 0], **close)
    np.testing.assert_allclose(
        maxout_backward(x, W, b, upstream)[0], upstream @ W[..., 0].T, **close
    )


def test_relu_and_abs_and_their_slopes():
    x = np.array([-3.0, -1e-300, 0.0, 2.5])[:, None]
    ones = np.ones((4, 1))
    assert maxout(x, *relu_as_maxout()).tolist() == np.maximum(x, 0).tolist()
    assert maxout(x, *abs_as_maxout()).tolist() == np.abs(x).tolist()
    at = torch.tensor(x, requires_grad=True)
    at.relu().sum().backward()
    assert maxout_backward(x, *relu_as_maxout(), ones)[0].tolist() == at.grad.tolist()
    slopes = maxout_backward(x, *abs_as_maxout(), ones)[0]
    assert slopes.ravel().tolist() == [-1, -1, -1, 1]


def test_not_a_number_is_not_hidden_by_the_maximum():
    assert np.isnan(maxout([[np.nan]], *relu_as_maxout())).all()


@pytest.mark.parametrize(
    ("x", "W", "b", "message"),
    [
        (np.ones((2, 3)), np.ones((3, 4)), np.ones(4), r"W must have shape \(d, m, k\).*\(3, 4\)"),
        (np.ones((2, 3)), np.ones((3, 4, 0)), np.ones((4, 0)), "k of at least 1"),
        (np.ones((2, 3)), np.ones((3, 4, 2)), np.ones((2, 4)), r"b must have shape .*\(4, 2\)"),
        (np.ones((2, 3)), np.ones((3, 4, 2)), np.ones(2), "b must have shape"),
        (np.ones((2, 5)), np.ones((3, 4, 2)), np.ones((4, 2)), r"x must have shape \(n, 3\)"),
        (np.ones(3), np.ones((3, 4, 2)), np.ones((4, 2)), "x must have shape"),
    ],
)
def test_shapes_that_do_not_fit(x, W, b, message):
    with pytest.raises(ValueError, match=message):
        maxout(x, W, b)
    with pytest.raises(ValueError, match=message):
        maxout_backward(x, W, b, np.ones((2, 4)))


def test_upstream_of_another_shape():
    x, W, b, upstream = problem((5, 3, 4, 2), 0)
    with pytest.raises(ValueError, match=r"upstream must have shape \(5, 4\), got \(4, 5\)"):
        maxout_backward(x, W, b, upstream.T)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_layer_equals_the_definition(seed):
    torch.manual_seed(seed)
    layer = Maxout(3, 4, pieces=5).double()
    x = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    W = layer.linear.weight.detach().numpy().T.reshape(3, 4, 5)
    b = layer.linear.bias.detach().numpy().reshape(4, 5)
    h = layer(x)
    upstream = torch.randn_like(h)
    h.backward(upstream)
    np.testing.assert_allclose(h.detach(), maxout(x.detach(), W, b), atol=1e-12)
    by_x, by_W, by_b = maxout_backward(x.detach(), W, b, upstream)
    np.testing.assert_allclose(x.grad, by_x, atol=1e-12)
    np.testing.assert_allclose(layer.linear.weight.grad.T.reshape(3, 4, 5), by_W, atol=1e-12)
    np.testing.assert_allclose(layer.linear.bias.grad.reshape(4, 5), by_b, atol=1e-12)


def test_the_layer_takes_any_leading_axes():
    layer = Maxout(3, 4, pieces=2)
    x = torch.randn(2, 5, 3)
    assert torch.allclose(layer(x)[1, 2], layer(x[1, 2]))
    assert layer(x).shape == (2, 5, 4)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1}, {"stride": (1, 3)}])
def test_the_convolution_is_the_layer_on_every_patch(options, seed):
    torch.manual_seed(seed)
    layer = MaxoutConv2d(2, 3, pieces=4, kernel_size=(3, 2), **options).double()
    images = torch.randn(5, 2, 9, 8, dtype=torch.float64)
    patches = functional.unfold(images, (3, 2), **options).movedim(1, -1)
    W = layer.convolution.weight.detach().reshape(3, 4, 12).permute(2, 0, 1)
    b = layer.convolution.bias.detach().reshape(3, 4)
    by_hand = maxout(patches.reshape(-1, 12), W, b).reshape(5, -1, 3)
    maps = layer(images)
    np.testing.assert_allclose(maps.detach().flatten(2).movedim(1, -1), by_hand, atol=1e-12)
    assert torch.allclose(layer(images[0]), maps[0])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Maxout(0, 1, 2),
        lambda: Maxout(3, 4, 0),
        lambda: Maxout(3, 4, 1.5),
        lambda: MaxoutConv2d(1, 0, 2, 3),
        lambda: MaxoutConv2d(1, 2, -1, 3),
    ],
)
def test_layers_of_impossible_sizes(make):
    with pytest.raises(ValueError, match="must be a whole number of at least 1"):
        make()


def test_a_layer_learns():
    torch.manual_seed(0)
    layer = nn.Sequential(Maxout(1, 1, pieces=4))
    x = torch.linspace(-1, 1, 101)[:, None]
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.03)
    for _ in range(300):
        optimizer.zero_grad()
        loss = (layer(x) - x.square()).square().mean()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1 * 4 / 45  # a tenth of the best line's


CONVEX = {
    "square": np.square,
    "exp": np.exp,
    "fourth": lambda x: x**4,
    "minus-root": lambda x: -np.sqrt(x + 2.1),
    "huber": lambda x: np.where(np.abs(x) < 0.5, x**2, np.abs(x) - 0.25),
    "far": lambda x: (x + 1e4) ** 2,
}


@pytest.mark.parametrize("k", [1, 2, 3, 5, 8, 32])
@pytest.mark.parametrize(("low", "high"), [(-1, 1), (0, 3), (-7.5, 2.25), (-1.5, 1.5)])
def test_the_error_for_the_square_is_known(low, high, k):
    W, b = fit_convex(np.square, (low, high), k)
    assert W.shape == (1, 1, k)
    assert b.shape == (1, k)
    exact = (high - low) ** 2 / (8 * k**2)
    # a grid of 32 · 15 · m points meets the middle of every stretch
    assert largest_error(np.square, W, b, (low, high), 14_401) == pytest.approx(exact, rel=1e-7)
    # the k tangents at the middles of k equal stretches, half their largest gap higher
    middles = low + (np.arange(k) + 0.5) * (high - low) / k
    np.testing.assert_allclose(W[0, 0], 2 * middles, atol=1e-5)


def test_minus_root_has_a_known_error_too():
    for k in (1, 2, 3, 4):
        W, b = fit_convex(lambda x: -np.sqrt(x), (0, 1), k)
        # one line on [p², q²] errs by (q − p)²/(8(p + q)): equal for q − p = d, 2d, …, kd, by d/8,
        # and d(1 + … + k) = 1
        error = largest_error(lambda x: -np.sqrt(x), W, b, (0, 1), 100_001)
        assert error == pytest.approx(1 / (4 * k * (k + 1)), rel=1e-4)


def test_the_error_falls_as_one_over_k_squared():
    ks = np.array([1, 2, 4, 8, 16])
    for fit, first in ((fit_convex, 0.5), (fit_difference, 1.0)):
        errors = [largest_error(np.square, *fit(np.square, (-1, 1), k), (-1, 1)) for k in ks]
        slope = np.polyfit(np.log(ks), np.log(errors), 1)[0]
        assert slope == pytest.approx(-2, abs=1e-5)
        assert errors[0] == pytest.approx(first, rel=1e-7)


@pytest.mark.parametrize("k", [1, 2, 3, 7])
@pytest.mark.parametrize("name", CONVEX)
def test_the_errors_alternate(name, k):
    """+e, −e, +e, … at 2k + 1 places: with that, no k lines do better."""
    f = CONVEX[name]
    W, b = fit_convex(f, (-2, 1.5), k)
    x = np.linspace(-2, 1.5, 400_001)
    gap = f(x) - maxout(x[:, None], W, b)[:, 0]
    error = np.abs(gap).max()
    extremes = gap[np.abs(gap) > error * (1 - 1e-3)]
    alternations = 1 + np.count_nonzero(np.diff(np.sign(extremes)))
    assert alternations == 2 * k + 1
    assert np.all(np.diff(W[0, 0]) > 0)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_other_lines_are_better(seed):
    rng = np.random.default_rng(seed)
    W, b = fit_convex(np.exp, (-1, 2), 3)
    best = largest_error(np.exp, W, b, (-1, 2))
    for scale in (1e-4, 1e-2, 1):
        for _ in range(30):
            other = (
                W + scale * rng.standard_normal(W.shape),
                b + scale * rng.standard_normal((1, 3)),
            )
            assert largest_error(np.exp, *other, (-1, 2)) > best - 1e-9


@pytest.mark.parametrize("k", [1, 2, 5])
def test_a_line_is_met_exactly(k):
    W, b = fit_convex(lambda x: 3 * x - 1, (-2, 5), k)
    assert W.tolist() == [[[3.0] * k]]
    np.testing.assert_allclose(b, -1, rtol=1e-12)


def test_a_broken_line_is_met_exactly_when_there_are_pieces_enough():
    def f(x):
        return np.maximum(np.abs(x - 0.3), 2 * x - 1)

    for k in (3, 4, 10):
        assert largest_error(f, *fit_convex(f, (-1, 2.3), k), (-1, 2.3)) < 1e-12
    assert largest_error(f, *fit_convex(f, (-1, 2.3), 2), (-1, 2.3)) > 0.01


@pytest.mark.parametrize("k", [2, 3, 5])
def test_a_corner_that_all_but_meets_the_end(k):
    def f(x):
        return np.maximum(0.3 * x, 1e6 * (x - 2.2499))

    ends = (-7.5, 2.25)
    assert largest_error(f, *fit_convex(f, ends, k), ends, 100_001) < 1e-8  # of 100


@pytest.mark.parametrize("f", [np.sin, np.tanh, lambda x: -np.square(x), np.cbrt])
def test_targets_that_are_not_convex(f):
    with pytest.raises(ValueError, match=r"f must be convex on .* near x = .*fit_difference"):
        fit_convex(f, (-1, 2), 3)
    errors = [largest_error(f, *fit_difference(f, (-1, 2), k), (-1, 2)) for k in (4, 16, 64, 256)]
    assert all(after < before for before, after in pairwise(errors))


@pytest.mark.parametrize("k", [1, 2, 3, 10, 50])
def test_the_difference_is_the_interpolant(k):
    def f(x):
        return np.sin(3 * x) + np.abs(x - 0.2)

    W, b = fit_difference(f, (-2, 3), k)
    assert W.shape == (1, 2, k)
    assert b.shape == (2, k)
    knots, x = np.linspace(-2, 3, k + 1), np.linspace(-2, 3, 2001)
    h = maxout(x[:, None], W, b)
    np.testing.assert_allclose(h[:, 0] - h[:, 1], np.interp(x, knots, f(knots)), atol=1e-11)
    assert np.all(np.diff(W[0]) >= 0)


@pytest.mark.parametrize("k", [4, 9, 33])
def test_the_error_of_the_difference_is_bounded(k):
    error = largest_error(np.sin, *fit_difference(np.sin, (0, 6), k), (0, 6))
    assert 0.7 * 36 / (8 * k**2) < error <= 36 / (8 * k**2)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_any_broken_line_is_the_difference_of_two_units(seed):
    rng = np.random.default_rng(seed)
    knots, values = np.sort(rng.uniform(-5, 5, 12)), rng.standard_normal(12)
    W, b = piecewise_linear(knots, values)
    x = np.concatenate([knots, rng.uniform(knots[0], knots[-1], 500)])
    h = maxout(x[:, None], W, b)
    np.testing.assert_allclose(
        h[:, 0] - h[:, 1], np.interp(x, knots, values), atol=1e-12 * np.abs(W).max() * 5
    )


@pytest.mark.parametrize("fit", [fit_convex, fit_difference])
@pytest.mark.parametrize(
    ("f", "interval", "k", "message"),
    [
        (np.square, (1, 1), 2, r"interval\[1\] must be"),
        (np.square, (2, 1), 2, r"interval\[1\] must be"),
        (np.square, (0, np.inf), 2, r"interval\[1\] must be"),
        (np.square, (0, 1, 2), 2, "interval must be"),
        (np.square, 1, 2, r"interval must be \(low, high\), got 1"),
        (np.square, (0, 1), 0, "k must be a whole number"),
        (np.square, (0, 1), 2.0, "k must be a whole number"),
        (np.log, (0, 1), 2, "f must be finite on .* at x = 0"),
        (lambda x: np.full_like(x, np.nan), (0, 1), 2, "f must be finite"),
        (lambda x: 1.0, (0, 1), 2, "f must return the shape"),
    ],
)
def test_fits_refuse(fit, f, interval, k, message):
    with pytest.raises(ValueError, match=message):
        fit(f, interval, k)


@pytest.mark.parametrize(
    ("knots", "values", "message"),
    [
        ([0.0], [1.0], "knots must be two numbers or more"),
        ([0, 0, 1], [1, 2, 3], "that increase"),
        ([1, 0], [1, 2], "that increase"),
        ([0, np.nan], [1, 2], "that increase"),
        ([0, np.inf], [1, 2], "knots must be finite"),
        ([0, 1], [1, 2, 3], r"values must be finite, of shape \(2,\)"),
        ([0, 1], [1, np.inf], "values must be finite"),
    ],
)
def test_knots_that_cannot_be_joined(knots, values, message):
    with pytest.raises(ValueError, match=message):
        piecewise_linear(knots, values)


@pytest.mark.parametrize("shape", [(1, 3, 2), (1, 0, 2), (2, 1, 2)])
def test_the_error_of_other_units_is_not_defined(shape):
    with pytest.raises(ValueError, match=r"W must be of one unit or of two, for one input, got"):
        largest_error(np.square, np.ones(shape), np.ones(shape[1:]), (0, 1))


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda x: x[:, None], r"f must return the shape that it gets, got \(10001, 1\)"),
        (lambda x: 1.0, "f must return the shape"),
        (np.log, "f must be finite on .* at x = 0"),
    ],
)
def test_the_error_for_what_is_no_function_on_the_interval(f, message):
    with pytest.raises(ValueError, match=message):
        largest_error(f, *abs_as_maxout(), (0, 1))
