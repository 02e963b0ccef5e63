"""A cell of one's own: five lines of equations become a layer like that of any cell built in."""

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


def network() -> tt.Network:
    """Make two layers of it, each in both directions, under a linear readout."""
    return tt.Network(adaptive, 1, 16, 1, num_layers=2, bidirectional=True)


def main() -> float:
    """Train it in a deep network that reads both ways, save and load that; give the last loss."""
    torch.manual_seed(0)
    trained = network()
    optimizer = torch.optim.Adam(trained.parameters(), lr=0.02)
    # What it is to learn: the sum of an input and its neighbours before and after.
    x = torch.randn(60, 32, 1)
    d = x.clone()
    d[1:] += x[:-1]
    d[:-1] += x[1:]
    for _ in range(40):
        for update in tt.BPTT()(trained, x, d, torch.nn.MSELoss(reduction="none")):
            loss = update.loss
            torch.nn.utils.clip_grad_norm_(trained.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
    print(f"loss {loss:.3f}, that of zeros {float(d.square().mean()):.3f}")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.safetensors"
        save_model(trained, str(path))
        again = network()
        load_model(again, str(path))
    assert torch.equal(again(x)[0], trained(x)[0])

    y, h = again(x, lengths=torch.arange(29, 61))
    print(f"two layers, both directions: outputs {list(y.shape)}, states {list(h.shape)}")
    print("its adjoint, derived:", adaptive.adjoint.backward, sep="\n")
    return loss


if __name__ == "__main__":
    main()
