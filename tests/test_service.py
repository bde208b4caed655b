"""The service of the Docker image: predictions, errors, and several requests at once."""

import importlib.util
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest

from sksequence.persistence import save
from tests.helpers import ROOT, small_classifier


def module(path):
    """Import a script that is in no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


@pytest.fixture(scope="module")
def data():
    """Return ragged sequences of two features."""
    random = np.random.RandomState(0)
    return [random.randn(n_steps, 2) for n_steps in random.randint(2, 9, 20)]


@pytest.fixture(scope="module")
def classifier(data):
    """Fit a small classifier."""
    return small_classifier().fit(data, ["up", "down"] * 10)


@pytest.fixture(scope="module")
def address(classifier, tmp_path_factory):
    """Serve the classifier from its file."""
    path = tmp_path_factory.mktemp("service") / "model.sksequence"
    save(classifier, path)
    server = module(ROOT / "docker" / "serve.py").make_server(path, port=0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def post(address, content):
    """Send JSON and return the answer."""
    with urlopen(Request(address, data=json.dumps(content).encode())) as response:
        return json.load(response)


def listed(sequences):
    """Return sequences as JSON has them."""
    return {"sequences": [sequence.tolist() for sequence in sequences]}


def test_service_predicts_what_the_model_predicts(address, classifier, data):
    """Labels and probabilities are those of the estimator, to the last bit."""
    found = post(address, listed(data))
    assert found["predictions"] == classifier.predict(data).tolist()
    np.testing.assert_array_equal(found["probabilities"], classifier.predict_proba(data))


def test_requests_at_once_do_not_disturb_each_other(address, classifier, data):
    """Each of many requests gets the answer to its own sequence."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda x: post(address, listed([x])), data * 3))
    expected = classifier.predict(data).tolist() * 3
    assert [found["predictions"][0] for found in answers] == expected


def test_service_names_the_model(address):
    """A GET shows that the service is there."""
    with urlopen(address) as response:
        assert json.load(response) == {"model": "RNNClassifier"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], 'no object with a list of "sequences"'),
        ({"sequences": [[[1.0, 2.0, 3.0]]]}, "features"),
        ({"sequences": [[[1.0], [1.0, 2.0]]]}, "inhomogeneous"),
    ],
)
def test_bad_requests_say_what_is_wrong(address, content, message):
    """The error of the estimator is the answer, and the service goes on."""
    with pytest.raises(HTTPError) as raised:
        post(address, content)
    assert raised.value.code == 400
    assert message in json.load(raised.value)["error"]


def test_image_installs_what_is_pinned():
    """The image has the release of torch that is tested, and copies only files that exist."""
    recipe = (ROOT / "docker" / "Dockerfile").read_text("utf-8")
    pins = (ROOT / "constraints.txt").read_text("utf-8").split()
    torch = next(pin for pin in pins if pin.startswith("torch=="))
    assert f'"{torch}+cpu"' in recipe
    copied = [words.split()[1:-1] for words in recipe.splitlines() if words.startswith("COPY")]
    assert [name for names in copied for name in names if not (ROOT / name).exists()] == []
