from typing import Any

import pytest
import torch
from torch import nn

from throughtime.estimators import Settings, SettingsError


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cell": "gruu"}, r"unknown cell 'gruu'; known are elman, .*gru, .*lstm"),
        ({"optimizer": "adm"}, r"unknown optimizer 'adm'; known are .*adam"),
        ({"schedule": "cos"}, r"unknown schedule 'cos'; known are .*cosine"),
        ({"method": "bpt"}, r"unknown gradient method 'bpt'; known are bptt, "),
        ({"method": "tbptt:0"}, "at least 1; got 0"),
        ({"method": "es:optimizer=cma"}, "proposes whole steps"),
        ({"hidden": 0}, "hidden must be a whole number of at least 1, got 0"),
        ({"layers": -1}, "layers must be"),
        ({"epochs": 1.5}, "epochs must be"),
        ({"window": True}, "window must be"),
        ({"learning_rate": 0.0}, "learning_rate must be positive .* got 0.0"),
        ({"learning_rate": float("nan")}, "learning_rate must be positive .* got nan"),
        ({"weight_decay": -1.0}, "weight_decay must not be negative"),
        ({"clip": 0.0}, "clip must be positive, got 0.0"),
        ({"clip": float("nan")}, "clip must be positive"),
        ({"seed": -1}, "seed must be between"),
        ({"dtype": "float8"}, "unknown dtype 'float8'; known are float32, float64"),
        ({"device": "gpu"}, "device 'gpu' cannot be used here .*'cpu' always can"),
    ],
)
def test_what_is_out_of_range_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Settings(**given)


def test_settings_are_plain_values_and_come_back() -> None:
    settings = Settings(cell="lstm", clip=None, dtype="float64")
    assert Settings(**settings.as_dict()) == settings
    assert settings.torch_dtype is torch.float64


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_the_weight_decay_is_the_one_asked_for(decay: float) -> None:
    weights = [nn.Parameter(torch.ones(1))]
    settings = Settings(optimizer="adamw", weight_decay=decay)  # torch's own is 0.01
    assert settings.make_optimizer(weights).param_groups[0]["weight_decay"] == decay
    assert Settings(optimizer="rprop").make_optimizer(weights)  # has none
