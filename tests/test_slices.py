"""What a slice of a record tells: small mistakes from another processor's rounding.

Each mistake is made once, in the settings or by patching the library, and the slice must differ.
Other processors are simulated, and it must not.
"""

import importlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pytest
import torch
from repeat_slices import NAMES, repeat
from torch import nn

from converge_lib import recorded
from converge_lib.descent import hessian_free
from converge_lib.descent.curvature import PerCase
from converge_lib.descent.solvers import Nesterov
from converge_lib.recorded import load
from converge_lib.rounding import AnotherProcessor

lbfgs = importlib.import_module("converge_lib.descent.lbfgs")  # the name is also a function's
DATA = ("cluttered_mnist", "curves", "mnist", "patches", "sheets")


@lru_cache
def experiment(name):
    """An experiment whose data are made once."""
    module = load(name)
    for made in set(DATA) & set(vars(module)):
        setattr(module, made, lru_cache(getattr(module, made)))
    return module


@pytest.fixture
def here(monkeypatch):
    """Have the slices use the experiments that the mistakes are made in."""
    monkeypatch.setattr(recorded, "load", lambda name, folder=None: experiment(name))
    return monkeypatch


def setting(name, change):
    """A mistake in the settings of a run."""
    return lambda patch, lab, settings: {name: change(settings[name])}


def called(name, **changes):
    """A mistake in how the experiment calls a function: what becomes of its named arguments."""

    def mistake(patch, lab, settings):
        right = getattr(lab, name)

        def wrong(*args, **others):
            return right(*args, **others | {k: change(others) for k, change in changes.items()})

        patch.setattr(lab, name, wrong)

    return mistake


def replaced(where, name, change):
    """A mistake in a function of a module, or of the experiment if ``where`` is None."""

    def mistake(patch, lab, settings):
        holder = where or lab
        patch.setattr(holder, name, change(getattr(holder, name)))

    return mistake


def trained(change):
    """A mistake in what train_classifier is given: from network, images and labels to the same."""

    def mistake(patch, lab, settings):
        right = lab.train_classifier

        def wrong(network, images, labels, **others):
            return right(*change(network, images, labels), **others)

        patch.setattr(lab, "train_classifier", wrong)

    return mistake


def of_network(change):
    def changed(network, images, labels):
        with torch.no_grad():
            change(network)
        return network, images, labels

    return trained(changed)


def of_images(change):
    return trained(lambda network, images, labels: (network, change(images), labels))


def other_weights(network):
    torch.manual_seed(99)
    for layer in network.modules():
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()


def larger_weights(network):
    for parameter in network.parameters():
        parameter *= 1 + 1e-5


def grown(network):
    with torch.no_grad():
        larger_weights(network)
    return network


def one_filter_less(network):
    layer = next(m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.Linear)))
    largest = layer.weight.flatten(1).norm(dim=1).argmax()
    layer.weight[largest] = 0


def leaky(network):
    for layer in network.modules():
        for name, child in layer.named_children():
            if isinstance(child, nn.ReLU):
                setattr(layer, name, nn.LeakyReLU(1e-4))


def attribute(name, value):
    """A mistake in every layer that has such an attribute."""

    def change(network):
        for layer in network.modules():
            if hasattr(layer, name):
                setattr(layer, name, value)

    return of_network(change)


def larger_gradient(network):
    for parameter in network.parameters():
        parameter.register_hook(lambda gradient: 1.0001 * gradient)


def first_batch_dropped(batch):
    return replaced(torch, "randperm", lambda right: lambda n, **k: right(n, **k).roll(-batch))


def given(**changes):
    """Have a function get these arguments, whatever the caller gives."""
    return lambda right: lambda *args, **others: right(*args, **others | changes)


def squared(right):
    def error(scores, labels):
        wanted = nn.functional.one_hot(labels, scores.shape[1]).movedim(-1, 1)
        return (scores.softmax(1) - wanted).square().mean()

    return error


def cycle(**changes):
    return replaced(torch.optim.lr_scheduler, "OneCycleLR", given(**changes))


def optimiser(kind, **changes):
    return replaced(torch.optim, kind, given(**changes))


def classifier(batch=100, rate="rate"):
    """Mistakes in whatever train_classifier trains."""
    return {
        "rate 1e-4 higher": setting(rate, lambda rate: 1.0001 * rate),
        "seed of everything": setting("seed", lambda seed: seed + 1),
        "an update more": setting("updates", lambda updates: updates + 1),
        "an update less": setting("updates", lambda updates: updates - 1),
        "other weights": of_network(other_weights),
        "weights 1e-5 larger": of_network(larger_weights),
        "a filter less": of_network(one_filter_less),
        "other order": called("train_classifier", seed=lambda others: others["seed"] + 1),
        "batch one smaller": called("train_classifier", batch=lambda others: batch - 1),
        "an epoch more in the cycle": called(
            "train_classifier", epochs=lambda others: others["epochs"] + 1
        ),
        "cycle rises longer": cycle(pct_start=0.33),
        "cycle of straight lines": cycle(anneal_strategy="linear"),
        "first batch dropped": first_batch_dropped(batch),
        "labels smoothed by 1e-5": replaced(
            nn.functional, "cross_entropy", given(label_smoothing=1e-5)
        ),
        "squared error": replaced(nn.functional, "cross_entropy", squared),
        "pixels over 256": of_images(lambda images: images * (255 / 256)),
        "pixels in half precision": of_images(lambda images: images.half().to(images.dtype)),
        "mean of the pixels removed": of_images(lambda images: images - images.mean()),
    }


