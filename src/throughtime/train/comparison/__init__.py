"""Gradient methods beside each other: the same task, network, seeds and budget for each."""

from throughtime.train.comparison.budget import Budget
from throughtime.train.comparison.memory import memory_of
from throughtime.train.comparison.probe import Probe
from throughtime.train.comparison.setting import Contender, Setting
from throughtime.train.comparison.summary import Summary, summarised
from throughtime.train.comparison.trial import Point, Trial, trials

__all__ = [
    "Budget",
    "Contender",
    "Point",
    "Probe",
    "Setting",
    "Summary",
    "Trial",
    "memory_of",
    "summarised",
    "trials",
]
