"""Data sets bundled with the package, in the style of scikit-learn's `load_*`.

Nothing is downloaded or cached: each call reads a file of `data/` and returns new objects.
"""

from __future__ import annotations

import csv
import gzip
import io
import lzma
from importlib.resources import files
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

SPLITS = ("train", "test")
Split = Literal["train", "test"] | None
VowelsXY = tuple[list[NDArray[np.float64]], NDArray[np.str_]]


@overload
def load_japanese_vowels(*, split: Split = ..., return_X_y: Literal[False] = ...) -> Bunch: ...
@overload
def load_japanese_vowels(*, split: Split = ..., return_X_y: Literal[True]) -> VowelsXY: ...
def load_japanese_vowels(*, split: Split = None, return_X_y: bool = False) -> Bunch | VowelsXY:
    """Load the Japanese Vowels data (classification of sequences of different lengths).

    Nine men speak the vowels /ae/. Each utterance is a sequence of twelve cepstrum coefficients,
    and the task is to identify the speaker.

    =====================  ==================
    Sequences              640 (270 + 370)
    Steps per sequence     7 to 29
    Features per step      12, real
    Classes                9
    =====================  ==================

    Parameters
    ----------
    split : {"train", "test"} or None, default=None
        Part of the original split to return: 270 training sequences, 30 per speaker, or 370 test
        sequences. None returns both, the training part first.
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    data : Bunch
        Dictionary-like object, with the following attributes.

        data : list of ndarray of float64 of shape (n_steps, 12)
            The utterances.
        target : ndarray of str of shape (n_sequences,)
            The speaker of each utterance, "1" to "9".
        feature_names : list of str of length 12
            The names of the coefficients.
        target_names : ndarray of str of shape (9,)
            The speakers.
        DESCR : str
            The description of the data, their source and licence.

    (data, target) : tuple if `return_X_y` is True
        The utterances and their speakers.

    Raises
    ------
    ValueError
        If `split` is not "train", "test" or None.

    Notes
    -----
    Source: M. Kudo, J. Toyama and M. Shimbo, UCI Machine Learning Repository [1]_; they describe
    the data in [2]_. Licence: Creative Commons Attribution 4.0 International (CC BY 4.0).

    References
    ----------
    .. [1] M. Kudo, J. Toyama, M. Shimbo (1999). "Japanese Vowels". UCI Machine Learning Repository,
       https://doi.org/10.24432/C5NS47.
    .. [2] M. Kudo, J. Toyama, M. Shimbo (1999). "Multidimensional curve classification using
       passing-through regions". Pattern Recognition Letters 20 (11-13), 1103-1111.

    Examples
    --------
    >>> from sksequence.datasets import load_japanese_vowels
    >>> X, y = load_japanese_vowels(split="train", return_X_y=True)
    >>> len(X), X[0].shape, X[1].shape
    (270, (20, 12), (26, 12))
    >>> y[0], y[-1]
    (np.str_('1'), np.str_('9'))
    """
    _check_split(split)
    X: list[NDArray[np.float64]] = []
    y: list[NDArray[np.str_]] = []
    with np.load(io.BytesIO(_read("japanese_vowels.npz"))) as stored:
        for part in SPLITS if split is None else (split,):
            ends = np.cumsum(stored[f"{part}_lengths"])
            values = stored[f"{part}_millionths"].T / 1e6
            X += [piece.copy() for piece in np.split(values, ends[:-1])]
            y.append(stored[f"{part}_speakers"])
    target = np.concatenate(y)
    if return_X_y:
        return X, target
    return Bunch(
        data=X,
        target=target,
        feature_names=[f"cepstrum_{i}" for i in range(1, 13)],
        target_names=np.unique(target),
        DESCR=_description("japanese_vowels"),
    )


def load_air_passengers() -> Bunch:
    """Load the monthly numbers of air passengers from 1949 to 1960 (forecasting).

    One short series with a trend, a season of twelve months and a variance that grows with the
    level.

    =====================  ==================
    Steps                  144 months
    Values                 104 to 622 thousand
    =====================  ==================

    Returns
    -------
    data : Bunch
        Dictionary-like object, with the following attributes.

        data : ndarray of shape (144,)
            Thousands of passengers in each month, as float64.
        dates : ndarray of datetime64[M] of shape (144,)
            The months, 1949-01 to 1960-12.
        DESCR : str
            The description of the data, their source and licence.

    Notes
    -----
    Source: series G of Box and Jenkins [1]_. Licence: the numbers are facts, free of copyright.
    There is no target: `sksequence.preprocessing.make_windows` creates X and y from the series.

    References
    ----------
    .. [1] G. E. P. Box, G. M. Jenkins (1976). "Time Series Analysis: Forecasting and Control".
       Holden-Day.

    Examples
    --------
    >>> from sksequence.datasets import load_air_passengers
    >>> passengers = load_air_passengers()
    >>> passengers.data[:3]
    array([112., 118., 132.])
    >>> passengers.dates[-1]
    np.datetime64('1960-12')
    """
    rows = list(csv.DictReader(io.StringIO(_read("air_passengers.csv").decode())))
    return Bunch(
        data=np.array([float(row["passengers"]) for row in rows]),
        dates=np.array([row["month"] for row in rows], dtype="datetime64[M]"),
        DESCR=_description("air_passengers"),
    )


