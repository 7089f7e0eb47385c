"""Calling a module for its shapes alone: no weight is copied, nothing is computed or changed."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.parameter import is_lazy

from converge_lib._validation import count

CASES = 2
"""In a batch of one, batch normalisation of vectors refuses to train."""


def batch_of(input_shape: Sequence[int], module: nn.Module) -> Tensor:
    """Return a batch without values of cases of ``input_shape``, in the module's precision."""
    if not isinstance(input_shape, Sequence):
        raise ValueError(f"input_shape must be the sizes of one input, got {input_shape!r}")
    shape = [count("input_shape", size, low=1) for size in input_shape]
    floating = (p.dtype for p in module.parameters() if p.is_floating_point())
    dtype = next(floating, torch.get_default_dtype())
    return torch.empty(CASES, *shape, dtype=dtype, device="meta")


def refuse_lazy(module: nn.Module) -> None:
    """Raise ValueError if a parameter or buffer of the module has no shape yet."""
    if any(is_lazy(tensor) for tensor in (*module.parameters(), *module.buffers())):
        raise ValueError("module must know its shapes: run it once on its inputs, it is lazy")


def call(module: nn.Module, batch: Tensor) -> Tensor:
    """Return module(batch), a batch without values, from stand-ins for its parameters."""
    refuse_lazy(module)
    tensors = [*module.named_parameters(), *module.named_buffers()]
    replacement = {name: torch.empty_like(tensor, device="meta") for name, tensor in tensors}
    with torch.no_grad():
        return functional_call(module, replacement, (batch,))
