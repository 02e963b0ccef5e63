"""One step's loss of a GRU taken apart: how much of its gradient comes from which earlier step."""

import torch

import throughtime as tt


def main() -> float:
    """Print the terms by their step; give how far their sum is from backpropagation's gradient."""
    torch.manual_seed(0)
    network = tt.Network("gru", input_size=2, hidden_size=8, output_size=1, dtype=torch.float64)
    inputs, targets = torch.randn(2, 12, 4, 2, dtype=torch.float64)
    targets = targets[..., :1]
    loss = torch.nn.MSELoss(reduction="none")

    found = tt.itemise(network, inputs, targets, loss, step=-1)
    terms = found.terms("recurrent.weight_hh_l0")  # [T, 3 H, H]
    gradient = terms.sum(0)
    print(f"the loss of step {found.step} is {found.loss:.4f}; its gradient by U, step by step:")
    for k, term in enumerate(terms):
        share = float((term * gradient).sum() / gradient.square().sum())
        reaching = float(found.by_state[k + 1].norm())
        print(f"step {k:2}: |dE/dS_k| = {reaching:.2e}, |term| = {float(term.norm()):.2e}, "
              f"{100 * share:5.1f} % of the gradient")  # fmt: skip

    outputs, _ = network(inputs)
    loss(outputs[-1], targets[-1]).sum().backward()
    assert network.recurrent.weight_hh_l0.grad is not None
    return float((gradient - network.recurrent.weight_hh_l0.grad).abs().max())


if __name__ == "__main__":
    main()
