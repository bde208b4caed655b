"""The built documentation: links, search, pictures, and what the examples claim.

The site is the one in the folder `SKSEQUENCE_SITE`, or is built first, which takes minutes.
"""

import ast
import functools
import html
import importlib
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import sksequence
from tests.helpers import ROOT
from tests.test_examples import CLAIMS, SCRIPTS, unmet_claims

pytestmark = pytest.mark.slow

# Words that people search for, and the pages of which one has to be first or second.
FAQ = "user_guide/faq"
SEARCHES = {
    "quickstart": ["gallery/quickstart"],
    "installation": ["install"],
    "LSTM": ["user_guide/recurrent_networks", "user_guide/network"],
    "GRU": ["user_guide/recurrent_networks", "user_guide/network"],
    "vanishing gradients": [
        "user_guide/recurrent_networks",
        "gallery/networks/vanishing_gradients",
    ],
    "gradient clipping": ["user_guide/recurrent_networks", "user_guide/training"],
    "backpropagation": ["user_guide/recurrent_networks"],
    "progress": [FAQ, "user_guide/training"],
    "verbose": [FAQ],
    "ONNX": [FAQ, "user_guide/saving"],
    "missing": [FAQ],
    "missing values": [FAQ],
    "NaN": [FAQ],
    "interval": [FAQ],
    "prediction interval": [FAQ, "user_guide/regressor"],
    "confidence": [FAQ],
    "uncertainty": [FAQ],
    "overfitting": [FAQ],
    "dropout": [FAQ, "user_guide/network"],
    "early stopping": [FAQ, "user_guide/training"],
    "save": [FAQ, "api/sksequence.persistence.save", "user_guide/saving"],
    "pickle": [FAQ, "user_guide/saving"],
    "GPU": [FAQ],
    "CUDA": [FAQ],
    "imbalance": [FAQ, "gallery/classification/imbalanced_labels"],
    "class weight": [FAQ],
    "padding": [FAQ, "api/sksequence.preprocessing.pad"],
    "variable length": [FAQ],
    "masking": [FAQ],
    "embedding": [FAQ, "user_guide/glossary"],
    "attention": [FAQ],
    "transformer": [FAQ],
    "seq2seq": [FAQ],
    "temperature": [FAQ, "gallery/text/sampling"],
    "beam search": [FAQ],
    "tokenizer": [FAQ],
    "anomaly detection": [FAQ, "gallery/forecasting/anomaly_detection"],
    "forecast": ["gallery/forecasting/forecasting", FAQ, "api/sksequence.SequenceGenerator"],
    "horizon": [FAQ, "user_guide/glossary"],
    "seasonality": [FAQ],
    "covariates": [FAQ],
    "window": ["api/sksequence.preprocessing.make_windows", FAQ],
    "long table": [FAQ],
    "pandas": [FAQ],
    "grid search": [FAQ],
    "tuning": [FAQ],
    "leakage": [FAQ],
    "reproducibility": [FAQ, "user_guide/training"],
    "multiprocessing": [FAQ, "user_guide/training"],
    "dask": [FAQ],
    "Keras": ["user_guide/other_libraries"],
    "darts": ["user_guide/other_libraries"],
    "custom cell": [FAQ],
    "checkpoint": ["api/sksequence.callbacks.Checkpoint", "user_guide/glossary"],
    "perplexity": ["user_guide/glossary", "api/sksequence.metrics.perplexity"],
    "make_windows": ["api/sksequence.preprocessing.make_windows"],
    "RNNClassifier": ["api/sksequence.RNNClassifier", "user_guide/classifier"],
    "feature importance": [FAQ],
    "deprecation": ["developers/versions"],
    "Docker": [FAQ],
    "streaming": [FAQ, "user_guide/streams"],
    "slow": [FAQ],
    "time series classification": ["user_guide/classifier"],
    "text classification": ["user_guide/classifier"],
    "sentiment": ["user_guide/classifier"],
    "named entity recognition": ["user_guide/classifier"],
    "POS tagging": ["user_guide/classifier"],
    "multilabel": ["user_guide/classifier", FAQ],
    "regression": ["user_guide/regressor"],
    "time series forecasting": ["user_guide/regressor"],
    "language model": ["user_guide/generator"],
    "generate text": ["user_guide/generator"],
    "multivariate": ["user_guide/sequences"],
    "timestamps": ["user_guide/sequences"],
    "sequence length": [FAQ],
    "long sequences": [FAQ],
    "normalization": [FAQ],
    "StandardScaler": [FAQ],
    "inhomogeneous shape": [FAQ],
    "learning rate": ["user_guide/training"],
    "scheduler": ["user_guide/training"],
    "batch size": ["user_guide/training"],
    "epochs": ["user_guide/training"],
    "optimizer": ["user_guide/training"],
    "custom loss": ["user_guide/training"],
    "seed": [FAQ],
    "random_state": [FAQ],
    "threshold": [FAQ, "gallery/classification/imbalanced_labels"],
    "many-to-one": ["user_guide/glossary", "user_guide/recurrent_networks"],
    "bidirectional": ["user_guide/glossary", "user_guide/recurrent_networks"],
    "ARIMA": [FAQ],
    "autoencoder": [FAQ],
    "tslearn": ["user_guide/other_libraries"],
    "PyTorch": [FAQ, "user_guide/other_libraries"],
    "large dataset": [FAQ, "user_guide/scaling"],
    "distributed": [FAQ, "user_guide/scaling"],
    "CPU": [FAQ],
    "stock": ["gallery/forecasting/stock_prices"],
    "explain": [FAQ],
    "naive": ["user_guide/regressor"],
    "exogenous": [FAQ],
    "deploy": [FAQ],
    "FastAPI": [FAQ],
    "conformal": [FAQ],
    "oversampling": [FAQ],
    "SMOTE": [FAQ],
    "named entity": [FAQ, "user_guide/classifier"],
    "CRF": [FAQ],
    "IOB": [FAQ],
    "average_precision": [FAQ],
    "Optuna": [FAQ],
    "fillna": [FAQ],
    "TensorBoard": [FAQ],
    "tqdm": [FAQ],
    "transfer learning": [FAQ],
    "shrinkage": [FAQ, "user_guide/training"],
    "all predictions are equal": [FAQ],
    "legacy multi-label": [FAQ],
    "missing data": [FAQ, "user_guide/sequences"],
    "unequal length": [FAQ],
    "channels first": [FAQ],
    "3D array": [FAQ],
    "categorical": [FAQ],
    "CSV": [FAQ],
    "DataFrame": [FAQ],
    "Parquet": ["user_guide/sequences"],
    "out of memory": [FAQ],
    "HDF5": [FAQ],
    "rolling window": [FAQ],
    "LLM": [FAQ],
    "BERT": [FAQ],
    "Mamba": [FAQ],
    "chatbot": [FAQ],
    "encoder decoder": [FAQ],
    "feature extraction": [FAQ],
    "logging": [FAQ],
    "wandb": [FAQ],
    "cross validation": [FAQ],
    "train test split": [FAQ],
    "GroupKFold": [FAQ],
    "warm start": [FAQ],
    "partial_fit": [FAQ],
    "pretrained": [FAQ, "api/sksequence.PretrainedEmbedding"],
    "fine-tuning": [FAQ],
    "confusion matrix": [FAQ],
    "ROC AUC": [FAQ],
    "F1 score": [FAQ],
    "accuracy": [FAQ, "api/sksequence.metrics.step_accuracy_score"],
    "scoring": [FAQ],
    "sMAPE": [FAQ],
    "MAE": [FAQ],
    "MASE": [FAQ],
    "CRPS": [FAQ],
    "R2": [FAQ],
    "Bayesian": [FAQ],
    "MC dropout": [FAQ],
    "recursive": [FAQ],
    "calendar": [FAQ],
    "token classification": [FAQ],
    "BPE": [FAQ],
    "mobile": [FAQ],
    "TorchScript": [FAQ],
    "heatmap": [FAQ, "user_guide/inspection"],
    "explainability": [FAQ],
    "SHAP": [FAQ, "user_guide/inspection"],
    "captum": ["user_guide/inspection"],
    "diverges": [FAQ],
    "reservoir": ["user_guide/network"],
    "xLSTM": ["user_guide/network"],
    "out of vocabulary": ["user_guide/generator"],
    "unknown words": ["user_guide/generator"],
    "greedy": ["user_guide/generator"],
    "sales": ["user_guide/generator"],
    "energy": ["user_guide/regressor"],
    "ECG": ["user_guide/classifier"],
    "spam": ["user_guide/classifier"],
    "recommendation": ["user_guide/generator"],
    "callback": ["user_guide/training"],
    "resume": ["user_guide/training"],
    "ensemble": ["user_guide/training"],
    "Box-Cox": ["user_guide/tools"],
    "pipeline": ["user_guide/tools"],
    "semi-supervised": ["user_guide/tools"],
    "data augmentation": ["user_guide/training", "api/sksequence.callbacks.Augmentation"],
    "classifier": ["user_guide/classifier", "api/sksequence.RNNClassifier"],
    "regressor": ["user_guide/regressor", "api/sksequence.RNNRegressor"],
    "generator": ["user_guide/generator", "api/sksequence.SequenceGenerator"],
    "RNN Classifier": ["api/sksequence.RNNClassifier"],
    "license": ["install"],
    "citation": ["install"],
    "macOS": ["install"],
    "Windows": ["install"],
    "Colab": ["install"],
    "Jupyter": ["install"],
    "conda": ["install"],
    "M1": ["install"],
    "Apple Silicon": ["install"],
    "quantization": [FAQ],
    "churn": [FAQ],
    "customer": [FAQ],
    "event log": [FAQ],
    "clickstream": [FAQ],
    "survival": [FAQ],
    "time to event": [FAQ],
    "remaining useful life": [FAQ],
    "predictive maintenance": [FAQ],
    "fraud": [FAQ],
    "zero-shot": [FAQ],
    "time zone": [FAQ],
    "drift": [FAQ],
    "concept drift": [FAQ],
    "retrain": [FAQ],
    "Spark": [FAQ],
    "Slurm": [FAQ],
    "mixed precision": [FAQ],
    "float16": [FAQ],
    "TPU": [FAQ],
    "GPU memory": [FAQ, "user_guide/scaling"],
    "speech": [FAQ],
    "images": [FAQ],
    "video": [FAQ],
    "music": ["user_guide/generator"],
    "autocomplete": ["user_guide/generator"],
    "exposure bias": ["user_guide/generator"],
    "multiclass": ["user_guide/classifier"],
    "focal loss": ["user_guide/training"],
    "Xavier": ["user_guide/training"],
    "weight initialization": ["user_guide/training"],
    "decision threshold": [FAQ],
    "accuracy stuck": [FAQ],
    "negative R2": [FAQ],
    "training time": [FAQ],
    "inference speed": [FAQ],
    "REST API": [FAQ],
    "Java": [FAQ],
    "JavaScript": [FAQ],
    "browser": [FAQ],
    "Raspberry Pi": [FAQ],
    "Kafka": [FAQ],
    "stop words": [FAQ],
    "stemming": [FAQ],
    "intermittent demand": [FAQ],
    "negative forecast": [FAQ],
    "cold start": [FAQ],
    "hierarchical forecast": [FAQ],
    "trading": [FAQ],
    "lag": [FAQ],
    "DTW": [FAQ],
    "t-SNE": [FAQ],
    "similarity": [FAQ],
    "auto": [FAQ],
    "frames": [FAQ],
    "frame_length": [FAQ],
    "memory length": [FAQ],
    "classification report": [FAQ],
    "stateful": ["user_guide/streams"],
    "initial state": ["user_guide/streams"],
    "model summary": ["user_guide/inspection"],
    "number of parameters": ["user_guide/inspection"],
    "visualize": ["user_guide/inspection"],
    "plot": ["user_guide/inspection"],
    "quantile crossing": ["user_guide/regressor"],
    "epistemic": ["user_guide/regressor"],
    "security": ["user_guide/saving"],
    "version compatibility": ["user_guide/saving"],
    "C++": [FAQ],
    "C#": [FAQ],
    "IoT": [FAQ],
    "unbalanced": [FAQ],
    "cost-sensitive": [FAQ],
    "one hot": [FAQ],
    "label encoding": [FAQ],
    "XGBoost": [FAQ],
    "zero inflated": [FAQ],
    "Tweedie": [FAQ],
    "model interpretability": [FAQ],
    "emoji": [FAQ],
    "Chinese": [FAQ],
    "synthetic data": ["user_guide/generator"],
    "gesture": ["user_guide/classifier"],
    "segmentation": ["user_guide/classifier"],
    "traffic": ["user_guide/regressor"],
    "solar": ["user_guide/regressor"],
    "voting": ["user_guide/tools"],
    "CalibratedClassifierCV": ["user_guide/tools"],
}
NEEDS_NO_NETWORK = re.compile(r"<(?:script|link|img)[^>]*(?:src|href)=\"https?://")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return the folder of the built documentation."""
    if built := os.environ.get("SKSEQUENCE_SITE"):
        return Path(built)
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "-b", "html", "-d", str(folder / "doctrees")]
    subprocess.run([*command, "docs", str(folder / "html")], cwd=ROOT, check=True)
    return folder / "html"


@pytest.fixture(scope="module")
def search(site):
    """Return a function that searches the site with its own script, for pages and titles."""
    from py_mini_racer import MiniRacer

    browser = MiniRacer()
    browser.eval(
        "var window = globalThis, DOCUMENTATION_OPTIONS = {}, SPHINX_HIGHLIGHT_ENABLED = false;"
        "var document = {getElementById: () => ({firstChild: null}), addEventListener: () => {}};"
        "var _ready = () => {}, _ = text => text;"
    )
    static = site / "_static"
    for name in ("base-stemmer.js", "english-stemmer.js", "language_data.js", "searchtools.js"):
        if (static / name).exists():
            browser.eval((static / name).read_text("utf-8"))
    browser.eval((site / "searchindex.js").read_text("utf-8"))

    def find(query):
        browser.eval(f"var found = Search._performSearch(...Search._parseQuery({query!r}));")
        return list(browser.execute("found.reverse().map(result => [result[0], result[1]])"))

    return find


@functools.cache
def page(path: Path) -> str:
    """Return the text of a page."""
    return path.read_text("utf-8")


def pages(site: Path) -> list[Path]:
    """Return all pages, without those of source code."""
    return [p for p in sorted(site.rglob("*.html")) if "_modules" not in p.parts]


def has_anchor(path: Path, anchor: str) -> bool:
    """Return whether a page has the place that a link names."""
    return not anchor or f'id="{html.escape(anchor)}"' in page(path)


def test_no_internal_link_is_broken(site):
    """Each relative link leads to a file, and to a place in it if it names one."""
    broken = []
    for path in pages(site):
        for link in re.findall(r'<(?:a|img)[^>]* (?:href|src)="([^"]+)"', page(path)):
            parts = urlsplit(html.unescape(link))
            if parts.scheme or parts.netloc:
                continue
            found = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            found = found / "index.html" if found.is_dir() else found
            is_page = found.suffix == ".html"
            if not found.exists() or (is_page and not has_anchor(found, unquote(parts.fragment))):
                broken.append(f"{path.relative_to(site)}: {link}")
    assert broken == []


def test_lists_of_terms_are_not_run_together(site):
    """No paragraph has the indents of a definition list that lost its lines."""
    indents = re.compile(r"<p>(?:(?!</p>).)*?\S {4,}\S", re.DOTALL)
    assert [str(p.relative_to(site)) for p in pages(site) if indents.search(page(p))] == []


def test_initials_are_not_numbers_of_lists(site):
    """A reference of one line, such as that to R. Koenker, is not read as item R of a list."""
    lists = re.compile(r'<ol class="(?:upper|lower)(?:alpha|roman)')
    assert [str(p.relative_to(site)) for p in pages(site) if lists.search(page(p))] == []


def test_pages_need_no_network(site):
    """Scripts, styles and pictures are part of the site."""
    assert [p.name for p in pages(site) if NEEDS_NO_NETWORK.search(page(p))] == []


@pytest.mark.parametrize("query", SEARCHES)
def test_search_finds_the_page(search, query):
    """A word that people use has the right page first or second."""
    best = list(dict.fromkeys(page for page, _ in search(query)))[:2]
    assert set(best) & set(SEARCHES[query]), best


@pytest.mark.parametrize("query", ["RNNClassifier", "rnnregressor", "SequenceGenerator", "GRUD"])
def test_names_are_found_first(search, query):
    """The name of a class leads to its page in the API."""
    assert search(query)[0][0].lower().endswith(f".{query.lower()}")


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("missing", "Frequent questions > My data have missing values. What can I do?"),
        ("SMOTE", "Frequent questions > One class is rare, and the network never predicts it."),
        ("fillna", "Frequent questions > My data have missing values. What can I do?"),
        ("reservoir", "The network > Cells"),
    ],
)
def test_results_are_named_after_their_sections(search, query, title):
    """The list of results shows which question of a page answers the search."""
    assert search(query)[0][1] == title


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda s: s.stem)
def test_example_shows_what_it_claims(site, script):
    """The output of an example in the gallery has what its text says, and there is a picture."""
    relative = script.relative_to(ROOT / "examples").with_suffix(".html")
    text = page(site / "gallery" / relative)
    outputs = re.findall(r"sphx-glr-script-out.*?<pre>(.*?)</pre>", text, re.DOTALL)
    printed = html.unescape(re.sub(r"<[^>]+>", "", "\n".join(outputs)))
    assert unmet_claims(CLAIMS[script.stem], printed) == []
    assert re.search("sphx-glr-single-img|sphx-glr-multi-img|output_html", text)


def test_api_pages_list_their_examples(site):
    """The page of an estimator links the examples that use it, and the pages of the guide."""
    text = page(site / "api" / "sksequence.RNNClassifier.html")
    assert "../gallery/quickstart.html" in text
    assert 'href="../user_guide/classifier.html"' in text
    for script in SCRIPTS:
        example = f"gallery/{script.relative_to(ROOT / 'examples').with_suffix('.html').as_posix()}"
        for node in ast.walk(ast.parse(script.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("sksequence"):
                for name in node.names:
                    assert example in page(site / "api" / f"{node.module}.{name.name}.html")


@pytest.mark.parametrize("estimator", ["RNNClassifier", "RNNRegressor", "SequenceGenerator"])
def test_pages_of_estimators_begin_with_their_example(site, estimator):
    """The example comes before the parameters, which have an anchor per group."""
    text = page(site / "api" / f"sksequence.{estimator}.html")
    assert text.index('class="rubric">Examples<') < text.index('id="parameters-network"')
    assert re.findall(r'id="parameters-([\w-]+)"', text) == [
        "network",
        "training",
        "early-stopping",
        "data",
        "running",
    ]


@pytest.mark.parametrize("name", ["FillGaps", "SequenceScaler", "Forecast"])
def test_pages_list_methods_of_their_own_only(site, name):
    """Methods that a class has from dictionaries, or that mean something else, are left out."""
    (path,) = (site / "api").glob(f"sksequence*.{name}.html")
    methods = re.findall(rf'id="{path.stem}\.(\w+)"', page(path))
    assert methods == (["to_frame"] if name == "Forecast" else [])


def test_drawings_have_the_colours_of_the_page(site):
    """Drawings and figures of benchmarks are part of their pages, not pictures beside them."""
    texts = [page(path) for path in pages(site)]
    assert [text for text in texts if re.search(r'<img[^>]* src="[^"]*\.svg"', text)] == []
    assert sum(text.count('class="drawing"') for text in texts) == 8
    assert sum(text.count('class="drawing dot-plot"') for text in texts) == 4


def test_the_page_of_the_api_lists_every_public_name(site):
    """One page shows all classes and functions, each with its line and a link."""
    linked = set(re.findall(r'href="api/(sksequence[\w.]*)\.html', page(site / "api.html")))
    public = ["", *(f".{m.name}" for m in pkgutil.iter_modules(sksequence.__path__))]
    modules = [f"sksequence{name}" for name in public if not name.startswith("._")]
    names = [(m, name) for m in modules for name in importlib.import_module(m).__all__]
    assert {f"{m}.{name}" for m, name in names if not name.startswith("__")} <= linked
