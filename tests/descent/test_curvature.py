"""Curvature products against dense matrices, in float64.

The references are formed from ``torch.autograd.functional``: H by ``hessian``, G from the dense
Jacobian and the dense curvature of the loss in its outputs, F from a loop over the cases.
"""

import copy
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from converge_lib.descent import curvature
from converge_lib.descent.curvature import (
    PerCase,
    empirical_fisher,
    empirical_fisher_vp,
    flatten,
    gauss_newton,
    gnvp,
    hessian,
    hvp,
    hvp_finite_difference,
    hvp_forward_over_reverse,
    lanczos,
    output_curvature,
    parameters_of,
    squared_gradients,
    unflatten,
)

F64 = torch.float64


class Tied(nn.Module):
    """An autoencoder whose decoder is the encoder's transpose."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(5, 3)
        self.bias = nn.Parameter(torch.zeros(5))

    def forward(self, x):
        return torch.sigmoid(self.encoder(x)) @ self.encoder.weight + self.bias


class SharedLayer(nn.Module):
    """One module under two names."""

    def __init__(self):
        super().__init__()
        self.first = self.second = nn.Linear(4, 4)

    def forward(self, x):
        return self.second(torch.tanh(self.first(x)))


class Twice(nn.Module):
    """One parameter under two names of the same module."""

    def __init__(self):
        super().__init__()
        self.encoder = self.decoder = nn.Parameter(torch.randn(3, 3))

    def forward(self, x):
        return torch.tanh(x @ self.encoder) @ self.decoder.T


class Recurrent(nn.Module):
    """A recurrent network that shows its hidden states."""

    def __init__(self):
        super().__init__()
        self.cell = nn.Linear(2 + 4, 4)
        self.out = nn.Linear(4, 3)

    def forward(self, x):
        h, states = x.new_zeros(len(x), 4), []
        for t in range(x.shape[1]):
            h = torch.tanh(self.cell(torch.cat([x[:, t], h], 1)))
            states.append(h)
        return self.out(h), torch.stack(states, 1)


class Unused(nn.Module):
    """One parameter that nothing depends on, and one that the loss sees linearly."""

    def __init__(self):
        super().__init__()
        self.layer, self.idle = nn.Linear(3, 2), nn.Parameter(torch.ones(4))
        self.shift = nn.Parameter(torch.ones(2))

    def forward(self, x):
        return self.layer(x) + self.shift


def frozen():
    net = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3), nn.Tanh(), nn.Linear(3, 2))
    net[2].requires_grad_(False)
    net[4].bias.requires_grad_(False)
    return net


def non_contiguous():
    net = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))
    net[0].weight = nn.Parameter(torch.randn(4, 6).T)
    assert not net[0].weight.is_contiguous()
    return net


def convolutional():
    return nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1), nn.Tanh(), nn.Conv2d(3, 2, 2), nn.Flatten(), nn.Linear(18, 3)
    )


def dropout_off():
    return nn.Sequential(
        nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Sigmoid(), nn.Dropout(0.5), nn.Linear(5, 3)
    ).eval()


def classes(n, k):
    return torch.randint(k, (n,))


# name: (network, inputs, targets, loss)
CASES = {
    "softmax": lambda: (
        nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)),
        torch.randn(6, 4),
        classes(6, 3),
        nn.CrossEntropyLoss(),
    ),
    "softmax-functional": lambda: (
        nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)),
        torch.randn(6, 4),
        classes(6, 3),
        functional.cross_entropy,
    ),
    "softmax-weights-smoothing-ignored": lambda: (
        nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)),
        torch.randn(6, 4),
        torch.tensor([0, 1, -100, 2, 1, -100]),
        nn.CrossEntropyLoss(weight=torch.tensor([0.5, 2.0, 1.0]), label_smoothing=0.2),
    ),
    "softmax-shares-weights-smoothing": lambda: (
        nn.Sequential(nn.Linear(4, 3)),
        torch.randn(6, 4),
        torch.randn(6, 3).softmax(1),
        nn.CrossEntropyLoss(weight=torch.tensor([0.5, 2.0, 1.0]), label_smoothing=0.1),
    ),
    "softmax-over-a-map": lambda: (
        nn.Conv2d(2, 3, 3),
        torch.randn(2, 2, 5, 4),
        torch.randint(3, (2, 3, 2)),
        nn.CrossEntropyLoss(weight=torch.tensor([0.5, 2.0, 1.0]), reduction="sum"),
    ),
    "logistic": lambda: (
        nn.Sequential(nn.Linear(4, 5), nn.Sigmoid(), nn.Linear(5, 2)),
        torch.randn(6, 4),
        torch.rand(6, 2),
        nn.BCEWithLogitsLoss(),
    ),
    "logistic-weights": lambda: (
        nn.Sequential(nn.Linear(4, 5), nn.Sigmoid(), nn.Linear(5, 2)),
        torch.randn(6, 4),
        torch.rand(6, 2),
        nn.BCEWithLogitsLoss(
            weight=torch.tensor([0.3, 2.0]), pos_weight=torch.tensor([3.0, 0.5]), reduction="sum"
        ),
    ),
    "squared": lambda: (
        nn.Sequential(nn.Linear(4, 5), nn.Softplus(), nn.Linear(5, 2)),
        torch.randn(6, 4),
        torch.randn(6, 2),
        nn.MSELoss(),
    ),
    "squared-per-case": lambda: (
        nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2), nn.Sigmoid()),
        torch.randn(6, 4),
        torch.randn(6, 2),
        PerCase(nn.MSELoss(reduction="sum")),
    ),
    "squared-of-a-vector": lambda: (
        nn.Sequential(nn.Linear(4, 1), nn.Flatten(0)),
        torch.randn(6, 4),
        torch.randn(6),
        functional.mse_loss,
    ),
    "logistic-functional-one-case": lambda: (
        nn.Sequential(nn.Linear(4, 2), nn.Tanh(), nn.Linear(2, 1)),
        torch.randn(1, 4),
        torch.ones(1, 1),
        functional.binary_cross_entropy_with_logits,
    ),
    "tied": lambda: (Tied(), torch.rand(4, 5), torch.rand(4, 5), nn.MSELoss(reduction="sum")),
    "shared-layer": lambda: (
        SharedLayer(),
        torch.randn(3, 4),
        classes(3, 4),
        nn.CrossEntropyLoss(),
    ),
    "twice": lambda: (Twice(), torch.randn(4, 3), torch.randn(4, 3), nn.MSELoss()),
    "frozen": lambda: (frozen(), torch.randn(5, 4), classes(5, 2), nn.CrossEntropyLoss()),
    "non-contiguous": lambda: (
        non_contiguous(),
        torch.randn(4, 7).T,
        torch.rand(3, 7).T,
        nn.BCEWithLogitsLoss(),
    ),
    "convolutional": lambda: (
        convolutional(),
        torch.randn(2, 4, 4, 2).permute(0, 3, 1, 2),
        classes(2, 3),
        nn.CrossEntropyLoss(),
    ),
    "dropout-off": lambda: (dropout_off(), torch.randn(5, 4), classes(5, 3), nn.CrossEntropyLoss()),
    "recurrent": lambda: (Recurrent(), torch.randn(4, 5, 2), classes(4, 3), nn.CrossEntropyLoss()),
    "unused": lambda: (Unused(), torch.randn(4, 3), torch.randn(4, 2), nn.MSELoss()),
}
DATA = [(name, seed) for name in CASES for seed in (0, 1)]


def make(name, seed):
    torch.manual_seed(seed)
    model, inputs, targets, loss = CASES[name]()
    model = model.to(F64)
    if isinstance(loss, nn.Module):
        loss = loss.to(F64)
    to = (lambda t: t.to(F64)) if targets.is_floating_point() else (lambda t: t)
    return model, loss, inputs.to(F64), to(targets)


def outputs_from(model, inputs, which=0):
    """θ → z, and the present θ. A copy gets pieces of θ for its parameters."""
    parameters = parameters_of(model)
    place = {id(p): i for i, p in enumerate(parameters)}

    def forward(theta):
        pieces = unflatten(theta, parameters)
        twin = copy.deepcopy(model)
        for module, original in zip(twin.modules(), model.modules(), strict=True):
            for name, p in list(original._parameters.items()):
                if id(p) in place:
                    del module._parameters[name]
                    setattr(module, name, pieces[place[id(p)]])
        z = twin(inputs)
        return z if isinstance(z, torch.Tensor) else z[which]

    return forward, flatten(parameters).detach()


def dense(product, n):
    return torch.stack([product(row) for row in torch.eye(n, dtype=F64)], 1)


def close(ours, reference, tolerance=1e-10):
    torch.testing.assert_close(ours, reference, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("name", "seed"), DATA)
def test_hessian(name, seed):
    model, loss, inputs, targets = make(name, seed)
    forward, theta = outputs_from(model, inputs)
    reference = torch.autograd.functional.hessian(lambda t: loss(forward(t), targets), theta)
    close(dense(hessian(model, loss, inputs, targets), len(theta)), reference)
    v = torch.randn_like(theta)
    close(hvp(model, loss, inputs, targets, v), reference @ v)
    close(hvp_forward_over_reverse(model, loss, inputs, targets, v), reference @ v)
    rough = hvp_finite_difference(model, loss, inputs, targets, v)
    close(rough, reference @ v, 1e-6)


@pytest.mark.parametrize(("name", "seed"), DATA)
def test_gauss_newton(name, seed):
    model, loss, inputs, targets = make(name, seed)
    forward, theta = outputs_from(model, inputs)
    z = forward(theta)
    jacobian = torch.autograd.functional.jacobian(forward, theta).reshape(z.numel(), -1)
    inner = torch.autograd.functional.hessian(lambda z: loss(z, targets), z.detach())
    inner = inner.reshape(z.numel(), z.numel())
    reference = jacobian.T @ inner @ jacobian
    close(dense(gauss_newton(model, loss, inputs, targets), len(theta)), reference)
    v = torch.randn_like(theta)
    close(gnvp(model, loss, inputs, targets, v), reference @ v)
    u = torch.randn_like(z)
    close(output_curvature(loss, z, targets)(u).reshape(-1), inner @ u.reshape(-1), 1e-12)


@pytest.mark.parametrize(
    ("name", "seed"),
    # a case's own loss is not defined where the mean is weighted or skips cases
    [(n, s) for n, s in DATA if n != "softmax-weights-smoothing-ignored"],
)
def test_empirical_fisher_and_squared_gradients(name, seed, monkeypatch):
    model, loss, inputs, targets = make(name, seed)
    rows = []
    for x, target in zip(inputs, targets, strict=True):
        z = model(x[None])
        z = z if isinstance(z, torch.Tensor) else z[0]
        value = loss(z, target[None])
        gradient = torch.autograd.grad(value, parameters_of(model), materialize_grads=True)
        rows.append(flatten(gradient))
    g = torch.stack(rows)
    scale = 1 if getattr(loss, "reduction", "mean") == "sum" else len(inputs)
    reference = g.T @ g / scale
    close(dense(empirical_fisher(model, loss, inputs, targets), g.shape[1]), reference)
    v = torch.randn(g.shape[1], dtype=F64)
    close(empirical_fisher_vp(model, loss, inputs, targets, v), reference @ v)
    close(squared_gradients(model, loss, inputs, targets), g.square().sum(0))
    monkeypatch.setattr(curvature, "ELEMENTWISE", ())  # without the shortcut for plain networks
    for held in (1, 2 * g.shape[1], 2**24):  # one case at a time, two, all
        monkeypatch.setattr(curvature, "HELD", held)
        close(squared_gradients(model, loss, inputs, targets), g.square().sum(0))


def test_squared_gradients_take_no_shortcut_where_it_would_be_wrong():
    torch.manual_seed(0)
    layer = nn.Linear(4, 4, dtype=F64)
    normed = torch.nn.utils.parametrizations.weight_norm(nn.Linear(4, 4, dtype=F64))
    x, y = torch.randn(5, 4, dtype=F64), torch.randn(5, 4, dtype=F64)
    for model in (
        nn.Sequential(layer, nn.Tanh(), layer),  # a layer that is used twice
        nn.Sequential(layer, nn.Softmax(1)),
        nn.Sequential(normed, nn.Tanh()),
    ):
        rows = [
            flatten(
                torch.autograd.grad(nn.MSELoss()(model(a[None]), b[None]), [*model.parameters()])
            )
            for a, b in zip(x, y, strict=True)
        ]
        close(squared_gradients(model, nn.MSELoss(), x, y), torch.stack(rows).square().sum(0))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_gauss_newton_is_positive_semidefinite_and_the_hessian_is_not(seed):
    model, loss, inputs, targets = make("softmax", seed)
    product = gauss_newton(model, loss, inputs, targets)
    n = len(flatten(parameters_of(model)))
    torch.manual_seed(seed)
    for _ in range(200):
        v = torch.randn(n, dtype=F64)
        assert v @ product(v) >= -1e-10
    values = torch.linalg.eigvalsh(dense(hessian(model, loss, inputs, targets), n))
    assert values[0] < -1e-4


@pytest.mark.parametrize("seed", [0, 1])
def test_structural_damping(seed):
    model, loss, inputs, targets = make("recurrent", seed)
    hidden, theta = outputs_from(model, inputs, which=1)
    jacobian = torch.autograd.functional.jacobian(hidden, theta).reshape(-1, len(theta))
    product = gauss_newton(model, loss, inputs, targets)
    v = torch.randn_like(theta)
    close(product(v, 0.7), product(v) + 0.7 * jacobian.T @ (jacobian @ v) / len(inputs))
    with pytest.raises(ValueError, match="structural must be a finite number in"):
        product(v, -1.0)


def test_structural_damping_needs_hidden_states():
    model, loss, inputs, targets = make("softmax", 0)
    v = flatten(parameters_of(model)).detach()
    with pytest.raises(ValueError, match=r"model must return \(outputs, hidden\)"):
        gauss_newton(model, loss, inputs, targets)(v, 0.5)


def test_a_dropout_mask_is_kept_by_the_product():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 50), nn.Dropout(0.5), nn.Linear(50, 3)).to(F64)
    batch = nn.CrossEntropyLoss(), torch.randn(6, 4, dtype=F64), classes(6, 3)
    v = torch.randn(len(flatten(parameters_of(model))), dtype=F64)
    for make_product in (hessian, gauss_newton, empirical_fisher):
        product, other = make_product(model, *batch), make_product(model, *batch)
        assert torch.equal(product(v), product(v))
        assert not torch.allclose(product(v), other(v))


@pytest.mark.parametrize("name", ["shared-layer", "tied", "twice", "frozen"])
def test_the_model_is_left_as_it_was(name):
    model, loss, inputs, targets = make(name, 0)
    before = [(n, id(p), p.detach().clone()) for n, p in model.named_parameters()]
    v = torch.ones_like(flatten(parameters_of(model)).detach())
    for one_product in (hvp, hvp_forward_over_reverse, hvp_finite_difference, gnvp):
        one_product(model, loss, inputs, targets, v)
    squared_gradients(model, loss, inputs, targets)
    for (n, identity, value), (name, p) in zip(before, model.named_parameters(), strict=True):
        assert (n, identity) == (name, id(p))
        assert torch.equal(value, p)


@pytest.mark.parametrize("product", [hvp_forward_over_reverse, gnvp])
@pytest.mark.parametrize("category", [DeprecationWarning, FutureWarning])
def test_what_torch_deprecates_in_itself_is_not_told(product, category):
    """Of its own rules, that is; what a model warns of is its owner's to know."""

    class Noisy(nn.Linear):
        says = "`torch.jit.script` is deprecated"

        def forward(self, x):
            warnings.warn(self.says, category, stacklevel=2)
            return super().forward(x)

    model = Noisy(3, 2).to(F64)
    batch = nn.MSELoss(), torch.ones(4, 3, dtype=F64), torch.zeros(4, 2, dtype=F64)
    v = torch.ones(8, dtype=F64)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        product(model, *batch, v)
        assert told == []
        model.says = "this layer is deprecated"
        product(model, *batch, v)
    assert {str(one.message) for one in told} == {"this layer is deprecated"}


