"""Forecast a series many steps ahead, with intervals, and see first what such forecasts are worth.

    python examples/forecast.py

Months of ice cream sold: a trend, a season, and a price that is known before the month has come.
"""

import datetime

import numpy as np
import polars as pl

from throughtime.estimators import Forecaster


def sales(months: int = 240, seed: int = 0) -> pl.DataFrame:
    """Draw twenty years of months, and the prices of half a year more."""
    draw = np.random.default_rng(seed)
    month = np.arange(months + 6)
    price = 2 + 0.5 * draw.random(len(month))
    level = 100 + 0.8 * month + 40 * np.cos(2 * np.pi * (month - 6) / 12) - 30 * (price - 2)
    sold = level + 4 * draw.normal(size=len(month))
    dates = [datetime.date(2010 + int(m) // 12, int(m) % 12 + 1, 1) for m in month]
    return pl.DataFrame({"month": dates, "sold": sold, "price": price})


def main(epochs: int = 300) -> dict[str, float]:
    """Backtest, then forecast half a year; give the scores of the backtest."""
    frame = sales()
    known, coming = frame.head(-6), frame.tail(6).select("month", "price")
    # The level drifts and comes back after a year: what is learned is the change over 12 months.
    forecaster = Forecaster(target="sold", known=["price"], difference=12, epochs=epochs, hidden=16)

    tried = forecaster.backtest(known, horizon=6, windows=4, level=[80])
    for name, score in tried.scores().items():
        inside = score["coverage"]["80"]
        print(
            f"{name:15} MASE {score['mase']:.2f}  CRPS {score['crps']:5.2f}  80 % held {inside:.0%}"
        )

    forecaster.fit(known)
    print(forecaster.predict(6, level=[80, 95], future=coming))
    return {name: score["mase"] for name, score in tried.scores().items()}


if __name__ == "__main__":
    main()
