"""What of a regressor's sequences and targets gradient flow is measured on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from throughtime.data import DataError
from throughtime.data.targets import check_steps, numbers, numbers_by_step
from throughtime.data.tasks.asked import squared
from throughtime.estimators import sequence_flow, step_flow
from throughtime.estimators.settings import SettingsError
from throughtime.flow import Flow
from throughtime.flow.figures import evenly
from throughtime.flow.walk import Walk
from throughtime.nn import Network

if TYPE_CHECKING:
    from throughtime.estimators.regressor import SequenceRegressor


def flow_of(regressor: SequenceRegressor, X: Any, y: Any) -> Flow:
    """Measure how far back the gradient reaches; see `SequenceRegressor.flow`."""
    network = regressor._fitted("network_")
    if regressor.per == "step":
        inputs, targets = _by_step(regressor, network, X, y)
        return step_flow.flow_of(network, inputs, targets, squared, regressor.warm_up)
    inputs, (whole, _) = regressor._scaled(X), numbers(y)
    _check_count(inputs, whole)
    (scaled,) = _scaled(regressor, [whole])  # [N, O]
    chosen = evenly(len(inputs), sequence_flow.MEASURED)

    def loss(outputs: Tensor, given: Tensor) -> Tensor:
        losses: Tensor = squared(outputs, given) / regressor.n_outputs_
        return losses

    rows = [inputs[place] for place in chosen]
    return sequence_flow.flow_of(network, rows, scaled[chosen], loss)


def walk_of(regressor: SequenceRegressor, X: Any, y: Any) -> Walk:
    """Walk through one sequence; see `SequenceRegressor.walk`."""
    network = regressor._fitted("network_")
    if regressor.per != "step":
        raise SettingsError(
            f"a walk goes from loss to loss, and per is {regressor.per!r}: a sequence has one; "
            "give per='step'"
        )
    inputs, targets = _by_step(regressor, network, X, y)
    assert isinstance(network, Network)  # there are no others per step
    return step_flow.walk_of(network, inputs, targets, squared, regressor.warm_up)


def _by_step(
    regressor: SequenceRegressor, network: nn.Module, X: Any, y: Any
) -> tuple[list[Tensor], list[Tensor]]:
    """Give sequences and targets as the network takes them, [T_i, I] and [T_i, O] each."""
    if not step_flow.causal(network):
        raise SettingsError(
            "with per='step' and layers in both directions a loss reaches later steps too, and "
            "how far back is not all there is to say; give bidirectional=False"
        )
    inputs = regressor._scaled(X)
    targets, _ = numbers_by_step(y, regressor.settings().torch_dtype)
    _check_count(inputs, targets)
    check_steps(inputs, targets, regressor.warm_up)
    return inputs, _scaled(regressor, targets)


def _check_count(inputs: Sequence[Tensor], targets: Sequence[Tensor] | Tensor) -> None:
    if len(inputs) != len(targets):
        raise DataError(f"there are {len(inputs)} sequences and {len(targets)} targets")


def _scaled(regressor: SequenceRegressor, targets: Sequence[Tensor]) -> list[Tensor]:
    """Give targets [., O] as they are learned, where the network is."""
    outputs, settings = regressor.n_outputs_, regressor.settings()
    other = next((d.shape[1] for d in targets if d.shape[1] != outputs), outputs)
    if other != outputs:
        raise DataError(
            f"targets have {other} columns, those learned have {outputs}.\n"
            "To mend: give the columns that were learned."
        )
    scaling = regressor.target_scaling_
    return [scaling.apply(d).to(settings.device, settings.torch_dtype) for d in targets]