def test_products_outlive_a_change_of_the_gradients_and_leave_none():
    model, loss, inputs, targets = make("softmax", 0)
    with torch.no_grad():
        product = gauss_newton(model, loss, inputs, targets)
    v = torch.ones_like(flatten(parameters_of(model)).detach())
    first = product(v)
    loss(model(inputs), targets).backward()
    assert torch.equal(product(v), first)
    assert not first.requires_grad
    model.zero_grad(set_to_none=True)
    hvp(model, loss, inputs, targets, v)
    gnvp(model, loss, inputs, targets, v)
    squared_gradients(model, loss, inputs, targets)
    assert all(p.grad is None for p in model.parameters())


def test_changed_parameters_are_not_mixed_with_recorded_ones():
    model, loss, inputs, targets = make("softmax", 0)
    product = gauss_newton(model, loss, inputs, targets)
    with torch.no_grad():
        model[2].weight.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        product(torch.ones_like(flatten(parameters_of(model)).detach()))


class Doubled(nn.MSELoss):
    def forward(self, outputs, targets):
        return 2 * super().forward(outputs, targets)


class Cubic:
    def __call__(self, outputs, targets):
        return ((outputs - targets) ** 3).sum()

    def output_curvature(self, outputs, targets):
        return lambda u: 6 * (outputs - targets) * u


