r"""Curvature without matrices: products with the Hessian, Gauss-Newton and Fisher matrices.

The loss of a network is L(z(θ)): outputs z from parameters θ, a loss L from outputs. With n = 10⁶
parameters a curvature matrix has 10¹² entries, yet its product with a vector v costs about as much
as a gradient.

====== ==================================================== =====================
symbol meaning                                              in the code
====== ==================================================== =====================
θ      all trainable parameters in one vector, shape (n,)   ``parameters``
z      the network's outputs, any shape, cases first        ``outputs``
J      ∂z/∂θ                                                never formed
H_L    ∂²L/∂z², the curvature of the loss in its outputs    ``output_curvature``
G      JᵀH_L J, the Gauss-Newton matrix                     :func:`gauss_newton`
H      G + Σⱼ (∂L/∂zⱼ) ∂²zⱼ/∂θ², the Hessian                :func:`hessian`
F      mean over cases of gᵢgᵢᵀ, the empirical Fisher       :func:`empirical_fisher`
====== ==================================================== =====================

G v and F v are one chain of moves, v → Jv → H_L Jv → JᵀH_L Jv; H v adds the change of J itself.
G is positive semi-definite wherever L is convex in z; H need not be.

:func:`hessian`, :func:`gauss_newton` and :func:`empirical_fisher` go through the network once and
return a function v → matrix · v that is cheap to call often, as conjugate gradient does.
:func:`hvp`, :func:`gnvp` and :func:`empirical_fisher_vp` are for a single product.

Vectors are flat, in the order of ``model.parameters()``: frozen parameters are left out, tied ones
come once. The network is used as it stands: in ``train()`` mode each of these functions draws a
dropout mask, and the function that it returns keeps it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad, grad
from torch.func import functional_call, jvp, vmap
from torch.func import grad as gradient_of
from torch.nn import functional

from converge_lib._validation import count, number

Loss = Callable[[Tensor, Tensor], Tensor]
Product = Callable[[Tensor], Tensor]

HELD = 2**24
"""Entries of the cases' own gradients held at a time; a batch is gone through in pieces."""
ELEMENTWISE = (
    nn.ELU,
    nn.GELU,
    nn.Identity,
    nn.LeakyReLU,
    nn.ReLU,
    nn.Sigmoid,
    nn.SiLU,
    nn.Softplus,
    nn.Tanh,
)


@dataclass(frozen=True)
class PerCase:
    """A summed loss divided by the number of cases: summed over outputs, averaged over cases.

    torch's ``"mean"`` divides by the number of *outputs*, which makes a damping that suits 10
    outputs 78 times too large for 784. The deep autoencoders of the literature count as this does.

    >>> loss = PerCase(nn.MSELoss(reduction="sum"))
    >>> loss(torch.ones(5, 3), torch.zeros(5, 3))
    tensor(3.)
    """

    loss: nn.Module

    def __post_init__(self) -> None:
        if getattr(self.loss, "reduction", None) != "sum":
            raise ValueError(f"loss must be a torch loss with reduction='sum', got {self.loss!r}")

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        return self.loss(outputs, targets) / len(outputs)


def parameters_of(model: nn.Module) -> list[nn.Parameter]:
    """Return the trainable parameters in the order in which vectors hold them, tied ones once."""
    if not isinstance(model, nn.Module):
        raise ValueError(f"model must be a torch.nn.Module, got {model!r}")
    parameters = [p for p in model.parameters() if p.requires_grad]
    if not parameters:
        raise ValueError("model must have a parameter with requires_grad, got none")
    return parameters


def flatten(tensors: Iterable[Tensor]) -> Tensor:
    """Return the tensors' entries in one vector, shape (n,)."""
    return torch.cat([tensor.reshape(-1) for tensor in tensors])


