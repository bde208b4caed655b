"""All use of skorch: nets are constructed, trained, run, and converted to arrays and back."""

from sksequence._net._attributions import Attribution, Method, attributions
from sksequence._net._augmenting import (
    Augmenting,
    augmentations_in,
    callbacks_of_judges,
    check_augmentations,
)
from sksequence._net._checkpoints import Checkpointing, State, checkpoint_in
from sksequence._net._chunked_reading import (
    last_features,
    last_outputs,
    read_to_the_end,
    read_together,
    side_by_side,
    step_losses,
)
from sksequence._net._construction import Arrays, net_arrays, new_net, restored_net, train_on
from sksequence._net._inference import network_features, network_outputs
from sksequence._net._network_reading import NetworkReading
from sksequence._net._optimizer import OPTIMIZERS, SCHEDULES, shortened
from sksequence._net._out_of_memory import check_memory
from sksequence._net._ranks import Joining, Ranks, join_group, join_ranks
from sksequence._net._sequence_net import SequenceNet
from sksequence._net._step_by_step import layer_states, state_gradients
from sksequence._net._training import (
    Ending,
    Stopping,
    TrainingRecord,
    check_callbacks,
    refuse_callbacks_of_training,
    train,
)

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "Arrays",
    "Attribution",
    "Augmenting",
    "Checkpointing",
    "Ending",
    "Joining",
    "Method",
    "NetworkReading",
    "Ranks",
    "SequenceNet",
    "State",
    "Stopping",
    "TrainingRecord",
    "attributions",
    "augmentations_in",
    "callbacks_of_judges",
    "check_augmentations",
    "check_callbacks",
    "check_memory",
    "checkpoint_in",
    "join_group",
    "join_ranks",
    "last_features",
    "last_outputs",
    "layer_states",
    "net_arrays",
    "network_features",
    "network_outputs",
    "new_net",
    "read_to_the_end",
    "read_together",
    "refuse_callbacks_of_training",
    "restored_net",
    "shortened",
    "side_by_side",
    "state_gradients",
    "step_losses",
    "train",
    "train_on",
]
