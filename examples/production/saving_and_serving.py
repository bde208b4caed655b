"""
Save a model, export it to ONNX, and serve it
=============================================

A model is trained. How do you keep it, run it in another language, and answer requests with it?
"""

# %%
# Train and save
# --------------
#
# A saved file contains no code and has a checksum: loading one that somebody sent you runs nothing.

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import Request, urlopen

import matplotlib.pyplot as plt
import numpy as np
import onnxruntime

from sksequence import RNNClassifier
from sksequence.datasets import load_japanese_vowels
from sksequence.persistence import load, save, to_onnx
from sksequence.preprocessing import pad

X, y = load_japanese_vowels(split="train", return_X_y=True)
X_test, _ = load_japanese_vowels(split="test", return_X_y=True)
classifier = RNNClassifier(max_epochs=20, random_state=0).fit(X, y)
expected = classifier.predict_proba(X_test)

directory = TemporaryDirectory()
path = Path(directory.name) / "speakers.sksequence"
save(classifier, path)
print(f"{path.stat().st_size / 1024:.0f} kB; the loaded model predicts the same:", end=" ")
print(np.array_equal(load(path).predict_proba(X_test), expected))

# %%
# ONNX
# ----
#
# The exported model has all that a prediction needs, from scaling to probabilities. It takes padded
# batches and the number of steps of each sequence.

onnx_path = Path(directory.name) / "speakers.onnx"
to_onnx(classifier, onnx_path)
session = onnxruntime.InferenceSession(str(onnx_path))
values, lengths = pad(X_test)
(probabilities,) = session.run(None, {"values": values, "lengths": lengths})
print(f"largest difference of ONNX: {np.abs(probabilities - expected).max():.0e}")

# %%
# A small web service
# -------------------
#
# The standard library is enough to answer requests. Predictions may run in several threads at once.
# The error messages of the estimator name what is wrong with the data, so they are the answer to a
# bad request.


class Service(BaseHTTPRequestHandler):
    """Answer a POST of sequences in JSON with the predicted labels."""

    model = load(path)

    def do_POST(self):
        """Predict the sequences of the request."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            sequences = [np.array(sequence, dtype=float) for sequence in json.loads(body)]
            status, answer = 200, {"labels": self.model.predict(sequences).tolist()}
        except (ValueError, TypeError) as error:
            status, answer = 400, {"error": str(error)}
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *args):
        """Keep quiet."""


server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}"


def ask(sequences):
    """Send sequences to the service, and return its answer."""
    body = json.dumps([sequence.tolist() for sequence in sequences]).encode()
    with urlopen(Request(address, data=body)) as answer:
        return json.load(answer)


print("the service agrees:", ask(X_test[:50])["labels"] == classifier.predict(X_test[:50]).tolist())

# %%
# How long does a request take?
# -----------------------------

times = []
for recording in X_test[:150]:
    start = time.perf_counter()
    ask([recording])
    times.append(1000 * (time.perf_counter() - start))
server.shutdown()
server.server_close()
directory.cleanup()

_, ax = plt.subplots(layout="constrained")
ax.hist(np.clip(times, 0, np.percentile(times, 98)), bins=30)
ax.set(xlabel="milliseconds per request of one recording", ylabel="requests")
plt.show()
