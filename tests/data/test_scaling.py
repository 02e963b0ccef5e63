from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.data import DataError, Scaling, transforms


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@given(rows=st.integers(5, 40), columns=st.integers(1, 4), first=st.integers(0, 3))
@settings(deadline=None)
def test_fitted_rows_have_mean_0_and_variance_1(rows: int, columns: int, first: int) -> None:
    values = 50 + 7 * random(rows, columns)
    scaled = Scaling.fit(values, range(first, rows)).apply(values)[first:]
    torch.testing.assert_close(scaled.mean(0), torch.zeros(columns).double(), atol=1e-12, rtol=0)
    torch.testing.assert_close(
        scaled.var(0, correction=0), torch.ones(columns).double(), atol=1e-12, rtol=0
    )


@given(
    start=st.integers(0, 10),
    stop=st.integers(12, 30),
    outside=st.floats(-1e6, 1e6) | st.just(float("nan")),
)
@settings(deadline=None)
def test_nothing_leaks_from_outside_the_rows(start: int, stop: int, outside: float) -> None:
    values = random(30, 3)
    spoiled = values.clone()
    spoiled[:start] = outside
    spoiled[stop:] = outside
    assert Scaling.fit(spoiled, range(start, stop)) == Scaling.fit(values, range(start, stop))


def test_values_inside_the_rows_count() -> None:
    values = random(30, 3)
    changed = values.clone()
    changed[19] += 1
    assert Scaling.fit(changed, range(20)) != Scaling.fit(values, range(20))


def test_constant_column_is_only_centred() -> None:
    values = torch.cat([random(1000, 1), torch.full((1000, 1), 0.1, dtype=torch.float64)], dim=1)
    scaling = Scaling.fit(values, range(1000))
    assert scaling.scale[1] == 1
    assert scaling.apply(values)[:, 1].abs().max() < 1e-12


@pytest.mark.parametrize("shape", [(20,), (20, 1), (4, 5, 1)])
def test_target_comes_back(shape: tuple[int, ...]) -> None:
    values = 3 + 5 * random(20, 2)
    scaling = Scaling.fit(values, range(12))
    scaled = scaling.apply(values)[:, 0].reshape(shape)
    torch.testing.assert_close(
        scaling.invert_target(scaled), values[:, 0].reshape(shape), atol=1e-12, rtol=0
    )


def test_dtype_is_kept_and_batches_are_scaled() -> None:
    scaling = Scaling.fit(random(20, 2), range(20))
    batch = random(7, 3, 2).float()
    assert scaling.apply(batch).dtype == torch.float32
    torch.testing.assert_close(scaling.apply(batch)[4, 2], scaling.apply(batch[4, 2]))


def test_survives_json_bit_by_bit() -> None:
    scaling = Scaling.fit(random(20, 3), range(20))
    assert Scaling.from_dict(json.loads(json.dumps(scaling.as_dict()))) == scaling


@pytest.mark.parametrize(
    "saved",
    [
        None,
        [],
        "scaling",
        {},
        {"center": [0.0]},
        {"center": [0.0], "scale": [1.0], "more": 1},
        {"center": [], "scale": []},
        {"center": [0.0, 1.0], "scale": [1.0]},
        {"center": [0.0], "scale": [0.0]},
        {"center": [0.0], "scale": [-1.0]},
        {"center": [float("nan")], "scale": [1.0]},
        {"center": [0.0], "scale": [float("inf")]},
        {"center": [10**400], "scale": [1.0]},
        {"center": ["0"], "scale": [1.0]},
        {"center": [True], "scale": [1.0]},
        {"center": "0", "scale": "1"},
        {"center": 0.0, "scale": 1.0},
        {"center": {"0": 0.0}, "scale": [1.0]},
    ],
)
def test_malformed_saved_scaling(saved: object) -> None:
    with pytest.raises(DataError, match="saved scaling is malformed"):
        Scaling.from_dict(saved)


@pytest.mark.parametrize("rows", [range(0), range(21), range(-1, 5), range(5, 2)])
def test_rows_outside_the_values(rows: range) -> None:
    with pytest.raises(ValueError, match="rows must lie within the 20 rows"):
        Scaling.fit(random(20, 2), rows)


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match=r"\[T, C\].*\(20,\)"):
        Scaling.fit(random(20), range(20))
    with pytest.raises(ValueError, match=r"2 columns.*\(20, 3\)"):
        Scaling.fit(random(20, 2), range(20)).apply(random(20, 3))


@pytest.mark.parametrize("name", transforms)
def test_a_transform_is_undone_and_touches_the_target_alone(name: str) -> None:
    values = torch.rand(30, 2, dtype=torch.float64) * 50
    scaling = Scaling.fit(values, range(20), name)
    scaled = scaling.apply(values)
    torch.testing.assert_close(scaling.invert_target(scaled[:, 0]), values[:, 0])
    plain = Scaling.fit(values, range(20)).apply(values)
    assert torch.equal(scaled[:, 1], plain[:, 1])
    assert torch.equal(scaled[:, 0], plain[:, 0]) == (name == "none")
    assert Scaling.from_dict(scaling.as_dict()) == scaling


@pytest.mark.parametrize("name", ["sqrt", "log1p"])
def test_a_transform_refuses_what_it_cannot_take(name: str) -> None:
    values = torch.ones(9, 1, dtype=torch.float64)
    values[4] = -0.5
    with pytest.raises(DataError, match=rf"-0\.5 in row 5 .* {name} .* at least 0"):
        Scaling.fit(values, range(9), name)
    scaling = Scaling.fit(values[:3], range(3), name)
    with pytest.raises(DataError, match="To mend"):
        scaling.apply(values)


def test_a_forecast_below_zero_of_a_square_root_is_zero() -> None:
    scaling = Scaling((2.0,), (1.0,), "sqrt")
    assert scaling.invert_target(torch.tensor([-5.0, 1.0])).tolist() == [0.0, 9.0]


def test_an_unknown_transform_is_malformed() -> None:
    with pytest.raises(DataError, match="transform must be one of none, sqrt, log1p"):
        Scaling.from_dict({"center": [0.0], "scale": [1.0], "transform": "exp"})
