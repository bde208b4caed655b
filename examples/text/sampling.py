"""
Temperature, beams and surprise
===============================

The same model writes nonsense, the same phrase over and over, or something in between. Which
parameters of ``generate`` decide that, and what do they do to the probabilities?
"""

# %%
# A small model of Shakespeare
# ----------------------------

import matplotlib.pyplot as plt
import numpy as np

from sksequence import SequenceGenerator
from sksequence.datasets import load_shakespeare
from sksequence.inspection import GenerationDisplay

speeches = load_shakespeare(split="train").data.split("\n\n")[:900]
model = SequenceGenerator("gru", 96, max_epochs=7, random_state=0).fit(speeches)

# %%
# Temperature
# -----------
#
# The logits are divided by the temperature before a character is drawn. A low one makes likely
# characters likelier, a high one makes them equal. The parameters of sampling do not affect
# training.

choices = model.top_choices("The ki", k=8)
letters = [repr(letter) for letter, _ in choices]
probabilities = np.array([probability for _, probability in choices])
_, axes = plt.subplots(1, 3, figsize=(9, 2.6), sharey=True, layout="constrained")
for ax, temperature in zip(axes, [0.3, 1.0, 2.0], strict=True):
    sharpened = probabilities ** (1 / temperature)
    ax.bar(letters, sharpened / sharpened.sum())
    ax.set(title=f"temperature {temperature}")
axes[0].set_ylabel('probability after "The ki"')
plt.show()

# %%
# Between monotony and noise
# --------------------------
#
# Twenty texts per temperature. The likelihood under the model falls with the temperature, and the
# fraction of different words grows. There is no best temperature: it depends on the purpose.


def fraction_of_different_words(text):
    """Return the number of different words over that of all words."""
    words = text.split()
    return len(set(words)) / len(words)


temperatures = [0.1, 0.3, 0.5, 0.7, 0.9, 1.2]
likelihood, variety = [], []
for temperature in temperatures:
    texts = model.generate(
        "KING ", n_samples=20, max_steps=150, temperature=temperature, random_state=0
    )
    lengths = [len(text) + 1 for text in texts]
    likelihood.append(model.score_samples(texts).sum() / np.sum(lengths))
    variety.append(fraction_of_different_words(" ".join(texts)))
print(f"different words at temperature 0.1: {variety[0]:.2f}, at 1.2: {variety[-1]:.2f}")
print(f"log-likelihood at temperature 0.1: {likelihood[0]:.2f}, at 1.2: {likelihood[-1]:.2f}")

_, ax = plt.subplots(layout="constrained")
ax.plot(temperatures, likelihood, "o-")
ax.set(xlabel="temperature", ylabel="log-likelihood per character")
other = ax.twinx()
other.plot(temperatures, variety, "s--", color="C1")
other.set_ylabel("fraction of different words", color="C1")
plt.show()

# %%
# Beams
# -----
#
# Greedy decoding takes the likeliest character at each step. Beam search keeps several beginnings,
# and finds likelier texts. Likely texts are not interesting ones: they repeat themselves.

greedy = model.generate("KING ", max_steps=120, temperature=0)
beams = model.generate("KING ", max_steps=120, num_beams=8)
for name, text in [("greedy", greedy), ("eight beams", beams)]:
    print(f"{name}: log-likelihood {model.score_samples([text])[0]:.1f},", end=" ")
    print(f"different words {fraction_of_different_words(text):.2f}\n{text}")

# %%
# Surprise
# --------
#
# `GenerationDisplay` colours what the model did not expect: here, the invented words.

GenerationDisplay.from_estimator(
    model, ["The king is not here, my lord.", "The king is qwzx here, my blorg."]
)
