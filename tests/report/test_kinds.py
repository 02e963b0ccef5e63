"""What a page says that the figures of a run rest on."""

from typing import Any

import pytest

from throughtime.report.kinds import kind_of
from throughtime.report.record import read_run

from .conftest import CONFIG, Folder


def scaling_of(run_folder: Folder, **changed: Any) -> str:
    folder = run_folder(config={**CONFIG, **changed})
    return dict(kind_of(read_run(folder)).origins)["Scaling"]


def test_each_column_s_scaling_is_told_by_its_name(run_folder: Folder) -> None:
    scaling = {"transform": "none", "center": [357.89382564, 10.616], "scale": [38.4087, 5.99448]}
    said = scaling_of(run_folder, target="demand", covariates=["outdoor heat"], scaling=scaling)
    assert said == "demand: less 358, over 38.4; outdoor heat: less 10.6, over 5.99."


def test_a_transform_comes_first_and_many_columns_are_not_all_told(run_folder: Folder) -> None:
    scaling = {"transform": "sqrt", "center": [1.0] * 21, "scale": [2.0] * 21}
    names = [f"c{place}" for place in range(20)]
    said = scaling_of(run_folder, target="y", covariates=names, scaling=scaling)
    assert said.startswith("y: less 1, over 2; c0: less 1, over 2; ")
    assert said.endswith(
        "c10: less 1, over 2; 9 more columns in config.json; after the transform sqrt."
    )


@pytest.mark.parametrize(
    ("scaling", "said"),
    [
        ({"center": [1.0], "scale": [2.0, 3.0]}, "center: 1, scale: 2, 3"),
        ({"center": 3, "scale": [2.0]}, "center: 3, scale: 2"),
        ({"y": {"mean": 43.20000000001}}, "y: mean: 43.2"),
    ],
)
def test_what_is_of_another_form_is_told_as_it_stands(
    run_folder: Folder, scaling: dict[str, Any], said: str
) -> None:
    assert scaling_of(run_folder, target="y", covariates=[], scaling=scaling) == said
