"""A network on a live signal: one sample in, one out, the state carried in between."""

import statistics
import time

import torch

import throughtime as tt


def main() -> float:
    """Filter two channels sample by sample; give the difference from the network in one call."""
    torch.manual_seed(0)
    network = tt.Network("gru", input_size=2, hidden_size=32, output_size=2, num_layers=2)
    signal = torch.randn(5000, 2)

    stepper = network.stepper()  # takes the weights as they are; after training: stepper.refresh()
    filtered, seconds = torch.empty_like(signal), []
    for t, sample in enumerate(signal):
        before = time.perf_counter()
        y = stepper(sample)
        seconds.append(time.perf_counter() - before)
        filtered[t] = y
    taken = statistics.median(seconds)
    print(f"{1e6 * taken:.1f} microseconds a sample, on the {stepper.engine} engine")

    with torch.no_grad():
        whole, state = network(signal[:, None])  # [T, B, 2]
    difference = float((filtered - whole[:, 0]).abs().max())
    print(f"the whole signal in one call: the same but for {difference:.0e}")

    stepper.reset()  # another listener, who joins in the middle of it
    with torch.no_grad():
        _, stepper.state = network(signal[:4000, None])
    for sample in signal[4000:]:
        stepper(sample)
    return max(difference, float((stepper.state - state).abs().max()))


if __name__ == "__main__":
    main()
