"""A chain whose weights stay as they are: what calls do for the weights' sake is done once."""

from __future__ import annotations

from typing import Any

from throughtime.engine import HeldWeights
from throughtime.gradients.by_engine import EngineChain, add_to_leaf, runs_by_engine
from throughtime.gradients.chain import Chain
from throughtime.nn import Network


class HeldChain(EngineChain):
    """A chain of a network of this package's that is run and rolled back at the same weights.

    A call lays out the weights as its products read them, and turns the sums of their gradients
    back; for a few steps of a wide layer that takes as long as the steps. Here it is done once for
    all pieces, however often they are run: the gradients of the layers' weights reach `.grad` when
    the chain is settled.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.held: list[HeldWeights] = []

    @property
    def h(self) -> int:
        """The bytes of a layer's outputs at a step."""
        rows: int = self.inputs.shape[1]
        return rows * int(self._layers.hidden_size) * self.inputs.element_size()

    @property
    def layers(self) -> int:
        """How many there are."""
        return int(self._layers.num_layers)

    @property
    def _layers(self) -> Any:
        return self.model.recurrent if isinstance(self.model, Network) else self.model

    def settle(self) -> None:
        """Add to `.grad` what has been summed up."""
        for held in self.held:
            for leaf, gradient in held.gradients():
                add_to_leaf(leaf, gradient)


def chain_of_held_weights(chain: Chain) -> Chain:
    """Give a chain that holds its weights, where the network can; else the one given."""
    if not runs_by_engine(chain, held=True):
        return chain
    return HeldChain(
        chain.model,
        chain.inputs,
        chain.targets,
        chain.loss,
        chain.state,
        chain.lengths,
        chain.reset,
    )
