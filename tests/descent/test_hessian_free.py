"""Hessian-free: its parts against their definitions, the whole against gradient descent."""

import copy
import io
import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

from converge_lib.data import curves
from converge_lib.descent.curvature import (
    PerCase,
    flatten,
    gauss_newton,
    parameters_of,
    squared_gradients,
)
from converge_lib.descent.hessian_free import HessianFree, hessian_free, sparse_init
from converge_lib.descent.objective import Objective
from converge_lib.descent.surfaces import SURFACES, quadratic, rosenbrock

F64 = torch.float64
SQUARED = PerCase(nn.MSELoss(reduction="sum"))


def rosenbrock_by_gauss_newton():
    surface = rosenbrock()

    def product(x, v):
        jacobian = np.array([[-20 * x[0], 10], [-1, 0]])  # of the residuals 10 (y − x²), 1 − x
        return 2 * jacobian.T @ (jacobian @ v)

    return Objective(surface.fun, surface.gradient, hvp=product)


@pytest.mark.parametrize("name", sorted(SURFACES))
def test_reaches_a_stationary_point_of_every_surface(name):
    surface = SURFACES[name]()
    result = hessian_free(surface, surface.start, steps=200)
    assert result.reason == "converged"
    assert np.linalg.norm(surface.gradient(result.x)) <= 1e-8
    assert (np.diff(result.values) < 0).all()
    np.testing.assert_allclose(result.values, surface.fun(result.path), rtol=1e-12, atol=1e-15)
    assert result.costs[-1] == result.counts.cost
    assert (np.diff(result.costs) > 0).all()


def test_gauss_newton_crosses_rosenbrocks_valley_in_under_30_steps():
    result = hessian_free(rosenbrock_by_gauss_newton(), [-1.2, 1.0])
    assert result.reason == "converged"
    assert result.first_below(1e-8) < 30


def test_the_log_tells_of_every_iteration():
    surface = rosenbrock()
    objective = Objective.of(surface)
    result = hessian_free(objective, surface.start, damping=2.0)
    log = result.log
    assert log[0].damping == 2.0
    assert log[0].loss == surface.fun(surface.start)
    assert log[-1].cost == result.counts.cost
    assert [i.loss for i in log if i.rate > 0] == pytest.approx(list(result.values[:-1]))
    for before, after in itertools.pairwise(log):
        up = before.ratio < 0.25 or before.cg_reason == "negative curvature"
        factor = 1.5 if up else 1 / 1.5 if before.ratio > 0.75 else 1
        assert after.damping == pytest.approx(factor * before.damping)
        assert len(before.cg_path) == before.cg_steps


def test_ratio_and_first_step_equal_the_dense_definitions():
    surface = rosenbrock()
    x, damping = surface.start, 3.0
    result = hessian_free(surface, x, damping=damping, steps=1)
    first = result.log[0]
    g, hessian = surface.gradient(x), surface.hessian(x)
    exact = -np.linalg.solve(hessian + damping * np.eye(2), g)
    np.testing.assert_allclose(first.cg_path[-1], exact, rtol=1e-8)
    # backtracking: the iterate before the last is no worse here
    assert surface.fun(x + first.cg_path[0]) < surface.fun(x + first.cg_path[1])
    p = result.path[1] - x
    np.testing.assert_allclose(p, first.cg_path[0])
    promised = g @ p + p @ hessian @ p / 2  # without λ
    assert first.ratio == pytest.approx((surface.fun(x + p) - surface.fun(x)) / promised)


@pytest.mark.parametrize(
    ("ratio", "factor"), [(0.2, 1.5), (0.3, 1), (0.7, 1), (0.8, 1 / 1.5), (-1, 1.5), (2, 1 / 1.5)]
)
def test_damping_follows_the_ratio(ratio, factor):
    # B = 1, λ = 1, g = −1: p = ½, and the model without λ promises −½ + ⅛
    lying = Objective(
        lambda x: -0.375 * ratio * (x[0] > 0), lambda x: -np.ones(1), hvp=lambda x, v: v
    )
    log = hessian_free(lying, np.zeros(1), damping=1.0, steps=2).log
    assert log[0].ratio == pytest.approx(ratio)
    assert log[1].damping == pytest.approx(factor)


