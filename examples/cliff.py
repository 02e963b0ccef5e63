"""The cliff in the error surface of one unit, with and without clipping (Pascanu et al. 2013).

A unit h_t = sigmoid(w h_{t-1} + b) runs for 50 steps and is to end at 0.7. Where it changes from
one attractor to another the loss has a wall; a step of gradient descent that meets it is thrown out
of the valley, a clipped one walks on.
"""

import sys
from pathlib import Path

import torch

import throughtime as tt
from throughtime.flow.directions import one_weight
from throughtime.flow.surface import Descent, Plane
from throughtime.report.surface import plot_surface


@tt.cell(gates="a", state="h")
def sigmoid_unit(wx, uh, h):
    """One unit; its product with U is all that it hears."""
    return tt.sigmoid(wx.a + uh.a)


def plane(T: int = 50) -> Plane:
    """Give the plane of w and b."""
    unit = tt.nn.Recurrent(sigmoid_unit, 1, 1, dtype=torch.float64)
    with torch.no_grad():
        for parameter in unit.parameters():
            parameter.zero_()
    inputs = torch.zeros(T, 1, 1, dtype=torch.float64)
    targets = torch.full_like(inputs, torch.nan)
    targets[-1] = 0.7  # the last step alone is asked for
    loss = tt.data.tasks.Masked(torch.nn.MSELoss(reduction="none"), share=1 / T)
    start = torch.full((1, 1, 1), 0.5, dtype=torch.float64).sigmoid()
    directions = one_weight(unit, "weight_hh_l0", (0, 0)), one_weight(unit, "bias_hh_l0", (0,))
    return Plane(unit, inputs, targets, loss, directions, start)


def walks(over: Plane) -> list[Descent]:
    """Walk down from one place, once as the gradient says and once clipped."""
    return [
        over.descend(rate=0.5, steps=60, start=(5.5, -2.6), clipping=clipping)
        for clipping in (tt.Clipping(), tt.Clipping(norm=0.1))
    ]


def main(folder: Path, points: int = 81) -> None:
    """Compute the surface, walk down it twice, and draw both."""
    over = plane()
    surface = over.surface((4.0, 6.0), (-3.2, -2.0), points)
    w, b, slope = surface.steepest()
    print(f"the steepest place is near w = {w:.2f}, b = {b:.2f}: the loss changes by {slope:.1f}")
    walked = walks(over)
    for walk in walked:
        print(
            f"{walk.label}: longest step {walk.longest_step():.3g}, least loss "
            f"{min(walk.loss):.2g}, last {walk.loss[-1]:.2g}"
        )
    picture = folder / "cliff.png"
    plot_surface(surface, walked).figure.savefig(picture, dpi=150)
    print(f"drawn in {picture}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
