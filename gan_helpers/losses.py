"""The games: what D and G each minimise, as pure functions of logits; and gradient penalties.

A logit is D's output before the sigmoid. Every function takes the mean over the **last** dimension, so the same line
serves one GAN, with logits of shape `(n,)`, and K of them at once, `(K, n)`. All are in nats and to be minimised.
`softplus(l) = log(1 + e^l)` does what `log(sigmoid(l))` cannot: it stays finite, with a useful slope, at any logit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, softplus


def d_logistic(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """D's cross entropy: -log D on real samples plus -log(1 - D) on generated ones.

    Chapter 1 writes it out.

    log 4 = 1.386 when D always says one half. Its gradient at a logit is -(1 - D) on real and D on generated samples.

    Args:
        real_logits, fake_logits: `(..., n)`; the result is `(...)`.

    Source: Goodfellow et al. (2014), equation 1, with the sign turned.

    >>> round(d_logistic(torch.zeros(8), torch.zeros(8)).item(), 3)
    1.386
    """
    return softplus(-real_logits).mean(-1) + softplus(fake_logits).mean(-1)


def g_nonsaturating(fake_logits: Tensor) -> Tensor:
    """G's usual loss, -log D(G(z)): steep exactly where D is sure that a sample is generated.

    Chapter 1 writes it out.

    log 2 = 0.693 when D says one half; its gradient at a logit is -(1 - D). Shapes: `(..., n)` to `(...)`.

    Source: Goodfellow et al. (2014), section 3.
    """
    return softplus(-fake_logits).mean(-1)


def g_saturating(fake_logits: Tensor) -> Tensor:
    """G's loss in the minimax game, log(1 - D(G(z))): flat exactly where D is sure that a sample is generated.

    Chapter 1 writes it out.

    -log 2 when D says one half; its gradient at a logit is -D, which vanishes as D does. Shapes: `(..., n)` to `(...)`.

    Source: Goodfellow et al. (2014), equation 1.
    """
    return -softplus(fake_logits).mean(-1)


def d_least_squares(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Least squares: D's scores are to be 1 on real and 0 on generated samples; 0.5 when it always says 0.5.

    Shapes: `(..., n)` both, to `(...)`, here and in all games below.

    Twice the loss of Mao et al. (2017), equation 9, who put a factor 1/2 before each term.
    """
    return (real_scores - 1).square().mean(-1) + fake_scores.square().mean(-1)


def g_least_squares(fake_scores: Tensor) -> Tensor:
    """Least squares for G: its samples are to score 1. Source: Mao et al. (2017), twice equation 9."""
    return (fake_scores - 1).square().mean(-1)


