"""Backpropagation through time as the textbook writes it: unroll, then roll back.

With `a_t = W x_t + b`, `u_t = U h_{t-1} + c` and the cell's step `S_t = f(a_t, u_t, S_{t-1}, p)`,
the error `E` is differentiated by the recursion (Werbos 1990; Williams & Peng 1990)

    delta_t = dE/dS_t = dE/dY_t (explicit) + what flows back from step t + 1 (implicit)
    da_t, du_t, dS_{t-1}, dp_t = the step's adjoint at delta_t
    dS_{t-1} += du_t U        (into the first state)
    dW = sum_t da_t^T x_t     dU = sum_t du_t^T h_{t-1}     db = sum_t da_t     dc = sum_t du_t
"""

from throughtime.engine.textbook.nan_origin import NanOrigin, any_nan, nan_origin
from throughtime.engine.textbook.roll_back import Gradients, roll_back
from throughtime.engine.textbook.unroll import Trajectory, Unrolled, unroll

__all__ = [
    "Gradients",
    "NanOrigin",
    "Trajectory",
    "Unrolled",
    "any_nan",
    "nan_origin",
    "roll_back",
    "unroll",
]
