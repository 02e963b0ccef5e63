"""Every gradient method: the protocol of updates, and gradients equal to autograd's.

Exact methods are compared with autograd; those that approximate keep to the protocol.
"""

import inspect
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import throughtime as tt
from tests.contracts import plain
from tests.contracts.closeness import assert_close
from throughtime import gradients
from throughtime.gradients import GradientMethod, Update

# Windows as long as these short sequences say that they are the whole.
pytestmark = pytest.mark.filterwarnings("ignore:.*full backpropagation through time")


def methods(which: Callable[[type[GradientMethod]], bool]) -> pytest.MarkDecorator:
    """Run a test over all methods of a kind."""
    found = {name: method for name, method in gradients.registry.items() if which(method)}
    return pytest.mark.parametrize("method", found.values(), ids=found.keys())


each_method = methods(lambda method: True)
exact_method = methods(lambda method: method.exact)
squared = nn.MSELoss(reduction="none")


class Case:
    """A network with sequences for it; rows are 6, 3, 0 and 1 steps long."""

    def __init__(self, cell: str = "gru", layers: int = 2) -> None:
        torch.manual_seed(1)
        self.model = tt.Network(cell, 2, 3, 2, num_layers=layers, dtype=torch.float64)
        self.inputs = torch.randn(6, 4, 2, dtype=torch.float64)
        self.targets = torch.randn(6, 4, 2, dtype=torch.float64)
        states = self.model.recurrent.cell.states
        self.state = [torch.randn(layers, 4, 3, dtype=torch.float64) for _ in states]
        self.lengths = torch.tensor([6, 3, 0, 1])

    @property
    def given_state(self) -> Any:
        return tuple(self.state) if len(self.state) > 1 else self.state[0]

    def outputs(self, lengths: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        h, after = plain.run_layer(self.model.recurrent, self.inputs, self.state, lengths)
        return self.model.readout(h), after

    def gradients(self) -> dict[str, Tensor | None]:
        return {name: p.grad for name, p in self.model.named_parameters()}


@cache
def _taken(method: type[GradientMethod]) -> tuple[str, int]:
    for cell in ("gru", "lstm", *tt.cells.registry):
        for layers in (2, 1):
            case = Case(cell, layers)
            try:
                next(method()(case.model, case.inputs, case.targets, squared))
            except ValueError:
                continue
            return cell, layers
    raise AssertionError(f"{method.__name__} takes no cell at all")


def case_for(method: type[GradientMethod]) -> Case:
    """Give the first case that a method takes: some are defined for few cells."""
    return Case(*_taken(method))


def expected_gradients(
    case: Case, lengths: Tensor | None, reduce: str = "sum"
) -> tuple[float, dict[str, Tensor]]:
    """Add up, or average, all valid elements, written as loops over rows and steps."""
    outputs, _ = case.outputs(lengths)
    T, B, width = outputs.shape
    valid = [T] * B if lengths is None else lengths.tolist()
    terms = [
        (outputs[t, row] - case.targets[t, row]).square().sum()
        for row in range(B)
        for t in range(valid[row])
    ]
    loss = sum(terms) / (width * len(terms) if reduce == "mean" else 1)
    named = dict(case.model.named_parameters())
    found = torch.autograd.grad(loss, list(named.values()))
    return float(loss.detach()), dict(zip(named, found, strict=True))


def check_method(
    method: GradientMethod, case: Case, lengths: Tensor | None, reduce: str = "sum"
) -> None:
    """Compare a method's gradients, loss, steps and state with the plain loop's."""
    loss, expected = expected_gradients(case, lengths, reduce)
    case.model.zero_grad()
    updates = list(
        method(case.model, case.inputs, case.targets, squared, case.given_state, lengths)
    )
    covered = [step for update in updates for step in update.steps]
    assert covered == list(range(case.inputs.shape[0])), "steps are left out or covered twice"
    if reduce == "sum" or len(updates) == 1:  # means of parts do not add up to that of all
        for name, gradient in case.gradients().items():
            assert_close(gradient, expected[name], f"gradient by {name}")
        assert sum(update.loss for update in updates) == pytest.approx(loss, rel=1e-12)
    _, after = case.outputs(lengths)
    for mine, other in zip(tensors(updates[-1].state), after, strict=True):
        assert not mine.requires_grad, "the state is still attached"
        assert_close(mine, other, "state", 1e-12)


def tensors(state: Any) -> list[Tensor]:
    return [state] if isinstance(state, Tensor) else list(state)


def use_up(updates: Iterator[Update]) -> list[Update]:
    return list(updates)


@exact_method
@pytest.mark.parametrize("cell", tt.cells.registry)
@pytest.mark.parametrize("ragged", [pytest.param(False, marks=pytest.mark.thorough), True])
def test_gradients_equal_autograd_of_the_plain_loop(
    method: type[GradientMethod], cell: str, ragged: bool
) -> None:
    case = Case(cell)
    check_method(method(reduce="sum"), case, case.lengths if ragged else None)


@exact_method
@pytest.mark.parametrize("ragged", [False, True])
def test_the_mean_is_that_of_the_valid_elements(method: type[GradientMethod], ragged: bool) -> None:
    case = Case()
    check_method(method(), case, case.lengths if ragged else None, "mean")


@each_method
def test_any_module_of_the_right_form_will_do_or_is_refused(method: type[GradientMethod]) -> None:
    model = nn.LSTM(2, 3, num_layers=2, dtype=torch.float64)  # no layer of ours
    inputs = torch.randn(5, 2, 2, dtype=torch.float64)
    targets = torch.randn(5, 2, 3, dtype=torch.float64)
    if not method.any_module:
        with pytest.raises(TypeError, match=r"a throughtime.Network.*got LSTM;.*convert_"):
            use_up(method()(model, inputs, targets, squared))
        return
    expected = torch.autograd.grad(
        squared(model(inputs)[0], targets).mean(), list(model.parameters())
    )
    (*_, update) = method()(model, inputs, targets, squared)
    if method.exact:
        for parameter, gradient in zip(model.parameters(), expected, strict=True):
            assert_close(parameter.grad, gradient)
    assert isinstance(update.state, tuple)
    assert not any(state.requires_grad for state in update.state)


@each_method
def test_gradients_add_up_and_are_never_zeroed(method: type[GradientMethod]) -> None:
    case = case_for(method)
    once: dict[str, Tensor] = {}
    for _ in range(2):
        use_up(method()(case.model, case.inputs, case.targets, squared, case.given_state))
        if not once:
            once = {name: gradient.clone() for name, gradient in case.gradients().items()}
    for name, gradient in case.gradients().items():
        assert_close(gradient, 2 * once[name], name)


@each_method
def test_nothing_happens_before_the_first_update_is_asked_for(
    method: type[GradientMethod],
) -> None:
    case = case_for(method)
    weights = {name: p.detach().clone() for name, p in case.model.named_parameters()}
    updates = method()(case.model, case.inputs, case.targets, squared)
    assert all(gradient is None for gradient in case.gradients().values())
    use_up(updates)
    for name, parameter in case.model.named_parameters():
        assert torch.equal(parameter, weights[name])


@each_method
def test_frozen_weights_receive_nothing(method: type[GradientMethod]) -> None:
    case = case_for(method)
    case.model.recurrent.weight_hh_l0.requires_grad_(False)
    use_up(method()(case.model, case.inputs, case.targets, squared))
    assert [n for n, g in case.gradients().items() if g is None] == ["recurrent.weight_hh_l0"]


@each_method
def test_the_state_is_cut_from_its_history(method: type[GradientMethod]) -> None:
    case = case_for(method)
    source = torch.ones((), dtype=torch.float64, requires_grad=True)
    attached = tuple(source * state for state in case.state)
    state: Any = attached if len(attached) > 1 else attached[0]
    for _ in range(2):  # a second sequence after the first: nothing is backpropagated twice
        (*_, update) = method()(case.model, case.inputs, case.targets, squared, state)
        state = update.state
    assert source.grad is None
    assert all(part.requires_grad for part in attached), "the caller's tensors were changed"


@exact_method
def test_a_leaf_state_receives_its_gradient(method: type[GradientMethod]) -> None:
    case = Case("lstm")
    start = [state.clone().requires_grad_() for state in case.state]
    case.state = [state.clone().requires_grad_() for state in case.state]
    outputs, _ = case.outputs(None)
    squared(outputs, case.targets).sum().backward()
    use_up(method(reduce="sum")(case.model, case.inputs, case.targets, squared, tuple(start)))
    for mine, other in zip(start, case.state, strict=True):
        assert_close(mine.grad, other.grad)


@each_method
@pytest.mark.parametrize("garbage", [float("nan"), float("inf"), 1e300])
@pytest.mark.parametrize("where", ["inputs", "targets"])
def test_garbage_in_the_padding_changes_nothing(
    method: type[GradientMethod], where: str, garbage: float
) -> None:
    case = case_for(method)

    def run() -> tuple[float, dict[str, Tensor]]:
        case.model.zero_grad()
        arguments = (case.inputs, case.targets, squared, case.given_state, case.lengths)
        updates = use_up(method(reduce="sum")(case.model, *arguments))
        return sum(update.loss for update in updates), case.gradients()

    loss, expected = run()
    if method.exact:
        loss, expected = expected_gradients(case, case.lengths)
    for row, length in enumerate(case.lengths.tolist()):
        getattr(case, where)[length:, row] = garbage
    found, gradients = run()
    assert found == pytest.approx(loss, rel=1e-12)
    for name, gradient in gradients.items():
        assert_close(gradient, expected[name], name, 1e-12)


@each_method
def test_a_loss_with_a_class_a_step(method: type[GradientMethod]) -> None:
    """The loss may have fewer dimensions than the outputs: classes give one number a step."""
    case = case_for(method)
    classes = torch.randint(2, (6, 4))

    def entropy(outputs: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.cross_entropy(outputs.movedim(-1, 1), targets, reduction="none")

    outputs, _ = case.outputs(None)
    expected = torch.autograd.grad(
        sum(entropy(outputs[:, row], classes[:, row]).sum() for row in range(4)),
        list(case.model.parameters()),
    )
    use_up(method(reduce="sum")(case.model, case.inputs, classes, entropy, case.given_state))
    if method.exact:
        for gradient, other in zip(case.gradients().values(), expected, strict=True):
            assert_close(gradient, other)


class Twice(nn.Module):
    """A module of the user's that has one layer under two names, and a weight in two layers."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.inward = nn.Linear(2, 3, dtype=torch.float64)
        self.first = self.second = nn.Linear(3, 3, dtype=torch.float64)
        self.tied = nn.Linear(3, 3, dtype=torch.float64)
        self.tied.weight = self.first.weight
        self.read = nn.Linear(3, 2, dtype=torch.float64)

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h = x.new_zeros(x.shape[1], 3) if state is None else state
        outputs = []
        for step in x:
            h = torch.tanh(self.inward(step) + self.second(torch.tanh(self.first(h))))
            h = h + torch.tanh(self.tied(h))
            outputs.append(self.read(h))
        return torch.stack(outputs), h


def windows_of(method: type[GradientMethod]) -> list[dict[str, int]]:
    """Give the arguments that make a method look back in several ways, as far as it has them."""
    ways = [{}, {"k1": 2, "k2": 4}, {"k1": 2, "most": 6}]
    return [way for way in ways if set(way) <= set(inspect.signature(method).parameters)]


@pytest.mark.parametrize(
    ("method", "windows"),
    [
        pytest.param(method, windows, id="-".join([name, *windows]))
        for name, method in gradients.registry.items()
        if method.any_module
        for windows in windows_of(method)
    ],
)
def test_shared_weights_stay_shared(method: type[GradientMethod], windows: dict[str, int]) -> None:
    model, reference = Twice(), Twice()
    names = [name for name, _ in model.named_parameters()]
    weights = list(model.parameters())
    case = Case()
    use_up(method(**windows, reduce="sum")(model, case.inputs, case.targets, squared))
    assert [name for name, _ in model.named_parameters()] == names
    assert all(a is b for a, b in zip(model.parameters(), weights, strict=True))
    assert all(weight.grad is not None for weight in weights)
    if method.exact and "k2" not in windows:
        squared(reference(case.inputs)[0], case.targets).sum().backward()
        for weight, other in zip(weights, reference.parameters(), strict=True):
            assert_close(weight.grad, other.grad)


# What is refused, with no gradient touched.


@methods(lambda method: method is not tt.EvolutionStrategy)  # which needs none
def test_a_loss_without_a_slope_is_refused(method: type[GradientMethod]) -> None:
    case = case_for(method)
    outputs = case.model(case.inputs)[0].detach()
    case.targets[:4] = outputs[:4] + 1
    case.targets[4:] = outputs[4:] + 1
    case.targets[4, 3] = outputs[4, 3]

    def root(outputs: Tensor, targets: Tensor) -> Tensor:
        difference = outputs - targets
        return torch.where(difference.abs() < 1e-9, 0 * difference, difference).abs().sqrt()

    with pytest.raises(FloatingPointError, match=r"derivative .* nan at step 4 \(row 3\)"):
        use_up(method()(case.model, case.inputs, case.targets, root))


@each_method
def test_a_loss_that_is_a_number_is_refused(method: type[GradientMethod]) -> None:
    case = case_for(method)
    with pytest.raises(ValueError, match=r"steps and rows .* got float"):
        use_up(method()(case.model, case.inputs, case.targets, lambda y, d: 0.0))


@each_method
@pytest.mark.parametrize("loss", [nn.MSELoss, None])
def test_what_is_no_loss_is_refused(method: type[GradientMethod], loss: Any) -> None:
    case = case_for(method)
    with pytest.raises(TypeError, match=r"such as torch.nn.MSELoss\(reduction=.none.\); got"):
        use_up(method()(case.model, case.inputs, case.targets, loss))


@each_method
def test_what_is_no_tensor_is_refused_or_made_one(method: type[GradientMethod]) -> None:
    case = case_for(method)
    with pytest.raises(TypeError, match=r"inputs are a tensor.*got ndarray"):
        use_up(method()(case.model, case.inputs.numpy(), case.targets, squared))
    reset = torch.zeros(6, 4, dtype=torch.bool)
    reset[3, 1] = True
    found = []
    for given in (reset, reset.tolist(), reset.numpy()):
        case.model.zero_grad()
        use_up(method()(case.model, case.inputs, case.targets, squared, reset=given))
        found.append([gradient.clone() for gradient in case.gradients().values()])
    for others in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], others, strict=True))


@each_method
def test_a_reduced_loss_is_refused(method: type[GradientMethod]) -> None:
    case = case_for(method)
    with pytest.raises(ValueError, match=r'got \(\); pass one with reduction="none"'):
        use_up(method()(case.model, case.inputs, case.targets, nn.MSELoss()))


@each_method
def test_a_batch_first_model_is_refused(method: type[GradientMethod]) -> None:
    case = Case()
    model = tt.Network("gru", 2, 3, 2, batch_first=True, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"batch_first.*transpose\(0, 1\)"):
        use_up(method()(model, case.inputs, case.targets, squared))


@each_method
@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize(("T", "B"), [(4, 4), (1, 3), (3, 1)])
def test_losses_that_broadcast_are_refused(method: type[GradientMethod], T: int, B: int) -> None:
    """Outputs [T, B, 1] against targets [T, B] give losses of all pairs: as many as T B B."""
    model = tt.Network(case_for(method).model.recurrent.cell, 2, 3, 1)
    with pytest.raises(ValueError, match=r"loss"):
        use_up(method()(model, torch.zeros(T, B, 2), torch.zeros(T, B), squared))
    assert all(parameter.grad is None for parameter in model.parameters())


@each_method
@pytest.mark.parametrize("fault", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_is_named_and_touches_nothing(
    method: type[GradientMethod], fault: float
) -> None:
    case = case_for(method)
    use_up(method()(case.model, case.inputs, case.targets, squared))
    case.targets[4, 3] = fault
    case.targets[5, 0] = fault
    updates = method()(case.model, case.inputs, case.targets, squared)
    before: dict[str, Tensor] = {}

    def up_to_the_fault() -> None:
        while True:
            before.update({name: g.clone() for name, g in case.gradients().items()})
            next(updates)

    with pytest.raises(FloatingPointError, match=r"step 4 .*row 3; \d of") as caught:
        up_to_the_fault()
    assert "no gradient was computed" in str(caught.value)
    for name, gradient in case.gradients().items():
        assert torch.equal(gradient, before[name])


@each_method
@pytest.mark.parametrize(
    ("inputs", "targets", "message"),
    [
        ((6, 4, 2), (6, 3, 2), r"\(6, 4, 2\) and \(6, 3, 2\)"),
        ((6, 4, 2), (5, 4, 2), r"\(6, 4, 2\) and \(5, 4, 2\)"),
        ((6, 4, 2), (6,), r"\(6, 4, 2\) and \(6,\)"),
        ((6, 4, 2), (6, 4, 1), r"\(6, 4, 2\), targets \(6, 4, 1\)"),
        ((0, 4, 2), (0, 4, 2), "nothing to learn"),
        ((6, 0, 2), (6, 0, 2), "nothing to learn"),
    ],
)
def test_sequences_that_do_not_fit_are_refused(
    method: type[GradientMethod],
    inputs: tuple[int, ...],
    targets: tuple[int, ...],
    message: str,
) -> None:
    x, d = (torch.zeros(size, dtype=torch.float64) for size in (inputs, targets))
    with pytest.raises(ValueError, match=message):
        use_up(method()(case_for(method).model, x, d, squared))


@each_method
@pytest.mark.parametrize(
    "lengths",
    [[7, 1, 1, 1], [-1, 1, 1, 1], [1, 1, 1], [0, 0, 0, 0], [1.0, 1.0, 1.0, 1.0], [True] * 4],
)
def test_lengths_that_do_not_fit_are_refused(
    method: type[GradientMethod], lengths: list[float]
) -> None:
    case = case_for(method)
    with pytest.raises(ValueError, match=r"lengths must be integers between 0 and 6.*4 rows"):
        use_up(
            method()(case.model, case.inputs, case.targets, squared, lengths=torch.tensor(lengths))
        )


class Single(nn.Module):
    def forward(self, x: Tensor, state: Any) -> Tensor:
        return x


class Stateless(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        return x, None


@each_method
@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Single(), r"\(inputs, state\) -> \(outputs, state\); Single gave"),
        (Stateless(), r"\(inputs, state\) -> \(outputs, state\).*Stateless.forward takes \(x\);"),
        (lambda x, state: (x, state), r"\(inputs, state\) -> \(outputs, state\); got function"),
    ],
)
def test_a_model_of_another_form_is_refused(
    method: type[GradientMethod], model: Any, message: str
) -> None:
    x = torch.zeros(2, 1, 1)
    with pytest.raises(TypeError, match=f"{message}|Network.*got (Single|Stateless)"):
        use_up(method()(model, x, x, squared))


@each_method
def test_a_model_that_takes_no_lengths_says_so(method: type[GradientMethod]) -> None:
    x = torch.zeros(2, 2, 1)
    with pytest.raises(TypeError, match=r"state, lengths=.*LSTM.forward takes \(.*|Network.*got"):
        use_up(method()(nn.LSTM(1, 1), x, x, squared, lengths=torch.tensor([1, 2])))


@each_method
def test_what_fails_inside_a_model_is_left_as_it_is(method: type[GradientMethod]) -> None:
    class Failing(nn.Module):
        def forward(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
            return x + state, state

    x = torch.zeros(2, 2, 1)
    with pytest.raises(TypeError, match=r"unsupported operand|Network.*got Failing"):
        use_up(method()(Failing(), x, x, squared))


@each_method
def test_a_method_shows_how_it_was_made(method: type[GradientMethod]) -> None:
    assert repr(method()).startswith(method.__name__ + "(")


# Negative controls.


class Scaled(tt.BPTT):
    """Wrong: twice the gradient."""

    def __call__(self, model: nn.Module, *arguments: Any, **named: Any) -> Iterator[Update]:
        for update in super().__call__(model, *arguments, **named):
            for parameter in model.parameters():
                parameter.grad *= 2
            yield update


class Truncated(tt.BPTT):
    """Wrong: the first step is forgotten."""

    def __call__(  # type: ignore[override]
        self, model: nn.Module, x: Tensor, d: Tensor, loss: Any, state: Any, lengths: Any
    ) -> Iterator[Update]:
        with torch.no_grad():
            _, state = model(x[:1], state)
        for update in super().__call__(model, x[1:], d[1:], loss, state):
            yield Update(update.loss, update.state, range(len(x)))


class Attached(tt.BPTT):
    """Wrong: the state drags its history along."""

    def __call__(  # type: ignore[override]
        self, model: nn.Module, x: Tensor, d: Tensor, loss: Any, state: Any, lengths: Any
    ) -> Iterator[Update]:
        for update in super().__call__(model, x, d, loss, state, lengths):
            yield Update(update.loss, model(x, state)[1], update.steps)


class Padded(tt.BPTT):
    """Wrong: the padding counts."""

    def __call__(self, model: nn.Module, *arguments: Any, **named: Any) -> Iterator[Update]:
        *given, _ = arguments
        return super().__call__(model, *given)


@pytest.mark.parametrize(
    ("wrong", "fault", "ragged"),
    [
        (Scaled, "gradient by", False),
        (Truncated, "gradient by", False),
        (Attached, "attached", False),
        (Padded, "gradient by", True),
    ],
)
def test_a_wrong_method_is_caught(wrong: type[GradientMethod], fault: str, ragged: bool) -> None:
    case = Case()
    with pytest.raises(AssertionError, match=fault):
        check_method(wrong(reduce="sum"), case, case.lengths if ragged else None)


def two_calls(case: Case, first: GradientMethod, second: GradientMethod) -> list[Tensor]:
    """Give the gradients of a second call on the same sequences, after a first."""
    for method in (first, second):
        case.model.zero_grad()
        for _ in method(case.model, case.inputs, case.targets, squared):
            pass
    return [p.grad.clone() for p in case.model.parameters() if p.grad is not None]


def equal(a: list[Tensor], b: list[Tensor]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


@each_method
def test_a_method_goes_on_from_its_state(method: type[GradientMethod]) -> None:
    first, second = method(), method()
    case = case_for(method)
    for _ in first(case.model, case.inputs, case.targets, squared):
        pass
    second.load_state_dict(first.state_dict())
    case.model.zero_grad()
    for _ in second(case.model, case.inputs, case.targets, squared):
        pass
    found = [p.grad for p in case.model.parameters() if p.grad is not None]
    assert equal(found, two_calls(case_for(method), kept := method(), kept))
    with pytest.raises(ValueError, match="goes on from"):
        second.load_state_dict({"other": 1})


@pytest.mark.parametrize("name", ["uoro", "es"])
def test_a_method_that_draws_is_another_without_its_state(name: str) -> None:
    method = gradients.registry[name]
    going_on = two_calls(case_for(method), kept := method(), kept)
    assert not equal(going_on, two_calls(case_for(method), method(), method()))