def test_negative_curvature_raises_the_damping_until_there_is_a_minimum():
    surface = SURFACES["himmelblau"]()
    result = hessian_free(surface, np.array([-0.27, -0.92]), damping=1.0)  # its local maximum
    stayed = [i for i in result.log if i.cg_reason == "negative curvature" and i.rate == 0]
    assert stayed
    assert all(i.ratio == -math.inf for i in stayed)
    assert result.reason == "converged"
    assert result.fun < 1e-12


def test_stationary_start_and_no_steps():
    assert hessian_free(quadratic(), np.zeros(2)).reason == "converged"
    result = hessian_free(rosenbrock(), [-1.2, 1.0], steps=2)
    assert (result.reason, len(result.log)) == ("steps", 2)


def test_products_of_an_objective_are_counted_and_fall_back_on_the_hessian():
    surface = rosenbrock()
    objective = Objective.of(surface)
    x, v = surface.start, np.array([2.0, -1.0])
    np.testing.assert_allclose(objective.hvp(x, v), surface.hessian(x) @ v)
    assert (objective.counts.hvp, objective.counts.fun) == (1, 0)
    own = Objective(surface.fun, hessian=surface.hessian, hvp=lambda x, v: 7 * v)
    np.testing.assert_array_equal(own.hvp(x, v), 7 * v)


def test_objectives_that_fail():
    nan_gradient = Objective(lambda x: 1.0, lambda x: x * np.nan, hvp=lambda x, v: v)
    assert hessian_free(nan_gradient, np.ones(2)).reason == "diverged"
    nan_products = Objective(lambda x: x @ x, lambda x: 2 * x, hvp=lambda x, v: v * np.nan)
    result = hessian_free(nan_products, np.ones(2), steps=5)
    assert (result.reason, result.steps) == ("steps", 0)
    assert result.log[-1].cg_reason == "diverged"
    with pytest.raises(ValueError, match="this method needs the objective's hessian"):
        hessian_free(Objective(lambda x: x @ x, lambda x: 2 * x), np.ones(2))
    with pytest.raises(ValueError, match=r"hvp must return shape \(2,\), got \(3,\)"):
        hessian_free(
            Objective(lambda x: x @ x, lambda x: 2 * x, hvp=lambda x, v: np.ones(3)), np.ones(2)
        )
    with pytest.raises(ValueError, match="damping must be"):
        hessian_free(quadratic(), np.ones(2), damping=0)


def classifier(seed, dtype=F64):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)).to(dtype)
    inputs = torch.randn(40, 4).to(dtype)
    return model, inputs, (inputs[:, :3] + 0.3 * torch.randn(40, 3).to(dtype)).argmax(1)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_trains_a_classifier_in_either_precision(seed, dtype):
    model, inputs, targets = classifier(seed, dtype)
    optimiser = HessianFree(model, nn.CrossEntropyLoss(), damping=1.0, curvature_cases=20)
    losses = [optimiser.step(lambda: (inputs, targets)) for _ in range(30)]
    assert losses[-1] < 0.1 * losses[0]
    assert (np.diff(losses) <= 0).all()
    assert all(p.dtype == dtype for p in model.parameters())


