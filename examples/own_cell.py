"""A cell of one's own: five lines of equations become a layer with everything that a layer has."""

import torch

import throughtime as tt


@tt.cell(gates="u n", state="h", units="tau")
def adaptive(wx, uh, h, *, tau):
    """Leaky integration, with a time constant learned for each unit and a gate that hurries it."""
    rate = tt.sigmoid(wx.u + uh.u - tt.softplus(tau))
    return h + rate * (tt.tanh(wx.n + uh.n) - h)


def main() -> float:
    """Train it to say the sum of the last three inputs; give the last loss."""
    torch.manual_seed(0)
    network = tt.Network(adaptive, input_size=1, hidden_size=16, output_size=1)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    x = torch.randn(60, 32, 1)
    d = x + x.roll(1, 0) + x.roll(2, 0)
    d[:2] = 0
    for _ in range(60):
        for update in tt.BPTT()(network, x, d, torch.nn.MSELoss(reduction="none")):
            loss = update.loss
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
    print(f"loss {loss:.3f}")
    print(adaptive.adjoint.backward)
    return loss


if __name__ == "__main__":
    main()
