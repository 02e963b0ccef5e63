"""A cell of one's own: five lines of equations become a layer with everything that a layer has."""

import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_model, save_model

import throughtime as tt


@tt.cell(gates="u n", state="h", units="tau")
def adaptive(wx, uh, h, *, tau):
    """Leaky integration, with a time constant learned for each unit and a gate that hurries it."""
    rate = tt.sigmoid(wx.u + uh.u - tt.softplus(tau))
    return h + rate * (tt.tanh(wx.n + uh.n) - h)


def main() -> float:
    """Train it, stack it in both directions, save and load it; give the last loss."""
    torch.manual_seed(0)
    # What it is to learn: the sum of the last three inputs.
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

    both = tt.nn.Recurrent(adaptive, 1, 16, num_layers=2, bidirectional=True, dropout=0.1)
    y, h = both(x, lengths=torch.arange(29, 61))
    print(f"two layers, both directions: outputs {list(y.shape)}, states {list(h.shape)}")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.safetensors"
        save_model(network, str(path))
        again = tt.Network(adaptive, input_size=1, hidden_size=16, output_size=1)
        load_model(again, str(path))
    assert torch.equal(again(x)[0], network(x)[0])

    print("its adjoint, derived:", adaptive.adjoint.backward, sep="\n")
    return loss


if __name__ == "__main__":
    main()