def unflatten(vector: Tensor, like: Iterable[Tensor]) -> list[Tensor]:
    """Return the pieces of ``vector``, shape (n,), in the shapes of the tensors ``like``."""
    like = list(like)
    sizes = [tensor.numel() for tensor in like]
    if not isinstance(vector, Tensor) or vector.shape != (sum(sizes),):
        got = getattr(vector, "shape", vector)
        raise ValueError(f"vector must be a tensor of shape ({sum(sizes)},), got {got}")
    pieces = vector.to(like[0]).split(sizes)
    return [piece.reshape(tensor.shape) for piece, tensor in zip(pieces, like, strict=True)]


def call_with(model: nn.Module, pieces: Iterable[Tensor], inputs: Tensor) -> object:
    """Return model(inputs) with ``pieces`` in place of its trainable parameters, tied ones too."""
    replacement = dict(zip(map(id, parameters_of(model)), pieces, strict=True))
    named = {
        f"{path}.{name}".lstrip("."): replacement[id(p)]
        for path, module in model.named_modules()
        for name, p in module.named_parameters(recurse=False, remove_duplicate=False)
        if id(p) in replacement
    }
    # each place is named once: torch's own tying breaks a model that has one module under two names
    return functional_call(model, named, (inputs,), tie_weights=False)


def outputs_of(returned: Tensor | tuple[Tensor, Tensor]) -> Tensor:
    """Return the outputs of what a model returned: a tensor, or a pair (outputs, hidden)."""
    return _pair(returned)[0]


def output_curvature(loss: Loss, outputs: Tensor, targets: Tensor) -> Product:
    r"""Return u → H_L u in closed form for the losses that match their outputs.

    =========================== ======================= =================================
    loss                        outputs z               H_L of one case
    =========================== ======================= =================================
    ``nn.MSELoss``              the prediction          2 I
    ``nn.BCEWithLogitsLoss``    logits, p = σ(z)        diag(p (1 − p))
    ``nn.CrossEntropyLoss``     logits, p = softmax(z)  diag(p) − p pᵀ
    =========================== ======================= =================================

    times what their weights, smoothing and reduction say; or the same wrapped in :class:`PerCase`,
    or their namesakes in ``torch.nn.functional``. Another loss can bring its own: a method
    ``output_curvature(outputs, targets)`` that returns the function u → H_L u.

    Args:
        loss: one of the above; anything else is refused, for a wrong H_L fails in silence.
        outputs: z, cases first.
        targets: whatever the loss takes.

    >>> u = torch.tensor([[1.0, 0.0]])
    >>> output_curvature(nn.CrossEntropyLoss(), torch.zeros(1, 2), torch.tensor([0]))(u)
    tensor([[ 0.2500, -0.2500]])
    """
    outputs = outputs.detach()
    loss = _FUNCTIONAL.get(loss, loss) if callable(loss) else loss
    if isinstance(loss, PerCase):
        inner = output_curvature(loss.loss, outputs, targets)
        return lambda u: inner(u) / len(outputs)
    if hasattr(loss, "output_curvature"):
        return loss.output_curvature(outputs, targets)
    rule = _OUTPUT_CURVATURE.get(type(loss))  # a subclass may compute something else altogether
    if rule is None or loss.reduction not in ("mean", "sum"):
        raise ValueError(
            "loss must be MSELoss, BCEWithLogitsLoss or CrossEntropyLoss with reduction 'mean' or "
            "'sum', a PerCase of one, or have a method output_curvature(outputs, targets), "
            f"got {loss!r}"
        )
    return rule(loss, outputs, targets)


def _squared_error(loss: nn.MSELoss, outputs: Tensor, targets: Tensor) -> Product:
    scale = 2 / outputs.numel() if loss.reduction == "mean" else 2
    return lambda u: scale * u


def _logistic(loss: nn.BCEWithLogitsLoss, outputs: Tensor, targets: Tensor) -> Product:
    p = outputs.sigmoid()
    curvature = p * (1 - p)
    if loss.pos_weight is not None:
        curvature = curvature * (loss.pos_weight * targets + 1 - targets)
    if loss.weight is not None:
        curvature = curvature * loss.weight
    if loss.reduction == "mean":
        curvature = curvature / outputs.numel()
    return lambda u: curvature * u


