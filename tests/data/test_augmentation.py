import torch

from throughtime.data.augmentation import Augmentation


def test_nothing_asked_nothing_changed() -> None:
    sequence = torch.randn(9, 4)
    assert torch.equal(Augmentation()(sequence), sequence)


def test_the_sequence_itself_is_left_as_it_is() -> None:
    sequence = torch.randn(9, 4)
    before = sequence.clone()
    Augmentation(0.3, 0.5, 0.5, 3, 0.5)(sequence)
    assert torch.equal(sequence, before)


def test_stretching_keeps_a_line_and_stays_within_its_bounds() -> None:
    line = torch.linspace(0, 1, 101)[:, None]
    lengths = set()
    for _ in range(50):
        changed = Augmentation(stretch=0.2)(line)
        lengths.add(len(changed))
        slope = changed[2:-1] - changed[1:-2]  # the ends are held
        torch.testing.assert_close(slope, torch.full_like(slope, float(slope.mean())))
    assert 81 <= min(lengths) < 90 < 112 < max(lengths) <= 121
    assert Augmentation(stretch=0.9)(torch.ones(1, 2)).shape[0] >= 1


def test_noise_and_offset_are_as_large_as_asked() -> None:
    zeros = torch.zeros(200, 200)
    assert abs(float(Augmentation(noise=0.5)(zeros).std()) - 0.5) < 0.01
    offsets = torch.stack([Augmentation(offset=0.5)(zeros[:1, :1]) for _ in range(3000)])
    assert abs(float(offsets.std()) - 0.5) < 0.05
    assert len(Augmentation(offset=0.5)(zeros).unique()) == 1


def test_masks_are_neighbours_and_no_more_than_asked() -> None:
    ones = torch.ones(20, 6)
    columns, steps = set(), set()
    for _ in range(100):
        masked = Augmentation(masked_columns=3)(ones).sum(0) == 0
        places = masked.nonzero()[:, 0].tolist()
        assert places == list(range(min(places, default=0), max(places, default=-1) + 1))
        columns.add(len(places))
        steps.add(int((Augmentation(masked_steps=0.2)(ones).sum(1) == 0).sum()))
    assert columns == {0, 1, 2, 3}
    assert steps == {0, 1, 2, 3, 4}
    assert float(Augmentation(masked_columns=99)(ones).sum()) > 0  # never all of them
