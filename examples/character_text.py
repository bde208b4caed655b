"""Character-level language model.

A `SequenceGenerator` is trained on speeches by Shakespeare to predict the next character. It is
then evaluated on unseen speeches, generates text, and detects unusual texts.
"""

# %%
# Data
# ----
#
# Pass a list of texts. Each speech is one sequence, and the model also learns where speeches end.

import numpy as np

from sksequence import SequenceGenerator
from sksequence.datasets import load_shakespeare

train = load_shakespeare(split="train").data.split("\n\n")[:1500]
test = load_shakespeare(split="test").data.split("\n\n")[:300]
print(f"{len(train)} speeches, {sum(map(len, train))} characters to learn from")

# %%
# Training
# --------
#
# The perplexity is the effective number of characters among which the model chooses. It is 65 for
# uniform guessing, and about 28 for a model that knows the frequency of each character only.

model = SequenceGenerator("gru", 128, max_epochs=6, random_state=0).fit(train)
print("loss after each epoch:", np.round(model.loss_curve_, 2))
print(f"perplexity on unseen speeches: {model.perplexity(test):.2f}")

letters, counts = np.unique(list("".join(train)), return_counts=True)
log_frequency = dict(zip(letters, np.log(counts / counts.sum()), strict=True))
by_frequency = np.exp(-np.mean([log_frequency[letter] for letter in "".join(test)]))
print(f"perplexity of character frequencies alone: {by_frequency:.2f}")

# %%
# Generation
# ----------
#
# ``temperature`` controls the diversity of the samples. It does not affect training, so you can try
# several values on the same model.

for temperature in (0.3, 0.7, 1.0):
    print(f"--- temperature {temperature}")
    print(
        model.generate("KING ", max_steps=160, temperature=temperature, stop="\n\n", random_state=0)
    )

# %%
# ``predict_proba`` returns the distribution of the next character.

symbols = [*model.vocabulary_, "the end"]
for prefix in ("The q", "What say you?", "To be, or not to b"):
    probabilities = model.predict_proba([prefix])[0]
    likely = np.argsort(probabilities)[::-1][:4]
    print(f"{prefix!r}:", ", ".join(f"{symbols[i]!r} {probabilities[i]:.2f}" for i in likely))

# %%
# Anomaly detection
# -----------------
#
# The log-likelihood per character measures how usual a text is.

texts = [
    "Good morrow, my lord: how do you this day?",
    "Click here to update your browser settings",
    "Quando la luna e piena, il mare si muove.",
    "zx qqp vbnm wrtx lkjh gfds pqzx mnbv cxzl",
]
scores = model.score_samples(texts) / [len(text) for text in texts]
for i in np.argsort(scores)[::-1]:
    print(f"{scores[i]:6.2f}  {texts[i]}")
