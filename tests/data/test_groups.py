from collections import Counter

import pytest

from throughtime.data import DataError
from throughtime.data.groups import held_out

LABELS = ["a"] * 10 + ["b"] * 5 + ["c"] * 2


def test_each_label_gives_its_share_and_keeps_one() -> None:
    stays, held = held_out(LABELS, None, 0.4, seed=0)
    assert Counter(LABELS[i] for i in held) == {"a": 4, "b": 2, "c": 1}
    assert sorted(stays + held) == list(range(17))
    assert held_out(LABELS, None, 0.4, seed=0) == (stays, held)
    assert held_out(LABELS, None, 0.4, seed=1) != (stays, held)
    assert held_out(LABELS, None, 0.0, seed=1) == (list(range(17)), [])


def test_groups_are_never_parted() -> None:
    labels = ["a", "b"] * 12
    groups = [place // 4 for place in range(24)]
    stays, held = held_out(labels, groups, 0.3, seed=0)
    assert {groups[i] for i in stays}.isdisjoint({groups[i] for i in held})
    assert len(held) == 8  # the first number of whole groups that reaches the share


@pytest.mark.parametrize(
    ("labels", "groups", "share", "said"),
    [
        (["a", "b"], ["g"], 0.5, "2 sequences and 1 groups"),
        (["a", "b"], ["g", "g"], 0.5, "nothing to hold out"),
        (["a", "a", "b", "b"], ["g", "g", "h", "h"], 0.5, "missing"),
        (["a", "b"], None, 0.5, "is none"),
    ],
)
def test_what_cannot_be_parted_is_refused(
    labels: list[str], groups: list[str] | None, share: float, said: str
) -> None:
    with pytest.raises(DataError, match=said):
        held_out(labels, groups, share, seed=0)
