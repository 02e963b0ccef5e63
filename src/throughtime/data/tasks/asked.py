"""Losses where only some steps are asked for an answer."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

Loss = Callable[[Tensor, Tensor], Tensor]

NOT_ASKED = -100
"""The class where nothing is asked: what torch's losses ignore. Among numbers it is NaN."""


def asked(targets: Tensor) -> Tensor:
    """Give where targets ask for an answer; shaped as they are."""
    return ~targets.isnan() if targets.is_floating_point() else targets != NOT_ASKED


class Masked:
    """A loss that counts where targets ask for an answer, and nowhere else.

    Targets say so themselves: a number is asked for unless it is NaN, a class unless it is -100.
    What the network gives elsewhere reaches neither the loss nor the gradient.

    A gradient method divides by all valid elements, asked for or not: it cannot know. So each loss
    is divided by the share of elements that are asked for, and the mean over all of them is the
    mean over those asked for. A method with several updates a sequence averages over the steps of
    each update: one in which nothing is asked has loss and gradient zero, and the average of the
    updates, weighted by their steps, is the mean over what is asked. The loss of an element depends
    on nothing but this element, so it does not matter how a method cuts a sequence.

    Args:
        loss: Elementwise, and finite with finite derivatives at 0 for a target of 0: it is called
            there where nothing is asked.
        share: Elements asked for, of all that are valid; above 0, at most 1. With 1, the losses
            stand as they are: what a method with `reduce="sum"` should be given.

    Raises:
        ValueError: The share is none.

    Example:
        >>> import torch, throughtime as tt
        >>> loss = Masked(torch.nn.MSELoss(reduction="none"), share=1 / 4)
        >>> nan = float("nan")
        >>> d = torch.tensor([nan, nan, nan, 3.0]).view(4, 1, 1)
        >>> loss(torch.ones(4, 1, 1), d).mean()
        tensor(4.)
    """

    def __init__(self, loss: Loss, share: float = 1.0) -> None:
        if not 0 < share <= 1:
            raise ValueError(
                f"the share of elements that are asked for is above 0 and at most 1, got {share}"
            )
        self.loss, self.share = loss, share

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Give the loss of every element, 0 where nothing is asked.

        Args:
            outputs: [T, B, O]
            targets: [T, B, O], NaN where nothing is asked; or classes, [T, B], -100 there.
        """
        where = asked(targets)
        beside = where.view(*where.shape, *(1,) * (outputs.dim() - where.dim()))
        # The derivative of a masked NaN is 0 * NaN, so the loss sees none.
        losses = self.loss(torch.where(beside, outputs, 0), torch.where(where, targets, 0))
        where = where.view(*where.shape, *(1,) * (losses.dim() - where.dim()))
        return torch.where(where, losses / self.share, 0)

    def __repr__(self) -> str:
        return f"Masked({self.loss!r}, share={self.share})"


def cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Give the negative log-likelihood of a class a step, in nats.

    Args:
        outputs: Logits, [T, B, classes].
        targets: Classes, [T, B].

    Returns:
        [T, B]
    """
    rows = outputs.flatten(0, -2), targets.flatten()  # torch is slow where classes lie apart
    return nn.functional.cross_entropy(*rows, reduction="none").view(targets.shape)


squared = nn.MSELoss(reduction="none")
