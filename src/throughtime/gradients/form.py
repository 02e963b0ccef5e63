"""The form of the models that gradient methods take, `(inputs, state) -> (outputs, state)`."""

from __future__ import annotations

import inspect
from typing import Any

from torch import Tensor, nn
from torch.func import functional_call


def check_module(model: object) -> None:
    """Refuse what is no module.

    Raises:
        TypeError: With what came.
    """
    if not isinstance(model, nn.Module):
        shown = f"the class {model.__name__}" if isinstance(model, type) else type(model).__name__
        raise TypeError(
            "a gradient method differentiates a torch.nn.Module of the form (inputs, state) -> "
            f"(outputs, state); got {shown}; give a module whose parameters are to be learned"
        )


def forward(
    model: nn.Module,
    inputs: Tensor,
    state: Any,
    lengths: Tensor | None,
    weights: dict[str, Tensor] | None = None,
) -> tuple[Tensor, Any]:
    """Call a model of the form `(inputs, state) -> (outputs, state)`, on other weights if given.

    Raises:
        TypeError: The model does not take these arguments, or does not give a pair.
        ValueError: It is batch-first.
    """
    time_major(model)
    arguments = {} if lengths is None else {"lengths": lengths}
    try:
        if weights is None:
            result = model(inputs, state, **arguments)
        else:
            result = on_weights(model, weights, (inputs, state), arguments)
    except TypeError as error:
        check_form(model, arguments, error)
        raise
    if not isinstance(result, tuple) or len(result) != 2 or not isinstance(result[0], Tensor):
        shown = f"a tuple of {len(result)}" if isinstance(result, tuple) else type(result).__name__
        raise TypeError(
            f"the model must be of the form (inputs, state) -> (outputs, state); "
            f"{type(model).__name__} gave {shown}"
        )
    return result


def check_form(model: nn.Module, arguments: dict[str, Any], error: TypeError) -> None:
    """Say what form of model is expected, if a call failed because it has another.

    Args:
        model: What was called with inputs and state.
        arguments: What it was called with besides.
        error: How it failed.

    Raises:
        TypeError: Its forward call does not take inputs and a state, or not the lengths.
    """
    try:
        signature = inspect.signature(model.forward)
    except (ValueError, TypeError):
        return  # nothing is known of it
    if _takes(signature, {}) and _takes(signature, arguments):
        return  # it failed inside
    names = ", ".join(signature.parameters)
    if _takes(signature, {}):
        raise TypeError(
            "where lengths are given the model is called as (inputs, state, lengths=...), and "
            f"{type(model).__name__}.forward takes ({names}); give it that argument, as "
            "throughtime.Network and throughtime.nn.Recurrent have it, or leave lengths out"
        ) from error
    raise TypeError(
        "the model must be of the form (inputs, state) -> (outputs, state), called with state=None "
        f"at its own start; {type(model).__name__}.forward takes ({names}); give it a state to go "
        "on from, and return the state after the last step beside the outputs"
    ) from error


def _takes(signature: inspect.Signature, named: dict[str, Any]) -> bool:
    try:
        signature.bind(None, None, **named)
    except TypeError:
        return False
    return True


def on_weights(
    model: nn.Module,
    weights: dict[str, Tensor],
    arguments: tuple[Any, ...],
    named: dict[str, Any],
) -> Any:
    """Call a model on weights that are not its own.

    Each place that holds a weight is named once: where two names lead to one module,
    `functional_call` by itself ties both, and leaves what it put there in place of the parameter.

    Args:
        model: Its parameters stay as they are.
        weights: By the names that `named_parameters` gives.
        arguments: Of the call.
        named: Likewise.
    """
    given = {id(own): weights[name] for name, own in model.named_parameters() if name in weights}
    places = {
        f"{path}.{name}" if path else name: given[id(own)]
        for path, module in model.named_modules()
        for name, own in module.named_parameters(recurse=False, remove_duplicate=False)
        if id(own) in given
    }
    return functional_call(model, places, arguments, named, tie_weights=False)


def time_major(model: nn.Module) -> None:
    """Refuse a model that wants rows first.

    Raises:
        ValueError: The model is batch-first.
    """
    if getattr(model, "batch_first", False):
        raise ValueError(
            "gradient methods run time-major, [T, B, ...], and the model is batch_first; make it "
            "with batch_first=False and pass inputs.transpose(0, 1)"
        )


def causal(model: nn.Module, what: str) -> None:
    """Refuse a model that looks ahead, for what goes along the sequence.

    Raises:
        TypeError: It is no module.
        ValueError: The model has a bidirectional layer.
    """
    check_module(model)
    for name, module in model.named_modules():
        if getattr(module, "bidirectional", False):
            raise ValueError(
                f"{what} goes along the sequence, and {name or 'the model'} is bidirectional: "
                "its outputs depend on steps that are still to come; use BPTT, or a model of one "
                "direction"
            )
