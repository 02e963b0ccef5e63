"""Chaotic series against scipy's integrators."""

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from throughtime.data.tasks import Lorenz, MackeyGlass
from throughtime.data.tasks.lorenz import lorenz
from throughtime.data.tasks.mackey_glass import mackey_glass


def by_steps(start: float, delays: int, slow: float = 0.1) -> np.ndarray:
    """Mackey-Glass by the method of steps: each delay is an ordinary equation driven by the last"""
    tau, times, found = 17, np.arange(18), [np.array([start])]
    before = lambda t: np.full_like(np.asarray(t, float), start)  # noqa: E731
    x = start
    for _ in range(delays):

        def slope(t: float, x: np.ndarray, before: object = before) -> np.ndarray:
            delayed = before(t)  # type: ignore[operator]
            return 0.2 * delayed / (1 + delayed**10) - slow * x

        run = solve_ivp(
            slope, (0, tau), [x], "DOP853", dense_output=True, rtol=1e-12, atol=1e-12, max_step=0.5
        )
        found.append(run.sol(times[1:])[0])
        before, x = (lambda t, run=run: run.sol(t)[0]), run.sol(tau)[0]
    return np.concatenate(found)


def test_mackey_glass_is_that_of_the_method_of_steps() -> None:
    starts = [0.7, 1.2]
    mine = mackey_glass(torch.tensor(starts, dtype=torch.float64), 6 * 17 + 1).numpy()
    for row, start in enumerate(starts):
        error = np.abs(mine[:, row] - by_steps(start, 6)).max()
        assert error < 1e-5, error  # what is left of steps of 0.1
    other = by_steps(1.2, 6, slow=0.1001)  # a slightly different equation is told apart
    assert np.abs(mine[:, 1] - other).max() > 1e-3


def test_mackey_glass_decays_as_its_first_delay_says() -> None:
    x = mackey_glass(torch.tensor([1.2], dtype=torch.float64), 18)[:, 0]
    rest = 0.2 * 1.2 / (1 + 1.2**10) / 0.1
    expected = rest + (1.2 - rest) * torch.exp(-0.1 * torch.arange(18, dtype=torch.float64))
    torch.testing.assert_close(x, expected, rtol=1e-8, atol=0)


def test_lorenz_is_scipys() -> None:
    start = torch.tensor([[1.0, 1.0, 20.0], [-3.0, 2.0, 15.0]], dtype=torch.float64)

    def error(row: int, rho: float) -> float:
        def slope(t: float, p: np.ndarray) -> list[float]:
            x, y, z = p
            return [10 * (y - x), x * (rho - z) - y, x * y - 8 / 3 * z]

        run = solve_ivp(
            slope, (0, 2), start[row].numpy(), "DOP853",
            t_eval=0.05 * np.arange(41), rtol=1e-12, atol=1e-12,
        )  # fmt: skip
        return float(np.abs(mine[:, row] - run.y.T).max())

    mine = lorenz(start, 41).numpy()  # 2 units of time
    for row in range(2):
        assert error(row, 28) < 1e-3  # of 40; steps of 0.01, and errors grow
        assert error(row, 28.01) > 1e-2


@pytest.mark.parametrize("task", [MackeyGlass(T=300), Lorenz(T=300)])
def test_series_are_scaled_and_targets_lie_ahead(task: MackeyGlass | Lorenz) -> None:
    batch = task.batch(30, torch.Generator().manual_seed(0))
    assert float(batch.inputs.mean()) == pytest.approx(0, abs=0.2)
    assert float(batch.inputs.std()) == pytest.approx(1, abs=0.1)
    assert batch.targets[: task.unasked].isnan().all()
    asked = batch.targets[task.unasked : -task.ahead]
    assert torch.equal(asked, batch.inputs[task.unasked + task.ahead :])
    rows = batch.inputs[..., 0].T
    assert float(torch.pdist(rows).min()) > 0.5, "two rows are the same"
    assert task.score(batch.targets.nan_to_num(0), batch.targets) == 0
    assert not task.solved(task.score(batch.inputs, batch.targets)), "persistence solves it"