def test_first_step_equals_the_dense_definition():
    model, inputs, targets = classifier(0)
    loss, damping = nn.CrossEntropyLoss(), 2.0
    theta = flatten(parameters_of(model)).detach().clone()
    n = len(theta)
    g = flatten(torch.autograd.grad(loss(model(inputs), targets), list(model.parameters())))
    product = gauss_newton(model, loss, inputs, targets)
    curvature = torch.stack([product(row) for row in torch.eye(n, dtype=F64)])
    optimiser = HessianFree(model, loss, damping=damping, cg_steps=200)
    optimiser.step(lambda: (inputs, targets))
    moved = flatten(parameters_of(model)).detach() - theta
    p = -torch.linalg.solve(curvature + damping * torch.eye(n, dtype=F64), g)
    # truncated where the model falls by less than 5e-4 an iteration: close, not equal
    assert (moved - p).norm() < 0.05 * p.norm()
    promised = g @ moved + moved @ curvature @ moved / 2
    with torch.no_grad():
        fell = loss(model(inputs), targets) - optimiser.log[0].loss
    assert optimiser.log[0].rate == 1
    assert optimiser.log[0].ratio == pytest.approx(float(fell / promised), rel=1e-9)


def test_preconditioner_is_martens(monkeypatch):
    model, inputs, targets = classifier(0)
    squares = squared_gradients(model, nn.CrossEntropyLoss(), inputs, targets)
    seen = {}

    def spy(product, b, start, *, preconditioner, **options):
        seen["ones"] = preconditioner(torch.ones_like(b))
        return original(product, b, start, preconditioner=preconditioner, **options)

    import converge_lib.descent.hessian_free as module

    original = module.linear_cg
    monkeypatch.setattr(module, "linear_cg", spy)
    HessianFree(model, nn.CrossEntropyLoss(), damping=3.0).step(lambda: (inputs, targets))
    torch.testing.assert_close(seen["ones"], 1 / (squares + 3.0) ** 0.75)


def test_warm_start_is_the_last_solution_decayed(monkeypatch):
    import converge_lib.descent.hessian_free as module

    original, starts, ends = module.linear_cg, [], []

    def spy(product, b, start, **options):
        starts.append(start)
        ends.append(original(product, b, start, **options))
        return ends[-1]

    monkeypatch.setattr(module, "linear_cg", spy)
    model, inputs, targets = classifier(0)
    optimiser = HessianFree(model, nn.CrossEntropyLoss(), decay=0.9)
    for _ in range(3):
        optimiser.step(lambda: (inputs, targets))
    assert starts[0] is None
    torch.testing.assert_close(starts[1], 0.9 * ends[0].x)
    torch.testing.assert_close(starts[2], 0.9 * ends[1].x)
    starts.clear()
    ends.clear()
    hessian_free(rosenbrock(), [-1.2, 1.0], steps=2)
    assert starts[0] is None
    np.testing.assert_allclose(starts[1], 0.95 * ends[0].x)


def test_cost_counts_gradient_losses_and_products_times_their_share():
    model, inputs, targets = classifier(0)
    calls = {"full": 0}

    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = model

        def forward(self, x):
            calls["full"] += len(x) == 40
            return self.inner(x)

    optimiser = HessianFree(Counting(), nn.CrossEntropyLoss(), curvature_cases=10)
    optimiser.step(lambda: (inputs, targets))
    entry = optimiser.log[0]
    losses = calls["full"] - 1  # one of the passes over all cases belongs to the gradient
    # the start is zero, so that a product is made for every iteration, and no other
    expected = 1 + losses / 3 + (1 + 1 + 4 / 3 * entry.cg_steps) * 10 / 40
    assert entry.cost == pytest.approx(expected)
    optimiser.step(lambda: (inputs, targets))
    assert optimiser.log[1].cost > entry.cost


def training(model, optimiser, batch, steps):
    for _ in range(steps):
        optimiser.step(lambda: batch)
    return flatten(parameters_of(model)).detach().clone()


