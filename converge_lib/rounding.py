r"""How far rounding decides a result: the same computation as another processor might do it.

Two processors add the terms of a sum in different orders, or keep more digits in between. Their
results differ in the last digit, and a training amplifies that, update by update. How fast is a
property of the training, and can be measured by doing it again with other roundings:
:class:`AnotherProcessor`. Where they start is the same for all with :class:`EqualDraws`.

Source: Parker (1997), Monte Carlo Arithmetic: Exploiting Randomness in Floating-Point Arithmetic,
UCLA technical report CSD-970002. Deviation: whole tensors' operations are disturbed, not single
additions and products, so that it runs at a few times the usual cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

_EXACT = {
    *("abs", "amax", "argmax", "cat", "clone", "constant_pad_nd", "copy_", "detach", "fill_"),
    *("flip", "full_like", "gather", "index", "index_select", "lift_fresh", "masked_fill", "max"),
    *("max_pool2d_with_indices", "neg", "ones_like", "relu", "select_backward", "slice_backward"),
    *("scatter_", "sort", "stack", "threshold_backward", "where", "zero_", "_to_copy"),
    "_unsafe_view",
}
"""Operations that move numbers or choose among them. Every processor does them alike."""
_TYPES = {torch.float32: np.float32, torch.float64: np.float64}


class AnotherProcessor(TorchDispatchMode):
    r"""While it is entered, torch rounds as another processor might.

    The result x of every operation on floating-point tensors becomes x + uε|x|, with u uniform in
    (−1, 1) and ε the spacing of the numbers at 1: two results that are both rounded right are no
    farther apart. An operation that adds up also rounds on the way, by as much as its terms are
    large, and not its sum: there the arguments are disturbed in the same manner before.

    What NumPy computes is left as it is, and so are torch's random numbers. Not simulated are the
    larger errors of single precision: those of long sums in a row, and of fast convolutions, which
    turn the zeros of a blank image into tiny numbers of either sign.

    Args:
        seed: equal seeds are equal processors.

    >>> x = torch.tensor([0.1, 0.2, 0.3])
    >>> with AnotherProcessor(seed=0):
    ...     other = x.exp()
    >>> bool(0 < (other / x.exp() - 1).abs().max() < 3e-7)
    True
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = np.random.default_rng(seed)

    def __torch_dispatch__(
        self,
        function: torch._ops.OpOverload,
        types: Sequence[type],
        args: tuple = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever the operation returns
        schema, tags = function._schema, function.tags
        name = schema.name.removeprefix("aten::")
        given = dict(zip((argument.name for argument in schema.arguments), args, strict=False))
        given |= kwargs or {}
        random = torch.Tag.nondeterministic_seeded in tags
        made = not any(isinstance(leaf, Tensor) for leaf in tree_leaves(given))
        if function.is_view or random or made or name in _EXACT:
            return function(**given)
        written = [a.name for a in schema.arguments if a.alias_info and a.alias_info.is_write]
        if torch.Tag.pointwise not in tags:
            for argument, value in given.items():
                # Batch normalisation writes into its running statistics and does not say so.
                if argument not in written and not argument.startswith("running_"):
                    given[argument] = tree_map_only(Tensor, self._disturbed, value)
        result = function(**given)
        if not written:
            return tree_map_only(Tensor, self._disturbed, result)
        for argument in written:
            tree_map_only(Tensor, lambda x: x.copy_(self._disturbed(x)), given[argument])
        return result

    def _disturbed(self, x: Tensor) -> Tensor:
        if x.dtype not in _TYPES or x.is_meta:
            return x
        u = torch.from_numpy(self._random.random(x.shape, _TYPES[x.dtype])).mul_(2).sub_(1)
        return torch.addcmul(x, x, u, value=torch.finfo(x.dtype).eps)


class EqualDraws(TorchDispatchMode):
    r"""While it is entered, torch draws the same numbers in single precision on every processor.

    Uniform and normal numbers are computed from random bits, which are the same everywhere. But how
    a processor rounds and takes logarithms decides their last digit. Here they are computed from
    the same bits in double precision, and rounded once: torch's numbers but for that digit.

    >>> def draw():
    ...     return torch.randn(100, generator=torch.Generator().manual_seed(0))
    >>> with EqualDraws():
    ...     equal = draw()
    >>> torch.allclose(equal, draw(), rtol=0, atol=1e-6)
    True
    """

    def __torch_dispatch__(
        self,
        function: torch._ops.OpOverload,
        types: Sequence[type],
        args: tuple = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever the operation returns
        kwargs = kwargs or {}
        draw = _DRAWS.get(function._schema.name)
        if draw is None:
            return function(*args, **kwargs)
        bits = torch.Generator()
        bits.set_state((kwargs.get("generator") or torch.default_generator).get_state())
        result = function(*args, **kwargs)
        if result.dtype == torch.float32 and (result.numel() >= 16 or draw is _uniform):
            result.copy_(draw(result.numel(), bits, *args[1:]).view(result.shape))
        return result  # torch computes a few normal numbers in double precision itself


def _uniform(n: int, bits: torch.Generator, low: float = 0.0, high: float = 1.0) -> Tensor:
    low, high = np.float32(low), np.float32(high)
    return float(low) + float(high - low) * torch.rand(n, generator=bits).double()


def _normal(n: int, bits: torch.Generator, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """By Box and Muller's method, sixteen at a time, and the last sixteen anew, as torch does."""

    def normal(uniform: Tensor) -> Tensor:
        first, second = uniform.double().view(-1, 2, 8).unbind(1)
        radius, angle = (-2 * torch.log1p(-first)).sqrt(), 2 * torch.pi * second
        return torch.stack([radius * angle.cos(), radius * angle.sin()], 1).flatten()

    drawn = normal(torch.rand(n, generator=bits)[: n // 16 * 16])
    if n % 16:
        drawn = torch.cat([drawn, drawn.new_empty(n % 16)])
        drawn[-16:] = normal(torch.rand(16, generator=bits))
    return mean + std * drawn


_DRAWS = {"aten::uniform_": _uniform, "aten::normal_": _normal, "aten::randn": _normal}
