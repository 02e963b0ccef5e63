"""The readout at one step, and the loss behind it, differentiated."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from throughtime.gradients.method import Loss
from throughtime.gradients.objective import elementwise, reduced
from throughtime.nn import Network
from throughtime.nn.network import activations


@dataclass(frozen=True)
class ReadoutStep:
    """The readout at one step, and the loss behind it.

    Attributes:
        loss: E_s.
        outputs: Y_s = g(V h_s + v), [B, O].
        by_output: dE_s/dY_s, [B, O].
        output_by_h: dY_s/dh_s, [B, O, H].
        by_weight: dE_s/dV and dE_s/dv, by name.
    """

    loss: float
    outputs: Tensor
    by_output: Tensor
    output_by_h: Tensor
    by_weight: dict[str, Tensor]


def readout_step(
    model: Network, h: Tensor, targets: Tensor, loss: Loss, step: int, lengths: Tensor | None
) -> ReadoutStep:
    """Read out all steps, [T, B, H], and differentiate the loss of one."""
    activation = activations[model.output_activation]
    with torch.no_grad():
        products = model.readout(h)  # V h + v, [T, B, O]
    with torch.enable_grad():
        outputs = activation(products).detach().requires_grad_()
        losses = elementwise(loss, outputs, targets, lengths)[step : step + 1]
        left = None if lengths is None else (lengths - step).clamp(0, 1)
        total = reduced(losses, left, "sum", step)
        total = total + 0 * outputs.sum()  # a loss may not look at them
        (by_output,) = torch.autograd.grad(total, outputs)
        elsewhere = by_output.clone()
        elsewhere[step] = 0
        if elsewhere.any():
            raise ValueError(
                f"the loss at step {step} looks at the outputs of other steps; itemise needs a "
                "loss that takes each step by itself"
            )
        product = products[step].requires_grad_()
        output = activation(product)
        by_product = [
            torch.autograd.grad(output[:, o].sum(), product, retain_graph=True)[0]
            for o in range(output.shape[1])
        ]
    with torch.no_grad():
        jacobian = torch.stack(by_product, 1)  # dY/d(V h + v), [B, O, O]
        error = torch.einsum("bo,bop->bp", by_output[step], jacobian)
        by_weight = {"readout.weight": error.T @ h[step]}
        if model.readout.bias is not None:
            by_weight["readout.bias"] = error.sum(0)
        return ReadoutStep(
            loss=float(total.detach()),
            outputs=output.detach(),
            by_output=by_output[step],
            output_by_h=jacobian @ model.readout.weight,
            by_weight=by_weight,
        )