@pytest.mark.parametrize("seed", [0, 1])
def test_resumed_training_is_bit_identical(seed):
    model, inputs, targets = classifier(seed, torch.float32)
    settings = {"damping": 1.0, "curvature_cases": 15, "seed": seed}
    optimiser = HessianFree(model, nn.CrossEntropyLoss(), **settings)
    training(model, optimiser, (inputs, targets), 4)
    file = io.BytesIO()
    torch.save({"model": model.state_dict(), "optimiser": optimiser.state_dict()}, file)
    expected = training(model, optimiser, (inputs, targets), 4)

    file.seek(0)
    saved = torch.load(file)
    other, _, _ = classifier(seed + 10, torch.float32)
    other.load_state_dict(saved["model"])
    resumed = HessianFree(other, nn.CrossEntropyLoss())
    resumed.load_state_dict(saved["optimiser"])
    assert torch.equal(training(other, resumed, (inputs, targets), 4), expected)
    assert resumed.log == optimiser.log[4:]


def test_mini_batches_are_drawn_anew_by_the_seed():
    results = []
    for seed in (0, 0, 1):
        model, inputs, targets = classifier(0)
        optimiser = HessianFree(model, nn.CrossEntropyLoss(), curvature_cases=5, seed=seed)
        results.append(training(model, optimiser, (inputs, targets), 3))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_every_step_has_a_mini_batch_of_its_own(monkeypatch):
    import converge_lib.descent.hessian_free as module

    original, seen = module.gauss_newton, []

    def spy(model, loss, inputs, targets):
        seen.append(inputs.clone())
        assert len(inputs) == len(targets) == 12
        return original(model, loss, inputs, targets)

    monkeypatch.setattr(module, "gauss_newton", spy)
    model, inputs, targets = classifier(0)
    optimiser = HessianFree(model, nn.CrossEntropyLoss(), curvature_cases=12)
    training(model, optimiser, (inputs, targets), 3)
    assert not torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[1], seen[2])


def test_frozen_and_tied_parameters():
    model, inputs, targets = classifier(0)
    model[0].requires_grad_(False)
    before = copy.deepcopy(model[0].weight)
    optimiser = HessianFree(model, nn.CrossEntropyLoss(), damping=1.0)
    losses = [optimiser.step(lambda: (inputs, targets)) for _ in range(8)]
    assert torch.equal(model[0].weight, before)
    assert losses[-1] < losses[0]

    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = self.second = nn.Linear(4, 4).to(F64)

        def forward(self, x):
            return self.second(torch.tanh(self.first(x)))

    tied = Tied()
    optimiser = HessianFree(tied, SQUARED, damping=1.0)
    losses = [optimiser.step(lambda: (inputs, inputs)) for _ in range(8)]
    assert losses[-1] < losses[0]
    assert tied.first.weight is tied.second.weight


def test_zero_gradient_stays():
    model = nn.Linear(3, 2).to(F64)
    inputs = torch.randn(5, 3, dtype=F64)
    targets = model(inputs).detach()
    before = flatten(parameters_of(model)).detach().clone()
    optimiser = HessianFree(model, SQUARED)
    assert optimiser.step(lambda: (inputs, targets)) == 0
    torch.testing.assert_close(flatten(parameters_of(model)).detach(), before)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_loss_that_is_not_finite_is_refused_and_nothing_changes(bad):
    model, inputs, targets = classifier(0)
    inputs[3, 1] = bad
    before = flatten(parameters_of(model)).detach().clone()
    optimiser = HessianFree(model, nn.CrossEntropyLoss())
    with pytest.raises(ValueError, match="loss and gradient must be finite before a step, got"):
        optimiser.step(lambda: (inputs, targets))
    assert torch.equal(flatten(parameters_of(model)).detach(), before)