def adam():
    return {
        "β₁ of 0.901": optimiser("Adam", betas=(0.901, 0.999)),
        "β₂ of 0.9989": optimiser("Adam", betas=(0.9, 0.9989)),
        "ε ten times": optimiser("Adam", eps=1e-7),
        "decay of 1e-5": optimiser("Adam", weight_decay=1e-5),
    }


def hf():
    """Mistakes in the first step of HessianFree."""
    return {
        "seed of everything": setting("seed", lambda seed: seed + 1),
        "damping 1e-4 higher": called(
            "HessianFree", damping=lambda others: 1.0001 * others["damping"]
        ),
        "5 steps of CG": replaced(None, "HessianFree", given(cg_steps=5)),
        "a case less for curvature": called(
            "HessianFree", curvature_cases=lambda others: others["curvature_cases"] - 1
        ),
        "other cases for curvature": called("HessianFree", seed=lambda others: others["seed"] + 1),
        "exponent of 0.751": replaced(None, "HessianFree", given(exponent=0.751)),
        "no preconditioner": replaced(None, "HessianFree", given(exponent=0.0)),
        "a connection less": replaced(None, "sparse_init", given(connections=14)),
    }


def autoencoder():
    """Mistakes in the network of batch_methods, and in its patches."""
    return {
        "seed of everything": setting("seed", lambda seed: seed + 1),
        "decay 1e-4 higher": called("SparseAutoencoder", weight_decay=lambda others: 1.0001e-4),
        "a hidden unit more": replaced(
            None, "SparseAutoencoder", lambda right: lambda n, m, **k: right(n, m + 1, **k)
        ),
        "other patches": replaced(None, "patches", given(seed=1)),
        "a patch twice": replaced(
            None, "patches", lambda right: lambda n: right(n)[[1, *range(1, n)]]
        ),
        "patches 1e-5 lighter": replaced(None, "patches", lambda right: lambda n: right(n) + 1e-5),
        "a pass less": setting("passes", lambda passes: passes - 1),
        "the other sparsity": setting(
            "problem", {"sparse": "autoencoder", "autoencoder": "sparse"}.get
        ),
    }


