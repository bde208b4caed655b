"""Public names: `__all__`, docstrings, imports of the package; export of the network."""

import ast
import importlib
import io
import pkgutil
from pathlib import Path
from types import ModuleType

import numpy as np
import onnxruntime
import pytest
import torch
from torch.autograd import forward_ad
from torch.func import functional_call, grad, jacrev, jvp, vmap

import sksequence
from sksequence import RNNClassifier
from sksequence._kernels import is_fast, is_traced
from sksequence.cells import SimpleRNN

PUBLIC_MODULES = [
    "sksequence",
    *(
        f"sksequence.{info.name}"
        for info in pkgutil.iter_modules(sksequence.__path__)
        if not info.name.startswith("_")
    ),
]


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_all_is_what_can_be_imported(name):
    """`__all__` contains each public object of the module, and nothing else."""
    module = importlib.import_module(name)
    public = {
        key
        for key, value in vars(module).items()
        if not key.startswith("_") and not isinstance(value, ModuleType)
    }
    assert set(module.__all__) - {"__version__"} == public


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_all_is_sorted(name):
    """`__all__` is sorted, without duplicates."""
    exported = importlib.import_module(name).__all__
    assert exported == sorted(set(exported))


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_public_objects_are_described(name):
    """Each public class and function has a docstring that starts with a sentence."""
    module = importlib.import_module(name)
    for key in set(module.__all__) - {"__version__"}:
        summary = (getattr(module, key).__doc__ or "").strip().splitlines()
        assert summary, f"{name}.{key} has no docstring"
        assert summary[0].endswith("."), f"{name}.{key}: {summary[0]!r}"


def test_package_init_has_no_code():
    """The package itself only imports its public names."""
    tree = ast.parse(Path(sksequence.__file__).read_text("utf-8"))
    assert ast.get_docstring(tree)
    for node in tree.body[1:]:
        assert isinstance(node, ast.ImportFrom | ast.Assign), ast.unparse(node)


# --- export of the network -----------------------------------------------------------------------

# tracers warn of sizes, and tools of torch of others that are deprecated
from_torch = pytest.mark.filterwarnings("ignore")
X = np.random.RandomState(0).randn(12, 5, 2)
NETWORKS = {
    "lstm": RNNClassifier("lstm", 4, max_epochs=1, random_state=0, pooling="mean"),
    "gru": RNNClassifier("gru", 4, max_epochs=1, random_state=0, pooling="attention"),
    "rnn": RNNClassifier("rnn", 4, max_epochs=1, random_state=0, pooling="max"),
    "sigmoid": RNNClassifier(SimpleRNN(activation="sigmoid"), 4, max_epochs=1, random_state=0),
    "one direction": RNNClassifier("gru", 4, max_epochs=1, bidirectional=False, pooling="last"),
}


@pytest.fixture(scope="module", params=NETWORKS)
def network(request):
    """Return the network of a fitted estimator."""
    return NETWORKS[request.param].fit(X, np.arange(12) % 2).module_.eval()


