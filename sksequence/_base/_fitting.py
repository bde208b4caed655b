"""The steps of a fit: build the net, train it, report. None knows the estimator."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Generic, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.callback import CallbackContext

from sksequence._base._conflicts import (
    check_effects,
    check_embedding,
    check_same_network,
    check_vectors,
)
from sksequence._base._origin import digest
from sksequence._base._search_titles import title_in_search
from sksequence._batching import PreparedSequences, SequenceDataset, Share
from sksequence._blueprint import AnyCodec, Blueprint
from sksequence._input import (
    InputForm,
)
from sksequence._net import (
    Checkpointing,
    Ending,
    Ranks,
    SequenceNet,
    State,
    Stopping,
    TrainingRecord,
    augmentations_in,
    callbacks_of_judges,
    check_augmentations,
    join_ranks,
    net_arrays,
    new_net,
    restored_net,
    train,
    train_on,
)
from sksequence._random import numpy_generator
from sksequence._settings import (
    EmbeddingVectors,
    NetworkSettings,
    Settings,
    TrainingSettings,
)
from sksequence._tasks import Attributes, Rows, Task, TrainingData, automatic_batch_steps


@dataclass(frozen=True)
class Fit(Generic[AnyCodec]):
    """Everything that one fit works on.

    Attributes
    ----------
    task : Task
        Meaning of y.
    training : TrainingSettings
        Parameters of training.
    data : TrainingData
        Parsed X and y.
    blueprint : Blueprint
        Fitted encodings and sizes.
    net : SequenceNet
        Network with its training loop, trained in place.
    vectors : EmbeddingVectors or None
        Pre-trained vectors of new nets.
    """

    task: Task[AnyCodec]
    training: TrainingSettings
    data: TrainingData[AnyCodec]
    blueprint: Blueprint[AnyCodec]
    net: SequenceNet
    vectors: EmbeddingVectors | None = None

    def __post_init__(self) -> None:
        """Check changes of batches."""
        blueprint = self.blueprint
        levels = blueprint.scaler is not None and blueprint.scaler.level_steps is not None
        ends_matter = levels or blueprint.baseline is not None
        check_augmentations(
            self.training.callbacks, blueprint.spec, self.ranks, ends_matter=ends_matter
        )

    @classmethod
    def begin(cls, task: Task[AnyCodec], data: TrainingData[AnyCodec], settings: Settings) -> Self:
        """Resolve every "auto", and build a net with new weights."""
        check_embedding(settings.network, data.form)
        check_effects(settings.data, data.form)
        join_ranks(settings.training.callbacks)  # before a net is built: it selects the GPU
        vectors = _pretrained_vectors(settings.network, data.form)
        settings = replace(settings, network=settings.network.with_vectors(vectors))
        blueprint = task.settle(data, settings)
        blueprint = replace(blueprint, loss_options=task.loss_options(blueprint))
        net = new_net(blueprint, settings.training, vectors)
        return cls(task, settings.training, data, blueprint, net, vectors)

    @classmethod
    def resume(
        cls,
        task: Task[AnyCodec],
        data: TrainingData[AnyCodec],
        settings: Settings,
        known: Blueprint[AnyCodec],
        net: SequenceNet,
    ) -> Self:
        """Check that the network is still the same, and build a net with a copy of its weights."""
        check_same_network(settings.network, known)
        task.check_same(known)
        training = settings.training
        join_ranks(training.callbacks)
        codec = data.targets.codec
        # what is kept of the network is to be learnt again
        unjudged = replace(known, shrinkage=0.0, marginal=None)
        blueprint = replace(unjudged, codec=codec, loss_options=task.loss_options(known))
        if not training.is_single_pass:
            batch_size, max_epochs = task.sizes(data, training, known)
            blueprint = replace(blueprint, batch_size=batch_size, max_epochs=max_epochs)
        net = restored_net(blueprint, training, net_arrays(net)).initialize_to_train()
        return cls(task, training, data, blueprint, net)

    @property
    def ranks(self) -> Ranks:
        """The processes that train the net together."""
        return join_ranks(self.training.callbacks)

    def origin(self) -> dict[str, str]:
        """Return what training depends on besides parameters, to recognise it in another process.

        The order matters: what comes later may differ because something before it does.
        """
        data, sequences = self.data, self.data.sequences
        vocabularies = (*data.form.vocabularies, *data.form.static_vocabularies)
        targets, split = data.targets, data.split
        classes = getattr(self.blueprint.codec, "classes", None)
        changes = augmentations_in(self.training.callbacks)
        return ({"callbacks": repr(changes)} if changes else {}) | {
            "X": digest(
                sequences.offsets,
                *sequences.blocks,
                *sequences.static_blocks,
                *(vocabulary.symbols for vocabulary in vocabularies),
            ),
            "y": digest(targets.parsed, targets.labelled, classes),
            "the seed of random_state": str(data.seed),
            "sample_weight or groups": digest(
                self.task.weights(data), split.training, split.validation
            ),
            "the device": str(self.net.device),
            "the network at the start": digest(net_arrays(self.net)),
        }

    def name_in_search(self, context: CallbackContext, candidate: object) -> None:
        """Name the fit and its parameters for the lines that are printed during a search."""
        title = title_in_search(context)
        if title:
            self.net.title_, self.net.candidate_ = title, re.sub(r"\s+", " ", repr(candidate))

    def train(
        self,
        after_epoch: Callable[[TrainingRecord], bool],
        checkpoint: Checkpointing | None = None,
        state: State | None = None,
    ) -> TrainingRecord:
        """Train the net until its last epoch, or until `after_epoch` returns True.

        If `checkpoint` has stored a `state` of this fit, training goes on from there.
        """
        train_on(self.net, self.ranks)
        training_part = self._dataset(self.data.split.training, self._shuffler())
        validation_part, stopping = None, None
        if len(self.data.split.validation):
            validation_part = self._dataset(self.data.split.validation)
            stopping = Stopping(int(self.training.n_iter_no_change), float(self.training.tol))
        with self.blueprint.threads():
            return train(
                self.net,
                training_part,
                validation_part,
                stopping,
                after_epoch,
                ending=self._ending(),
                checkpoint=checkpoint,
                state=state,
            )

    @cached_property
    def _dataset(self) -> Callable[..., SequenceDataset]:
        """Function from rows, and a generator that shuffles them, to a part of the data."""
        prepared = self.blueprint.prepare(self.data.sequences)
        encoded = self.blueprint.codec.encode(self.data.targets.parsed)
        weights = self.task.weights(self.data)
        max_steps, share = self._max_batch_steps(prepared), self._share()

        def dataset(
            rows: NDArray[np.int64], generator: np.random.Generator | None = None
        ) -> SequenceDataset:
            return SequenceDataset(
                prepared,
                rows,
                encoded,
                weights,
                per_step=self.blueprint.per_step,
                generator=generator,
                max_steps=max_steps,
                share=share,
                by_blocks=self.training.shuffles_blocks,
            )

        return dataset

    def _ending(self) -> Ending | None:
        """Return the rule that ends the training of a task that is learnt, if epochs are "auto".

        Early stopping and a constant learning rate have ends of their own.
        """
        training = self.training
        is_free = training.max_epochs == "auto" and training.lr_schedule is not None
        if not is_free or len(self.data.split.validation):
            return None
        return self.task.ending(self.blueprint, self.data)

    def _share(self) -> Share | None:
        """Return the rows of each batch that this process reads; None if it reads all."""
        ranks = self.ranks
        if ranks.size == 1:
            return None
        return Share(ranks.rank, ranks.size, self.net.tbptt_steps if self.net.per_step else None)

    def _shuffler(self) -> np.random.Generator | None:
        return numpy_generator(self.blueprint.seed, "shuffle") if self.training.shuffle else None

    def _max_batch_steps(self, prepared: PreparedSequences) -> int | None:
        """Return the maximum number of steps in a batch; None if it is given or read in chunks."""
        reads_chunks = self.blueprint.per_step and self.training.tbptt_steps is not None
        if self.training.batch_size != "auto" or reads_chunks:
            return None
        return automatic_batch_steps(prepared.width)

    def attributes(self, record: TrainingRecord) -> Attributes:
        """Return all fitted attributes but those of `evaluation`."""
        return fitted_attributes(self.task, self.blueprint, self.net, record)

    def so_far(self) -> Callable[[State], Attributes]:
        """Return a function from a state of training to fitted attributes.

        It holds no data.
        """
        training = replace(self.training, callbacks=None)
        return partial(_attributes_of, self.task, self.blueprint, training)

    def evaluation(self) -> Attributes:
        """Return the fitted attributes that need trained nets, and rows that they have not seen."""
        split, training = self.data.split, self.training
        if len(split.validation):
            judged = [(self.net, split.validation)]
        else:
            fraction = training.validation_fraction
            parts = split.to_judge or self.task.parts_to_judge(self.blueprint, self.data, fraction)
            judged = self._judged(parts, may_end=not split.to_judge)
        return self.task.evaluate(judged, self.blueprint, self.data)

    def _judged(
        self, parts: Sequence[tuple[Rows, Rows]], may_end: bool
    ) -> list[tuple[SequenceNet, Rows]]:
        """Return networks trained on parts of the rows, and the rows that they have not seen.

        Networks that may end do so as soon as the verdict is clear.
        """
        judged = []
        for part in parts:
            net, n_epochs = self._net_of(part, may_end)
            judged.append((net, part[1]))
            if n_epochs < self.blueprint.max_epochs:
                break
        return judged

    def _net_of(self, part: tuple[Rows, Rows], may_end: bool) -> tuple[SequenceNet, int]:
        """Return another net, trained on the first rows of a part, and its number of epochs."""
        callbacks = callbacks_of_judges(self.training.callbacks)
        training = replace(self.training, callbacks=callbacks, verbose=0)
        net = new_net(self.blueprint, training, self.vectors)
        train_on(net, self.ranks)
        rows = self.data.split.training
        dataset = self._dataset(rows[np.isin(rows, part[0])], self._shuffler())

        def is_over(record: TrainingRecord) -> bool:
            n_epochs = record.n_epochs
            return may_end and self.task.is_clear(net, part, n_epochs, self.blueprint, self.data)

        with self.blueprint.threads():
            record = train(net, dataset, None, None, is_over)
        return net, record.n_epochs


def _pretrained_vectors(network: NetworkSettings, form: InputForm) -> EmbeddingVectors | None:
    """Read the vectors of the symbols of X, if they come from a file."""
    source = network.embedding_dim
    if source is None or not hasattr(source, "__sksequence_vectors__"):
        return None
    check_vectors(network, form)
    return source.__sksequence_vectors__(form.vocabularies[0].symbols)


def _attributes_of(
    task: Task[AnyCodec], blueprint: Blueprint[AnyCodec], training: TrainingSettings, state: State
) -> Attributes:
    """Return the fitted attributes that a fit would have, had it ended with this state."""
    record = TrainingRecord(**deepcopy(state["record"]))
    weights = state["best_weights"] or state["weights"]
    net = restored_net(blueprint, training, {"weights": weights})
    net.history.extend(deepcopy(state["history"]))
    return fitted_attributes(task, blueprint, net, record)


def fitted_attributes(
    task: Task[AnyCodec], blueprint: Blueprint[AnyCodec], net: SequenceNet, record: TrainingRecord
) -> Attributes:
    """Return all fitted attributes that need no data."""
    form = blueprint.form
    fitted: Attributes = {
        "_blueprint": blueprint,
        "net_": net,
        "n_features_in_": form.n_features_in,
        "input_kind_": form.kind,
        "n_iter_": record.n_epochs,
        "loss_curve_": record.loss_curve,
        "gradient_norm_curve_": record.gradient_norm_curve,
        "max_epochs_": blueprint.max_epochs,
        "batch_size_": blueprint.batch_size,
        "hidden_size_": blueprint.spec.hidden_size,
        "dropout_": blueprint.spec.dropout,
        "n_estimators_": blueprint.spec.n_estimators,
    }
    if form.feature_names_in is not None:
        fitted["feature_names_in_"] = form.feature_names_in
    if blueprint.time_unit is not None:
        fitted["time_unit_"] = blueprint.time_unit
    if form.holds_symbols:
        if len(form.vocabularies) == 1:
            fitted["vocabulary_"] = form.vocabularies[0].codes
        fitted["embedding_dim_"] = blueprint.spec.embedding_dim
    if form.categories:
        fitted["categories_"] = form.categories
    if record.learnt_epoch:
        fitted["learnt_epoch_"] = record.learnt_epoch
    if record.validation_curve:
        fitted["validation_curve_"] = record.validation_curve
        fitted["best_loss_"] = record.best_loss
    return fitted | task.report(blueprint)