def _softmax(loss: nn.CrossEntropyLoss, outputs: Tensor, targets: Tensor) -> Product:
    axis = 1 if outputs.ndim > 1 else 0
    p = outputs.softmax(axis)
    classes = outputs.shape[axis]
    weight = torch.ones_like(p)
    if loss.weight is not None:
        weight = weight * loss.weight.reshape([-1] + [1] * (outputs.ndim - 1 - axis))
    if targets.is_floating_point():
        share, counted = targets, 1.0
        cases = p.numel() / classes
    else:
        counted = (targets != loss.ignore_index).unsqueeze(axis).to(p)
        one_hot = functional.one_hot(targets.clamp(0, classes - 1), classes)
        share = counted * one_hot.movedim(-1, axis)
        cases = (weight * share).sum()
    share = (1 - loss.label_smoothing) * share + loss.label_smoothing / classes * counted
    scale = (weight * share).sum(axis, keepdim=True)  # L = −Σ weight · share · log p
    if loss.reduction == "mean":
        scale = scale / cases
    return lambda u: scale * (p * u - p * (p * u).sum(axis, keepdim=True))


_OUTPUT_CURVATURE = {
    nn.MSELoss: _squared_error,
    nn.BCEWithLogitsLoss: _logistic,
    nn.CrossEntropyLoss: _softmax,
}
_FUNCTIONAL = {
    functional.mse_loss: nn.MSELoss(),
    functional.binary_cross_entropy_with_logits: nn.BCEWithLogitsLoss(),
    functional.cross_entropy: nn.CrossEntropyLoss(),
}


def gauss_newton(
    model: nn.Module, loss: Loss, inputs: Tensor, targets: Tensor
) -> Callable[..., Tensor]:
    r"""Return the function v → G v, with G = JᵀH_L J at the present parameters.

    The forward pass and the backward pass are recorded once. u → Jᵀu is linear, so differentiating
    *it* gives its transpose: that is Jv, from backward passes alone. A product then costs 4/3 of
    a gradient, and none of it is the forward pass.

    Args:
        model: any network; model(inputs) gives the outputs z, cases first, or the pair (z, h) of
            outputs and hidden states for structural damping.
        loss: one that :func:`output_curvature` knows.
        inputs: a batch.
        targets: its targets.

    Returns:
        A function of v, shape (n,), and of ``structural`` ≥ 0: G v + structural · JₕᵀJₕ v / cases,
        with Jₕ = ∂h/∂θ, which is the structural damping of Martens and Sutskever (2011) for
        the squared distance of hidden states.

    Source: Schraudolph (2002); the transposed transpose is Townsend (2017).

    >>> line = nn.Linear(2, 1, bias=False)                  # squared error: G = 2 Σ x xᵀ / cases
    >>> product = gauss_newton(line, nn.MSELoss(), torch.tensor([[1.0, 2.0]]), torch.zeros(1, 1))
    >>> product(torch.tensor([1.0, 0.0]))
    tensor([2., 4.])
    """
    parameters = parameters_of(model)
    outputs, linear = _linearise(model, inputs, parameters)
    curvature = output_curvature(loss, outputs[0], targets)

    def product(v: Tensor, structural: float = 0.0) -> Tensor:
        structural = number("structural", structural, low=0)
        if structural and len(outputs) == 1:
            raise ValueError("model must return (outputs, hidden) for structural damping")
        moves = [curvature]
        if structural:
            moves.append(lambda jv: structural / len(jv) * jv)
        return linear(v, moves)

    return product