def d_hinge(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Hinge: scores above 1 on real and below -1 on generated samples cost nothing; 2 when D always says 0.

    Source: Lim and Ye (2017); Miyato et al. (2018), equation 16.
    """
    return relu(1 - real_scores).mean(-1) + relu(1 + fake_scores).mean(-1)


def d_wasserstein(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """The critic's loss: mean score of generated minus mean score of real samples.

    Chapter 2 writes it out.

    Its negative estimates W1 up to the critic's Lipschitz constant, so the critic must be clipped or penalised.

    Source: Arjovsky et al. (2017), equation 3.
    """
    return fake_scores.mean(-1) - real_scores.mean(-1)


def g_wasserstein(fake_scores: Tensor) -> Tensor:
    """G's loss against a critic, and in the hinge game too: raise the mean score of its samples."""
    return -fake_scores.mean(-1)


def d_relativistic(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Relativistic pairing: a real sample is to score higher than the generated one beside it; log 2 when it does not.

    Args:
        real_logits, fake_logits: `(..., n)` both; the result is `(...)`.

    Raises:
        ValueError: shapes that differ; the message says both.

    Source: Jolicoeur-Martineau (2019); in this form Huang et al. (2024), equation 2.
    """
    if real_logits.shape != fake_logits.shape:
        raise ValueError(f"pairs need equal shapes, got {tuple(real_logits.shape)} and {tuple(fake_logits.shape)}")
    return softplus(fake_logits - real_logits).mean(-1)


def g_relativistic(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """The same pairing with the roles exchanged: a generated sample is to score higher than the real one beside it."""
    return d_relativistic(fake_logits, real_logits)


@dataclass(frozen=True)
class Game:
    """Two losses, both called with `(real_logits, fake_logits)`; `g_needs_real` says whether G's looks at both."""

    name: str
    d_loss: Callable[[Tensor, Tensor], Tensor]
    g_loss: Callable[[Tensor | None, Tensor], Tensor]
    g_needs_real: bool = False


GAMES = {
    game.name: game
    for game in (
        Game("nonsaturating", d_logistic, lambda real, fake: g_nonsaturating(fake)),
        Game("saturating", d_logistic, lambda real, fake: g_saturating(fake)),
        Game("least_squares", d_least_squares, lambda real, fake: g_least_squares(fake)),
        Game("hinge", d_hinge, lambda real, fake: g_wasserstein(fake)),
        Game("wasserstein", d_wasserstein, lambda real, fake: g_wasserstein(fake)),
        Game("relativistic", d_relativistic, g_relativistic, g_needs_real=True),  # type: ignore[arg-type]
    )
}


def get_game(name: str) -> Game:
    """The game of that name.

    Raises:
        ValueError: an unknown name; the message lists the valid ones.

    >>> get_game("nonsaturating").d_loss is d_logistic
    True
    """
    if name not in GAMES:
        raise ValueError(f"unknown game {name!r}: choose one of {', '.join(GAMES)}")
    return GAMES[name]


def gradient_penalty(D: Callable[[Tensor], Tensor], x: Tensor, sample_dims: int = 1) -> Tensor:
    """Mean squared norm of D's gradient at the samples `x`, half of it: R1 at real samples, R2 at generated ones.

    Multiply by gamma. Ours is always `gamma / 2 * |grad|²`, as in Mescheder et al. (2018), equation 9; code that leaves
    the 1/2 out means half our gamma. A linear D with weights w has the penalty `|w|² / 2` everywhere.

    Args:
        D: maps `(..., n, *sample)` to logits `(..., n)`.
        x: samples; `sample_dims` counts the trailing dimensions of one sample (1 for vectors, 3 for images).

    Returns:
        `(...)`, with a graph, so that it can be differentiated again.
    """
    x = x.detach().requires_grad_()
    (grad,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
    return grad.flatten(-sample_dims).square().sum(-1).mean(-1) / 2


def interpolation_penalty(
    D: Callable[[Tensor], Tensor], x_real: Tensor, x_fake: Tensor, u: Tensor, sample_dims: int = 1
) -> Tensor:
    """Mean squared distance from 1 of the norm of D's gradient, at points between real and generated samples.

    Chapter 2 writes it out.

    Multiply by lambda (10 in the source). Keeps a critic near Lipschitz constant 1 where the samples travel.

    Args:
        D: maps `(..., n, *sample)` to scores `(..., n)`.
        x_real, x_fake: pairs of samples, `(..., n, *sample)`.
        u: `(..., n, 1)`, uniform on [0, 1]: how far from the generated towards the real sample of each pair.
        sample_dims: the number of trailing dimensions of one sample.

    Returns:
        `(...)`, with a graph; a linear D with weights w has `(|w| - 1)²` everywhere.

    Source: Gulrajani et al. (2017), Algorithm 1.
    """
    u = u.reshape(*u.shape[:-1], *[1] * sample_dims)
    x = torch.lerp(x_fake.detach(), x_real.detach(), u).requires_grad_()
    (grad,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
    return (grad.flatten(-sample_dims).norm(dim=-1) - 1).square().mean(-1)


def clip_weights(D: nn.Module, limit: float) -> None:
    """Clamp every weight of D to [-limit, limit], in place: the Lipschitz constraint of Arjovsky et al. (2017)."""
    with torch.no_grad():
        for weight in D.parameters():
            weight.clamp_(-limit, limit)