class Padded(torch.nn.Module):
    """The network as a function of the lengths and the numbers of a padded batch."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, lengths, values):
        """Return the outputs."""
        return self.network(lengths, values)


def batches():
    """Return padded batches of other sizes and lengths than the one that is traced."""
    generator = torch.Generator().manual_seed(0)
    for n_rows, n_steps in ((2, 5), (5, 9), (16, 3), (1, 1), (19, 4)):
        values = torch.randn(n_rows, n_steps, 2, generator=generator)
        lengths = torch.randint(1, n_steps + 1, (n_rows,), generator=generator)
        lengths[0] = n_steps
        yield lengths, values


EXAMPLE = torch.tensor([5, 3]), torch.zeros(2, 5, 2)


def close(actual, expected):
    """Compare what was exported with what the network itself gives."""
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)


def check_export(exported, network):
    """Check an export on batches that it has not seen."""
    with torch.no_grad():
        for lengths, values in batches():
            close(exported(lengths, values), network(lengths, values))


@from_torch
def test_traced_networks_are_right_on_other_batches(network):
    """torch.jit.trace records the operations, not the numbers, of compiled loops."""
    traced = torch.jit.trace(Padded(network), EXAMPLE, check_trace=False)
    check_export(traced, network)


@from_torch
def test_onnx_networks_are_right_on_other_batches(network):
    """So does the exporter that is built on it."""
    file, names = io.BytesIO(), ["lengths", "values"]
    axes = {"lengths": {0: "rows"}, "values": {0: "rows", 1: "steps"}}
    torch.onnx.export(
        Padded(network), EXAMPLE, file, dynamo=False, input_names=names, dynamic_axes=axes
    )
    session = onnxruntime.InferenceSession(file.getvalue())

    def run(*inputs):
        named = {name: tensor.numpy() for name, tensor in zip(names, inputs, strict=True)}
        return torch.from_numpy(session.run(None, named)[0])

    check_export(run, network)


def check_fixed_steps(exported, network):
    """Check an export for one number of steps: right for any rows, and no answer for others."""
    with torch.no_grad():
        for lengths, values in batches():
            fitting = values.new_zeros(len(values), 5, 2)
            fitting[:, : values.shape[1]] = values[:, :5]
            shorter = lengths.clamp(max=5)
            close(exported(shorter, fitting), network(shorter, fitting))
            if values.shape[1] != 5:
                with pytest.raises(Exception, match=r"(?i)guard|dimension|expected"):
                    exported(lengths, values)


ANY_ROWS = {"lengths": {0: torch.export.Dim.DYNAMIC}, "values": {0: torch.export.Dim.DYNAMIC}}


@from_torch
def test_exported_programs_are_right_or_refuse(network):
    """torch.export unrolls time: another number of steps is refused, in the call or the export."""
    padded = Padded(network)
    program = torch.export.export(padded, EXAMPLE, dynamic_shapes=ANY_ROWS).module()
    check_fixed_steps(program, network)
    any_steps = ANY_ROWS | {"values": dict.fromkeys((0, 1), torch.export.Dim.DYNAMIC)}
    with pytest.raises(torch._dynamo.exc.UserError, match="Constraints violated"):
        torch.export.export(padded, EXAMPLE, dynamic_shapes=any_steps)


@from_torch
@pytest.mark.parametrize("network", ["lstm", "gru"], indirect=True)
def test_onnx_programs_are_right_or_refuse(network, tmp_path):
    """So does the exporter that is built on it."""
    path = tmp_path / "network.onnx"
    exporter = torch.onnx.export(
        Padded(network), EXAMPLE, dynamo=True, dynamic_shapes=ANY_ROWS, verbose=False
    )
    exporter.save(path)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # errors are expected
    session = onnxruntime.InferenceSession(path, options)

    def run(lengths, values):
        return torch.from_numpy(
            session.run(None, {"lengths": lengths.numpy(), "values": values.numpy()})[0]
        )

    check_fixed_steps(run, network)


@from_torch
def test_transforms_are_right(network):
    """torch.func differentiates and maps the network as autograd and loops do."""
    values = next(batches())[1]
    mapped = vmap(lambda row: network(None, row[None])[0])(values)
    close(mapped, network(None, values))
    weights = dict(network.named_parameters())
    gradients = grad(lambda w: functional_call(network, w, (None, values)).sum())(weights)
    expected = torch.autograd.grad(network(None, values).sum(), list(weights.values()))
    for gradient, theirs in zip(gradients.values(), expected, strict=True):
        close(gradient, theirs)
    direction = torch.ones_like(values)
    _, tangent = jvp(lambda x: network(None, x), (values,), (direction,))
    jacobian = jacrev(lambda x: network(None, x))(values)
    close(tangent, jacobian.sum((2, 3, 4)))
    with forward_ad.dual_level():
        dual = network(None, forward_ad.make_dual(values, direction))
        close(forward_ad.unpack_dual(dual).tangent, tangent)


@from_torch
def test_compiled_loops_are_left_only_while_torch_follows():
    """Nothing else leaves them: neither a mode of the past nor inference."""
    x, seen = torch.zeros(1, 1, 1), []

    def look(tensor):
        seen.append(is_traced() or is_fast(tensor, 4))
        return tensor + 0.0

    torch.jit.trace(look, x, check_trace=False)
    grad(lambda tensor: look(tensor).sum())(x)
    assert all(seen)
    assert not is_traced()
    with torch.inference_mode():
        assert not is_traced()
