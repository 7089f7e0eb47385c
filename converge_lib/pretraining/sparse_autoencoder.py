r"""The sparse autoencoder: few hidden units may speak at a time, so each has to mean something.

====== ============================================= =======================
symbol meaning                                       in the code
====== ============================================= =======================
x      an input                                      ``x``
a      hidden activations σ(Wx + b), in (0, 1)       ``hidden``
ρ̂      mean of a over the cases, one for each unit   ``activity``
ρ      what ρ̂ should be                              ``sparsity``
β      weight of the sparsity penalty                ``sparsity_weight``
λ      weight decay                                  ``weight_decay``
====== ============================================= =======================
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from converge_lib._validation import count, number


class SparseAutoencoder(nn.Module):
    r"""One logistic hidden layer and a logistic reconstruction, with a penalty on activity.

    x̂ = σ(V σ(W x + b) + c), trained to minimise, over m cases,

        J = (1/2m) Σ ‖x̂ − x‖² + (λ/2) (‖W‖² + ‖V‖²) + β Σⱼ KL(ρ ‖ ρ̂ⱼ)

    with KL(ρ ‖ ρ̂) = ρ log(ρ/ρ̂) + (1 − ρ) log((1 − ρ)/(1 − ρ̂)). The penalty is a function of means
    over the cases: on a mini-batch it is *another* function, and larger on average (Jensen).

    Args:
        visible: numbers in an input.
        hidden: hidden units.
        sparsity: ρ, in (0, 1).
        sparsity_weight: β; 0 makes it a plain autoencoder with weight decay.
        weight_decay: λ; biases do not decay.
        seed: of the first weights, uniform in ±√(6 / (visible + hidden + 1)); biases start at 0.

    The parameters are float64, since line searches compare nearly equal losses; ``.float()`` makes
    them single.

    Source: Ng (2011), sections 2 and 3, whose defaults these are.

    >>> network = SparseAutoencoder(64, 25)
    >>> x = torch.full((10, 64), 0.5, dtype=torch.float64)
    >>> network(x).shape, network.loss(x).ndim
    (torch.Size([10, 64]), 0)
    """

    def __init__(
        self,
        visible: int,
        hidden: int,
        *,
        sparsity: float = 0.01,
        sparsity_weight: float = 3.0,
        weight_decay: float = 1e-4,
        seed: int = 0,
    ) -> None:
        super().__init__()
        visible, hidden = count("visible", visible, low=1), count("hidden", hidden, low=1)
        self.sparsity = number("sparsity", sparsity, low=0, high=1, low_open=True, high_open=True)
        self.sparsity_weight = number("sparsity_weight", sparsity_weight, low=0)
        self.weight_decay = number("weight_decay", weight_decay, low=0)
        self.encoder = skip_init(nn.Linear, visible, hidden, dtype=torch.float64)
        self.decoder = skip_init(nn.Linear, hidden, visible, dtype=torch.float64)
        generator = torch.Generator().manual_seed(count("seed", seed))
        bound = (6 / (visible + hidden + 1)) ** 0.5
        for layer in (self.encoder, self.decoder):
            nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return the reconstructions of ``x``, shape (m, visible)."""
        return self.decoder(self.encoder(x).sigmoid()).sigmoid()

    def loss(self, x: Tensor) -> Tensor:
        """Return J on the cases ``x``, shape (m, visible): a scalar."""
        hidden = self.encoder(x).sigmoid()
        error = self.decoder(hidden).sigmoid() - x
        weights = self.encoder.weight.square().sum() + self.decoder.weight.square().sum()
        value = error.square().sum() / (2 * len(x)) + self.weight_decay / 2 * weights
        if self.sparsity_weight:
            value = value + self.sparsity_weight * self._divergence(hidden).sum()
        return value

    def penalty(self, x: Tensor) -> Tensor:
        """Return KL(ρ ‖ ρ̂ⱼ) on the cases ``x``, without β: shape (hidden,)."""
        return self._divergence(self.encoder(x).sigmoid())

    def _divergence(self, hidden: Tensor) -> Tensor:
        rho, activity = self.sparsity, hidden.mean(0)
        on = rho * (math.log(rho) - activity.log())
        return on + (1 - rho) * (math.log(1 - rho) - torch.log1p(-activity))
