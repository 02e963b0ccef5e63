from throughtime.report.history import Epoch, History
from throughtime.report.scores import scores_by_period
from throughtime.report.tables import epoch_table, score_table, setting, settings_table

from .conftest import metrics, scores


def test_scores_have_the_network_first_and_the_best_marked() -> None:
    found = dict(reversed(scores(0.15, 0.123, 0.416).items()))
    (period,) = scores_by_period(metrics(scores=found))
    table = score_table(period)
    assert table.caption == "1921-1955, 35 rows"
    assert table.head == ["Forecast by", "ARV", "MSE", "MAE"]
    assert [name for name, _ in table.rows] == ["The network", "Persistence", "AR(9)"]
    assert [cells[0].text for _, cells in table.rows] == ["0.150", "0.416", "0.123"]
    assert [cells[0].best for _, cells in table.rows] == [False, False, True]
    assert [cells[2].best for _, cells in table.rows] == [False, False, False]


def test_measures_not_known_here_are_shown() -> None:
    (period,) = scores_by_period({"scores": {"model": {"t": {"mase": 0.8, "count": 3}}}})
    assert score_table(period).head == ["Forecast by", "MASE"]


def test_epochs_gather_their_updates() -> None:
    history = History(
        update=[1, 2, 3],
        epoch=[1, 1, 2],
        loss=[1.0, 3.0, None],
        gradient_norm=[0.5, 2.0, None],
        validation_loss=[None, 4.0, None],
        clipped=[0, 1, 0],
    )
    assert history.epochs() == [Epoch(1, 2, 2.0, 4.0, 2.0), Epoch(2, 3, None, None, None)]
    assert [name for name, _ in epoch_table(history, best_epoch=2).rows] == ["1", "2"]


def test_settings_read_aloud() -> None:
    assert setting(True) == "yes"
    assert setting(None) == "none"
    assert setting([1, 2]) == "1, 2"
    assert setting({"mean": 1.5, "log": False}) == "mean: 1.5, log: no"
    assert setting([]) == "none"
    assert settings_table("Network", {}) is None
