"""Augmentation: every kind does what it says, gradients pass, and real and generated images get the same treatment."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gan_helpers import augment as module
from gan_helpers import convnets, data, runtime
from gan_helpers.augment import KINDS, Augmented, augment, named
from gan_helpers.train import train


def images(n=6, channels=3, side=16, seed=0):
    return torch.rand(n, channels, side, side, generator=runtime.stream(seed)) * 2 - 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 3])
def test_each_kind_changes_images_each_in_its_own_way_and_lets_gradients_pass(kind, channels):
    x = images(1, channels).expand(64, -1, -1, -1).clone().requires_grad_()
    y = augment(x, kind, runtime.stream(1))
    assert y.shape == x.shape
    assert len({tuple(one.flatten().tolist()) for one in y}) > {"flip": 1}.get(kind, 15)
    y.sum().backward()
    assert x.grad.isfinite().all()
    assert x.grad.abs().sum() > 0
    assert torch.equal(augment(x, kind, runtime.stream(1)), y)


def test_colour_has_the_published_strengths():
    """On a flat grey image only brightness shows; on pure colour the shares of saturation and contrast do."""
    flat = torch.full((4000, 3, 4, 4), 0.2)
    moved = augment(flat, "colour", runtime.stream(0))[:, 0, 0, 0] - 0.2
    assert (moved.min().item(), moved.max().item()) == pytest.approx((-0.5, 0.5), abs=0.01)
    red = torch.tensor([1.0, -1.0, -1.0])[:, None, None].expand(4000, 3, 4, 4)
    y = augment(red, "colour", runtime.stream(0))
    spread = (y[:, 0] - y[:, 1])[:, 0, 0] / 2  # saturation times contrast, from 0 to 3
    assert spread.min() >= 0
    assert 2.5 < spread.max() < 3


def test_a_shift_moves_by_up_to_an_eighth_and_keeps_what_stays_inside():
    x = torch.full((500, 1, 16, 16), -1.0)
    x[:, :, 8, 8] = 1.0
    y = augment(x, "shift", runtime.stream(0))
    at = (y[:, 0] == 1).nonzero()[:, 1:] - 8
    assert len(at) == 500
    assert sorted(at.unique().tolist()) == [-2, -1, 0, 1, 2]
    assert set(y.unique().tolist()) == {-1.0, 0.0, 1.0}


def test_cutout_takes_a_square_of_half_the_size():
    y = augment(torch.ones(2000, 1, 16, 16), "cutout", runtime.stream(0))
    missing = (y == 0).sum((1, 2, 3))
    assert missing.max() == 64 - 15  # the middle, less what an odd side of 7 leaves
    assert missing.min() >= 16
    assert y.unique().tolist() == [0.0, 1.0]


def test_half_are_flipped():
    x = images(1).expand(2000, -1, -1, -1)
    same = (augment(x, "flip", runtime.stream(0)) == x).flatten(1).all(1)
    assert 0.45 < same.float().mean() < 0.55
    assert torch.equal(augment(x, "flip", runtime.stream(0))[~same][0], x[0].flip(2))


def test_the_order_is_fixed_and_a_wrong_name_is_told():
    x = images()
    assert torch.equal(augment(x, "flip colour", runtime.stream(0)), augment(x, ["colour", "flip"], runtime.stream(0)))
    assert named("") == ()
    assert augment(x, "", runtime.stream(0)) is x
    with pytest.raises(ValueError, match="unknown augmentation 'blur': choose from colour, shift, cutout, flip"):
        augment(x, "blur", runtime.stream(0))
    with pytest.raises(ValueError, match=r"not samples of shape \(4, 9\)"):
        augment(torch.zeros(4, 9), "flip", runtime.stream(0))


class Dark(nn.Module):
    """A generator of images that are all black, and one number that makes them brighter."""

    def __init__(self):
        super().__init__()
        self.level = nn.Parameter(torch.tensor(-1.0))

    def forward(self, z):
        return self.level.expand(len(z), 3, 8, 8) + 0 * z.sum()


class Seen(nn.Module):
    """A discriminator that writes down what it sees."""

    def __init__(self):
        super().__init__()
        self.weight, self.seen = nn.Parameter(torch.tensor(0.1)), []

    def forward(self, x):
        self.seen.append(x.detach())
        return self.weight * x.mean((1, 2, 3))


def test_in_training_d_sees_no_image_as_it_is_real_or_generated_nor_does_g_s_update():
    black = data.Images(torch.zeros(8, 3, 8, 8, dtype=torch.uint8), None, "black")
    D = Seen()
    steps = train(Dark(), D, black, z_dim=1, steps=2, batch=4, rng=runtime.seed(0), augment="colour", g_lr=0, d_lr=0)
    D.seen.clear()  # of the probes
    list(steps)
    assert len(D.seen) == 2 * 3  # real, generated, and generated once more for G
    for x in D.seen:
        assert len(x.mean((1, 2, 3)).unique()) == 4  # brighter or darker, each its own way
        assert (x.mean((1, 2, 3)) + 1).abs().max() > 0.05


def test_training_is_the_same_without_names_and_refuses_samples_that_are_no_images():
    def weights(**knobs):
        rng = runtime.seed(0)
        G, D = convnets.generator28(4, 2), convnets.discriminator28(2)
        grey = data.Images(
            torch.randint(256, (8, 1, 28, 28), dtype=torch.uint8, generator=runtime.stream(3)), None, "x"
        )
        list(train(G, D, grey, z_dim=4, steps=2, batch=4, rng=rng, **knobs))
        return torch.cat([p.flatten() for p in G.parameters()])

    assert torch.equal(weights(), weights(augment=""))
    assert not torch.equal(weights(), weights(augment="shift"))
    with pytest.raises(ValueError, match="augment must be some of colour, shift, cutout, flip, separated by spaces"):
        weights(augment="blur")
    rng = runtime.seed(0)
    from gan_helpers import models

    with pytest.raises(ValueError, match="can be augmented, not samples of shape"):
        list(train(models.mlp(1, 1), models.discriminator(1, 4), data.gaussian(), z_dim=1, steps=1, rng=rng,
                   augment="flip"))  # fmt: skip


def test_a_wrapped_d_shares_its_weights():
    D = Seen()
    assert list(Augmented(D, "flip", runtime.stream(0)).parameters()) == [D.weight]
    assert module.reach(28) == 4


class Noise(nn.Module):
    """A generator that is perfect from the start, for data that are noise."""

    def __init__(self):
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(()))

    def forward(self, z):
        return torch.erf(z / 2**0.5).reshape(-1, 1, 28, 28) + 0 * self.nothing


def test_a_d_that_knows_its_images_shows_it_by_the_gap():
    """Snapshots tell what D thinks of known and of new images, and looking changes nothing."""
    pixels = torch.randint(256, (64, 1, 28, 28), dtype=torch.uint8, generator=runtime.stream(5))
    known, new = data.Images(pixels[:16], None, "noise"), data.Images(pixels[16:], None, "noise")

    def run(**knobs):
        rng = runtime.seed(0)
        G, D = Noise(), convnets.discriminator(28, 1, 8, norm="none", init="default")
        return D, list(train(G, D, known, z_dim=784, steps=60, batch=16, rng=rng, **knobs))

    D, steps = run(held_out=new, snapshot_every=60)
    first, last = steps[0].judged, steps[-1].judged
    assert steps[1].judged is None
    assert abs(first.gap) < 0.1
    assert last.gap > 1  # no two noises have anything in common: all that D can do is learn them by heart
    assert last.gap == last.known - last.new
    alone, _ = run(snapshot_every=60)
    assert all(torch.equal(p, q) for p, q in zip(D.parameters(), alone.parameters(), strict=True))
    with pytest.raises(ValueError, match="say how often with snapshot_every"):
        run(held_out=new)
    other = data.Images(torch.zeros(4, 3, 28, 28, dtype=torch.uint8), None, "colour")
    with pytest.raises(
        ValueError, match=r"held_out has samples of shape \(3, 28, 28\) on cpu, the target \(1, 28, 28\)"
    ):
        run(held_out=other, snapshot_every=1)


def test_a_checkpoint_knows_whether_its_run_augmented(tmp_path):
    grey = data.Images(torch.randint(256, (8, 1, 28, 28), generator=runtime.stream(3)).byte(), None, "noise")

    def run(kinds, **more):
        rng = runtime.seed(0)
        G, D = convnets.generator28(4, 2), convnets.discriminator28(2)
        where = {"save_to": tmp_path / "c.pt"} | more
        list(train(G, D, grey, z_dim=4, steps=2, batch=4, rng=rng, augment=kinds, **where))

    run("shift")
    for kinds in ("", "colour"):
        with pytest.raises(ValueError, match="is of a run with augment 'shift'"):
            run(kinds, resume=tmp_path / "c.pt")
