"""Mistakes written otherwise than the library's own are named all the same."""

import numpy as np
import pytest
import torch

from converge_lib.exercises import check
from converge_lib.exercises.structure.maxout import TwoUnits


def layer_over_the_units(x, W, b):
    z = torch.einsum("nd,dmk->nmk", *map(torch.tensor, (x, W))) + torch.tensor(b)
    return z.max(1).values


def gradient_to_every_piece(x, W, b, upstream):
    by_W = (x.T @ upstream)[:, :, None] * np.ones_like(W)
    return by_W, np.outer(upstream.sum(0), np.ones(b.shape[1]))


def relu_without_the_zero_piece(W, b):
    return np.repeat(W[..., None], 2, -1), np.repeat(b[..., None], 2, -1)


def tangents_with_the_height_as_intercept(t, value, slope):
    return slope + 0 * t, np.copy(value)


def second_unit_concave(slopes):
    first = np.cumsum(np.r_[slopes[0], np.clip(np.diff(slopes), 0, None)])
    return first, slopes - first


def one_maximum(slopes):
    return slopes.copy(), np.zeros(len(slopes))


@pytest.mark.parametrize(
    ("exercise", "answer", "words"),
    [
        ("layer", layer_over_the_units, "The maximum runs over the units"),
        ("gradient", gradient_to_every_piece, "The gradient goes to all the pieces"),
        ("relu-as-pieces", relu_without_the_zero_piece, "zero piece is missing"),
        ("tangent-unit", tangents_with_the_height_as_intercept, "The intercept is f(t)"),
        ("two-units", second_unit_concave, "turns downwards, so it is not convex"),
        ("two-units", one_maximum, "A maximum takes the highest line"),
    ],
)
def test_a_mistake_is_named_however_it_is_written(exercise, answer, words):
    card = check(f"structure.maxout-{exercise}", answer)
    assert card.status == "wrong"
    assert words in card.body[0]


def steeper(slopes):
    changes = np.diff(slopes)
    more = np.append(0, np.cumsum(np.abs(changes)))
    first = slopes[0] + np.append(0, np.cumsum(np.maximum(changes, 0))) + more
    return first, first - slopes


def begins_elsewhere(slopes):
    changes = np.diff(slopes)
    second = 3 + np.append(0, np.cumsum(np.maximum(-changes, 0)))
    return slopes + second, second


@pytest.mark.parametrize("answer", [steeper, begins_elsewhere])
def test_another_pair_of_convex_units_is_told_apart_from_a_wrong_one(answer):
    card = check("structure.maxout-two-units", answer)
    assert card.status == "wrong"
    assert card.body[0] == TwoUnits.not_smallest


@pytest.mark.parametrize(
    "answer",
    [
        lambda slopes: slopes,
        lambda slopes: (slopes, 1.0),
        lambda slopes: (slopes + 1, 2 * slopes),
        lambda slopes: (np.full(len(slopes), np.nan),) * 2,
    ],
)
def test_what_is_no_pair_of_units_is_not_taken_for_one(answer):
    card = check("structure.maxout-two-units", answer)
    assert card.status == "wrong"
    assert TwoUnits.not_smallest not in card.body[0]
