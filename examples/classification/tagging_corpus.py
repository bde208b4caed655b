"""
Tags of words: slot filling, compared with published scores
===========================================================

Requests to a voice assistant have a tag per word, which says where a playlist, a city or a date
begins and ends. How good is a network with default parameters on a standard corpus?
"""

# %%
# Requests and their tags
# -----------------------
#
# X is a list of lists of words, and y a list of lists of tags of the same lengths. Tags begin with
# "B-" where a slot begins, and with "I-" inside of it.

import matplotlib.pyplot as plt

from sksequence import RNNClassifier
from sksequence.datasets import load_snips
from sksequence.metrics import span_f1_score

train, test = load_snips(split="train"), load_snips(split="test")
print(f"{len(train.data)} requests to learn from, {len(test.data)} to test on")
for word, tag in zip(train.data[0], train.tags[0], strict=True):
    print(f"{word:10} {tag}")

# %%
# A tagger with default parameters
# --------------------------------
#
# The whole request is known when it is tagged, so the network reads it in both directions. For
# a stream of words, train with ``bidirectional=False``. Words are embedded, and each word that
# first occurs in a prediction is the unknown word.

tagger = RNNClassifier(bidirectional=True, random_state=0).fit(train.data, train.tags)
predicted = tagger.predict(test.data)
f1 = span_f1_score(test.tags, predicted)
print(f"F1 of whole slots: {f1:.3f}")

# %%
# A slot counts as found if its beginning, its end and its name are right. Published scores on the
# same test requests are those of a bidirectional LSTM, a network with attention, and a slot-gated
# network (Goo et al. 2018, https://doi.org/10.18653/v1/N18-2118). A difference of less than 0.01 is
# within what another seed changes.

scores = {
    "bidirectional LSTM": 0.843,
    "with attention": 0.878,
    "slot-gated": 0.888,
    "RNNClassifier": f1,
}
print(f"better than the network with attention: {f1 > scores['with attention']}")

_, ax = plt.subplots(figsize=(7, 2.6), layout="constrained")
bars = ax.barh(list(scores)[::-1], list(scores.values())[::-1], color=["C1", "C0", "C0", "C0"])
ax.bar_label(bars, fmt=" %.3f")
ax.set(xlim=(0, 1.1), xlabel="F1 of slots on the test part of Snips")
plt.show()

# %%
# New requests
# ------------

words = ["play", "some", "miles", "davis", "on", "spotify"]
for word, tag in zip(words, tagger.predict([words])[0], strict=True):
    print(f"{word:10} {tag}")
