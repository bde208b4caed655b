"""
The next word, and sentences on demand
======================================

Learn from thirteen thousand requests to a voice assistant what people say next, make up requests of
a given kind, and recognise the kind of a request. One model does all three.
"""

# %%
# A model of words
# ----------------
#
# The symbols of a list of token lists are words. With ``conditional=True`` the model learns one
# distribution per label, here per intent. ``max_features`` makes one unknown word of all rare ones.

import matplotlib.pyplot as plt
import numpy as np

from sksequence import SequenceGenerator
from sksequence.datasets import load_snips

train, test = load_snips(split="train"), load_snips(split="test")
model = SequenceGenerator(
    "gru", 96, conditional=True, max_features=2000, max_epochs=3, random_state=0
).fit(train.data, train.target)
print(f"words to choose from: {len(model.vocabulary_)}")
print(f"perplexity of new requests: {model.perplexity(test.data, test.target):.0f}")

# %%
# The next word
# -------------
#
# The same beginning continues differently for each intent.

intents = ["PlayMusic", "BookRestaurant", "GetWeather"]
_, axes = plt.subplots(1, 3, figsize=(9, 2.8), layout="constrained")
for ax, intent in zip(axes, intents, strict=True):
    choices = model.top_choices(["i", "want"], k=3, label=intent)
    choices += model.top_choices(["in"], k=3, label=intent)
    names = [f"i want {word}" for word, _ in choices[:3]] + [
        f"in {word}" for word, _ in choices[3:]
    ]
    ax.barh(names[::-1], [probability for _, probability in choices][::-1])
    ax.set(title=intent, xlabel="probability", xlim=(0, 1))
plt.show()

# %%
# Whole requests
# --------------
#
# Nucleus sampling leaves out unlikely words. The model also decides where a request ends.

for intent in np.unique(train.target):
    words = model.generate(label=intent, max_steps=20, top_p=0.9, random_state=1)
    print(f"{intent:22} {' '.join(words)}")

# %%
# The kind of a request
# ---------------------
#
# By Bayes' rule, the intent is the one under which the words are likeliest.

predicted = model.predict_label(test.data)
print(f"intents recognised: {np.mean(predicted == test.target):.3f}")
