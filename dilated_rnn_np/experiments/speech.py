"""Speech: does dilation help to recognise a speaker from the raw waveform?

Six speakers, tested on recordings held out from training; Chang et al. 2017, section 4.4, use other recordings. Without a choice
of systems the dilated net is compared with the same net with all dilations 1.
"""

from dataclasses import replace

from ..tasks import Speech
from ..theory.dilations import exponential_dilations
from .driver import Training
from .plan import Choices, Contender, Experiment, compare_systems


def contenders(choices: Choices) -> list[Contender]:
    """Return the chosen systems, or the dilated net and the plain one."""
    choices = replace(choices, systems=choices.systems or ("dilated", "plain"))
    if choices.quick:
        task, layers, hidden = Speech(frame=choices.frame or 64, data_dir=choices.data_dir), 6, 20
        training = Training(300, batch_size=32, lr=1e-2, validate_every=25, optimizer="adam")
    else:
        task, layers, hidden = Speech(frame=choices.frame or 16, data_dir=choices.data_dir), 8, 32
        epoch = task.steps_per_epoch(32)
        training = Training(40 * epoch, batch_size=32, lr=4e-3, validate_every=2 * epoch, optimizer="adam")
    return compare_systems(choices, "speaker", task, exponential_dilations(layers), hidden, training, ("gru",))


EXPERIMENT = Experiment(
    "speech",
    "Recognition of six speakers from the raw waveform of a spoken digit, with dilation and without.",
    contenders,
    curves=(("step", "loss"), ("step", "metric"), ("seconds", "loss"), ("seconds", "metric")),
    compares_systems=True,
    takes=("frame",),
)
