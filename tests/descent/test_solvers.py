"""The solvers against torch.optim, along whole trajectories and for any input."""

import math
from dataclasses import fields

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from converge_lib.descent import SOLVERS, SURFACES, Solver, surface
from converge_lib.descent.solvers import (
    Adadelta,
    AdaGrad,
    Adam,
    AdamW,
    GradientDescent,
    Momentum,
    Nesterov,
    RMSProp,
)

# Each solver with several settings, and the torch.optim constructor that it must equal.
NAMESAKES = [
    (GradientDescent(0.002), torch.optim.SGD, {"lr": 0.002}),
    (GradientDescent(0.0), torch.optim.SGD, {"lr": 0.0}),
    (Momentum(0.001, 0.9), torch.optim.SGD, {"lr": 0.001, "momentum": 0.9}),
    (Momentum(0.0005, 0.0), torch.optim.SGD, {"lr": 0.0005}),
    (Momentum(0.0002, 0.99), torch.optim.SGD, {"lr": 0.0002, "momentum": 0.99}),
    (Nesterov(0.0005, 0.9), torch.optim.SGD, {"lr": 0.0005, "momentum": 0.9, "nesterov": True}),
    (Nesterov(0.0001, 0.99), torch.optim.SGD, {"lr": 0.0001, "momentum": 0.99, "nesterov": True}),
    (AdaGrad(0.5), torch.optim.Adagrad, {"lr": 0.5}),
    (AdaGrad(0.1, 1e-3), torch.optim.Adagrad, {"lr": 0.1, "eps": 1e-3}),
    (RMSProp(0.01), torch.optim.RMSprop, {"lr": 0.01}),
    (RMSProp(0.003, 0.9, 1e-4), torch.optim.RMSprop, {"lr": 0.003, "alpha": 0.9, "eps": 1e-4}),
    (Adadelta(), torch.optim.Adadelta, {"lr": 1.0}),
    (Adadelta(5.0, 0.95, 1e-4), torch.optim.Adadelta, {"lr": 5.0, "rho": 0.95, "eps": 1e-4}),
    (Adam(0.2), torch.optim.Adam, {"lr": 0.2}),
    (
        Adam(0.05, (0.8, 0.9), 1e-3),
        torch.optim.Adam,
        {"lr": 0.05, "betas": (0.8, 0.9), "eps": 1e-3},
    ),
    (Adam(0.05, (0.0, 0.0)), torch.optim.Adam, {"lr": 0.05, "betas": (0.0, 0.0)}),
    (AdamW(0.1), torch.optim.AdamW, {"lr": 0.1}),
    (
        AdamW(0.05, (0.8, 0.99), 1e-6, 0.3),
        torch.optim.AdamW,
        {"lr": 0.05, "betas": (0.8, 0.99), "eps": 1e-6, "weight_decay": 0.3},
    ),
]
STEPS = 200
SEEDS = range(5)

namesakes = pytest.mark.parametrize(
    ("solver", "reference", "settings_of"),
    NAMESAKES,
    ids=[f"{solver}".replace(" ", "") for solver, _, _ in NAMESAKES],
)


def our_path(solver, gradient, x, steps=STEPS):
    state, path = solver.init(x), [x]
    for _ in range(steps):
        x, state = solver.step(x, gradient(x), state)
        path.append(x)
    return path


def torch_path(reference, settings_of, gradient, start, steps=STEPS):
    x = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimiser = reference([x], **settings_of)
    path = [x.detach().clone().numpy()]
    for _ in range(steps):
        x.grad = torch.from_numpy(gradient(x.detach().numpy()))
        optimiser.step()
        path.append(x.detach().clone().numpy())
    return np.array(path)


def assert_same_path(ours, theirs, tolerance=1e-12):
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert np.isfinite(theirs).all()
    scale = np.maximum(np.abs(theirs).max(), 1e-300)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * scale)


def replay(path, gradient):
    """Return a function that hands out the gradients met along ``path``, in order.

    An adaptive method close to a minimum divides noise by noise: it doubles a rounding error each
    few steps, in torch as here. Fed the same gradients, the two can differ only by their formulas.
    """
    gradients = (gradient(x) for x in path)
    return lambda _: next(gradients)


