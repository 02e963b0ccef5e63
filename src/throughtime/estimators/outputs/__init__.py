"""What a forecaster says of the next value: a number, or how values around it are distributed.

An entry of the registry is one class in a file of its own.
"""

from throughtime.estimators.outputs.gaussian import Gaussian
from throughtime.estimators.outputs.negative_binomial import NegativeBinomial
from throughtime.estimators.outputs.output import Output
from throughtime.estimators.outputs.point import Point
from throughtime.estimators.outputs.quantiles import Quantiles
from throughtime.estimators.outputs.student_t import StudentT

registry: dict[str, Output] = {
    "point": Point(),
    "gaussian": Gaussian(),
    "student_t": StudentT(),
    "negative_binomial": NegativeBinomial(),
    "quantiles": Quantiles(),
}
"""Outputs by the names that settings have for them."""

__all__ = [
    "Gaussian",
    "NegativeBinomial",
    "Output",
    "Point",
    "Quantiles",
    "StudentT",
    "registry",
]
