"""The sparse autoencoder against its definition in NumPy, case by case, and by differences."""

import numpy as np
import pytest
import torch

from converge_lib.pretraining.sparse_autoencoder import SparseAutoencoder


def parameters(network):
    return [p.detach().numpy() for p in network.parameters()]


def by_hand(network, x, rho, beta, decay):
    """J with a loop over the cases."""
    w, b, v, c = parameters(network)
    sigmoid = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731 - a formula
    activity, error = np.zeros(len(b)), 0.0
    for case in x:
        hidden = sigmoid(w @ case + b)
        activity += hidden / len(x)
        error += 0.5 * np.sum((sigmoid(v @ hidden + c) - case) ** 2) / len(x)
    kl = rho * np.log(rho / activity) + (1 - rho) * np.log((1 - rho) / (1 - activity))
    return error + decay / 2 * (np.sum(w**2) + np.sum(v**2)) + beta * kl.sum(), kl


@pytest.fixture(params=[0, 1, 2])
def inputs(request):
    return np.random.default_rng(request.param).uniform(0.1, 0.9, (13, 7))


@pytest.mark.parametrize(
    ("rho", "beta", "decay"), [(0.01, 3.0, 1e-4), (0.3, 0.5, 0.1), (0.05, 0.0, 0.0)]
)
def test_equals_the_definition(inputs, rho, beta, decay):
    network = SparseAutoencoder(
        7, 4, sparsity=rho, sparsity_weight=beta, weight_decay=decay, seed=3
    )
    for p in network.parameters():
        torch.nn.init.normal_(p, generator=torch.Generator().manual_seed(1))
    x = torch.tensor(inputs)
    value, kl = by_hand(network, inputs, rho, beta, decay)
    assert network.loss(x).item() == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(network.penalty(x).detach(), kl, rtol=1e-12)


def test_gradient_by_differences(inputs):
    network = SparseAutoencoder(7, 4, weight_decay=0.1, seed=1)
    x = torch.tensor(inputs)
    gradients = torch.autograd.grad(network.loss(x), list(network.parameters()))
    for p, gradient in zip(network.parameters(), gradients, strict=True):
        for place in np.ndindex(p.shape):
            values = []
            for shift in (1e-5, -1e-5):
                with torch.no_grad():
                    p[place] += shift
                    values.append(network.loss(x).item())
                    p[place] -= shift
            slope = (values[0] - values[1]) / 2e-5
            assert gradient[place].item() == pytest.approx(slope, rel=1e-6, abs=1e-8)


def test_forward_reconstructs(inputs):
    network = SparseAutoencoder(7, 4, seed=2)
    w, b, v, c = parameters(network)
    hidden = 1 / (1 + np.exp(-(inputs @ w.T + b)))
    expected = 1 / (1 + np.exp(-(hidden @ v.T + c)))
    np.testing.assert_allclose(network(torch.tensor(inputs)).detach(), expected, rtol=1e-12)


def test_the_penalty_is_zero_at_its_target_and_only_there():
    network = SparseAutoencoder(3, 2, sparsity=0.2)
    with torch.no_grad():
        network.encoder.weight.zero_()
        network.encoder.bias.copy_(torch.logit(torch.tensor([0.2, 0.3])))
    low, high = network.penalty(torch.rand(5, 3, dtype=torch.float64)).tolist()
    assert abs(low) < 1e-12 and high > 0.02


def test_on_a_mini_batch_the_penalty_is_larger_on_average(inputs):
    network = SparseAutoencoder(7, 4, seed=0)
    for p in network.parameters():
        torch.nn.init.normal_(p, generator=torch.Generator().manual_seed(1))
    x = torch.tensor(inputs)[:12]
    parts = [network.penalty(part).sum().item() for part in x.split(3)]
    assert np.mean(parts) > network.penalty(x).sum().item() + 1e-3


def test_the_start():
    bound = np.sqrt(6 / (64 + 25 + 1))
    w, b, v, c = parameters(SparseAutoencoder(64, 25, seed=0))
    assert w.shape == (25, 64) and v.shape == (64, 25)
    assert not b.any() and not c.any()
    for weight in (w, v):
        assert 0.98 * bound < np.abs(weight).max() <= bound
        assert weight.std() == pytest.approx(bound / np.sqrt(3), rel=0.05)
    for p, same in zip((w, b, v, c), parameters(SparseAutoencoder(64, 25, seed=0)), strict=True):
        np.testing.assert_array_equal(p, same)
    assert not np.array_equal(w, parameters(SparseAutoencoder(64, 25, seed=1))[0])


def test_the_start_leaves_torch_s_own_generator_alone():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    SparseAutoencoder(5, 3)
    torch.testing.assert_close(torch.rand(3), expected)


def test_single_precision():
    x = np.random.default_rng(0).uniform(0.1, 0.9, (9, 5))
    network = SparseAutoencoder(5, 3)
    exact = network.loss(torch.tensor(x)).item()
    assert network.float().loss(torch.tensor(x).float()).item() == pytest.approx(exact, rel=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"visible": 0}, "visible must be a whole number of at least 1, got 0"),
        ({"hidden": 2.5}, "hidden must be a whole number of at least 1, got 2.5"),
        ({"sparsity": 0}, r"sparsity must be a finite number in \(0, 1\), got 0"),
        ({"sparsity": 1}, r"sparsity must be a finite number in \(0, 1\), got 1"),
        ({"sparsity_weight": -1}, r"sparsity_weight must be a finite number in \[0, ∞\), got -1"),
        ({"weight_decay": float("nan")}, "weight_decay must be a finite number"),
        ({"seed": -1}, "seed must be a whole number of at least 0, got -1"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        SparseAutoencoder(**{"visible": 5, "hidden": 3, **arguments})