@pytest.mark.parametrize(
    "loss",
    [
        nn.L1Loss(),
        nn.NLLLoss(),
        nn.BCELoss(),
        nn.HuberLoss(),
        Doubled(),
        nn.MSELoss(reduction="none"),
        lambda outputs, targets: outputs.sum(),
        functional.l1_loss,
        None,
        "mse",
    ],
)
def test_unknown_output_curvature_is_refused(loss):
    model = nn.Linear(2, 2)
    with pytest.raises(ValueError, match="loss must be MSELoss, BCEWithLogitsLoss or CrossEntropy"):
        gauss_newton(model, loss, torch.ones(3, 2), torch.zeros(3, 2))


def test_a_loss_may_bring_its_own_output_curvature():
    torch.manual_seed(0)
    model = nn.Linear(2, 2).to(F64)
    batch = Cubic(), torch.randn(3, 2, dtype=F64), torch.randn(3, 2, dtype=F64)
    v = torch.randn(6, dtype=F64)
    # linear, so that G = H
    close(gnvp(model, *batch, v), hvp(model, *batch, v))


def test_any_loss_has_a_hessian_and_a_fisher_matrix():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).to(F64)
    batch = nn.SmoothL1Loss(beta=0.5), torch.randn(5, 3, dtype=F64), torch.randn(5, 2, dtype=F64)
    v = torch.randn(26, dtype=F64)
    close(hvp(model, *batch, v), hvp_finite_difference(model, *batch, v), 1e-6)
    assert v @ empirical_fisher_vp(model, *batch, v) > 0


