"""A training loop of one's own with truncated backpropagation through time, on a long sequence.

    python examples/own_training_loop.py

A network reads noise and has to give at every step the mean of the last twenty numbers. An update
follows every ten steps and looks back thirty: k1 = 10, k2 = 30. The state goes on from chunk to
chunk; the method cuts the graph, and the loop is the user's.
"""

import torch

import throughtime as tt


def running_mean(steps: int = 40_000, window: int = 20) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw inputs and targets, [T, 1] each."""
    x = torch.randn(steps, 1)
    sums = torch.cat([torch.zeros(window, 1), x]).cumsum(0)
    return x, (sums[window:] - sums[:-window]) / window


def main(epochs: int = 3) -> float:
    """Train; give the mean squared error over the variance of what is asked, on other numbers."""
    torch.manual_seed(0)
    stream = tt.data.Stream(running_mean(), rows=16, k1=10, chunk=300)
    network = tt.Network("gru", input_size=1, hidden_size=32, output_size=1)
    method, loss = tt.TBPTT(k1=10, k2=30), torch.nn.MSELoss(reduction="none")
    optimizer = torch.optim.Adam(network.parameters(), lr=0.005)

    for epoch in range(epochs):
        state, losses = None, []
        for chunk in stream:
            for update in method(
                network, chunk.inputs, chunk.targets, loss, state, chunk.lengths, chunk.reset
            ):
                torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                optimizer.step()
                optimizer.zero_grad()
                losses.append(float(update.loss))
            state = update.state
        print(f"epoch {epoch + 1}: {len(losses)} updates, loss {sum(losses) / len(losses):.5f}")

    x, d = running_mean(5000)
    with torch.no_grad():
        y, _ = network(x[:, None])
    error = float((y[:, 0] - d).square().mean() / d.var())
    print(f"on other numbers: {error:.3f} of the variance is left")
    return error


if __name__ == "__main__":
    main()