def handing_out(gradients):
    gradients = iter(gradients)
    return lambda _: next(gradients)


@namesakes
@pytest.mark.parametrize("name", list(SURFACES))
def test_equals_torch_on_every_surface(solver, reference, settings_of, name):
    ground = surface(name)
    start = ground.start * 0.9 + 0.05
    theirs = torch_path(reference, settings_of, lambda x: ground.gradient(x), start)
    assert_same_path(our_path(solver, replay(theirs, ground.gradient), start), theirs)


@namesakes
@pytest.mark.parametrize("seed", SEEDS)
def test_equals_torch_on_random_quadratics(solver, reference, settings_of, seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 51))
    root = rng.standard_normal((n, n))
    matrix = root @ root.T / n
    start = 3 * rng.standard_normal(n)

    def gradient(x):
        return matrix @ x

    theirs = torch_path(reference, settings_of, gradient, start)
    assert_same_path(our_path(solver, replay(theirs, gradient), start), theirs)
    assert_same_path(our_path(solver, gradient, start, 25), theirs[:26])


@namesakes
def test_torch_tensors_take_the_same_path_as_arrays(solver, reference, settings_of):
    rng = np.random.default_rng(3)
    start, gradients = rng.standard_normal((4, 3)), rng.standard_normal((50, 4, 3))
    ours = our_path(solver, handing_out(gradients), start, 50)
    tensors = our_path(
        solver, handing_out(torch.from_numpy(gradients)), torch.from_numpy(start), 50
    )
    assert all(isinstance(x, torch.Tensor) and x.dtype == torch.float64 for x in tensors)
    assert_same_path([x.numpy() for x in tensors], ours, 1e-14)


@namesakes
def test_nothing_passed_in_is_changed(solver, reference, settings_of):
    rng = np.random.default_rng(4)
    x, grad = rng.standard_normal((2, 5))
    _, state = solver.step(x, grad, solver.init(x))
    before = [part.copy() for part in flat(state)]
    x_before, grad_before = x.copy(), grad.copy()
    first, _ = solver.step(x, grad, state)
    second, _ = solver.step(x, grad, state)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(x, x_before)
    np.testing.assert_array_equal(grad, grad_before)
    for part, was in zip(flat(state), before, strict=True):
        np.testing.assert_array_equal(part, was)
    assert not np.shares_memory(first, x)


def flat(state):
    parts = state if isinstance(state, tuple) else (state,)
    return [np.asarray(part) for part in parts]


def test_the_table_holds_every_solver_by_its_name():
    assert list(SOLVERS) == [
        "GradientDescent",
        "Momentum",
        "Nesterov",
        "AdaGrad",
        "RMSProp",
        "Adadelta",
        "Adam",
        "AdamW",
    ]
    for name, make in SOLVERS.items():
        assert make.__name__ == name
        assert isinstance(make(), Solver)


def test_an_object_without_step_is_no_solver():
    assert not isinstance(object(), Solver)


@pytest.mark.parametrize("make", SOLVERS.values())
def test_a_solver_is_frozen_and_compares_by_value(make):
    with pytest.raises(AttributeError):
        make().lr = 1.0
    assert make(lr=0.5) == make(lr=0.5) != make(lr=0.25)


# What each hyperparameter allows, and values that it does not.
NOT_FINITE = [math.nan, math.inf, -math.inf, "0.1", None, True, 1j, [0.1]]
LIMITS = {
    "lr": ("[0, ∞)", [-1e-9]),
    "eps": ("[0, ∞)", [-1e-9]),
    "weight_decay": ("[0, ∞)", [-0.1]),
    "momentum": ("[0, 1)", [-0.1, 1, 1.0, 2]),
    "alpha": ("[0, 1)", [-0.1, 1.0]),
    "rho": ("[0, 1)", [-0.1, 1.0]),
}
BAD = [
    (make, field.name, value)
    for make in SOLVERS.values()
    for field in fields(make)
    if field.name in LIMITS
    for value in LIMITS[field.name][1] + NOT_FINITE
]