@pytest.mark.parametrize("beyond", [torch.inf, torch.nan])
def test_a_step_into_the_infinite_is_shortened(beyond):
    class Cliff(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.tensor([[1e-3]], dtype=F64))

        def forward(self, x):
            return torch.where(self.w < 0.5, x @ self.w, beyond)

    x = torch.ones(2, 1, dtype=F64)
    model = Cliff()
    optimiser = HessianFree(model, SQUARED, damping=1e-6)
    optimiser.step(lambda: (x, x))
    assert optimiser.log[0].rate < 1
    assert optimiser.log[0].ratio == -math.inf
    assert 1e-3 < float(model.w.detach()) < 0.5


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.out = nn.Linear(2 + 6, 6), nn.Linear(6, 2)

    def forward(self, x):
        h, states = x.new_zeros(len(x), 6), []
        for t in range(x.shape[1]):
            h = torch.tanh(self.cell(torch.cat([x[:, t], h], 1)))
            states.append(h)
        return self.out(h), torch.stack(states, 1)


def test_structural_damping_is_in_the_steps_curvature_and_not_in_the_ratios():
    torch.manual_seed(0)
    model = Recurrent().to(F64)
    inputs = torch.randn(30, 6, 2, dtype=F64)
    targets = (inputs[:, 0, 0] > 0).long()
    loss, parameters = nn.CrossEntropyLoss(), parameters_of(model)
    theta = flatten(parameters).detach().clone()
    value = loss(model(inputs)[0], targets)
    g = flatten(torch.autograd.grad(value, parameters))
    product = gauss_newton(model, loss, inputs, targets)
    eye = torch.eye(len(theta), dtype=F64)
    plain = torch.stack([product(row) for row in eye])
    damped = torch.stack([product(row, 0.5 * 4.0) for row in eye]) + 0.5 * eye
    optimiser = HessianFree(model, loss, damping=0.5, structural=4.0, cg_steps=300)
    optimiser.step(lambda: (inputs, targets))
    moved = flatten(parameters_of(model)).detach() - theta
    exact = -torch.linalg.solve(damped, g)
    assert optimiser.log[0].rate == 1
    assert (moved - exact).norm() < 0.1 * exact.norm()
    promised = g @ moved + moved @ plain @ moved / 2
    fell = loss(model(inputs)[0], targets) - value
    assert optimiser.log[0].ratio == pytest.approx(float((fell / promised).detach()), rel=1e-6)


def test_structural_damping_holds_the_hidden_states():
    changes = []
    for structural in (0.0, 1.0, 100.0):
        torch.manual_seed(0)
        model = Recurrent().to(F64)
        inputs = torch.randn(30, 6, 2, dtype=F64)
        targets = (inputs[:, 0, 0] > 0).long()
        before = model(inputs)[1].detach()
        optimiser = HessianFree(model, nn.CrossEntropyLoss(), damping=0.1, structural=structural)
        optimiser.step(lambda batch=(inputs, targets): batch)
        changes.append(float((model(inputs)[1].detach() - before).norm()))
        losses = [optimiser.step(lambda batch=(inputs, targets): batch) for _ in range(10)]
        assert losses[-1] < losses[0]
    assert changes[0] > changes[1] > changes[2]


def deep_autoencoder(seed):
    sizes = [64, 24, 12, 4, 12, 24, 64]
    layers = []
    for i, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
        layers.append(nn.Linear(fan_in, fan_out))
        if i != 2:
            layers.append(nn.Sigmoid())
    generator = torch.Generator().manual_seed(seed)
    return sparse_init(nn.Sequential(*layers), 8, generator=generator)


@pytest.mark.parametrize("seed", [0, 1])
def test_leaves_gradient_descent_behind_on_a_deep_sigmoid_autoencoder(seed):
    images = torch.tensor(curves(300, 8, seed)).reshape(300, -1)
    mean_image = float((images - images.mean(0)).square().sum() / 300)
    model = deep_autoencoder(seed)
    optimiser = HessianFree(model, SQUARED, damping=10.0, cg_steps=30, curvature_cases=100)
    while not optimiser.log or optimiser.log[-1].cost < 400:
        loss = optimiser.step(lambda: (images, images))

    best = math.inf
    for rate in (0.01, 0.03, 0.1, 0.3):
        other = deep_autoencoder(seed)
        sgd = torch.optim.SGD(other.parameters(), lr=rate)
        for _ in range(400):
            sgd.zero_grad()
            value = SQUARED(other(images), images)
            value.backward()
            sgd.step()
        best = min(best, float(value.detach()))
    assert loss < 0.6 * best
    assert loss < 0.5 * mean_image


