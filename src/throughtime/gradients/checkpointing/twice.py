"""Every step run twice, inside the engine: forward with states stored, again on the way back."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from throughtime.engine import any_nan, roll_back_again
from throughtime.gradients.checkpointing.twice_plan import TwicePlan
from throughtime.gradients.held import HeldChain
from throughtime.gradients.objective import Reduction, Tally, check_slope, elementwise
from throughtime.nn import Network
from throughtime.nn.one_step import Readout


class Twice:
    """A network on its way through a sequence, and back.

    With a linear readout the derivative of the loss by its product, O numbers a row and step, is
    all that the way back needs of outputs and losses. Going forward it is kept, and the gradient of
    the readout is there. The way back is then arithmetic: a few calls of the engine, each of which
    runs segments again and rolls them back.

    Args:
        chain: At its start; see `runs_twice`.
        plan: For it.
        reduce: How losses become one.

    Attributes:
        forward_steps: How many have been run.
        loss: Of the whole sequence.
    """

    def __init__(self, chain: HeldChain, plan: TwicePlan, reduce: Reduction) -> None:
        self.chain, self.plan, self.reduce = chain, plan, reduce
        self.forward_steps, self.loss = 0, 0.0

    def run(self) -> None:
        """Add the gradient to `.grad`; the chain stands at the end of the sequence afterwards.

        Raises:
            ValueError: Shapes do not fit, or the loss is reduced already.
            FloatingPointError: The loss is not finite, and no gradient has been touched; or what
                flows back is NaN.
        """
        chain, T, segment = self.chain, self.chain.T, self.plan.segment
        readout = linear_readout(chain)
        assert readout is not None
        assert readout.V is not None
        V, v = readout.V, readout.v
        tally = Tally()
        stored: list[list[Tensor]] = []
        d_product = chain.inputs.new_empty(T, chain.inputs.shape[1], len(V))
        d_V = None if not V.requires_grad else torch.zeros_like(V)
        d_v = None if v is None or not v.requires_grad else torch.zeros_like(v)
        for first in range(0, T, self.plan.forward):
            layers, h = chain.run_layers(
                min(first + self.plan.forward, T), taped=False, every=segment
            )
            if not stored:
                n = -(-T // segment)
                stored = [
                    [state.new_empty(n, *state.shape) for state in one.recurrence.state]
                    for one in layers
                ]
            place, end = first // segment, -(-chain.at // segment)
            for one, into in zip(layers, stored, strict=True):
                for start, after, whole in zip(one.recurrence.state, one.stored, into, strict=True):
                    whole[place] = start
                    whole[place + 1 : end] = after[: end - place - 1]
            part = d_product[first : chain.at]
            part.copy_(self._d_product(h, readout, first, tally))
            flat = part.flatten(0, 1)
            if d_V is not None:
                d_V.addmm_(flat.t(), h.flatten(0, 1))
            if d_v is not None:
                d_v += flat.sum(0)
            del h
        tally.check(chain.inputs.dtype)
        check_slope(d_product, 0)
        weight = 1 / tally.divisor(self.reduce)
        self.loss = tally.total / tally.divisor(self.reduce)
        self.forward_steps = 2 * T
        d_product *= weight
        for leaf, gradient in ((V, d_V), (v, d_v)):
            if leaf is not None and gradient is not None:
                leaf.backward(weight * gradient)  # type: ignore[no-untyped-call]
        carried = [[torch.zeros_like(whole[0]) for whole in of_layer] for of_layer in stored]
        with torch.no_grad():
            for steps in self._groups():
                span = slice(steps.start // segment, -(-steps.stop // segment))
                roll_back_again(
                    layers,
                    [len(steps[i : i + segment]) for i in range(0, len(steps), segment)],
                    chain.inputs[steps.start : steps.stop],
                    d_product[steps.start : steps.stop] @ V,
                    [[whole[span] for whole in of_layer] for of_layer in stored],
                    carried,
                )
                if any(any_nan(*of_layer) for of_layer in carried):
                    raise FloatingPointError(
                        f"the gradient that flows back through steps {steps[0]} to {steps[-1]} is "
                        "not a number; no weight was changed by it; lower the learning rate or "
                        "clip the gradient"
                    )
        chain.to_start([torch.stack(of_all) for of_all in zip(*carried, strict=True)])
        chain.settle()

    def _groups(self) -> Iterator[range]:
        """Give the steps of the calls on the way back, the last ones first."""
        for first in reversed(range(0, self.chain.T, self.plan.back)):
            yield range(first, min(first + self.plan.back, self.chain.T))

    def _d_product(self, h: Tensor, readout: Readout, first: int, tally: Tally) -> Tensor:
        """Give the derivative of the sum of some losses by `V h + v`, [steps, B, O]."""
        assert readout.V is not None
        with torch.no_grad():
            product = torch.nn.functional.linear(h, readout.V, readout.v)
        with torch.enable_grad():
            leaf = product.requires_grad_()
            targets = self.chain.targets[first : first + len(h)]
            losses = elementwise(self.chain.loss, readout.function(leaf), targets)
            total = tally.add(losses, None, first)
            if not total.requires_grad:
                return torch.zeros_like(leaf)
            (found,) = torch.autograd.grad(total, leaf, allow_unused=True, materialize_grads=True)
        return found


def linear_readout(chain: HeldChain) -> Readout | None:
    """Give a network's readout if it is linear with a function on it."""
    model = chain.model
    readout = model.as_readout() if isinstance(model, Network) else None
    return None if readout is None or readout.V is None else readout


def runs_twice(chain: HeldChain) -> bool:
    """Whether a chain can be run that way: of the loss nothing but the network is to be learned."""
    readout = linear_readout(chain)
    if readout is None or readout.V is None or chain.lengths is not None or chain.resets:
        return False
    first = chain.beginning(1, chain.state)
    assert isinstance(first, HeldChain)
    _, h = first.run_layers(1, taped=False)
    with torch.enable_grad():
        leaf = torch.nn.functional.linear(h, readout.V, readout.v).detach().requires_grad_()
        losses = elementwise(chain.loss, readout.function(leaf), chain.targets[:1])
    return all(other is leaf for other in _leaves(losses))


def _leaves(tensor: Tensor) -> list[Tensor]:
    """Give the leaves of the graph that a tensor came from."""
    found: list[Tensor] = []
    left, seen = [tensor.grad_fn], set()
    while left:
        node = left.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            found.append(node.variable)
        left += [other for other, _ in node.next_functions]
    return found
