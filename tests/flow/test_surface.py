import importlib.util
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import throughtime as tt
from throughtime.flow.directions import Direction, one_weight, random_directions
from throughtime.flow.surface import Plane, Surface
from throughtime.report.surface import plot_surface

MSE = nn.MSELoss(reduction="none")


def problem(cell: str = "gru", layers: int = 2) -> tuple[tt.Network, Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    model = tt.Network(cell, 2, 3, 1, num_layers=layers, dtype=torch.float64)
    x, d = torch.randn(7, 4, 2).double(), torch.randn(7, 4, 1).double()
    return model, x, d, torch.tensor([7, 3, 1, 6])


def plainly(model: nn.Module, x: Tensor, d: Tensor, lengths: Tensor) -> Tensor:
    """The loss of a model as it is, differentiated by autograd."""
    with tt.engine.use("reference"):
        outputs, _ = model(x, None, lengths=lengths)
    valid = torch.arange(len(x))[:, None] < lengths
    return (outputs - d).square()[valid].mean()


def test_losses_and_gradients_are_those_of_the_moved_network() -> None:
    model, x, d, lengths = problem()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    directions = random_directions(model, seed=3)
    plane = Plane(model, x, d, MSE, directions, lengths=lengths)
    moved, *_ = problem()
    for a, b in ((0.0, 0.0), (0.5, -1.0), (-1.0, 0.25)):
        with torch.no_grad():
            for name, p in moved.named_parameters():
                first, second = (direction.by_weight[name] for direction in directions)
                p.copy_(before[name] + a * first + b * second)
        moved.zero_grad()
        loss = plainly(moved, x, d, lengths)
        loss.backward()
        assert plane.loss_at(a, b) == pytest.approx(loss.item(), rel=1e-12)
        by = [
            sum(float((p.grad * direction.by_weight[n]).sum()) for n, p in moved.named_parameters())  # type: ignore[operator]
            for direction in directions
        ]
        assert plane.gradient_at(a, b) == pytest.approx(by, rel=1e-10)
    for name, p in model.named_parameters():
        assert torch.equal(p, before[name])
        assert p.grad is None


def test_a_random_direction_is_as_long_as_the_weights_filter_by_filter() -> None:
    model, *_ = problem()
    first, second = random_directions(model, seed=1)
    for name, p in model.named_parameters():
        over = 1 if p.dim() > 1 else 0
        for direction in (first, second):
            move = direction.by_weight[name]
            assert torch.allclose(move.norm(dim=over), p.detach().norm(dim=over), rtol=1e-12)
        if p.numel() > 1:
            assert not torch.equal(first.by_weight[name], second.by_weight[name])
    again, _ = random_directions(model, seed=1)
    assert all(torch.equal(again.by_weight[n], first.by_weight[n]) for n in again.by_weight)


def test_the_coordinate_of_one_weight_is_the_weight() -> None:
    model, x, d, lengths = problem("elman", 1)
    name = "recurrent.weight_hh_l0"
    across, along = one_weight(model, name, (0, 1)), one_weight(model, name, (2, 2))
    plane = Plane(model, x, d, MSE, (across, along), lengths=lengths)
    surface = plane.surface((-1.0, 1.0), (0.0, 0.5), points=3)
    assert (surface.x, surface.y) == ((-1.0, 0.0, 1.0), (0.0, 0.25, 0.5))
    with torch.no_grad():
        weight = model.get_parameter(name)
        weight[0, 1], weight[2, 2] = 1.0, 0.25
    assert surface.loss[1][2] == pytest.approx(plainly(model, x, d, lengths).item(), rel=1e-12)


def test_descent_is_gradient_descent_in_the_plane() -> None:
    model, x, d, lengths = problem("elman", 1)
    plane = Plane(model, x, d, MSE, lengths=lengths)
    walk = plane.descend(rate=0.1, steps=3)
    limited = plane.descend(rate=0.1, steps=3, clipping=tt.Clipping(norm=1e-3))
    here = (0.0, 0.0)
    for place in zip(walk.x, walk.y, strict=True):
        assert place == pytest.approx(here, abs=1e-12)
        slope = plane.gradient_at(*here)
        here = (here[0] - 0.1 * slope[0], here[1] - 0.1 * slope[1])
    assert walk.loss[0] > walk.loss[-1]
    assert limited.longest_step() == pytest.approx(1e-4, rel=1e-3)
    assert limited.label == "clipped at 0.001"
    assert limited.norm[0] == pytest.approx(math.hypot(*plane.gradient_at(0.0, 0.0)))


def test_the_cliff_of_one_unit() -> None:
    # Pascanu, Mikolov & Bengio 2013: a unit between two attractors, 50 steps.
    path = Path(__file__).parents[2] / "examples" / "cliff.py"
    spec = importlib.util.spec_from_file_location("cliff", path)
    assert spec is not None
    assert spec.loader is not None
    cliff = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(cliff)
    plane = cliff.plane()
    surface = plane.surface((5.0, 6.0), (-3.2, -2.5), 15)
    w, b, slope = surface.steepest()
    slopes = sorted(
        abs(row[i + 1] - row[i]) / (1 / 14) for row in surface.loss for i in range(len(row) - 1)
    )
    assert slope > 30 * slopes[len(slopes) // 2]  # a wall, in a country that is flat
    start = 1 / (1 + math.exp(-0.5))  # on the wall it is the fixed point between the attractors
    assert abs(b - (0.5 - w * start)) < 0.05
    free, clipped = cliff.walks(plane)
    assert max(n for n in free.norm if n == n) > 1000
    assert free.longest_step() > 100
    assert clipped.longest_step() <= 0.05 + 1e-9
    assert min(clipped.loss) < 0.001 < min(free.loss)


def test_what_explodes_is_infinite_and_ends_a_descent() -> None:
    torch.manual_seed(0)
    model = tt.Network("elman_relu", 1, 2, 1)
    x, d = torch.ones(200, 1, 1), torch.zeros(200, 1, 1)
    name = "recurrent.weight_hh_l0"
    directions = one_weight(model, name, (0, 0)), one_weight(model, name, (1, 1))
    plane = Plane(model, x, d, MSE, directions)
    surface = plane.surface((0.0, 9.0), (0.0, 9.0), points=3)
    assert surface.loss[0][0] < math.inf
    assert surface.loss[-1][-1] == math.inf
    assert surface.as_dict()["loss"][-1][-1] is None
    walk = plane.descend(rate=-1e30, steps=5, start=(1.0, 1.0))  # uphill
    assert len(walk.x) == 2
    assert walk.loss[-1] == math.inf
    plot_surface(surface, [walk]).figure.canvas.draw()


def test_a_picture_of_any_surface() -> None:
    for loss in (((1.0, 1.0), (1.0, 1.0)), ((-1.0, 1e9), (0.0, 3.0))):
        surface = Surface(("a", "b$x$"), (0.0, 1.0), (0.0, 1.0), loss)
        plot_surface(surface).figure.canvas.draw()


def test_what_cannot_be_is_refused() -> None:
    model, x, d, _ = problem()
    with pytest.raises(ValueError, match="unknown parameter 'w'; known are recurrent"):
        one_weight(model, "w")
    with pytest.raises(ValueError, match="2 numbers below these"):
        one_weight(model, "recurrent.weight_hh_l0", (99, 0))
    foreign = Direction("elsewhere", {"w": torch.zeros(3)})
    with pytest.raises(ValueError, match=r"elsewhere moves w by \[3\]"):
        Plane(model, x, d, MSE, (foreign, foreign))
    with pytest.raises(ValueError, match="first two dimensions"):
        Plane(model, x, d[:3], MSE)
    plane = Plane(model, x, d, MSE)
    with pytest.raises(ValueError, match="points is a whole number"):
        plane.surface(points=1)
    with pytest.raises(ValueError, match="from a number to a greater one"):
        plane.surface(x=(1.0, 1.0))
