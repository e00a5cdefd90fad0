"""The 1-D toy GAN with its controls, trained in a running kernel: the live counterpart of the replay on the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from torch import nn

from gan_helpers import data, metrics, models, runtime, style, theory
from gan_helpers.train import train
from gan_helpers.widgets.kernel import Live, choice, live, log_slider

GAMES = {"non-saturating": "nonsaturating", "saturating": "saturating", "least squares": "least_squares"}
TARGETS = {"N(4, 1.25²)": data.gaussian(), "N(0, 1)": data.gaussian(0.0, 1.0), "two bumps at ±2": data.mixture()}
BANDWIDTH = 0.15  # of the kernel that turns 4,000 samples into a curve


def live_toy1d(
    *,
    colab: str = "",
    targets: Mapping[str, data.Target] | None = None,
    make_g: Callable[[], nn.Module] = lambda: models.mlp(1, 1),
    make_d: Callable[[], nn.Module] = lambda: models.discriminator(1, 32),
    r1_gamma: float = 0.1,
    steps: int = 3000,
    span: tuple[float, float] = (-6.0, 10.0),
    seed: int = 0,
) -> Live:
    """Sliders for both learning rates, lists for the rest, and a 1-D GAN that trains while you watch.

    Args:
        colab: the chapter's address in Colab, for readers of the static page.
        targets: `{"label": target}` to choose from, each with `sample` and `log_prob` in one dimension.
        make_g, make_d: fresh networks at every Start; z is 1-D.
        r1_gamma, steps, seed: as in `train.train` and `runtime.seed`.
        span: ends of the x axis.
    """
    choices = dict(TARGETS if targets is None else targets)

    def make_run(d_lr: float, g_lr: float, n_d: int, game: str, target: data.Target) -> Iterator[Moment]:
        runtime.threads(1)
        rng = runtime.seed(seed)
        G, D = make_g(), make_d()
        moment = Moment(G, D, target)
        loop = partial(train, G, D, target, z_dim=1, game=game, steps=steps, rng=rng)
        for record in loop(d_lr=d_lr, g_lr=g_lr, n_d=n_d, r1_gamma=r1_gamma):
            moment.step = record.step
            moment.d_losses.append(record.d_loss)
            moment.g_losses.append(record.g_loss)
            yield moment

    controls = {
        "d_lr": log_slider("D's learning rate", 1e-4, 1e-1, 5e-3),
        "g_lr": log_slider("G's learning rate", 1e-4, 1e-1, 5e-3),
        "n_d": choice("D steps per G step", [1, 2, 5]),
        "game": choice("Loss", GAMES),
        "target": choice("Real data", choices),
    }
    picture = Picture(torch.linspace(*span, 200))
    title = "Train the 1-D GAN yourself"
    return live(make_run, controls, picture.draw, title=title, colab=colab, say=str, heights=(2.2, 1), figsize=(7, 4.4))


@dataclass(eq=False)
class Moment:
    """Where a run stands: its networks, which change in place, and the losses so far."""

    G: nn.Module
    D: nn.Module
    target: data.Target
    step: int = 0
    d_losses: list[float] = field(default_factory=list)
    g_losses: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        return f"step {self.step:,}, D's loss {self.d_losses[-1]:.3f}, G's loss {self.g_losses[-1]:.3f}"


class Picture:
    """The two densities and D above, both losses below. Lines are made once for a pair of axes and then moved."""

    def __init__(self, x: torch.Tensor):
        self.x = x  # (n,)
        self.z = torch.distributions.Normal(0.0, 1.0).icdf((torch.arange(4000) + 0.5) / 4000)[:, None]  # (4000, 1)
        self.axes: Axes | None = None
        self.lines: dict[str, Line2D] = {}

    def draw(self, axes: Sequence[Axes], moment: Moment) -> None:
        """Bring every line up to date."""
        if self.axes is not axes[0]:
            self._prepare(axes)
        where = next(moment.G.parameters()).device
        with torch.no_grad():
            p_gen = metrics.kde(moment.G(self.z.to(where)).cpu()[:, 0], self.x, BANDWIDTH)
            d_prob = moment.D(self.x[:, None].to(where)).sigmoid().cpu()
            p_data = moment.target.log_prob(self.x[:, None]).exp()
        curves = {"p_data": p_data, "p_gen": p_gen, "d_prob": d_prob}
        curves["best"] = torch.from_numpy(theory.best_where_seen(p_data, p_gen))
        for name, curve in curves.items():
            self.lines[name].set_data(self.x, curve)
        for name, losses in (("d_loss", moment.d_losses), ("g_loss", moment.g_losses)):
            every = max(1, len(losses) // 500)
            self.lines[name].set_data(range(1, len(losses) + 1, every), losses[::every])
        axes[0].set_ylim(0, 1.6 * float(p_data.max()))
        axes[1].set_xlim(0, max(100, moment.step))

    def _prepare(self, axes: Sequence[Axes]) -> None:
        top, bottom = axes
        self.axes = top
        right = top.twinx()
        right.spines["right"].set_visible(True)
        right.set(ylim=(0, 1.02), yticks=[0, 0.5, 1], ylabel="D(x)")
        top.set(xlim=(float(self.x[0]), float(self.x[-1])), xlabel="x", ylabel="density")
        bottom.set(ylim=(0, 3), xlabel="step", ylabel="loss (nats)")
        for name, ax, label, colour, dash in (
            ("p_data", top, "real data, p", style.REAL, "-"),
            ("p_gen", top, "generated, q", style.FAKE, "--"),
            ("d_prob", right, "D(x), right axis", style.INK, "-"),
            ("best", right, "p / (p + q)", style.INK, ":"),
            ("d_loss", bottom, "D's loss", style.INK, "-"),
            ("g_loss", bottom, "G's loss", style.FAKE, "--"),
        ):
            (self.lines[name],) = ax.plot([], [], dash, color=colour, label=label)
        for value, label in ((theory.LOG4, "log 4"), (theory.LOG2, "log 2")):
            bottom.axhline(value, color=style.MUTED, linewidth=0.8, linestyle=":")
            bottom.annotate(f" {label}", (1, value), xycoords=("axes fraction", "data"), va="center", fontsize=8)
        handles = [self.lines[name] for name in ("p_data", "p_gen", "d_prob", "best")]
        top.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=4, borderpad=0)
        bottom.legend(loc="upper right", ncols=2)
