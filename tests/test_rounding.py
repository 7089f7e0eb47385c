"""Another processor: what it rounds otherwise, and what it leaves alone."""

import os
import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.func import grad, jvp, vmap

from converge_lib.rounding import AnotherProcessor, EqualDraws

EPSILON = {dtype: torch.finfo(dtype).eps for dtype in (torch.float32, torch.float64)}


def drawn(*shape, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


@pytest.mark.parametrize("dtype", EPSILON)
@pytest.mark.parametrize(
    "operation",
    [
        torch.exp,
        torch.tanh,
        lambda x: x * 3,
        lambda x: x + x.flip(0),
        lambda x: x.clone().mul_(3),
        lambda x: torch.mul(x, 3, out=torch.empty_like(x)),
    ],
)
def test_a_result_moves_by_a_rounding_and_no_more(dtype, operation):
    x = drawn(1000, dtype=dtype)
    plain = operation(x)
    with AnotherProcessor(0):
        other = operation(x)
    moved = ((other - plain) / plain).abs()
    assert other.dtype == dtype
    assert (moved > 0).double().mean() > 0.5
    assert moved.max() <= 1.5 * EPSILON[dtype]  # ε, and the rounding of that itself
    up, down = (other > plain).sum().item(), (other < plain).sum().item()
    assert up == pytest.approx(down, rel=0.3)


@pytest.mark.parametrize(
    "operation",
    [
        lambda x, y: x.sum(),
        lambda x, y: x @ y,
        lambda x, y: x[None] @ y[:, None],
        lambda x, y: nn.functional.linear(x[None], y[None]),
        lambda x, y: nn.functional.conv1d(x[None, None], y[None, None]),
    ],
)
def test_a_sum_moves_by_roundings_of_its_terms(operation):
    x, y = torch.cat([drawn(500), -drawn(500)]) + 1e-9, torch.ones(1000, dtype=torch.float64)
    plain = operation(x, y).item()  # 1e-6, of terms of size 1
    moves = []
    for seed in range(20):
        with AnotherProcessor(seed):
            moves.append(abs(operation(x, y).item() - plain))
    root = EPSILON[torch.float64] * 1000**0.5
    assert root / 10 < max(moves) < 10 * root


@pytest.mark.parametrize(
    "operation",
    [
        lambda x: x.view(2, -1).t().contiguous(),
        torch.clone,
        torch.neg,
        torch.abs,
        torch.relu,
        lambda x: x[torch.tensor([2, 0])],
        lambda x: torch.cat([x, x]),
        lambda x: torch.stack([x, x]),
        lambda x: x.max(),
        lambda x: torch.where(x > 0, x, torch.ones_like(x)),
        lambda x: nn.functional.max_pool1d(x[None, None], 2),
        lambda x: torch.empty_like(x).copy_(x),
        lambda x: torch.zeros_like(x).scatter_(0, torch.tensor([3, 1]), x),
        lambda x: torch.full((3,), 0.1),
        lambda x: torch.arange(3) * 2,
        lambda x: x.argsort(stable=True),
        lambda x: x.argmax(),
        lambda x: x.float().double() == x,
    ],
)
def test_what_moves_or_chooses_numbers_is_exact(operation):
    x = drawn(10)
    x[:2] = 1
    plain = operation(x)
    with AnotherProcessor(0):
        assert operation(x).equal(plain)


def draws():
    torch.manual_seed(1)
    generator = torch.Generator().manual_seed(2)
    small, odd, weights = torch.empty(5), torch.empty(45), torch.empty(300)
    return [
        nn.functional.dropout(torch.ones(100), 0.5) > 0,
        torch.randperm(50, generator=generator),
        torch.rand(9, generator=generator),
        small.normal_(generator=generator),
        torch.randn(4, 16, generator=generator),
        odd.normal_(0.5, 0.1, generator=generator),
        nn.init.kaiming_normal_(weights.view(10, 30), generator=generator),
        torch.randn(100, dtype=torch.float64),
        nn.Linear(30, 30).weight.detach(),
        torch.rand(3),
    ]


def test_random_numbers_are_left_as_they_are():
    plain = draws()
    with AnotherProcessor(0):
        assert all(a.equal(b) for a, b in zip(plain, draws(), strict=True))


def test_equal_draws_are_torchs_but_for_the_last_digit():
    plain = draws()
    with EqualDraws():
        equal = draws()
    for one, other in zip(plain, equal, strict=True):
        assert one.dtype == other.dtype
        torch.testing.assert_close(other, one, rtol=0, atol=1e-6)
    assert plain[-1].equal(equal[-1])  # and the stream goes on where it did


def test_equal_draws_are_equal_on_a_processor_without_vector_instructions():
    """The last digit of torch's own is not."""
    script = (
        "import torch\n"
        "from converge_lib.rounding import EqualDraws\n"
        "def show():\n"
        "    torch.manual_seed(0)\n"
        "    print(torch.randn(1003).double().sum().item(), end=' ')\n"
        "    for n in (10, 1003):\n"
        "        print(torch.empty(n).uniform_(-0.3, 0.7).double().sum().item(), end=' ')\n"
        "    print(torch.randn(7).double().sum().item())\n"
        "show()\n"
        "with EqualDraws():\n"
        "    show()\n"
    )
    plain, equal = zip(
        *(
            subprocess.run(
                [sys.executable, "-c", script],
                env={**os.environ, "ATEN_CPU_CAPABILITY": capability},
                capture_output=True,
                text=True,
                check=True,
            ).stdout.splitlines()
            for capability in ("default", torch.backends.cpu.get_cpu_capability().lower())
        ),
        strict=True,
    )
    assert equal[0] == equal[1]
    if torch.backends.cpu.get_cpu_capability() != "DEFAULT":
        assert plain[0] != plain[1]


def test_equal_seeds_are_equal_processors():
    def on(seed):
        with AnotherProcessor(seed):
            return drawn(50).exp()

    assert on(3).equal(on(3))
    assert not on(3).equal(on(4))


def test_a_training_goes_on_as_it_did():
    """Running statistics, gradients and the optimiser's steps, all but for the last digits."""

    def trained():
        torch.manual_seed(0)
        network = nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Tanh(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(27, 2),
        ).double()  # fmt: skip
        adam = torch.optim.Adam(network.parameters(), 0.01)
        for _ in range(3):
            adam.zero_grad()
            nn.functional.cross_entropy(network(drawn(8, 1, 8, 8)), torch.arange(8) % 2).backward()
            adam.step()
        return network.state_dict()

    plain = trained()
    with AnotherProcessor(0):
        other = trained()
    assert plain["1.running_mean"].abs().max() > 0.01
    for name, value in plain.items():
        torch.testing.assert_close(other[name], value, rtol=1e-3, atol=1e-5)
        assert name == "1.num_batches_tracked" or not other[name].equal(value)


@pytest.mark.filterwarnings("ignore:`torch.jit")  # torch's own, in jvp
@pytest.mark.parametrize(
    "derivative",
    [
        lambda f, x: torch.autograd.functional.hessian(f, x) @ x,
        lambda f, x: jvp(grad(f), (x,), (x,))[1],
        lambda f, x: vmap(grad(f))(torch.stack([x, 2 * x])).sum(0),
    ],
)
def test_derivatives_of_derivatives_are_disturbed_too(derivative):
    def f(x):
        return (torch.outer(x, x.sin()) @ x.exp()).square().mean()

    plain = derivative(f, drawn(6))
    with AnotherProcessor(0):
        other = derivative(f, drawn(6))
    moved = ((other - plain) / plain).abs()
    assert 0 < moved.max() < 1e-12


def test_a_tensor_without_numbers_passes():
    with AnotherProcessor(0):
        assert (torch.ones(3, device="meta") * 2).shape == (3,)
