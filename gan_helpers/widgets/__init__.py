"""Elements that a reader moves: recorded runs, the laboratory, a map of z, closed forms, training in a kernel."""

from gan_helpers.widgets.drawing import Drawing
from gan_helpers.widgets.figure import Figure
from gan_helpers.widgets.kernel import live
from gan_helpers.widgets.lab import Lab
from gan_helpers.widgets.latent import Latent
from gan_helpers.widgets.live_toy import live_toy1d
from gan_helpers.widgets.page import SCRIPTS, element, script
from gan_helpers.widgets.replay import Replay, Setting, pad
from gan_helpers.widgets.views import Images, Losses, Points, Toy1D

__all__ = [
    "SCRIPTS",
    "Drawing",
    "Figure",
    "Images",
    "Lab",
    "Latent",
    "Losses",
    "Points",
    "Replay",
    "Setting",
    "Toy1D",
    "element",
    "live",
    "live_toy1d",
    "pad",
    "script",
]
