"""Tasks with long time lags, learned with full backpropagation through time; a line each."""

from functools import partial

from lags import adding, embedded_reber, temporal_order
from lags.training import Setting
from lags.trial import Experiment

EXPERIMENTS: dict[str, Experiment] = {
    "adding": Experiment(
        "adding problem, T = 100",
        "mean squared error",
        adding.train,
        {
            "gru": Setting("gru", 20, 0.05, "forget bias 1", 30_000, one_cycle=True),
            "lstm": Setting("lstm", 20, 0.05, "chrono", 40_000, one_cycle=True),
        },
    ),
    "order-50": Experiment(
        "temporal order 6a, T = 50",
        "share wrong",
        partial(temporal_order.train, T=50),
        {
            "gru": Setting("gru", 1, 0.02, "chrono", 31_390),
            "lstm": Setting("lstm", 1, 0.02, "chrono", 31_390),
        },
    ),
    "order-100": Experiment(
        "temporal order 6a, T = 100",
        "share wrong",
        temporal_order.train,
        {
            "gru": Setting("gru", 1, 0.02, "chrono", 31_390),
            "lstm": Setting("lstm", 1, 0.02, "chrono", 31_390),
        },
        paper=31_390,
    ),
    "reber": Experiment(
        "embedded Reber grammar",
        "share of strings unknown",
        embedded_reber.train,
        {
            "gru": Setting("gru", 1, 0.02, "forget bias 1", 8_440),
            "lstm": Setting("lstm", 1, 0.01, "as torch", 8_440),
        },
        paper=8_440,
    ),
}
"""By the name that the command line takes."""
