"""Where to store what on the way through a sequence, so that going back costs the least."""

from throughtime.gradients.checkpointing.budget import in_bytes, in_words
from throughtime.gradients.checkpointing.footprint import Footprint, measured
from throughtime.gradients.checkpointing.placement import Mixed, Place, Placement, Revolve
from throughtime.gradients.checkpointing.plan import Plan, Sizes, least_budget, planned, twice_each
from throughtime.gradients.checkpointing.randomness import RandomState
from throughtime.gradients.checkpointing.recomputation import Recomputation
from throughtime.gradients.checkpointing.schedule import Action, actions, executions
from throughtime.gradients.checkpointing.twice import Twice, runs_twice
from throughtime.gradients.checkpointing.twice_plan import TwicePlan, planned_twice

__all__ = [
    "Action",
    "Footprint",
    "Mixed",
    "Place",
    "Placement",
    "Plan",
    "RandomState",
    "Recomputation",
    "Revolve",
    "Sizes",
    "Twice",
    "TwicePlan",
    "actions",
    "executions",
    "in_bytes",
    "in_words",
    "least_budget",
    "measured",
    "planned",
    "planned_twice",
    "runs_twice",
    "twice_each",
]