@pytest.mark.parametrize("shape", [(50, 100), (7, 20), (9, 4)])
@pytest.mark.parametrize("bias", [True, False])
def test_sparse_init(shape, bias):
    out, fan_in = shape
    layer = nn.Linear(fan_in, out, bias=bias)
    generator = torch.Generator().manual_seed(3)
    assert sparse_init(layer, generator=generator) is layer
    assert ((layer.weight != 0).sum(1) == min(15, fan_in)).all()
    if bias:
        assert not layer.bias.any()
    again = sparse_init(nn.Linear(fan_in, out), generator=generator.manual_seed(3))
    assert torch.equal(layer.weight, again.weight)


def test_sparse_init_draws_from_a_unit_normal_and_connects_evenly():
    layer = sparse_init(nn.Linear(60, 4000), generator=torch.Generator().manual_seed(0))
    weights = layer.weight[layer.weight != 0]
    assert abs(float(weights.mean().detach())) < 0.02
    assert abs(float(weights.std().detach()) - 1) < 0.02
    used = (layer.weight != 0).sum(0).float()
    assert (used - 1000).abs().max() < 150


def test_sparse_init_refuses():
    with pytest.raises(ValueError, match=r"module must contain a torch\.nn\.Linear"):
        sparse_init(nn.Tanh())
    with pytest.raises(ValueError, match="connections must be"):
        sparse_init(nn.Linear(2, 2), 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"damping": 0.0}, "damping must be a finite number in"),
        ({"cg_steps": 0}, "cg_steps must be"),
        ({"curvature_cases": 0}, "curvature_cases must be"),
        ({"structural": -1.0}, "structural must be"),
        ({"boost": 0.5}, "boost must be"),
        ({"decay": 1.5}, "decay must be"),
        ({"exponent": 2.0}, "exponent must be"),
        ({"seed": -1}, "seed must be"),
        ({"model": nn.Tanh()}, "model must have a parameter with requires_grad"),
    ],
)
def test_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        HessianFree(**({"model": nn.Linear(2, 1), "loss": nn.MSELoss()} | change))


def test_refuses_batches_and_losses():
    optimiser = HessianFree(nn.Linear(2, 1), nn.MSELoss())
    with pytest.raises(ValueError, match="closure must be a function that returns a batch"):
        optimiser.step((torch.ones(3, 2), torch.ones(3, 1)))
    with pytest.raises(ValueError, match="got 3 inputs and 2 targets"):
        optimiser.step(lambda: (torch.ones(3, 2), torch.ones(2, 1)))
    with pytest.raises(ValueError, match="got 0 inputs and 0 targets"):
        optimiser.step(lambda: (torch.ones(0, 2), torch.ones(0, 1)))
    with pytest.raises(ValueError, match="loss must be MSELoss"):
        HessianFree(nn.Linear(2, 1), nn.L1Loss()).step(lambda: (torch.ones(3, 2), torch.ones(3, 1)))
    with pytest.raises(ValueError, match=r"model must return \(outputs, hidden\)"):
        HessianFree(nn.Linear(2, 1), nn.MSELoss(), structural=1.0).step(
            lambda: (torch.ones(3, 2), torch.ones(3, 1))
        )


def test_a_gradient_whose_length_overflows_is_a_divergence():
    steep = Objective(
        lambda x: float(np.exp(x @ x)),
        gradient=lambda x: 2 * x * np.exp(x @ x),
        hessian=lambda x: 2 * np.exp(x @ x) * (np.eye(len(x)) + 2 * np.outer(x, x)),
    )
    result = hessian_free(steep, np.array([19.0, 1.0]))
    assert (result.reason, result.steps) == ("diverged", 0)