def empirical_fisher(model: nn.Module, loss: Loss, inputs: Tensor, targets: Tensor) -> Product:
    r"""Return v → F v, with F = (1/N) Σᵢ gᵢgᵢᵀ for the gradients gᵢ of the cases' own losses.

    The chain is that of :func:`gauss_newton`, with rᵢrᵢᵀ in place of a case's H_L, rᵢ = ∂Lᵢ/∂zᵢ: no
    gᵢ is formed, and any loss will do. The network must treat cases apart (no batch norm in
    training).

    Args:
        model: any network, cases first in its outputs.
        loss: the mean over the cases; where its ``reduction`` is ``"sum"``, F is the sum as well.
        inputs: a batch of N cases.
        targets: its targets.

    Source: Kunstner et al. (2019), who also say what it is not: an approximation of G.

    >>> line = nn.Linear(1, 1, bias=False)
    >>> _ = nn.init.ones_(line.weight)                      # g = 2 (x − t) x = 12
    >>> empirical_fisher(line, nn.MSELoss(), torch.tensor([[3.0]]), torch.tensor([[1.0]]))(
    ...     torch.ones(1)
    ... )
    tensor([144.])
    """
    parameters = parameters_of(model)
    outputs, linear = _linearise(model, inputs, parameters)
    z = outputs[0].detach().requires_grad_()
    with torch.enable_grad():
        (r,) = grad(_scalar(loss(z, targets)), z)
    # L = (1/N) Σ Lᵢ makes ∂L/∂zᵢ = rᵢ/N, and F = N Σ (gᵢ/N)(gᵢ/N)ᵀ
    scale = 1 if getattr(loss, "reduction", "mean") == "sum" else len(z)

    def curvature(jv: Tensor) -> Tensor:
        along = (r * jv).flatten(1).sum(1) if jv.ndim > 1 else r * jv
        return scale * r * along.reshape([-1] + [1] * (jv.ndim - 1))

    return lambda v: linear(v, [curvature])


def hessian(model: nn.Module, loss: Loss, inputs: Tensor, targets: Tensor) -> Product:
    r"""Return v → H v at the present parameters, by differentiating twice.

    The gradient is recorded once; Hv = ∇(gᵀv) is one more backward pass, through that record, and
    costs twice a gradient.

    Args:
        model: any network; of a pair (outputs, hidden) the hidden states are ignored.
        loss: any function of (outputs, targets) that returns a scalar.
        inputs: a batch.
        targets: its targets.

    Source: Pearlmutter (1994), who compares it with the R-operator.

    >>> line = nn.Linear(2, 1, bias=False)                  # linear, so that H = G
    >>> product = hessian(line, nn.MSELoss(), torch.tensor([[1.0, 2.0]]), torch.zeros(1, 1))
    >>> product(torch.tensor([1.0, 0.0]))
    tensor([2., 4.])
    """
    parameters = parameters_of(model)
    with torch.enable_grad():
        value = _scalar(loss(outputs_of(model(inputs)), targets))
        gradient = grad(value, parameters, create_graph=True, materialize_grads=True)
    curved = [i for i, g in enumerate(gradient) if g.requires_grad]

    def product(v: Tensor) -> Tensor:
        pieces = unflatten(v, parameters)
        if not curved:
            return torch.zeros_like(flatten(parameters))
        return flatten(
            grad(
                [gradient[i] for i in curved],
                parameters,
                [pieces[i] for i in curved],
                retain_graph=True,
                materialize_grads=True,
            )
        )

    return product


def hvp(model: nn.Module, loss: Loss, inputs: Tensor, targets: Tensor, v: Tensor) -> Tensor:
    """Return H v, shape (n,), by differentiating twice; see :func:`hessian`."""
    return hessian(model, loss, inputs, targets)(v)


def hvp_forward_over_reverse(
    model: nn.Module, loss: Loss, inputs: Tensor, targets: Tensor, v: Tensor
) -> Tensor:
    r"""Return H v, shape (n,), by Pearlmutter's R-operator: R{∇f} = ∂/∂ε ∇f(θ + εv) at ε = 0.

    Forward differentiation carries (a, R{a}) in place of each intermediate a, through the backward
    pass as well. Nothing is stored beyond what the gradient stores.

    Source: Pearlmutter (1994).
    """
    parameters = parameters_of(model)

    def value(pieces: list[Tensor], targets: Tensor) -> Tensor:
        return _scalar(loss(outputs_of(call_with(model, pieces, inputs)), targets))

    primal = [p.detach() for p in parameters]
    tangent = unflatten(v, parameters)
    with _forward_mode():
        if targets.is_floating_point():
            # torch loses its way in nn.MSELoss unless the targets' tangent, zero, is spelled out
            still = torch.zeros_like(targets)
            _, hv = jvp(gradient_of(value), (primal, targets), (tangent, still))
        else:
            _, hv = jvp(lambda pieces: gradient_of(value)(pieces, targets), (primal,), (tangent,))
    return flatten(hv)


