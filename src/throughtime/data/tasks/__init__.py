"""Tasks by name: what a network can learn, drawn; a new one is a file and a line in `registry`."""

from throughtime.data.tasks.adding import Adding
from throughtime.data.tasks.asked import NOT_ASKED, Masked, asked, cross_entropy
from throughtime.data.tasks.copy_memory import CopyMemory
from throughtime.data.tasks.counting import Counting
from throughtime.data.tasks.delayed_recall import DelayedRecall
from throughtime.data.tasks.evidence import Evidence
from throughtime.data.tasks.influence_balancing import Influence, InfluenceBalancing
from throughtime.data.tasks.lorenz import Lorenz
from throughtime.data.tasks.mackey_glass import MackeyGlass
from throughtime.data.tasks.reber import EmbeddedReber
from throughtime.data.tasks.task import Task
from throughtime.data.tasks.temporal_order import TemporalOrder

registry: dict[str, type[Task]] = {
    "adding": Adding,
    "copy_memory": CopyMemory,
    "delayed_recall": DelayedRecall,
    "temporal_order": TemporalOrder,
    "embedded_reber": EmbeddedReber,
    "counting": Counting,
    "mackey_glass": MackeyGlass,
    "lorenz": Lorenz,
    "influence_balancing": InfluenceBalancing,
    "evidence": Evidence,
}

__all__ = [
    "NOT_ASKED",
    "Adding",
    "CopyMemory",
    "Counting",
    "DelayedRecall",
    "EmbeddedReber",
    "Evidence",
    "Influence",
    "InfluenceBalancing",
    "Lorenz",
    "MackeyGlass",
    "Masked",
    "Task",
    "TemporalOrder",
    "asked",
    "cross_entropy",
    "registry",
]
