"""Everything that touches skorch: nets built, trained, run and turned into arrays."""

from sksequence._net._build import (
    NetPlan,
    net_arrays,
    network_features,
    network_outputs,
    new_net,
    restored_net,
)
from sksequence._net._callbacks import check_callbacks
from sksequence._net._generating import (
    continuations,
    draw_from,
    forecast_paths,
    likeliest_continuations,
)
from sksequence._net._net import SequenceNet
from sksequence._net._optimization import OPTIMIZERS, SCHEDULES
from sksequence._net._stepping import last_features, last_outputs, read_to_the_end, step_losses
from sksequence._net._training import Stopping, TrainingRecord, train

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "NetPlan",
    "SequenceNet",
    "Stopping",
    "TrainingRecord",
    "check_callbacks",
    "continuations",
    "draw_from",
    "forecast_paths",
    "last_features",
    "last_outputs",
    "likeliest_continuations",
    "net_arrays",
    "network_features",
    "network_outputs",
    "new_net",
    "read_to_the_end",
    "restored_net",
    "step_losses",
    "train",
]