def hvp_finite_difference(
    model: nn.Module, loss: Loss, inputs: Tensor, targets: Tensor, v: Tensor
) -> Tensor:
    r"""Return H v, shape (n,), up to rounding: (∇f(θ + εv) − ∇f(θ − εv)) / 2ε.

    ε ‖v‖ = ∛(machine epsilon) (1 + ‖θ‖) balances the error of the difference, of order ε², against
    that of rounding, of order 1/ε: six digits at most in double precision, and two or three in
    single. It is here to show why the others are wanted.

    Source: Nocedal and Wright (2006), section 8.1.
    """
    parameters = parameters_of(model)
    theta = flatten(parameters).detach()
    v = flatten(unflatten(v, parameters))
    length = float(v.norm())
    if length == 0:
        return torch.zeros_like(theta)
    epsilon = torch.finfo(theta.dtype).eps ** (1 / 3) * (1 + float(theta.norm())) / length

    def gradient(theta: Tensor) -> Tensor:
        moved = [piece.requires_grad_() for piece in unflatten(theta, parameters)]
        with torch.enable_grad():
            value = _scalar(loss(outputs_of(call_with(model, moved, inputs)), targets))
        return flatten(grad(value, moved, materialize_grads=True))

    return (gradient(theta + epsilon * v) - gradient(theta - epsilon * v)) / (2 * epsilon)


def gnvp(model: nn.Module, loss: Loss, inputs: Tensor, targets: Tensor, v: Tensor) -> Tensor:
    r"""Return G v, shape (n,), once: Jv by a forward pass with tangents, then one backward pass.

    It costs 5/3 of a gradient, the forward pass included. For many products with one G call
    :func:`gauss_newton`, whose products cost 4/3.

    Source: Schraudolph (2002).
    """
    parameters = parameters_of(model)
    with _forward_mode(), torch.enable_grad(), forward_ad.dual_level():
        duals = [
            forward_ad.make_dual(p, piece)
            for p, piece in zip(parameters, unflatten(v, parameters), strict=True)
        ]
        z, jv = forward_ad.unpack_dual(outputs_of(call_with(model, duals, inputs)))
    if jv is None:
        return torch.zeros_like(flatten(parameters)).detach()
    hjv = output_curvature(loss, z, targets)(jv.detach())
    return flatten(grad(z, parameters, hjv, materialize_grads=True))


def empirical_fisher_vp(
    model: nn.Module, loss: Loss, inputs: Tensor, targets: Tensor, v: Tensor
) -> Tensor:
    """Return F v, shape (n,); see :func:`empirical_fisher`."""
    return empirical_fisher(model, loss, inputs, targets)(v)


