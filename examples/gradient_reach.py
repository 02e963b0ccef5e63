"""How far back gradients reach at the start: tanh, rectified with identity start, GRU, LSTM."""

import torch

import throughtime as tt


def main() -> dict[str, int | None]:
    """Print and give the horizon of each: the lag at which the gradient has fallen to 1 %."""
    torch.manual_seed(0)
    x, d = torch.randn(200, 4, 2), torch.randn(200, 4, 1)
    horizons = {}
    for name in ("elman", "elman_relu", "gru", "lstm"):
        network = tt.Network(name, input_size=2, hidden_size=32, output_size=1)
        if name == "elman_relu":
            tt.nn.init.identity_(network.recurrent)
        flow = tt.flow(network, x, d, torch.nn.MSELoss(reduction="none"), samples=64)
        horizons[name] = flow.horizon(fraction=0.01)
        reach = horizons[name] or f"more than {len(flow.layers[0].lag) - 1}"
        print(f"{name:10}  the gradient falls to 1 % after {reach} steps")
    return horizons


if __name__ == "__main__":
    main()
