"""Two processes that share a batch train as one that has it whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

import throughtime as tt
from tests.contracts.closeness import assert_close

pytestmark = pytest.mark.skipif(
    not (dist.is_available() and dist.is_gloo_available()), reason="torch was built without gloo"
)

RANKS, STEPS = 2, 3


def network() -> nn.Module:
    torch.manual_seed(0)
    return tt.Network(
        "lstm_peephole", 3, 6, 2, num_layers=2, bidirectional=True, dtype=torch.double
    )


def trained(model: Any, x: torch.Tensor, target: torch.Tensor) -> dict[str, torch.Tensor]:
    """Train for some steps; give the first gradients and the last weights."""
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    found: dict[str, torch.Tensor] = {}
    for step in range(STEPS):
        optimizer.zero_grad()
        (model(x)[0] - target).square().mean().backward()
        for name, p in model.named_parameters():
            if step == 0:
                found[f"d {name}"] = p.grad.clone()
        optimizer.step()
    found |= {name: p.detach().clone() for name, p in model.named_parameters()}
    return {name.replace("module.", ""): tensor for name, tensor in found.items()}


def data() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(7, 8, 3, dtype=torch.double, generator=generator)
    return x, torch.randn(7, 8, 2, dtype=torch.double, generator=generator)


def work(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    meeting = (Path(folder) / "meeting").as_uri()
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=RANKS)
    mine = slice(4 * rank, 4 * rank + 4)
    x, target = (tensor[:, mine] for tensor in data())
    found = trained(DistributedDataParallel(network()), x, target)
    torch.save(found, Path(folder) / f"{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.thorough
def test_two_ranks_equal_one_process(tmp_path: Path) -> None:
    context: Any = torch.multiprocessing.spawn(  # type: ignore[no-untyped-call]
        work, (str(tmp_path),), nprocs=RANKS, join=False
    )
    whole = trained(network(), *data())
    half = trained(network(), *(tensor[:, :4] for tensor in data()))
    while not context.join(timeout=100):
        pass
    for rank in range(RANKS):
        found = torch.load(tmp_path / f"{rank}.pt")
        assert found.keys() == whole.keys()
        for name, expected in whole.items():
            assert_close(found[name], expected, name, 1e-11)
            with pytest.raises(AssertionError):  # a rank that hears nothing of the other
                assert_close(half[name], expected, name, 1e-6)
