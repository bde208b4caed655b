"""Learn a text character by character, and write a new one.

A `SequenceGenerator` reads speeches by Shakespeare and learns which character comes next. It is then judged on speeches
that it has not seen, asked to write, and used to find what does not belong.
"""

# %%
# The data
# --------
#
# A list of texts is all it needs; each speech is one sequence, and its end is learnt too.

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
# The perplexity is the number of characters among which the model hesitates on average: 65 for one that knows
# nothing. Knowing how frequent each character is brings it to about 28.

model = SequenceGenerator("gru", 128, max_epochs=6, random_state=0).fit(train)
print("loss after each epoch:", np.round(model.loss_curve_, 2))
print(f"perplexity on unseen speeches: {model.perplexity(test):.2f}")

letters, counts = np.unique(list("".join(train)), return_counts=True)
log_share = dict(zip(letters, np.log(counts / counts.sum()), strict=True))
by_frequency = np.exp(-np.mean([log_share[letter] for letter in "".join(test)]))
print(f"with the frequency of characters alone: {by_frequency:.2f}")

# %%
# Writing
# -------
#
# ``temperature`` decides how much the model dares. It does not train anything: try as many as you like.

for temperature in (0.3, 0.7, 1.0):
    print(f"--- temperature {temperature}")
    print(
        model.generate("KING ", max_steps=160, temperature=temperature, stop="\n\n", random_state=0)
    )

# %%
# What may come next, and how sure is the model?

symbols = [*model.vocabulary_, "the end"]
for prefix in ("The q", "What say you?", "To be, or not to b"):
    probabilities = model.predict_proba([prefix])[0]
    likely = np.argsort(probabilities)[::-1][:4]
    print(f"{prefix!r}:", ", ".join(f"{symbols[i]!r} {probabilities[i]:.2f}" for i in likely))

# %%
# What does not belong
# --------------------
#
# Divided by the length, the log-likelihood of a text tells how usual it is.

texts = [
    "Good morrow, my lord: how do you this day?",
    "Click here to update your browser settings",
    "Quando la luna e piena, il mare si muove.",
    "zx qqp vbnm wrtx lkjh gfds pqzx mnbv cxzl",
]
scores = model.score_samples(texts) / [len(text) for text in texts]
for i in np.argsort(scores)[::-1]:
    print(f"{scores[i]:6.2f}  {texts[i]}")
