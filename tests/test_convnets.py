"""The convolutional networks: shapes on the way, switches, and the first weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gan_helpers import convnets, runtime


def shapes(net: nn.Sequential, x: torch.Tensor) -> list[tuple[int, ...]]:
    """The shape of one sample after every convolution."""
    found = []
    for layer in net:
        x = layer(x)
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            found.append(tuple(x.shape[1:]))
    return found


@pytest.mark.parametrize(
    ("net", "x", "expected"),
    [
        (convnets.generator28(8, 4), torch.zeros(2, 8), [(16, 7, 7), (8, 14, 14), (1, 28, 28)]),
        (convnets.discriminator28(4), torch.zeros(2, 1, 28, 28), [(4, 14, 14), (8, 7, 7), (1, 1, 1)]),
        (
            convnets.generator64(10, 2, 3),
            torch.zeros(2, 10),
            [(16, 4, 4), (8, 8, 8), (4, 16, 16), (2, 32, 32), (3, 64, 64)],
        ),
        (
            convnets.discriminator64(2, 3),
            torch.zeros(2, 3, 64, 64),
            [(2, 32, 32), (4, 16, 16), (8, 8, 8), (16, 4, 4), (1, 1, 1)],
        ),
    ],
    ids=["G28", "D28", "G64", "D64"],
)
def test_shapes_on_the_way(net, x, expected):
    assert shapes(net, x) == expected


def test_the_published_networks_have_the_published_size():
    """3.5 and 2.8 million weights for 64 x 64 colour images at z 100 and width 64: the sums of the layers, by hand."""
    G, D = convnets.generator64(channels=3), convnets.discriminator64(channels=3)
    convolutions = 16 * (100 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 3) + 3
    norms = 2 * (512 + 256 + 128 + 64)
    assert sum(p.numel() for p in G.parameters()) == convolutions + norms
    convolutions = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512) + 64 + 1
    assert sum(p.numel() for p in D.parameters()) == convolutions + 2 * (128 + 256 + 512)


@pytest.mark.parametrize("make", [convnets.generator28, convnets.discriminator28])
def test_switches(make):
    plain = make(norm=False, activation="tanh")
    assert not any(isinstance(layer, nn.BatchNorm2d | nn.ReLU | nn.LeakyReLU) for layer in plain)
    assert any(isinstance(layer, nn.BatchNorm2d) for layer in make())
    with pytest.raises(ValueError, match="unknown activation 'gelu'"):
        make(activation="gelu")
    with pytest.raises(ValueError, match="unknown init 'xavier'"):
        make(init="xavier")


@pytest.mark.statistical
def test_first_weights():
    runtime.seed(0)
    net = convnets.generator28(64, 16)
    convs = [layer for layer in net if isinstance(layer, nn.ConvTranspose2d)]
    norms = [layer for layer in net if isinstance(layer, nn.BatchNorm2d)]
    assert all(abs(conv.weight.std().item() - 0.02) < 0.004 for conv in convs)
    assert all(abs(norm.weight.mean().item() - 1) < 0.02 for norm in norms)
    assert all(0 < norm.weight.std().item() < 0.04 for norm in norms)
    assert convs[-1].bias.abs().max() == 0
    runtime.seed(0)
    default = convnets.generator28(64, 16, init="default")
    assert all((norm.weight == 1).all() for norm in default if isinstance(norm, nn.BatchNorm2d))


def test_the_seed_decides_the_weights():
    first, again = ((runtime.seed(1), convnets.discriminator28(4))[1] for _ in range(2))
    assert all(torch.equal(p, q) for p, q in zip(first.parameters(), again.parameters(), strict=True))


def test_where_the_norms_stand_and_which_activations_follow():
    def kinds(net):
        short = {"ConvTranspose2d": "up", "Conv2d": "down", "BatchNorm2d": "norm", "LeakyReLU": "leaky", "ReLU": "relu"}
        return " ".join(short[type(m).__name__] for m in net if type(m).__name__ in short)

    assert kinds(convnets.generator28(width=2)) == "up norm relu up norm relu up"
    assert kinds(convnets.discriminator28(width=2)) == "down leaky down norm leaky down"
    assert kinds(convnets.generator64(width=2)) == "up norm relu " * 4 + "up"
    assert kinds(convnets.discriminator64(width=2)) == "down leaky " + "down norm leaky " * 3 + "down"


@pytest.mark.parametrize("size", convnets.SIZES)
@pytest.mark.parametrize("up", convnets.UPS)
@pytest.mark.parametrize("channels", [1, 3])
def test_networks_for_a_size_make_it_and_take_it(size, up, channels):
    G, D = convnets.generator(size, channels, 2, 5, up=up), convnets.discriminator(size, channels, 2)
    x = G(torch.randn(2, 5))
    assert x.shape == (2, channels, size, size)
    assert x.abs().max() < 1
    assert D(x).shape == (2,)
    start = convnets.SIZES[size][0]
    assert next(shape for shape in shapes(G, torch.randn(2, 5)))[1:] == (start, start)
    assert max(shape[0] for shape in shapes(G, torch.randn(2, 5))) <= 2 * convnets.WIDEST


def test_the_published_networks_are_those_for_64_pixels():
    for old, new in [
        (lambda: convnets.generator64(7, 4, 3), lambda: convnets.generator(64, 3, 4, 7)),
        (lambda: convnets.discriminator64(4, 3), lambda: convnets.discriminator(64, 3, 4)),
    ]:
        weights = [(runtime.seed(0), make())[1].state_dict() for make in (old, new)]
        assert all(torch.equal(a, b) for a, b in zip(*(w.values() for w in weights), strict=True))


@pytest.mark.parametrize(("size", "near"), [(224, "128 or 256"), (16, "28"), (48, "32 or 64"), (512, "256")])
def test_a_size_without_a_network_names_the_nearest(size, near):
    for make in (convnets.generator, convnets.discriminator):
        with pytest.raises(ValueError, match=f"no network for {size} x {size} pixels: choose {near}, and load"):
            make(size)


def test_what_replaces_batch_norm_in_d():
    runtime.seed(0)
    nets = {norm: convnets.discriminator(32, width=4, norm=norm) for norm in convnets.NORMS}
    has = {norm: any(isinstance(m, nn.BatchNorm2d) for m in net.modules()) for norm, net in nets.items()}
    assert has == {"batch": True, "spectral": False, "none": False}
    x = torch.randn(8, 3, 32, 32)
    for _ in range(200):
        nets["spectral"](x)  # each forward pass brings its estimates nearer
    for layer in nets["spectral"]:
        if isinstance(layer, nn.Conv2d):
            assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.02)
    alone, together = nets["none"](x[:1]), nets["none"](x)[:1]
    torch.testing.assert_close(alone, together)
    with pytest.raises(ValueError, match="unknown norm 'layer': choose one of batch, spectral, none"):
        convnets.discriminator(32, norm="layer")
    with pytest.raises(ValueError, match="unknown up 'bilinear': choose one of transposed, resize"):
        convnets.generator(32, up="bilinear")
    with pytest.raises(ValueError, match="channels and width must be at least 1, got 0 and 32"):
        convnets.generator(32, channels=0)