MISTAKES = {
    "class_activation": {
        **classifier(rate="lr"),
        **adam(),
        "leaky ReLU": of_network(leaky),
        "ε of batch normalisation": attribute("eps", 1.1e-5),
        "maximum for the mean": setting("head", lambda head: "max"),
    },
    "network_in_network": {
        **classifier(),
        **adam(),
        "leaky ReLU": of_network(leaky),
        "no ReLU inside": setting("name", lambda name: "without ReLU"),
        "torch's start": setting("start", lambda start: "torch"),
    },
    "global_average_pooling": {
        **classifier(batch=50),
        **adam(),
        "leaky ReLU": of_network(leaky),
        "maximum for the mean": setting("head", lambda head: "max"),
        "centred digits": setting("frame", lambda frame: "centred"),
    },
    "fully_convolutional": {
        **classifier(batch=25),
        **adam(),
        "leaky ReLU": of_network(leaky),
        "without the finest layer": setting("finest", lambda finest: 4),
    },
    "maxout": {
        **classifier(),
        "momentum of 0.9001": optimiser("SGD", momentum=0.9001),
        "decay of 1e-6": optimiser("SGD", weight_decay=1e-6),
        "Nesterov's momentum": optimiser("SGD", nesterov=True),
        "gradient 1e-4 larger": of_network(larger_gradient),
        "dropout of 0.3": attribute("p", 0.3),
        "compared with 0": setting("units", lambda units: "maxout and 0"),
    },
    "deep_autoencoder": {
        **hf(),
        "boost of 1.49": replaced(None, "HessianFree", given(boost=1.49)),
        "CG ends later": replaced(hessian_free, "CG_PROGRESS", lambda right: right / 2),
        "warm start at 0.949": replaced(None, "HessianFree", given(decay=0.949)),
        "a step less": setting("budget", lambda budget: budget / 2),
        "cross-entropy": replaced(
            None, "LOSS", lambda right: PerCase(nn.BCEWithLogitsLoss(reduction="sum"))
        ),
        "a unit less": replaced(
            None,
            "SIZES",
            lambda right: {"page": {**right["page"], "encoder": [127, 64, 32, 16, 6]}},
        ),
        "pixels over 256": replaced(
            None, "dataset", lambda right: lambda *args: right(*args) * (255 / 256)
        ),
        "an image less": replaced(None, "dataset", lambda right: lambda *args: right(*args)[1:]),
    },
    "frozen_autoencoders": {
        "seed of everything": setting("seed", lambda seed: seed + 1),
        "damping 1e-4 higher": called("HessianFree", damping=lambda others: 10.001),
        "5 steps of CG": replaced(None, "HessianFree", given(cg_steps=5)),
        "exponent of 0.751": replaced(None, "HessianFree", given(exponent=0.751)),
        "no preconditioner": replaced(None, "HessianFree", given(exponent=0.0)),
        "boost of 1.49": replaced(None, "HessianFree", given(boost=1.49)),
        "warm start at 0.949": replaced(None, "HessianFree", given(decay=0.949)),
        "CG ends later": replaced(hessian_free, "CG_PROGRESS", lambda right: right / 2),
        "a connection less": replaced(None, "sparse_init", given(connections=14)),
        "a step less": setting("steps", lambda steps: steps - 1),
        "a case less": setting("cases", lambda cases: cases - 1),
        "a unit less": setting("sizes", lambda sizes: [64, 11, *sizes[2:]]),
        "weights 1e-5 larger": replaced(
            None, "network", lambda right: lambda *args: grown(right(*args))
        ),
        "pixels over 256": replaced(
            None, "dataset", lambda right: lambda *args: right(*args) * (255 / 256)
        ),
    },
    "temporal_order": {
        **hf(),
        "structural damping": replaced(None, "HessianFree", given(structural=0.01)),
        "a step shorter": setting("length", lambda length: length - 1),
        "radius of 1.1001": replaced(None, "RADIUS", lambda right: 1.1001),
        "a unit more": replaced(None, "UNITS", lambda right: right + 1),
        "a sequence less": replaced(None, "GRADIENT", lambda right: right - 1),
        "labels smoothed by 1e-5": replaced(
            nn.functional, "cross_entropy", given(label_smoothing=1e-5)
        ),
        "single precision": setting("precision", lambda precision: "float32"),
    },
    "batch_methods, L-BFGS": {
        **autoencoder(),
        "a memory of 4": called("lbfgs", memory=lambda others: 4),
        "conjugate gradients": setting("method", lambda method: "CG"),
        "ρ of 0.010001": called("SparseAutoencoder", sparsity=lambda others: 0.010001),
        "β of 3.0001": called("SparseAutoencoder", sparsity_weight=lambda others: 3.0001),
        "a looser line search": replaced(lbfgs, "strong_wolfe", given(c2=0.1)),
    },
    "batch_methods, SGD": {
        **autoencoder(),
        "gradient 1e-6 larger": replaced(
            None,
            "value_and_gradient",
            lambda right: lambda *args: (right(*args)[0], (1 + 1e-6) * right(*args)[1]),
        ),
        "rate 1e-6 higher": setting("lr", lambda lr: (1 + 1e-6) * lr),
        "momentum of 0.900001": setting("momentum", lambda momentum: 0.900001),
        "Nesterov's momentum": replaced(None, "Momentum", lambda right: Nesterov),
        "a falling rate": setting("schedule", lambda schedule: "cosine"),
        "batch of 50": setting("batch", lambda batch: 50),
        "other order": replaced(
            None, "batches", lambda right: lambda n, size, seed: right(n, size, seed + 1)
        ),
        "first batch dropped": first_batch_dropped(100),
        "Adam": setting("method", lambda method: "Adam"),
    },
}


def called_by(name, part):
    return f"{name}, {part.of['method']}" if name == "batch_methods" else name


SLICES = {
    called_by(name, part): (name, part) for name in NAMES for part in recorded.recorded(name).slices
}


def test_every_slice_has_twelve_mistakes():
    assert set(MISTAKES) == set(SLICES)
    assert all(len(mistakes) >= 12 for mistakes in MISTAKES.values())


@pytest.mark.parametrize(
    ("which", "mistake"), [(which, m) for which in MISTAKES for m in MISTAKES[which]]
)
def test_a_mistake_is_caught(here, which, mistake):
    name, part = SLICES[which]
    settings = {**part.of, **part.changed}
    changed = MISTAKES[which][mistake](here, experiment(name), settings) or {}
    wrong = replace(part, changed={**part.changed, **changed})
    assert repeat(name, wrong).used > 1


@pytest.mark.parametrize("which", SLICES)
def test_another_rounding_is_none(here, which):
    """With a seed that no spread was estimated from."""
    name, part = SLICES[which]
    with AnotherProcessor(seed=1000):
        found = repeat(name, part)
    assert found.used <= 1, found.says


def test_another_processor_is_none():
    """No vector instructions in ATen, old ones in MKL, OpenBLAS and oneDNN, or none of the last."""
    other = {
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_CBWR": "COMPATIBLE",
        "OMP_NUM_THREADS": "4",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "OPENBLAS_CORETYPE": "Nehalem",
    }
    script = Path(__file__).with_name("repeat_slices.py")
    finished = subprocess.run(
        [sys.executable, script, "without-mkldnn"],
        env={**os.environ, **other},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    used = json.loads(finished.stdout)
    assert max(share for shares in used.values() for share in shares) <= 1, used
