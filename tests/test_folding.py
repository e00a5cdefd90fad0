"""Generators made plain: batch norm folded, shapes followed, layers that the page does not know named, Jacobians."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_helpers import convnets, models, runtime
from gan_helpers.widgets import folding


def trained(*layers: nn.Module, z_dim: int = 6) -> nn.Sequential:
    """Layers in double precision whose batch norms have seen data and have scales and shifts of their own."""
    rng = runtime.seed(0)
    G = nn.Sequential(*layers).double()
    with torch.no_grad():
        for module in G.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and module.affine:
                module.weight.normal_(1, 0.3, generator=rng)
                module.bias.normal_(0, 0.3, generator=rng)
        for _ in range(20):
            G(1 + 2 * torch.randn(32, z_dim, generator=rng, dtype=torch.double))
    return G


def samples(n: int = 9, z_dim: int = 6) -> Tensor:
    return torch.randn(n, z_dim, generator=torch.Generator().manual_seed(1), dtype=torch.double)


def chain(name: str) -> nn.Sequential:
    """A generator of 6 numbers."""
    start: list[nn.Module] = [nn.Unflatten(1, (6, 1, 1)), nn.ConvTranspose2d(6, 5, (3, 4))]
    nets: dict[str, list[nn.Module]] = {
        "mlp": [nn.Linear(6, 8, bias=False), nn.BatchNorm1d(8), nn.Dropout(), nn.ReLU(), nn.Linear(8, 9), nn.Sigmoid()],
        "up": [*start, nn.BatchNorm2d(5), nn.LeakyReLU(0.2), nn.ConvTranspose2d(5, 2, 4, 2, 1), nn.BatchNorm2d(2)],
        "down": [*start, nn.Tanh(), nn.Conv2d(5, 2, 3, padding=1, bias=False), nn.BatchNorm2d(2, affine=False)],
        "project": [nn.Linear(6, 60), nn.Unflatten(1, (5, 3, 4)), nn.BatchNorm2d(5), nn.ReLU(), nn.Conv2d(5, 2, 2)],
        "upsample": [*start, nn.Upsample(scale_factor=(2, 3)), nn.Conv2d(5, 1, 3), nn.Flatten(), nn.Linear(40, 7)],
        "twice": [*start, nn.BatchNorm2d(5), nn.BatchNorm2d(5), nn.Identity(), nn.Dropout2d(), nn.ReLU(inplace=True)],
    }
    return trained(*nets[name])


CHAINS = ("mlp", "up", "down", "project", "upsample", "twice")


@pytest.mark.parametrize("name", CHAINS)
def test_folding_changes_no_number_and_leaves_no_batch_norm(name: str) -> None:
    G = chain(name)
    state = copy.deepcopy(G.state_dict())
    folded = folding.fold(G.eval())
    assert not [m for m in folded if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d | nn.Dropout)]
    with torch.no_grad():
        torch.testing.assert_close(folded(samples()), G(samples()), rtol=1e-12, atol=1e-12)
    assert all(torch.equal(value, state[key]) for key, value in G.state_dict().items())


@pytest.mark.parametrize("transposed", [False, True])
def test_folding_a_convolution_does_as_pytorch_s_tool(transposed: bool) -> None:
    conv = (nn.ConvTranspose2d if transposed else nn.Conv2d)(6, 6, 3)  # square: a wrong axis would go unseen by shape
    G = trained(nn.Unflatten(1, (6, 1, 1)), nn.Upsample(scale_factor=4), conv, nn.BatchNorm2d(6)).eval()
    ours, theirs = folding.fold(G)[2], torch.nn.utils.fusion.fuse_conv_bn_eval(G[2], G[3], transpose=transposed)
    torch.testing.assert_close(ours.weight, theirs.weight)
    torch.testing.assert_close(ours.bias, theirs.bias)


@pytest.mark.parametrize("name", CHAINS)
def test_the_jacobian_is_autograd_s(name: str) -> None:
    folded = folding.fold(chain(name).eval())
    with torch.no_grad():
        got = folding.jacobian(folded, samples(1)[0])
    exact = torch.autograd.functional.jacobian(lambda z: folded(z[None]).flatten(), samples(1)[0])
    torch.testing.assert_close(got, exact.T, rtol=1e-9, atol=1e-12)


def test_steps_of_the_book_s_generators() -> None:
    found, shape = folding.steps(folding.fold(convnets.generator28(width=4).eval()), 64)
    assert [step.kind for step in found] == ["linear", "leaky", "up", "leaky", "up", "tanh"]  # 1 x 1 is a matrix
    assert shape == (1, 28, 28)
    assert found[0].weight is not None
    assert found[0].weight.shape == (16 * 7 * 7, 64)
    assert found[2].numbers == {
        "from": [16, 7, 7], "to": [8, 14, 14], "kernel": [4, 4], "stride": [2, 2], "padding": [1, 1]}  # fmt: skip
    assert folding.steps(folding.fold(convnets.generator64(width=2).eval()), 100)[1] == (1, 64, 64)
    assert folding.steps(folding.fold(models.mlp(6, 8, 9)), 6)[1] == (9,)


START = nn.Sequential(nn.Unflatten(1, (6, 1, 1)), nn.ConvTranspose2d(6, 4, 4))


@pytest.mark.parametrize(
    ("layers", "named"),
    [
        ([nn.ConvTranspose2d(4, 4, 3, groups=2)], r"layer '1', ConvTranspose2d\(4, 4, .*groups=2"),
        ([nn.Conv2d(4, 4, 3, dilation=(1, 2))], r"layer '1', Conv2d\(4, 4, .*dilation=\(1, 2\)"),
        ([nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect")], r"layer '1', Conv2d\(.*reflect"),
        ([nn.Conv2d(4, 4, 3, padding="same")], r"layer '1', Conv2d\(.*padding=same"),
        ([nn.Conv2d(4, 4, 3), nn.ReLU(), nn.BatchNorm2d(4)], r"layer '3', BatchNorm2d\(4"),
        ([nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4, track_running_stats=False)], r"layer '2', BatchNorm2d\(4"),
        ([nn.Flatten(), nn.BatchNorm1d(64)], r"layer '2', BatchNorm1d\(64"),
        ([nn.Upsample(scale_factor=2, mode="bilinear")], r"layer '1', Upsample\(.*bilinear"),
        ([nn.Upsample(scale_factor=1.5)], r"layer '1', Upsample\("),
        ([nn.GroupNorm(2, 4)], r"layer '1', GroupNorm\(2, 4"),
    ],
)
def test_a_layer_that_cannot_run_is_named(layers: list[nn.Module], named: str) -> None:
    with pytest.raises(ValueError, match=named + r".*cannot run on the page: Linear, ConvTranspose2d and Conv2d \("):
        folding.fold(nn.Sequential(START, *layers))


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            [nn.ConvTranspose2d(6, 1, 8)],
            r"gets \(6,\), .*: it needs \(n, c, h, w\), Unflatten\(1, \(",
        ),
        ([START, nn.Linear(4, 8)], r"Linear\(.*gets \(4, 4, 4\), .*: it needs \(n, features\), Flatten before"),
        ([nn.Unflatten(1, (5, 1, 1)), nn.Conv2d(5, 1, 1)], r"z_dim is 6, so Unflatten\(.* gets \(6,\), .*multiply up"),
        ([START, nn.Conv2d(3, 1, 1)], r"Conv2d\(3, 1.*gets \(4, 4, 4\), which it does not take: .*3 channels"),
        ([START, nn.Conv2d(4, 1, 5)], r"Conv2d\(4, 1.*gets \(4, 4, 4\), which it does not take: .*[Kk]ernel size"),
        ([nn.Tanh()], "no linear layer and no convolution"),
    ],
)
def test_layers_that_do_not_fit_together(layers: list[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        folding.steps(folding.fold(nn.Sequential(*layers)), 6)
