"""What stops a network from learning over long lags, what to change, and what that changes."""

from pathlib import Path

import torch

import throughtime as tt
from throughtime import report

PANELS = (
    report.plot_triangle,
    report.plot_by_lag,
    report.plot_discarded,
    report.plot_jacobian,
    report.plot_singular_values,
    report.plot_lyapunov,
    report.plot_paths,
    report.plot_gates,
)


def main(pictures: Path | None = None) -> tuple[int | None, int | None]:
    """Measure an LSTM before and after a forget bias; give the horizon of both.

    Args:
        pictures: Where to write a picture a panel; none are drawn without it.
    """
    torch.manual_seed(0)
    network = tt.Network("lstm", input_size=2, hidden_size=16, output_size=1)
    inputs, targets = torch.randn(100, 4, 2), torch.randn(100, 4, 1)
    loss = torch.nn.MSELoss(reduction="none")

    before = tt.flow(network, inputs, targets, loss)
    tell("as it starts", before)
    tt.nn.init.forget_bias_(network.recurrent, 4.0)
    after = tt.flow(network, inputs, targets, loss)
    tell("with a forget bias", after)
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
        for plot in PANELS:
            name = plot.__name__.removeprefix("plot_")
            plot(before).figure.savefig(pictures / f"{name}.png", dpi=160)
    return before.horizon(), after.horizon()


def tell(name: str, flow: tt.Flow) -> None:
    """Print the verdict, what a window of 20 steps discards, and the advice."""
    (layer,) = flow.layers
    print(f"{name}: {layer.verdict.kind}: {layer.verdict.evidence}")
    share, cosine = flow.discarded(k2=20)
    print(f"  truncation at 20 discards {share:.1%} of the gradient (cosine {cosine:.4f})")
    for advice in flow.advice:
        print(f"  {advice.where}: {advice.do}")
        print(f"    since {advice.why}; {advice.figure}: {advice.now:.3g} -> {advice.then:.3g}")


if __name__ == "__main__":
    main(Path("runs/gradient_flow"))
