"""Script for an environment with Keras: answers each line with the CPU seconds of an epoch.

It does not import this package, which is not installed there.
"""

import json
import sys
import time

import keras
import numpy as np
import tensorflow as tf

LAYERS = {"rnn": "SimpleRNN", "gru": "GRU", "lstm": "LSTM"}


def main() -> None:
    """Read the sizes, then train once per line."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    work = json.loads(sys.stdin.readline())
    generator = np.random.default_rng(0)
    y = generator.integers(0, 3, work["n_sequences"])
    shape = (work["n_sequences"], work["n_steps"], work["n_features"])
    X = generator.standard_normal(shape, dtype=np.float32)
    layer = getattr(keras.layers, LAYERS[work["cell"]])(work["hidden_size"])
    model = keras.Sequential([keras.Input(shape[1:]), layer, keras.layers.Dense(3)])
    model.compile(
        optimizer=keras.optimizers.Adam(1e-3, global_clipnorm=1.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    for _ in sys.stdin:
        start = time.process_time()
        model.fit(X, y, batch_size=work["batch_size"], epochs=work["n_epochs"], verbose=0)
        print(json.dumps((time.process_time() - start) / work["n_epochs"]), flush=True)


if __name__ == "__main__":
    main()