@pytest.mark.parametrize(("make", "name", "value"), BAD)
def test_a_bad_hyperparameter_is_named_with_its_value_and_what_is_allowed(make, name, value):
    allowed = "(0, ∞)" if (make, name) == (Adadelta, "eps") else LIMITS[name][0]
    with pytest.raises(ValueError) as caught:
        make(**{name: value})
    assert str(caught.value) == f"{name} must be a finite number in {allowed}, got {value!r}"


def test_adadelta_needs_a_positive_eps():
    with pytest.raises(ValueError, match=r"^eps must be a finite number in \(0, ∞\), got 0$"):
        Adadelta(eps=0)


@pytest.mark.parametrize("make", [Adam, AdamW])
@pytest.mark.parametrize(
    ("betas", "message"),
    [
        (0.9, "betas must be a pair of numbers in [0, 1), got 0.9"),
        ((0.9,), "betas must be a pair of numbers in [0, 1), got (0.9,)"),
        ((0.9, 0.99, 0.999), "betas must be a pair of numbers in [0, 1), got (0.9, 0.99, 0.999)"),
        ((1.0, 0.999), "betas[0] must be a finite number in [0, 1), got 1.0"),
        ((0.9, -0.1), "betas[1] must be a finite number in [0, 1), got -0.1"),
        ((0.9, math.nan), "betas[1] must be a finite number in [0, 1), got nan"),
    ],
)
def test_bad_betas_are_named(make, betas, message):
    with pytest.raises(ValueError) as caught:
        make(betas=betas)
    assert str(caught.value) == message


@pytest.mark.parametrize("make", SOLVERS.values())
@pytest.mark.parametrize(
    ("grad", "got"), [(np.ones((3, 1)), "(3, 1)"), (np.ones(2), "(2,)"), (1.0, "float")]
)
def test_a_gradient_of_another_shape_is_refused(make, grad, got):
    solver, x = make(), np.ones(3)
    with pytest.raises(ValueError) as caught:
        solver.step(x, grad, solver.init(x))
    assert str(caught.value) == f"grad must be an array of x's shape (3,), got {got}"


numbers = st.floats(-1e3, 1e3, allow_subnormal=False)
vectors = arrays(np.float64, 4, elements=numbers)
any_solver = st.one_of(
    [
        st.builds(GradientDescent, lr=st.floats(0, 1)),
        st.builds(Momentum, lr=st.floats(0, 1), momentum=st.floats(0, 0.999)),
        st.builds(Nesterov, lr=st.floats(0, 1), momentum=st.floats(0, 0.999)),
        st.builds(AdaGrad, lr=st.floats(0, 1)),
        st.builds(RMSProp, lr=st.floats(0, 1), alpha=st.floats(0, 0.999)),
        st.builds(Adadelta, lr=st.floats(0, 1), rho=st.floats(0, 0.999)),
        st.builds(Adam, lr=st.floats(0, 1)),
        st.builds(AdamW, lr=st.floats(0, 1), weight_decay=st.just(0.0)),
    ]
)


@given(solver=any_solver, x=vectors, grads=st.lists(vectors, min_size=1, max_size=6))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_mirrored_input_gives_the_mirrored_path(solver, x, grads):
    path = our_path(solver, handing_out(grads), x, len(grads))
    mirror = our_path(solver, handing_out([-grad for grad in grads]), -x, len(grads))
    np.testing.assert_array_equal(np.array(path), -np.array(mirror))


@given(solver=any_solver, x=vectors, grads=st.lists(vectors, min_size=1, max_size=6))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_each_coordinate_goes_its_own_way(solver, x, grads):
    whole = np.array(our_path(solver, handing_out(grads), x, len(grads)))
    for i in range(x.size):
        alone = our_path(solver, handing_out([grad[[i]] for grad in grads]), x[[i]], len(grads))
        np.testing.assert_allclose(np.array(alone)[:, 0], whole[:, i], rtol=1e-13, atol=1e-13)


@given(solver=any_solver, x=vectors)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_without_a_gradient_nothing_moves(solver, x):
    for point in our_path(solver, lambda x: 0 * x, x, 3):
        np.testing.assert_array_equal(point, x)
