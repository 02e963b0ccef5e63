from collections.abc import Callable
from typing import Any

import pytest
import torch

import throughtime as tt
from throughtime.data.tasks import Adding, InfluenceBalancing
from throughtime.gradients import GradientMethod
from throughtime.named import NamedError
from throughtime.train.comparison import (
    Budget,
    Contender,
    Point,
    Probe,
    Setting,
    Trial,
    memory_of,
    summarised,
    trials,
)


def setting(**changed: Any) -> Setting:
    given: dict[str, Any] = {
        "task": Adding(T=12),
        "network": lambda: tt.Network("elman", 2, 4, 1),
        "rows": 4,
        "test_rows": 16,
        "optimizer": "adam",
        "learning_rate": 0.01,
        "clip": 1.0,
    }
    return Setting(**{**given, **changed})


def points(done: list[Trial]) -> list[list[tuple[object, ...]]]:
    """Everything but the clock."""
    return [[(p.share, p.updates, p.steps, p.loss, p.cosine) for p in t.points] for t in done]


@pytest.mark.filterwarnings("ignore:.*full backpropagation through time")
def test_methods_start_alike_read_the_same_sequences_and_repeat() -> None:
    contenders = [Contender("bptt"), Contender("tbptt:12"), Contender("uoro")]
    one, other = (trials(setting(), contenders, [0, 1], Budget(6, "updates"), 3) for _ in range(2))
    assert points(one)[0] == points(one)[1]  # a window of the whole sequence
    assert points(one) == points(other)
    assert points(one)[0] != points(one)[3]  # another seed
    starts = {trial.points[0].loss for trial in one if trial.seed == 0}
    assert len(starts) == 1


@pytest.mark.parametrize(
    ("budget", "method", "updates", "sequences"),
    [
        (Budget(6, "updates"), "bptt", 6, 24),
        (Budget(6, "updates"), "tbptt:5", 6, 8),  # windows of 5, 5 and 2 steps
        (Budget(24, "sequences"), "bptt", 6, 24),
        (Budget(24, "sequences"), "tbptt:5", 18, 24),
    ],
)
def test_a_budget_is_spent_and_no_more(
    budget: Budget, method: str, updates: int, sequences: int
) -> None:
    ((*_, last),) = (
        trial.points for trial in trials(setting(), [Contender(method)], [0], budget, 2)
    )
    assert last.updates == updates
    assert last.sequences == sequences


def test_points_lie_at_even_shares_of_the_budget() -> None:
    (trial,) = trials(setting(), [Contender("bptt")], [0], Budget(8, "updates"), 4)
    assert [p.share for p in trial.points] == [0, 0.25, 0.5, 0.75, 1]
    assert [p.updates for p in trial.points] == [0, 2, 4, 6, 8]


def test_seconds_count_training_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1000))
    monkeypatch.setattr("time.perf_counter", lambda: float(next(clock)))
    (trial,) = trials(setting(), [Contender("bptt")], [0], Budget(5, "seconds"), 5)
    assert trial.points[-1].seconds == 5  # a tick from the draw to the step, five times
    assert trial.points[-1].updates == 5


@pytest.mark.parametrize(
    ("name", "exact"), [("tbptt:3:12", True), ("rtrl", True), ("tbptt:1", False)]
)
def test_a_probe_tells_an_exact_gradient_from_a_truncated_one(name: str, exact: bool) -> None:
    task = Adding(T=12)
    torch.manual_seed(0)
    model = tt.Network("elman", 2, 4, 1, dtype=torch.float64)
    torch.nn.init.orthogonal_(model.recurrent.weight_hh_l0)
    batch = task.batch(6, torch.Generator().manual_seed(1))
    batch = type(batch)(batch.inputs.double(), batch.targets.double())
    cosine, ratio = Probe(task, batch)(model, Contender(name).method(0))
    assert cosine is not None
    assert ratio is not None
    assert (abs(cosine - 1) < 1e-9 and abs(ratio - 1) < 1e-9) is exact
    assert all(p.grad is None for p in model.parameters())


