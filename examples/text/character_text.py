"""
The next character of a text
============================

A `SequenceGenerator` is trained on speeches by Shakespeare to predict the next character. It is
then evaluated on unseen speeches, generates text, and detects unusual texts.
"""

# %%
# Speeches
# --------
#
# Pass a list of texts. Each speech is one sequence, and the model also learns where speeches end.

import matplotlib.pyplot as plt
import numpy as np

from sksequence import SequenceGenerator
from sksequence.datasets import load_shakespeare
from sksequence.inspection import GenerationDisplay, HiddenStateDisplay

train = load_shakespeare(split="train").data.split("\n\n")[:1500]
test = load_shakespeare(split="test").data.split("\n\n")[:300]
print(f"{len(train)} speeches, {sum(map(len, train))} characters to learn from")

# %%
# A model of the next character
# -----------------------------
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
# ``top_choices`` returns the likeliest next characters, with their probabilities. After "The q"
# there is hardly a choice. None is the end of the speech.

_, axes = plt.subplots(1, 3, figsize=(9, 2.6), sharex=True, layout="constrained")
for ax, prompt in zip(axes, ["The q", "To be, or not to b", "What say you?"], strict=True):
    choices = model.top_choices(prompt, k=5)
    names = ["end" if symbol is None else repr(symbol) for symbol, _ in choices]
    ax.barh(names[::-1], [probability for _, probability in choices][::-1])
    ax.set(title=prompt, xlim=(0, 1), xlabel="probability")
    print(f"{prompt!r}: {choices[0][0]!r} {choices[0][1]:.2f}")
plt.show()

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

# %%
# The state of the network
# ------------------------
#
# `HiddenStateDisplay` plots the states and the gates of the network while it reads a text, one row
# per unit: the update gate decides how much of the state is kept at a character.

state = HiddenStateDisplay.from_estimator(model, texts[0])
state.axes_[-1].set_xticks(range(len(texts[0])), texts[0], fontsize="small")
plt.show()

# %%
# The start of a speech
# ---------------------
#
# A speech begins with the name of its speaker, and these plays have other speakers: the perplexity
# is high at first. After the name, the preceding context helps.

display = GenerationDisplay.from_estimator(model, test)
_, ax = plt.subplots(layout="constrained")
ax.plot(display.perplexity_by_position[:60])
ax.set(xlabel="characters that have been read", ylabel="perplexity")
plt.show()