LINE = nn.Linear(2, 2)
BATCH = nn.MSELoss(), torch.ones(3, 2), torch.zeros(3, 2)


@pytest.mark.parametrize(
    "one_product",
    [
        hvp,
        hvp_forward_over_reverse,
        hvp_finite_difference,
        gnvp,
        empirical_fisher_vp,
    ],
)
@pytest.mark.parametrize("v", [torch.ones(5), torch.ones(6, 1), np.ones(6), None])
def test_vector_of_the_wrong_shape(one_product, v):
    with pytest.raises((ValueError, TypeError), match=r"vector must be a tensor of shape \(6,\)"):
        one_product(LINE, *BATCH, v)


@pytest.mark.parametrize(
    "one_product",
    [hvp, hvp_forward_over_reverse, hvp_finite_difference, empirical_fisher_vp],
)
def test_loss_that_is_no_scalar(one_product):
    with pytest.raises(ValueError, match=r"loss must return a scalar, got shape \(3, 2\)"):
        one_product(LINE, nn.MSELoss(reduction="none"), *BATCH[1:], torch.ones(6))


def test_models_that_cannot_be_used():
    with pytest.raises(ValueError, match=r"model must be a torch\.nn\.Module"):
        gauss_newton(lambda x: x, *BATCH)
    with pytest.raises(ValueError, match="must have a parameter with requires_grad, got none"):
        hessian(nn.Linear(2, 2).requires_grad_(False), *BATCH)
    with pytest.raises(ValueError, match="model must return a tensor or a pair"):
        gauss_newton(nn.LSTM(2, 2), nn.MSELoss(), torch.ones(3, 2), torch.zeros(3, 2)) and None
    with pytest.raises(ValueError, match="reduction='sum'"):
        PerCase(nn.MSELoss())