def test_a_probe_leaves_the_method_as_it_is() -> None:
    def drawn(method: GradientMethod, probed: bool) -> torch.Tensor:
        torch.manual_seed(0)
        model = tt.Network("elman", 2, 4, 1)
        task = Adding(T=5)
        batch = task.batch(2, torch.Generator().manual_seed(0))
        if probed:
            Probe(task, batch)(model, method)
        for _ in method(model, batch.inputs, batch.targets, task.loss):
            pass
        return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])

    makers: list[Callable[[], GradientMethod]] = [
        lambda: tt.UORO(3),
        lambda: tt.RandomTBPTT(4, every=2),
    ]
    for make in makers:
        assert torch.equal(drawn(make(), True), drawn(make(), False))


def test_what_fails_is_told_and_the_others_go_on() -> None:
    doomed = setting(
        task=InfluenceBalancing(T=60),
        network=lambda: InfluenceBalancing(T=60).network(),
        optimizer="sgd",
        learning_rate=1e12,
        clip=None,
    )
    contenders = [Contender("tbptt:10"), Contender("bptt@1e-6")]
    failed, fine = trials(doomed, contenders, [0], Budget(12, "updates"), 2)
    assert "loss is" in failed.failure
    assert failed.points[-1].score is None
    assert not fine.failure
    summary = summarised("tbptt:10", [failed], doomed.task, None)
    assert (summary.failed, summary.solved, summary.score) == (1, 0, None)


def test_covariance_adaptation_goes_where_it_wants_to() -> None:
    pytest.importorskip("cmaes")
    (trial,) = trials(
        setting(), [Contender("es:8:0.3:optimizer=cma")], [0], Budget(30, "updates"), 2
    )
    assert not trial.failure
    assert trial.points[-1].cosine is None  # no gradient, so nothing to compare
    first, last = trial.points[0].loss, trial.points[-1].loss
    assert first is not None
    assert last is not None
    assert last < first


def test_a_learning_rate_of_its_own() -> None:
    model = tt.Network("elman", 2, 4, 1)
    for name, rate in (("bptt", 0.01), ("bptt@0.5", 0.5)):
        contender = Contender(name)
        optimizer, _ = contender.optimizer(contender.method(0), setting(), model)
        assert optimizer.param_groups[0]["lr"] == rate
    for wrong in ("bptt@", "bptt@fast", "bptt@0", "bptt@-1", "bptt@nan"):
        with pytest.raises(NamedError, match="learning rate"):
            Contender(wrong)


@pytest.mark.parametrize(
    "budget", [(0, "updates"), (1.5, "updates"), (-1, "seconds"), (float("nan"), "seconds")]
)
def test_a_budget_of_nothing_is_refused(budget: tuple[Any, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Budget(*budget)


def test_figures_are_medians_and_a_missing_score_is_the_worst() -> None:
    def trial(seed: int, score: float | None, sequences: int) -> Trial:
        first = Point(0, 0, 0, 0, 0.0, 1.0, 1.0, None, None)
        return Trial("m", seed, [first, Point(1, 5, sequences, 50, 2.0, score, score, 0.5, 2.0)])

    three = [trial(0, 0.001, 10), trial(1, 0.5, 20), trial(2, None, 30)]
    found = summarised("m", three, Adding(), 7)
    assert (found.score, found.solved, found.first_solved) == (0.5, 1, 10)
    assert (found.seconds_a_step, found.cosine, found.memory) == (2 / 50, 0.5, 7)


def test_more_is_kept_by_backpropagation_through_a_longer_sequence() -> None:
    # Memory that this process has freed is not to serve what is measured.
    freed = [torch.zeros(20_000) for _ in range(1000)], [torch.zeros(200) for _ in range(100_000)]
    del freed
    wide = {"network": lambda: tt.Network("lstm", 2, 32, 1), "rows": 32}
    short, long = (
        memory_of(Contender("bptt"), setting(task=Adding(T=T), **wide)) for T in (50, 1000)
    )
    if short is None or long is None:
        pytest.skip("this system does not tell the most that a process used")
    # The outputs alone. What a process touches of the libraries' files is in both.
    assert long - short > 32 * (1000 - 50) * 32 * 4
