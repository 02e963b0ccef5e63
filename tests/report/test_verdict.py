from pathlib import Path
from typing import Any

import pytest

from throughtime.report.record import read_run
from throughtime.report.scores import scores_by_period
from throughtime.report.verdict import comparison, verdict

from .conftest import Folder, flow, metrics, scores


def said(folder: Path) -> tuple[str, str]:
    run = read_run(folder)
    return verdict(run), comparison(scores_by_period(run.metrics))


def test_the_network_wins(run_folder: Folder) -> None:
    assert said(run_folder()) == (
        "On 1921-1955 the network's ARV is 0.091; AR(9) has 0.123 and persistence 0.416; "
        "the gradient falls to 1 % after 17 steps.",
        "The network is the best of the three on 1921-1955.",
    )


def test_the_network_loses(run_folder: Folder) -> None:
    folder = run_folder(metrics=metrics(scores=scores(0.15, 0.123, 0.416)), flow=None)
    assert said(folder) == (
        "On 1921-1955 the network's ARV is 0.150; AR(9) has 0.123 and persistence 0.416.",
        "AR(9) is better than the network on 1921-1955.",
    )


def test_the_network_loses_to_all(run_folder: Folder) -> None:
    folder = run_folder(metrics=metrics(scores=scores(0.5, 0.123, 0.416)))
    assert said(folder)[1] == "AR(9) and persistence are better than the network on 1921-1955."


def test_a_close_loss_does_not_look_level(run_folder: Folder) -> None:
    folder = run_folder(metrics=metrics(scores=scores(0.12341, 0.12339, 0.416)), flow=None)
    sentence, judged = said(folder)
    assert "0.12341; AR(9) has 0.12339" in sentence
    assert judged == "AR(9) is better than the network on 1921-1955."


def test_a_level_score_is_no_victory(run_folder: Folder) -> None:
    folder = run_folder(metrics=metrics(scores=scores(0.123, 0.123, 0.416)))
    assert said(folder)[1] == "The network is level with AR(9) on 1921-1955."


def test_periods_with_different_outcomes(run_folder: Folder) -> None:
    found = {
        "ar9": {"a": {"arv": 0.2}, "b": {"arv": 0.2}, "c": {"arv": 0.2}},
        "model": {"a": {"arv": 0.1}, "b": {"arv": 0.3}, "c": {"arv": 0.1}},
    }
    folder = run_folder(metrics=metrics(scores=found))
    assert said(folder)[1] == (
        "The network is better than AR(9) on a and c. AR(9) is better than the network on b."
    )


@pytest.mark.parametrize(
    ("found", "start"),
    [
        (scores(0.091, None, None), "On 1921-1955 the network's ARV is 0.091; the gradient"),
        (scores(None, 0.123, None), "On 1921-1955 the network has no ARV; AR(9) has 0.123;"),
        ({}, "The run has no test scores; the gradient"),
        ({"model": {"t": {"arv": None, "mse": 140.06}}}, "On t the network's MSE is 140.1;"),
    ],
)
def test_scores_that_are_missing(run_folder: Folder, found: dict[str, Any], start: str) -> None:
    assert said(run_folder(metrics=metrics(scores=found)))[0].startswith(start)


@pytest.mark.parametrize(
    ("horizons", "clause"),
    [
        ((1,), "the gradient falls to 1 % after 1 step."),
        ((None,), "the gradient does not fall to 1 % within the 80 steps looked at."),
        ((17, 17), "the gradient falls to 1 % after 17 steps."),
        ((17, 23), "the gradient falls to 1 % after 17 (layer 0) and 23 (layer 1) steps."),
        (
            (17, None),
            "the gradient falls to 1 % after 17 steps in one of two layers, "
            "and in one not within the 80 steps looked at.",
        ),
        ((1, 2, 3, 4), "the gradient falls to 1 % after 1 to 4 steps, depending on the layer."),
    ],
)
def test_how_far_back(run_folder: Folder, horizons: tuple[float | None, ...], clause: str) -> None:
    assert said(run_folder(flow=flow(*horizons)))[0].endswith(clause)