def test_zero_vector():
    for one_product in (hvp, hvp_finite_difference, gnvp, empirical_fisher_vp):
        assert torch.equal(one_product(LINE, *BATCH, torch.zeros(6)), torch.zeros(6))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_other_precisions(dtype):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).to(dtype)
    x, y = torch.randn(5, 3).to(dtype), torch.randn(5, 2).to(dtype)
    v = torch.randn(26).to(dtype)
    ours = gauss_newton(model, nn.MSELoss(), x, y)(v)
    assert ours.dtype == dtype
    exact = gauss_newton(model.to(F64), nn.MSELoss(), x.to(F64), y.to(F64))(v.to(F64))
    assert (ours.to(F64) - exact).norm() < 30 * torch.finfo(dtype).eps * exact.norm()


def symmetric(n, seed, values=None):
    torch.manual_seed(seed)
    q, _ = torch.linalg.qr(torch.randn(n, n, dtype=F64))
    values = torch.randn(n, dtype=F64) if values is None else values
    return (q * values) @ q.T, values.sort().values


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_lanczos_with_all_steps_is_the_whole_spectrum(seed):
    matrix, values = symmetric(30, seed)
    found = lanczos(lambda v: matrix @ v, torch.randn(30, dtype=F64), steps=30)
    close(found.values, values, 1e-9)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_lanczos_finds_the_extremes_first_and_bounds_its_error(seed):
    spread = torch.cat(
        [torch.linspace(-1, 1, 296, dtype=F64), torch.tensor([-5.0, 4, 7, 20]).to(F64)]
    )
    matrix, values = symmetric(300, seed, spread)
    found = lanczos(lambda v: matrix @ v, torch.randn(300, dtype=F64), steps=40)
    close(found.values[-1], values[-1], 1e-8)
    close(found.values[0], values[0], 1e-8)
    for value, vector, residual in zip(found.values, found.vectors.T, found.residuals, strict=True):
        close((matrix @ vector - value * vector).norm(), residual, 1e-9)
        assert (values - value).abs().min() <= residual + 1e-9


