"""How good are generated images? A small classifier as a judge, and the distances that are measured in its features.

Nothing here compares with numbers of other papers: those use the features of another network (Inception), on colour
photographs. What two runs of this book score with the *same* judge and the *same* number of samples can be compared.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate
from torch.optim.lr_scheduler import OneCycleLR

from gan_helpers.data import Images
from gan_helpers.quality.distances import CHUNK, frechet, kl, moments
from gan_helpers.runtime import progress as progress_bar

CLASSES = 10


class Classifier(nn.Module):
    """Tells the ten digits apart; what it computes before its last layer are the 64 `features`.

    Chapter 8 writes it out.

    Maps images `(n, 1, h, w)` or `(n, h * w)` in [-1, 1], scaled to 28 x 28 where they are not, to logits `(n, 10)`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 5, stride=2, padding=2),  # (n, 16, 14, 14)
            nn.ReLU(),
            nn.Conv2d(16, 32, 5, stride=2, padding=2),  # (n, 32, 7, 7)
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 7 * 7, 64),
            nn.ReLU(),
        )
        self.head = nn.Linear(64, CLASSES)

    def features(self, x: Tensor) -> Tensor:
        """The 64 numbers, not negative, that the class is read from: `(n, 64)`."""
        return self.body(as_images(x))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


class OtherClassifier(Classifier):
    """The same for images in colour, `(n, channels, h, w)`, or for another number of classes."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.channels = channels
        self.body[0] = nn.Conv2d(channels, 16, 5, stride=2, padding=2)
        self.head = nn.Linear(64, classes)

    def features(self, x: Tensor) -> Tensor:
        return self.body(as_images(x, channels=self.channels))


def as_images(x: Tensor, size: int = 28, channels: int = 1) -> Tensor:
    """Rows `(n, h * h)` or square grey images `(n, 1, h, h)` of any size h as `(n, 1, size, size)`; in colour with 3.

    Raises:
        ValueError: another shape, another number of channels, or one image alone.
    """
    side = round((x[0].numel() / channels) ** 0.5) if len(x) else 0
    shapes = [(channels, side, side), (channels * side * side,)] + [(side, side)] * (channels == 1)
    if x.shape[1:] not in shapes:
        kind, row = ("grey", "h * h") if channels == 1 else ("colour", f"{channels} * h * h")
        raise ValueError(
            f"samples of shape {tuple(x.shape)} are not square {kind} images: needed are (n, {channels}, h, h), "
            f"or rows (n, {row})"
        )
    x = x.reshape(-1, channels, side, side)
    return x if side == size else interpolate(x, (size, size), mode="bilinear", antialias=True)


def train_classifier(
    images: Images, rng: torch.Generator, *, steps: int = 900, batch: int = 128, lr: float = 4e-3, progress: str = ""
) -> Classifier:
    """Train a classifier on labelled images, on their device; 900 steps give about 99 % on MNIST's test set.

    Chapter 8 writes it out.

    Its first weights come from torch's global generator, its batches from `rng`. Returned in evaluation mode.

    Args:
        lr: the highest learning rate; it rises for a third of the steps and then falls to zero (Smith and Topin, 2019).
        progress: a label for a progress bar; empty for none.
    """
    net = classifier_for(images).to(images.images.device)
    fused = images.images.device.type != "mps"
    opt = torch.optim.Adam(net.parameters(), lr=lr, fused=fused)
    schedule = OneCycleLR(opt, lr, total_steps=max(steps, 2))
    numbers = range(steps)
    for _ in progress_bar(numbers, desc=progress) if progress else numbers:
        index = torch.randint(len(images), (batch,), generator=rng, device=rng.device).to(images.images.device)
        loss = cross_entropy(net(images.batch(index)), images.labels[index])  # type: ignore[index]
        opt.zero_grad()
        loss.backward()
        opt.step()
        schedule.step()
    return net.eval()


def classifier_for(images: Images) -> Classifier:
    """A classifier with the channels and classes of labelled images; its first weights come from the global generator.

    Raises:
        ValueError: no labels, or labels that tell nothing apart: a classifier trained on those is no judge.
    """
    if images.labels is None or len(images.labels.unique()) < 2:
        lack = "no labels" if images.labels is None else "the same label on all images"
        raise ValueError(
            f"{images.source!r} has {lack}, and a judge is a classifier: for images without labels use "
            "quality.patch_distance, D's gap to held-out images, or quality.inception where its weights are at hand"
        )
    classes = max(int(images.labels.max()) + 1, len(images.names) or CLASSES)
    return Classifier() if (images.channels, classes) == (1, CLASSES) else OtherClassifier(images.channels, classes)


@torch.no_grad()
def accuracy(classifier: nn.Module, images: Images) -> float:
    """The share of labelled images that the classifier gets right."""
    if images.labels is None:
        raise ValueError(f"{images.source!r} has no labels to compare with")
    right = sum(
        (classifier(images.batch(slice(i, i + CHUNK))).argmax(1) == images.labels[i : i + CHUNK]).sum().item()
        for i in range(0, len(images), CHUNK)
    )
    return right / len(images)


@torch.no_grad()
def features(classifier: Classifier, x: Tensor) -> Tensor:
    """The features of samples in [-1, 1], `(n, *sample)` to `(n, 64)`, some at a time."""
    return torch.cat([classifier.features(part) for part in x.split(CHUNK)])


class Quality(NamedTuple):
    """What a `Judge` says of a set of images.

    Attributes:
        fid: squared Frechet distance to the real images, in the judge's features; lower is better.
        classes: how many of all have at least a fifth of their share among the real images.
        class_kl: KL divergence, in nats, of the class shares from those of the real images; lower is better.
        confidence: mean probability of the likeliest class; says little, see chapter 8.
        shares: `(classes,)`, the share of images that the judge puts into each class.
    """

    fid: float
    classes: int
    class_kl: float
    confidence: float
    shares: Tensor


@dataclass(frozen=True, eq=False)
class Judge:
    """A classifier, and what it sees in the real images. Call it on generated images, `(n, *sample)` in [-1, 1].

    Attributes:
        classifier: see `Classifier`.
        real: features of the real images, `(m, 64)`.
        real_shares: `(classes,)`, the class shares of the real images as the classifier sees them.

    >>> images = Images(torch.randint(256, (40, 1, 28, 28), dtype=torch.uint8), torch.arange(40) % 10, "mnist")
    >>> judge = Judge.of(images, torch.Generator().manual_seed(0), steps=2)
    >>> judge(images.batch(slice(None))).fid < 1e-6
    True
    """

    classifier: Classifier
    real: Tensor
    real_shares: Tensor

    @cached_property
    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean and covariance of the real images' features, computed once."""
        return moments(self.real)

    @classmethod
    def of(
        cls, images: Images, rng: torch.Generator, *, steps: int = 900, lr: float = 4e-3, progress: str = ""
    ) -> Judge:
        """Train a classifier on `images` and remember what it sees in them."""
        classifier = train_classifier(images, rng, steps=steps, lr=lr, progress=progress)
        parts = [features(classifier, images.batch(slice(i, i + CHUNK))) for i in range(0, len(images), CHUNK)]
        real = torch.cat(parts)
        return cls(classifier, real, class_shares(_classes(classifier, real)[0], classifier.head.out_features))

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Quality:
        """What the classifier sees in generated images, `(n, *sample)` in [-1, 1], two or more.

        Raises:
            ValueError: another shape, values that are not finite, or outside [-1, 1]. A warning where all are at least
                0, as of images that were scaled to [0, 1].
        """
        low, high = x.min().item(), x.max().item()
        if not (low >= -1.001 and high <= 1.001):
            raise ValueError(f"images are judged in [-1, 1], but these go from {low:.4g} to {high:.4g}: scale them")
        if low >= 0:
            warnings.warn(
                f"all pixels are at least {low:.3g}: images in [0, 1] must be scaled to [-1, 1], x = 2 * x - 1",
                stacklevel=3,  # past the decorator
            )
        seen = features(self.classifier, x)
        label, sure = _classes(self.classifier, seen)
        shares = class_shares(label, len(self.real_shares))
        classes = int(((shares >= self.real_shares / 5) & (self.real_shares > 0)).sum())
        return Quality(frechet(seen, self.moments), classes, kl(shares, self.real_shares), sure.mean().item(), shares)


