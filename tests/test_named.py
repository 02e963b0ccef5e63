import pytest

from throughtime.data.tasks import Adding
from throughtime.data.tasks import registry as tasks
from throughtime.gradients import TBPTT, UORO, CheckpointedBPTT, EvolutionStrategy, registry
from throughtime.named import NamedError, named


def method(text: str, **given: object) -> object:
    return named(text, registry, "gradient method", **given)


def test_arguments_stand_in_the_order_of_the_constructor_or_by_name() -> None:
    assert repr(method("tbptt:10:50")) == repr(TBPTT(10, 50))
    assert repr(method(" tbptt : 10 : k2=50 ")) == repr(TBPTT(10, 50))
    assert repr(method("checkpointed:64MB")) == repr(CheckpointedBPTT("64MB"))
    assert repr(method("es:8:0.5:shaping=none")) == repr(EvolutionStrategy(8, 0.5, shaping=None))
    assert named("adding:T=50", tasks, "task") == Adding(50)


def test_what_is_given_goes_to_entries_that_take_it_and_gives_way_to_the_text() -> None:
    assert repr(method("uoro", seed=3)) == repr(UORO(3))
    assert repr(method("uoro:4", seed=3)) == repr(UORO(4))
    assert repr(method("tbptt:5", seed=3)) == repr(TBPTT(5))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bpt", "unknown gradient method 'bpt'; known are bptt"),
        ("", "known are"),
        ("tbptt:0", "at least 1; got 0"),
        ("tbptt:ten", "got 'ten'"),
        ("tbptt:1:2:sum:none:7", "tbptt takes k1=20"),
        ("rtrl:k3=4", "rtrl takes k1=1"),
        ("tbptt:3:k1=4", "multiple values"),
        ("tbptt:k1=3:k1=4", "k1 is given twice"),
        ("tbptt:clip=1", "clip is a Clipping"),
    ],
)
def test_a_fault_is_named_with_what_is_taken(text: str, said: str) -> None:
    with pytest.raises(NamedError) as caught:
        method(text)
    assert said in str(caught.value)