def test_lanczos_keeps_its_basis_orthogonal_long_after_convergence():
    values = torch.logspace(0, -12, 200, dtype=F64)
    matrix, _ = symmetric(200, 0, values)
    found = lanczos(lambda v: matrix @ v, torch.ones(200, dtype=F64), steps=150)
    k = len(found.values)
    close(found.vectors.T @ found.vectors, torch.eye(k, dtype=F64), 1e-12)
    assert (found.values > 0.9).sum() == 1  # a lost orthogonality shows the largest again and again


def test_lanczos_ends_with_an_invariant_subspace():
    diagonal = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=F64)
    found = lanczos(lambda v: diagonal * v, torch.tensor([1.0, 0.0, 1.0, 0.0], dtype=F64))
    close(found.values, torch.tensor([1.0, 3.0], dtype=F64))
    assert found.residuals.max() < 1e-14
    assert lanczos(lambda v: 0 * v, torch.ones(3)).values.tolist() == [0.0]


def test_lanczos_of_a_networks_curvature():
    model, loss, inputs, targets = make("softmax", 0)
    product = hessian(model, loss, inputs, targets)
    n = len(flatten(parameters_of(model)))
    values = torch.linalg.eigvalsh(dense(product, n))
    found = lanczos(product, torch.randn(n, dtype=F64), steps=n)
    close(found.values[[0, -1]], values[[0, -1]], 1e-8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start": torch.zeros(3)}, "start must not be zero"),
        ({"start": torch.ones(3, 1)}, "start must be a finite vector"),
        ({"start": torch.tensor([1.0, np.nan])}, "start must be a finite vector"),
        ({"product": lambda v: v[:2]}, r"product must return a finite vector of shape \(3,\)"),
        ({"product": lambda v: v * np.nan}, "product must return a finite vector"),
        ({"steps": 0}, "steps must be"),
    ],
)
def test_lanczos_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        lanczos(**({"product": lambda v: v, "start": torch.ones(3)} | arguments))


def test_the_package_does_not_import_torch():
    import subprocess
    import sys

    code = "import sys, converge_lib.descent; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert curvature.torch is torch