@torch.no_grad()
def stacked_modes(classifier: Classifier, x: Tensor) -> tuple[int, float]:
    """How many of the 1,000 triples of digits occur in `(n, 3, h, h)`, and the KL divergence of their shares in nats.

    A classifier of single digits reads each channel. The divergence is from equal shares, so that n images of a perfect
    sampler score more than 0 too, about 999 / 2n. Published rows are of 26,000 images, read by other classifiers.

    Sources: Metz et al. (2017), Srivastava et al. (2017).
    """
    read = torch.cat([classifier(part.flatten(0, 1)[:, None]).argmax(1) for part in x.split(CHUNK)])  # (3 n,)
    triple = read.cpu().reshape(-1, 3) @ torch.tensor([100, 10, 1])  # (n,)
    shares = class_shares(triple, 1000)
    return int((shares > 0).sum()), kl(shares, torch.full((1000,), 1e-3, dtype=torch.float64))


@torch.no_grad()
def _classes(classifier: Classifier, seen: Tensor) -> tuple[Tensor, Tensor]:
    """The likeliest class of each row of features, and its probability; `(n,)` each."""
    sure, label = classifier.head(seen).softmax(1).max(1)
    return label, sure


def class_shares(label: Tensor, classes: int = CLASSES) -> Tensor:
    """The share of each class, `(n,)` to `(classes,)`."""
    return torch.bincount(label.cpu(), minlength=classes).double() / len(label)