def load_shakespeare(*, split: Split = None) -> Bunch:
    r"""Load one million characters of Shakespeare's plays (language modelling).

    =====================  ==================
    Characters             1,115,394
    Different characters   65
    Speeches               7,222
    =====================  ==================

    Parameters
    ----------
    split : {"train", "test"} or None, default=None
        Part of the text to return: the first nine tenths (1,003,854 characters) for training, or
        the last tenth (111,540 characters) for testing. None returns all of it.

    Returns
    -------
    data : Bunch
        Dictionary-like object, with the following attributes.

        data : str
            The text. Speeches are separated by empty lines: ``data.split("\n\n")`` is a list of
            short documents, and ``[data]`` is one long document.
        DESCR : str
            The description of the text, its source and licence.

    Raises
    ------
    ValueError
        If `split` is not "train", "test" or None.

    Notes
    -----
    Source: collected by Andrej Karpathy for char-rnn [1]_. Licence: the text is in the public
    domain. There is no target: each character is the target of the characters before it.

    References
    ----------
    .. [1] A. Karpathy (2015). "The unreasonable effectiveness of recurrent neural networks".
       https://karpathy.github.io/2015/05/21/rnn-effectiveness/

    Examples
    --------
    >>> from sksequence.datasets import load_shakespeare
    >>> text = load_shakespeare().data
    >>> len(text), len(set(text))
    (1115394, 65)
    >>> print(text.split("\n\n")[1])
    All:
    Speak, speak.
    """
    _check_split(split)
    text = gzip.decompress(_read("shakespeare.txt.gz")).decode("ascii")
    border = len(text) * 9 // 10
    parts = {None: text, "train": text[:border], "test": text[border:]}
    return Bunch(data=parts[split], DESCR=_description("shakespeare"))


def load_snips(*, split: Literal["train", "valid", "test"] | None = None) -> Bunch:
    """Load the Snips data: requests to a voice assistant, with a tag per word and an intent each.

    =====================  ==========================
    Sequences              14,484 (13,084 + 700 + 700)
    Words per sequence     2 to 35
    Tags                   72, of 39 slots
    Intents                7
    =====================  ==========================

    Parameters
    ----------
    split : {"train", "valid", "test"} or None, default=None
        Part of the original split to return. None returns all parts, in this order.

    Returns
    -------
    data : Bunch
        Dictionary-like object, with the following attributes.

        data : list of list of str
            The words of each request.
        tags : list of list of str
            The tag of each word: "B-" and a slot where the slot begins, "I-" and the slot inside
            of it, "O" outside of all slots.
        target : ndarray of str of shape (n_sequences,)
            The intent of each request.
        DESCR : str
            The description of the data, their source and licence.

    Raises
    ------
    ValueError
        If `split` is not the name of a part or None.

    Notes
    -----
    Source: Coucke et al. [1]_ in the split of Goo et al. [2]_. Licence: CC0 1.0.

    References
    ----------
    .. [1] A. Coucke et al. (2018). "Snips voice platform: an embedded spoken language understanding
       system for private-by-design voice interfaces". https://arxiv.org/abs/1805.10190
    .. [2] C.-W. Goo et al. (2018). "Slot-gated modeling for joint slot filling and intent
       prediction". NAACL-HLT. https://doi.org/10.18653/v1/N18-2118

    Examples
    --------
    >>> from sksequence.datasets import load_snips
    >>> snips = load_snips(split="test")
    >>> snips.data[1][:4], str(snips.target[1])
    (['i', 'want', 'to', 'bring'], 'BookRestaurant')
    >>> list(zip(snips.data[0], snips.tags[0]))[3:6]
    [('to', 'O'), ('the', 'O'), ('grime', 'B-playlist')]
    """
    _check_split(split, ("train", "valid", "test"))
    lines = lzma.decompress(_read("snips.tsv.xz")).decode("utf-8").splitlines()
    rows = [line.split("\t") for line in lines]
    rows = [row for row in rows if split in {None, row[0]}]
    return Bunch(
        data=[words.split() for _, words, _, _ in rows],
        tags=[tags.split() for _, _, tags, _ in rows],
        target=np.array([intent for _, _, _, intent in rows]),
        DESCR=_description("snips"),
    )


def _check_split(split: str | None, parts: tuple[str, ...] = SPLITS) -> None:
    if split is not None and split not in parts:
        named = ", ".join(f'"{part}"' for part in parts)
        raise ValueError(
            f"split={split!r} is not a part of the data; use {named} or None for all of it."
        )


def _read(name: str) -> bytes:
    return (files("sksequence.datasets") / "data" / name).read_bytes()


def _description(name: str) -> str:
    return _read(f"{name}.rst").decode()
