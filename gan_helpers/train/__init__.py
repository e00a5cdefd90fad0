"""Training one GAN: the two steps, the loop that takes them, and the average of a generator's weights."""

from gan_helpers.models import evaluating
from gan_helpers.train.average import averaged
from gan_helpers.train.knobs import KNOBS, all_checked, checked, plain
from gan_helpers.train.loop import Judged, Step, TrainingDivergedError, d_step, g_step, go_on, set_rates, train
from gan_helpers.train.precision import PRECISIONS, run_in

__all__ = [
    "KNOBS",
    "PRECISIONS",
    "Judged",
    "Step",
    "TrainingDivergedError",
    "all_checked",
    "averaged",
    "checked",
    "d_step",
    "evaluating",
    "g_step",
    "go_on",
    "plain",
    "run_in",
    "set_rates",
    "train",
]
