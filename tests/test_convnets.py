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