def squared_gradients(model: nn.Module, loss: Loss, inputs: Tensor, targets: Tensor) -> Tensor:
    r"""Return Σᵢ gᵢ², shape (n,): the squares of the cases' own gradients, summed over the cases.

    Divided by the number of cases it is the diagonal of :func:`empirical_fisher`. An
    ``nn.Sequential`` of linear and elementwise layers takes a shortcut, at the cost of a gradient:
    a case's gradient by W is the outer product δᵢaᵢᵀ of what comes back to the layer and what went
    in, so that the sum of their squares is (δ²)ᵀ(a²).

    Args:
        model: any network that treats cases apart, and that ``torch.func.vmap`` can batch.
        loss: any function of (outputs, targets); a case's own loss is that of a batch of one.
        inputs: a batch, cases first.
        targets: its targets.

    >>> line = nn.Linear(1, 1, bias=False)
    >>> _ = nn.init.ones_(line.weight)                      # gᵢ = 2 xᵢ²
    >>> squared_gradients(line, nn.MSELoss(), torch.tensor([[1.0], [2.0]]), torch.zeros(2, 1))
    tensor([68.])
    """
    if _is_plain(model) and inputs.ndim == 2:
        return _squared_gradients_by_layer(model, loss, inputs, targets)

    def value(pieces: list[Tensor], x: Tensor, target: Tensor) -> Tensor:
        return _scalar(loss(outputs_of(call_with(model, pieces, x[None])), target[None]))

    of_each_case = vmap(gradient_of(value), in_dims=(None, 0, 0), randomness="different")
    pieces = [p.detach() for p in parameters_of(model)]
    total = torch.zeros_like(flatten(pieces))
    size = max(1, HELD // total.numel())
    for x, target in zip(inputs.split(size), targets.split(size), strict=True):
        total += flatten(g.square().sum(0) for g in of_each_case(pieces, x, target))
    return total


def _is_plain(model: nn.Module) -> bool:
    """Say whether it is a sequence of different linear layers with elementwise functions between.

    Neither is asked of a subclass, whose forward pass may do something else.
    """
    if type(model) is not nn.Sequential:
        return False
    if not all(type(layer) in (nn.Linear, *ELEMENTWISE) for layer in model):
        return False
    named = [pair for layer in model for pair in layer.named_parameters()]
    names, parameters = {name for name, _ in named}, {id(p) for _, p in named}
    return names <= {"weight", "bias"} and len(parameters) == len(named)  # no tied, no reshaped


def _squared_gradients_by_layer(
    model: nn.Sequential, loss: Loss, inputs: Tensor, targets: Tensor
) -> Tensor:
    entering, leaving = {}, {}
    with torch.enable_grad():
        a = inputs
        for layer in model:
            z = layer(a)
            if isinstance(layer, nn.Linear):
                z = z.requires_grad_()  # also where the layer is frozen
                entering[layer], leaving[layer] = a.detach(), z
            a = z
        # a case's own loss is that of a batch of one, whatever the loss divides by
        of_each_case = vmap(lambda z, target: _scalar(loss(z[None], target[None])))
        deltas = grad(of_each_case(a, targets).sum(), list(leaving.values()))
    squares = {}
    for layer, delta in zip(leaving, deltas, strict=True):
        squares[layer.weight] = delta.square().T @ entering[layer].square()
        squares[layer.bias] = delta.square().sum(0)
    return flatten(squares[p] for p in parameters_of(model))


@dataclass(frozen=True)
class Spectrum:
    """What Lanczos' method found of a symmetric matrix.

    Attributes:
        values: the Ritz values, ascending, shape (k,); the outermost come close first.
        vectors: the Ritz vectors, shape (n, k).
        residuals: ‖A v − value · v‖, shape (k,): an eigenvalue lies within it of each value.
    """

    values: Tensor
    vectors: Tensor
    residuals: Tensor


def lanczos(product: Product, start: Tensor, *, steps: int = 50) -> Spectrum:
    r"""Find the extreme eigenvalues of a symmetric matrix from products alone.

    An orthonormal basis Q of the span of b, Ab, A²b, … makes QᵀAQ = T tridiagonal, whose
    eigenvalues approach those of A from within. Rounding makes the basis lose orthogonality as soon
    as one of them has converged, and then shows it again and again: every new vector is therefore
    orthogonalised against all before it, twice.

    Args:
        product: A v from v, shape (n,) to (n,).
        start: b, shape (n,), not zero; random, lest it have no share in what is looked for.
        steps: k at most; fewer where b spans an invariant subspace, or n is smaller.

    Source: Golub and Van Loan (2013), sections 10.1 and 10.3. That twice is enough: Parlett
    (1980).

    >>> diagonal = torch.tensor([1.0, 2.0, 9.0], dtype=torch.float64)
    >>> lanczos(lambda v: diagonal * v, torch.ones(3, dtype=torch.float64)).values.round(decimals=9)
    tensor([1., 2., 9.], dtype=torch.float64)
    """
    steps = count("steps", steps, low=1)
    if not isinstance(start, Tensor) or start.ndim != 1 or not start.isfinite().all():
        raise ValueError(f"start must be a finite vector of shape (n,), got {start!r}")
    norm = start.norm()
    if norm == 0:
        raise ValueError("start must not be zero")
    basis, alphas, betas = [start / norm], [], []
    for _ in range(min(steps, len(start))):
        w = product(basis[-1])
        if getattr(w, "shape", None) != start.shape or not w.isfinite().all():
            raise ValueError(f"product must return a finite vector of shape {tuple(start.shape)}")
        alphas.append(basis[-1] @ w)
        scale = w.norm()
        matrix = torch.stack(basis)
        for _ in range(2):
            w = w - matrix.T @ (matrix @ w)
        betas.append(w.norm())
        if betas[-1] <= 10 * torch.finfo(w.dtype).eps * scale:
            break  # the basis spans an invariant subspace: T holds true eigenvalues
        basis.append(w / betas[-1])
    k = len(alphas)
    between = torch.stack(betas[:-1]) if k > 1 else start.new_empty(0)
    tridiagonal = torch.diag(torch.stack(alphas)) + torch.diag(between, 1) + torch.diag(between, -1)
    values, weights = torch.linalg.eigh(tridiagonal)
    return Spectrum(values, torch.stack(basis[:k]).T @ weights, (betas[-1] * weights[-1]).abs())


def _linearise(
    model: nn.Module, inputs: Tensor, parameters: list[nn.Parameter]
) -> tuple[tuple[Tensor, ...], Callable[[Tensor, list[Product]], Tensor]]:
    """Return the outputs, and the function (v, moves) → Σ Jᵀ move(Jv) over as many outputs."""
    with torch.enable_grad():
        outputs = _pair(model(inputs))
        u = [torch.zeros_like(z, requires_grad=True) for z in outputs]
        # u → Jᵀu is recorded: linear in u, its derivative by u is the transpose, Jv
        jtu = grad(outputs, parameters, u, create_graph=True, materialize_grads=True)
    used = [i for i, piece in enumerate(jtu) if piece.requires_grad]

    def linear(v: Tensor, moves: list[Product]) -> Tensor:
        pieces = unflatten(v, parameters)
        k = len(moves)
        jv = grad(
            [jtu[i] for i in used],
            u[:k],
            [pieces[i] for i in used],
            retain_graph=True,
            materialize_grads=True,
        )  # v → Jv
        hjv = [move(along) for move, along in zip(moves, jv, strict=True)]  # Jv → H_L Jv
        jthjv = grad(outputs[:k], parameters, hjv, retain_graph=True, materialize_grads=True)
        return flatten(jthjv)  # H_L Jv → JᵀH_L Jv

    return outputs, linear


@contextmanager
def _forward_mode() -> Iterator[None]:
    # On first use torch compiles rules of its own with what it calls deprecated: in a
    # DeprecationWarning of 2.13, in a FutureWarning from 2.14 on.
    with warnings.catch_warnings():
        for category in (DeprecationWarning, FutureWarning):
            warnings.filterwarnings("ignore", "`torch.jit", category)
        yield


def _scalar(value: Tensor) -> Tensor:
    if value.ndim != 0:
        raise ValueError(f"loss must return a scalar, got shape {tuple(value.shape)}")
    return value


def _pair(outputs: Tensor | tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
    pair = (outputs,) if isinstance(outputs, Tensor) else outputs
    if not (
        isinstance(pair, tuple) and len(pair) in (1, 2) and all(isinstance(z, Tensor) for z in pair)
    ):
        raise ValueError(
            f"model must return a tensor or a pair (outputs, hidden), got {type(outputs).__name__}"
        )
    return pair
