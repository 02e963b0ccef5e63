import io

import pytest
from rich.console import Console

from throughtime.train import Progress, Row


def row(epoch: int) -> Row:
    return Row(epoch, epoch, 0.1234567, 3.25, True, 0.01, 0.5, 1.0)


def show(terminal: bool, every: float = 0.0) -> str:
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=120)
    with Progress(10, console, every=every) as progress:
        for epoch in (1, 2, 3):
            progress.after_update(row(epoch), steps=1000)
            progress.after_epoch(row(epoch))
    return text.getvalue()


def test_plain_lines_when_not_in_a_terminal() -> None:
    lines = show(terminal=False).splitlines()
    assert len(lines) == 3
    assert lines[2].startswith("epoch 3/10  loss 0.1235  validation 0.5  gradient 3.25  ")
    assert "steps/s" in lines[2]
    assert lines[2].endswith(" left")
    assert "\x1b" not in "".join(lines)


def test_plain_lines_are_not_more_frequent_than_asked_for() -> None:
    assert len(show(terminal=False, every=3600).splitlines()) == 1  # the first


def test_the_first_epoch_does_not_set_the_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 0.0, 10.0, 11.0, 12.0])  # made, entered, and after each epoch
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    lines = show(terminal=False).splitlines()
    assert "100 steps/s  1:30 left" in lines[0]
    assert "1,000 steps/s  0:07 left" in lines[2]


def test_a_live_line_in_a_terminal() -> None:
    shown = show(terminal=True)
    assert "\x1b[" in shown
    assert "loss 0.1235" in shown
