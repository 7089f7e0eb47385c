"""Training many runs at once against each run alone, by PyTorch's own model and optimisers."""

import copy

import numpy as np
import pytest
import torch

from converge_lib.descent import SOLVERS, Adam, GradientDescent, Momentum
from converge_lib.training import accuracy, train_classifier, train_softmax_regression

rng = np.random.default_rng(0)
IMAGES = rng.random((60, 4, 5)).astype(np.float32)
LABELS = np.concatenate([np.arange(4), rng.integers(0, 4, 56)])
SETTINGS = {"batch": 16, "at": [0, 1, 2.5]}


def train(solvers, **changes):
    return train_softmax_regression(solvers, IMAGES, LABELS, **{**SETTINGS, **changes})


def alone(optimiser, seed, passes=2.5, batch=16, schedule=None, **arguments):
    """One run with torch.nn.Linear: its losses at the start and at the end, and its weights."""
    x, y = torch.tensor(IMAGES).flatten(1), torch.tensor(LABELS)
    model = torch.nn.Linear(20, 4)
    torch.nn.init.zeros_(model.weight), torch.nn.init.zeros_(model.bias)
    optimiser = optimiser(model.parameters(), **arguments)
    generator = torch.Generator().manual_seed(seed)
    loss = torch.nn.functional.cross_entropy
    losses, lr, t = [loss(model(x), y).item()], arguments["lr"], 0
    while t < round(passes * (60 // batch)):
        for chosen in torch.randperm(60, generator=generator).split(batch)[: 60 // batch]:
            if t < round(passes * (60 // batch)):
                optimiser.param_groups[0]["lr"] = lr * (schedule(t) if schedule else 1)
                optimiser.zero_grad()
                loss(model(x[chosen]), y[chosen]).backward()
                optimiser.step()
                t += 1
    losses.append(loss(model(x), y).item())
    return losses, torch.cat([model.weight.T, model.bias[None]]).detach()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_each_run_is_that_of_torch_alone(seed):
    runs = train([GradientDescent(0.5), Adam(0.01), Momentum(0.1, 0.8)])
    theirs = [
        alone(torch.optim.SGD, seed, lr=0.5),
        alone(torch.optim.Adam, seed, lr=0.01),
        alone(torch.optim.SGD, seed, lr=0.1, momentum=0.8),
    ]
    for i, (losses, weights) in enumerate(theirs):
        np.testing.assert_allclose(runs.losses[[0, -1], i, seed], losses, rtol=1e-5)
        torch.testing.assert_close(runs.weights[i, seed], weights, rtol=1e-4, atol=1e-6)


def test_a_schedule_multiplies_the_rate_of_each_step():
    def halved(t):
        return 0.5**t

    runs = train([GradientDescent(0.5)], schedule=halved, seeds=1)
    _, weights = alone(torch.optim.SGD, 0, lr=0.5, schedule=halved)
    torch.testing.assert_close(runs.weights[0, 0], weights, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", SOLVERS)
def test_every_solver_lowers_the_loss_alone_and_in_company(name):
    solver = SOLVERS[name]()
    runs = train([GradientDescent(0.1), solver], at=[0, 3, 6])
    assert (runs.losses[-1] < runs.losses[0]).all()
    np.testing.assert_allclose(runs.losses[:, 1:], train([solver], at=[0, 3, 6]).losses, rtol=1e-4)


def test_records():
    runs = train([GradientDescent(0.1)], seeds=2)
    assert runs.passes.tolist() == [0, 1, 8 / 3]  # 2.5 passes of 3 steps are 7.5: 8 steps
    assert runs.losses.shape == (3, 1, 2) and runs.weights.shape == (1, 2, 21, 4)
    assert runs.losses[0] == pytest.approx(np.log(4))


def test_seeds_differ_in_the_order_and_a_full_batch_has_none():
    assert np.ptp(train([GradientDescent(0.5)]).losses[-1]) > 1e-6
    assert np.ptp(train([GradientDescent(0.5)], batch=60, at=[3]).losses[-1]) < 1e-6


def test_the_loss_is_of_the_evaluated_images():
    runs = train([GradientDescent(0.5)], evaluate=7, seeds=1)
    x = np.hstack([IMAGES[:7].reshape(7, -1), np.ones((7, 1))])
    logits = x @ runs.weights[0, 0].numpy()
    losses = np.log(np.exp(logits).sum(1)) - logits[np.arange(7), LABELS[:7]]
    assert runs.losses[-1, 0, 0] == pytest.approx(losses.mean(), rel=1e-5)


def test_a_run_that_overflows_leaves_the_others_alone():
    runs = train([GradientDescent(1e38), GradientDescent(0.1)])
    assert not np.isfinite(runs.losses[-1, 0]).any()
    np.testing.assert_allclose(runs.losses[:, 1:], train([GradientDescent(0.1)]).losses, rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch": 0}, "batch must be from 1 to the number of images, 60, got 0"),
        ({"batch": 61}, "batch must be from 1 to the number of images, 60, got 61"),
        ({"batch": 1.5}, "batch must be a whole number"),
        ({"at": []}, "at must rise"),
        ({"at": [1, 0]}, "at must rise"),
        ({"at": [-1, 1]}, "at must rise"),
        ({"at": [1, 1.01]}, "at must rise from 0 or more by at least a step of 1/3 pass"),
        ({"seeds": 0}, "seeds must be a whole number of at least 1, got 0"),
        ({"evaluate": 0}, "evaluate must be a whole number of at least 1, got 0"),
    ],
)
def test_refuses(changes, message):
    with pytest.raises(ValueError, match=message):
        train([GradientDescent(0.1)], **changes)


def test_images_and_labels_must_match():
    with pytest.raises(ValueError, match="labels must have one entry for each of 60 images"):
        train_softmax_regression([GradientDescent(0.1)], IMAGES, LABELS[:-1], **SETTINGS)


# ── Any network ──────────────────────────────────────────────────────────────────────────────────


def classify(epochs=3, seed=0, dropout=0.0, **changes):
    """Train a small network, and return it with its losses."""
    torch.manual_seed(7)
    network = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Dropout(dropout), torch.nn.Linear(20, 4)
    )
    optimiser = torch.optim.SGD(network.parameters(), lr=0.5)
    settings = {"optimiser": optimiser, "epochs": epochs, "batch": 16, "seed": seed} | changes
    x, y = torch.tensor(IMAGES), torch.tensor(LABELS)
    return network, train_classifier(network, x, y, **settings)


@pytest.mark.parametrize("seed", [0, 3])
def test_a_network_is_trained_as_by_hand(seed):
    network, losses = classify(seed=seed)
    torch.manual_seed(7)
    other = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(20, 4))
    generator, by_hand = torch.Generator().manual_seed(seed), []
    total = 3 * (60 // 16)
    for t in range(total):
        if t % 3 == 0:
            order = torch.randperm(60, generator=generator)
        # From lr/25 to lr and down to lr/250,000, each along half a cosine.
        turn = 0.3 * total - 1
        share, low, high = (
            (t / turn, 0.02, 0.5) if t <= turn else ((t - turn) / (total - 1 - turn), 0.5, 2e-6)
        )
        rate = high + (low - high) * (1 + np.cos(np.pi * share)) / 2
        chosen = order[t % 3 * 16 :][:16]
        loss = torch.nn.functional.cross_entropy(
            other(torch.tensor(IMAGES)[chosen]), torch.tensor(LABELS)[chosen]
        )
        by_hand.append(loss.item())
        for p, g in zip(
            other.parameters(), torch.autograd.grad(loss, list(other.parameters())), strict=True
        ):
            p.data -= rate * g
    assert losses == pytest.approx(by_hand, rel=1e-5)
    assert not network.training


def test_equal_seeds_train_equally_and_the_callers_numbers_stay_theirs():
    runs = []
    for seed in (1, 1, 2):
        runs.append(classify(seed=seed, dropout=0.5)[1])
        drawn = torch.rand(1)
        torch.manual_seed(7)
        torch.nn.Linear(20, 4)  # all that was drawn outside of the training
        assert torch.rand(1) == drawn
    first, again, other = runs
    assert first == again != other


def test_a_network_in_evaluation_is_trained_in_training():
    x, y = torch.tensor(IMAGES), torch.tensor(LABELS)
    losses = []
    for mode in (True, False):
        torch.manual_seed(7)
        network = torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Dropout(0.5), torch.nn.Linear(20, 4)
        ).train(mode)
        sgd = torch.optim.SGD(network.parameters(), lr=0.5)
        losses.append(train_classifier(network, x, y, optimiser=sgd, epochs=1, batch=16))
    assert losses[0] == losses[1] == classify(epochs=1, dropout=0.5)[1] != classify(epochs=1)[1]


def test_fewer_updates_are_the_beginning_of_all():
    assert classify(updates=4)[1] == classify()[1][:4]


def test_the_optimiser_trains_again_at_the_same_rate():
    torch.manual_seed(7)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(20, 4))
    sgd = torch.optim.SGD(
        [{"params": [network[1].weight], "lr": 0.5}, {"params": [network[1].bias], "lr": 0.1}]
    )
    start = copy.deepcopy(network.state_dict())
    x, y = torch.tensor(IMAGES), torch.tensor(LABELS)
    runs = []
    for updates in (None, 4, None):
        network.load_state_dict(start)
        settings = {"optimiser": sgd, "epochs": 2, "batch": 16, "updates": updates}
        runs.append(train_classifier(network, x, y, **settings))
        assert [group["lr"] for group in sgd.param_groups] == [0.5, 0.1]
    assert runs[0] == runs[2] and runs[1] == runs[0][:4]


def test_what_is_called_after_an_update_sees_the_new_weights():
    seen = []
    torch.manual_seed(0)
    network = torch.nn.Linear(20, 4)
    train_classifier(
        network,
        torch.tensor(IMAGES).flatten(1),
        torch.tensor(LABELS),
        optimiser=torch.optim.SGD(network.parameters(), lr=0.1),
        epochs=1,
        batch=6,
        after_update=lambda: seen.append(network.weight[0].sum().item()),
    )
    assert len(seen) == 10 and len(set(seen[:8])) == 8
    assert seen[-1] == network.weight[0].sum().item()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch": 61}, "batch must be at most the number of images, 60, got 61"),
        ({"batch": 0}, "batch must be"),
        ({"epochs": 0}, "epochs must be"),
        ({"seed": -1}, "seed must be a whole number of at least 0, got -1"),
        ({"updates": 10}, "updates must be at most 9, all of 3 epochs, got 10"),
    ],
)
def test_what_a_training_cannot_be_asked(changes, message):
    with pytest.raises(ValueError, match=message):
        classify(**changes)


def test_accuracy_counts_the_highest_score():
    scores = torch.tensor([[2.0, 1], [0, 1], [5, 4], [-2, -1]])
    labels = torch.tensor([0, 1, 1, 1])
    assert accuracy(torch.nn.Identity(), scores, labels, batch=3) == 0.75
    with pytest.raises(ValueError, match="got 3 for 4"):
        accuracy(torch.nn.Identity(), scores, labels[:3])
    with pytest.raises(ValueError, match="batch must be a whole number of at least 1, got 0"):
        accuracy(torch.nn.Identity(), scores, labels, batch=0)
    with pytest.raises(ValueError, match="got 0 for 0"):
        accuracy(torch.nn.Identity(), scores[:0], labels[:0])
