"""A PyTorch program changed by one line: its recurrent layers run on this package's engine.

    python examples/drop_in.py

`convert_` takes the layers of a model in place: the same numbers, the same names in `state_dict`,
files that torch's own layers read again.
"""

import io
import time

import torch
from torch import nn

import throughtime as tt


class Tagger(nn.Module):
    """As a user wrote it: an embedding, a GRU, a class for each step."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50, 8)
        self.recurrent = nn.GRU(8, 16, num_layers=2, batch_first=True)
        self.readout = nn.Linear(16, 5)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Give the logits of each step, [B, T, 5] for tokens [B, T]."""
        h, _ = self.recurrent(self.embedding(tokens))
        return self.readout(h)


def train(model: nn.Module, tokens: torch.Tensor, tags: torch.Tensor, updates: int) -> float:
    """Train as always; give the last loss."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(updates):
        loss = nn.functional.cross_entropy(model(tokens).flatten(0, 1), tags.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return float(loss.detach())


def main(updates: int = 30) -> tuple[float, float]:
    """Train the model as it is and converted; give both losses."""
    torch.manual_seed(0)
    tokens = torch.randint(50, (8, 100))
    tags = (tokens + tokens.roll(1, 1)) % 5  # of a token and the one before it
    losses = []
    for convert in (False, True):
        torch.manual_seed(1)
        model = Tagger()
        if convert:
            tt.nn.convert_(model)  # the one line
        started = time.perf_counter()
        losses.append(train(model, tokens, tags, updates))
        seconds = time.perf_counter() - started
        kind = type(model.recurrent).__module__.partition(".")[0]
        print(f"{kind}: loss {losses[-1]:.6f} after {updates} updates, {seconds:.2f} s")

    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    plain = Tagger()  # torch's own layers
    plain.load_state_dict(torch.load(file, weights_only=True))
    torch.testing.assert_close(plain(tokens), model(tokens), rtol=1e-5, atol=1e-5)
    print("and torch's own layers give the same from the same file")
    return losses[0], losses[1]


if __name__ == "__main__":
    main()
