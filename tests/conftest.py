"""One thread, double precision where asked, and examples that are the same on every run."""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import HealthCheck, settings

from throughtime import engine

settings.register_profile(
    "quick",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=20,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("quick")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(params=engine.engines, scope="module")
def each_engine(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run a test on every engine there is; what it declines, the others run."""
    first = {request.param: engine.engines[request.param]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("throughtime.engine.dispatch.engines", first | engine.engines)
        yield
