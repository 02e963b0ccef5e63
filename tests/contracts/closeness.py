"""How far apart two results may be."""

import math

from torch import Tensor


def assert_close(
    found: Tensor | None, expected: Tensor | None, what: str = "result", relative: float = 1e-9
) -> None:
    """Compare norm with norm; a gradient that is missing counts as zero.

    Beside the relative error 1e-13 is let pass: where the truth is zero, rounding is all there is.
    """
    if found is None or expected is None:
        rest = found if expected is None else expected
        size = 0.0 if rest is None else float(rest.detach().norm())
        assert size <= 1e-13, f"{what}: one is missing, the other has norm {size}"
        return
    assert found.shape == expected.shape, f"{what}: {found.shape} for {expected.shape}"
    assert found.dtype == expected.dtype, f"{what}: {found.dtype} for {expected.dtype}"
    error = float((found.detach() - expected.detach()).norm())
    allowed = relative * float(expected.detach().norm()) + 1e-13
    assert math.isfinite(error), f"{what}: not finite"
    assert error <= allowed, f"{what}: off by {error:.2e}, allowed {allowed:.2e}"
