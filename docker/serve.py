"""Answer requests with a saved model, with nothing but the standard library around it.

A POST of ``{"sequences": [...]}`` returns ``{"predictions": [...]}``, with ``"probabilities"`` if
the model has them. Each sequence is a list of steps, and each step a number or a list of numbers; a
model of texts takes strings. A GET returns the name of the model.
"""

import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from sksequence.persistence import load

LARGEST_REQUEST = 16 * 2**20  # bytes


def answer(model, body):
    """Return the predictions for the body of a request."""
    request = json.loads(body)
    if not isinstance(request, dict) or not isinstance(request.get("sequences"), list):
        raise ValueError('The request is no object with a list of "sequences".')
    sequences = [
        np.array(sequence, dtype=float) if not _is_text(sequence) else sequence
        for sequence in request["sequences"]
    ]
    result = {"predictions": _plain(model.predict(sequences))}
    if hasattr(model, "predict_proba"):
        result["probabilities"] = _plain(model.predict_proba(sequences))
    return result


def _is_text(sequence):
    """Return whether a sequence is a text or a list of words."""
    return isinstance(sequence, str) or (bool(sequence) and isinstance(sequence[0], str))


def _plain(values):
    """Return arrays, and lists of arrays, as lists."""
    return [np.asarray(value).tolist() for value in values]


class Handler(BaseHTTPRequestHandler):
    """One request; predictions of several requests may run at once."""

    def do_GET(self):
        """Say that the service is there."""
        self._send(200, {"model": type(self.server.model).__name__})

    def do_POST(self):
        """Predict, or say what is wrong with the request."""
        size = int(self.headers.get("Content-Length", 0))
        if size > LARGEST_REQUEST:
            self._send(413, {"error": f"The request has more than {LARGEST_REQUEST} bytes."})
            return
        try:
            self._send(200, answer(self.server.model, self.rfile.read(size)))
        except (TypeError, ValueError) as error:
            self._send(400, {"error": str(error)})

    def _send(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def make_server(path, host="127.0.0.1", port=8000):
    """Return a server of the model in a file; port 0 takes any free one."""
    server = ThreadingHTTPServer((host, port), Handler)
    server.model = load(path)
    return server


def main():
    """Read the command line and serve until the process is stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="file that sksequence.persistence.save wrote")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    make_server(arguments.model, arguments.host, arguments.port).serve_forever()


if __name__ == "__main__":
    main()
