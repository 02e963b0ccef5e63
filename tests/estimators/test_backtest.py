import numpy as np
import pytest
import torch

from throughtime.data import DataError
from throughtime.estimators import Forecaster, SettingsError
from throughtime.estimators.distribution_scores import crps_of_normal

DRAW = np.random.default_rng(0)
WAVE = 5 + np.sin(np.arange(160) * 2 * np.pi / 8) + 0.1 * DRAW.normal(size=160)
QUICK = Forecaster(hidden=6, epochs=8, learning_rate=0.02, window=20, patience=None)
ASKED = {"horizon": 6, "windows": 3, "step": 5, "season": 8, "paths": 40}


def test_each_window_stands_where_it_should() -> None:
    found = QUICK.backtest(WAVE, **ASKED)
    frame = found.frame()
    assert frame["window"].to_list() == [0] * 6 + [1] * 6 + [2] * 6
    assert frame["row"].to_list() == [
        str(row) for start in (145, 150, 155) for row in range(start, start + 6)
    ]
    assert np.allclose(frame["observed"], WAVE[[int(row) - 1 for row in frame["row"]]])
    assert frame["persistence"].to_list()[:6] == pytest.approx([WAVE[143]] * 6)
    assert frame["seasonal-naive"].to_list()[:6] == pytest.approx(WAVE[136:142].tolist())
    assert bool((frame["lower-95"] <= frame["lower-80"]).all())
    assert bool((frame["upper-80"] <= frame["upper-95"]).all())


def test_scores_are_those_of_the_frame() -> None:
    found = QUICK.backtest(WAVE, **ASKED)
    frame, scores = found.frame(), found.scores()
    observed = frame["observed"].to_numpy()
    for name in ("model", "persistence", "seasonal-naive"):
        errors = frame[name].to_numpy() - observed
        assert scores[name]["mae"] == pytest.approx(np.abs(errors).mean())
        assert scores[name]["rmse"] == pytest.approx(np.sqrt((errors**2).mean()))
        scaled = []
        for number, known in enumerate((144, 149, 154)):
            naive = np.abs(WAVE[8:known] - WAVE[: known - 8]).mean()
            scaled.append(np.abs(errors[6 * number : 6 * number + 6]).mean() / naive)
        assert scores[name]["mase"] == pytest.approx(np.mean(scaled))
        assert found.by_step()[name][2] == pytest.approx(np.abs(errors[2::6]).mean())
    inside = (frame["lower-80"] <= frame["observed"]) & (frame["observed"] <= frame["upper-80"])
    assert scores["model"]["coverage"]["80"] == pytest.approx(inside.mean())
    changes = WAVE[1:144] - WAVE[:143]
    spread = torch.from_numpy(np.sqrt((changes**2).mean() * np.arange(1, 7)))
    center, came = torch.full((6,), WAVE[143]).double(), torch.from_numpy(WAVE[144:150])
    assert torch.allclose(
        found.windows[0].said["persistence"].crps, crps_of_normal(center, spread, came), atol=1e-9
    )


@pytest.mark.parametrize("refit", [False, True])
def test_what_comes_later_changes_nothing(refit: bool) -> None:
    changed = WAVE.copy()
    changed[149:] += 50  # known in the last window alone
    a = QUICK.backtest(WAVE, refit=refit, **ASKED).windows
    b = QUICK.backtest(changed, refit=refit, **ASKED).windows
    for name in ("model", "persistence", "seasonal-naive"):
        for early in (0, 1):
            assert torch.equal(a[early].said[name].center, b[early].said[name].center)
            assert torch.equal(a[early].said[name].low, b[early].said[name].low)
        assert not torch.equal(a[2].said[name].center, b[2].said[name].center)


def test_to_refit_is_to_learn_the_rows_before_each_moment() -> None:
    found = QUICK.backtest(WAVE, refit=True, **ASKED)
    alone = Forecaster(**QUICK.get_params()).fit(WAVE[:149])
    expected = alone.predict(6, level=[80], paths=40, seed=1)
    assert np.allclose(found.windows[1].said["model"].center, expected["predicted"])
    assert np.allclose(found.windows[1].said["model"].low[0], expected["lower-80"])
    once = QUICK.backtest(WAVE, **ASKED)
    assert torch.equal(once.windows[0].said["model"].center, found.windows[0].said["model"].center)
    assert not torch.equal(
        once.windows[1].said["model"].center, found.windows[1].said["model"].center
    )
    assert not hasattr(QUICK, "model_")


def test_several_series_and_known_covariates() -> None:
    told = np.random.default_rng(1).normal(size=(2, 120))
    series = [np.column_stack([10 * (k + 1) + 3 * told[k], told[k]]) for k in range(2)]
    forecaster = Forecaster(
        hidden=8, epochs=60, learning_rate=0.02, known=["x1"], patience=None, window=20
    )
    found = forecaster.backtest(series, horizon=5, windows=2, season=1, paths=60)
    assert found.frame()["series"].unique(maintain_order=True).to_list() == ["0", "1"]
    assert found.scores()["model"]["mase"] < 0.3 * found.scores()["persistence"]["mase"]


def test_covariates_beside_a_target_are_known_ahead() -> None:
    X = np.random.default_rng(1).normal(size=(160, 1))
    quick = Forecaster(hidden=8, epochs=60, learning_rate=0.02, patience=None, window=20)
    found = quick.backtest(X, 10 + 3 * X[:, 0], horizon=5, windows=2, season=1, paths=60)
    assert found.scores()["model"]["mase"] < 0.3 * found.scores()["persistence"]["mase"]


def test_too_many_windows_and_strange_settings_are_refused() -> None:
    with pytest.raises(DataError, match="leave 4 before the first, and at least 9 are needed"):
        QUICK.backtest(WAVE, horizon=6, windows=26, season=8)
    with pytest.raises(SettingsError, match="horizon must be a whole number"):
        QUICK.backtest(WAVE, horizon=0)
    with pytest.raises(SettingsError, match="season must be a whole number"):
        QUICK.backtest(WAVE, horizon=2, season=0)
    with pytest.raises(SettingsError, match="a level is a number of percent"):
        QUICK.backtest(WAVE, horizon=2, level=[100])
    with pytest.raises(SettingsError, match="name a level"):
        QUICK.backtest(WAVE, horizon=2, level=[])
    for paths in (0, 1):
        with pytest.raises(SettingsError, match="paths must be a whole number of at least 2"):
            QUICK.backtest(WAVE, horizon=2, paths=paths)
    assert QUICK.backtest(WAVE, horizon=np.int64(2), windows=1, level=80, season=1).levels == (80,)
