import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_sequence

from throughtime.data import DataError
from throughtime.data.ragged import padded, ragged


def test_all_forms_of_sequences_are_read() -> None:
    lists = [torch.randn(T, 2, dtype=torch.float64) for T in (3, 5, 4)]
    for form in (
        lists,
        [sequence.numpy() for sequence in lists],
        [sequence.tolist() for sequence in lists],
        pack_sequence(lists, enforce_sorted=False),
        np.array([sequence.numpy() for sequence in lists], dtype=object),
    ):
        found = ragged(form, torch.float64)
        assert all(torch.equal(a, b) for a, b in zip(found, lists, strict=True))
    assert ragged(np.zeros((4, 3)), torch.float32)[0].shape == (3, 1)
    assert ragged(np.zeros((4, 3, 2)), torch.float32)[0].shape == (3, 2)
    assert ragged([[1, 2], [3]], torch.float32)[1].tolist() == [[3.0]]


def test_padding() -> None:
    x, lengths = padded([torch.ones(2, 3), torch.ones(4, 3)])
    assert x.shape == (4, 2, 3)
    assert lengths.tolist() == [2, 4]
    assert float(x.sum()) == 18


def test_all_faults_are_named_at_once() -> None:
    nan = torch.zeros(4, 2)
    nan[2, 1] = torch.nan
    wrong = [torch.zeros(3, 2), torch.zeros(0, 2), torch.zeros(3, 1), nan, ["a", "b"]]
    with pytest.raises(DataError) as raised:
        ragged(wrong, torch.float32)
    for part in (
        "sequence 1 has no step",
        "sequence 2 has 1 columns, not 2",
        "sequence 3 has nan in step 2, column 1",
        "sequence 4 holds no numbers",
    ):
        assert part in str(raised.value)


@pytest.mark.parametrize("wrong", [[], "text", np.zeros(3), np.zeros((1, 1, 1, 1)), 3])
def test_no_sequences_are_refused(wrong: object) -> None:
    with pytest.raises(DataError, match="To mend"):
        ragged(wrong, torch.float32)
