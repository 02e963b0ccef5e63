"""A recurrent network that learns a text, symbol by symbol, and writes on."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from throughtime.data import DataError
from throughtime.data.text import Text, Vocabulary, last_share
from throughtime.estimators.parameters import Parameters
from throughtime.estimators.sampling import Sampling
from throughtime.estimators.settings import Settings, SettingsError
from throughtime.estimators.symbol_network import network_of_symbols
from throughtime.estimators.text_flow import flow_of, walk_of
from throughtime.estimators.text_score import TextScore, score_of
from throughtime.estimators.text_stream import content_of, refuse_short, vocabulary_for
from throughtime.estimators.text_training import TextTraining
from throughtime.estimators.writing import text_after
from throughtime.flow import Flow
from throughtime.flow.walk import Walk
from throughtime.train import Checkpoint, Checkpoints, Outcome
from throughtime.train.run_folder import RunFolder
from throughtime.train.training import Callback


class LanguageModel(Parameters):
    """Learns to expect the next symbol of a text from all before, and writes texts like it.

    The text is read by a `tt.data.Stream` in rows side by side, each carrying its state from chunk
    to chunk; every pass cuts it at another place. What is held out for validation comes last.

    Args:
        vocabulary: What the text is made of: "characters" (of the text), "bytes", the path of a
            tokenizer's JSON file, a `tokenizers.Tokenizer`, or a `Vocabulary`.
        cell: The name of a cell.
        hidden: Units a layer, H.
        layers: Layers.
        embedding: Columns of a learned embedding; 0 for a column a symbol (one-hot), which online
            gradient methods need; None for 128, or H where that is less.
        dropout: Share of each layer's outputs that is dropped while training, the last's too, which
            stay the same for all steps of a chunk.
        weight_dropout: Share of the recurrent weights, if the cell has any, that is dropped while
            training, other ones in each chunk. Online gradient methods need 0 for both dropouts.
        method: A gradient method with its arguments. "bptt" differentiates the chunks of a stream:
            truncated backpropagation through `window` steps.
        window: Steps of a chunk; methods that look back over several updates get longer ones.
        batch_size: Rows.
        epochs: At most so many times through the text.
        learning_rate: The first one.
        optimizer: The name of one of torch's optimisers.
        schedule: The name of a learning-rate schedule, stepped once an epoch.
        weight_decay: The optimiser's.
        clip: The largest gradient norm let through; None for no limit.
        validation: Share of the text, its last, on which to choose the epoch whose weights are
            kept; 0 to learn from all of it and keep the last weights.
        patience: Epochs without a better validation loss before training ends; None for never.
        seed: Of the weights' first draw and of everything else that is random.
        device: Where to train: "cpu", "cuda", ...
        dtype: "float32" or "float64".

    Attributes:
        vocabulary_: The symbols.
        network_: Gives logits [T, B, V]; a `tt.Network`, or an `EmbeddedNetwork`.
        outcome_: What the training came to: history, best epoch, why it ended.
        history_: One row an update.
        opening_: The number of the first symbol of the text, with which texts begin by themselves.

    Example:
        >>> model = LanguageModel(hidden=16, window=8, batch_size=4, epochs=12, learning_rate=0.03)
        >>> model.fit("to be or not to be; " * 40).generate(10, prompt="or not ", temperature=0)
        'to be; to '
    """

    def __init__(
        self,
        vocabulary: Any = "characters",
        cell: str = "lstm",
        hidden: int = 256,
        layers: int = 1,
        embedding: int | None = None,
        dropout: float = 0.4,
        weight_dropout: float = 0.1,
        method: str = "bptt",
        window: int = 100,
        batch_size: int = 16,
        epochs: int = 20,
        learning_rate: float = 0.006,
        optimizer: str = "adamw",
        schedule: str = "cosine",
        weight_decay: float = 0.01,
        clip: float | None = 1.0,
        validation: float = 0.1,
        patience: int | None = None,
        seed: int = 0,
        device: str = "cpu",
        dtype: str = "float32",
    ) -> None:
        self.vocabulary = vocabulary
        self.cell, self.hidden, self.layers = cell, hidden, layers
        self.embedding, self.dropout, self.weight_dropout = embedding, dropout, weight_dropout
        self.method, self.window, self.batch_size = method, window, batch_size
        self.epochs, self.learning_rate = epochs, learning_rate
        self.optimizer, self.schedule = optimizer, schedule
        self.weight_decay, self.clip = weight_decay, clip
        self.validation, self.patience = validation, patience
        self.seed, self.device, self.dtype = seed, device, dtype

    def check(self) -> Settings:
        """Refuse parameters that are out of range or unknown, before anything is read or made.

        Raises:
            SettingsError: The message says what is allowed.
        """
        self._take_plain()
        mine = self.get_params()
        names = inspect.signature(Settings).parameters
        settings = Settings(**{name: mine[name] for name in names if name in mine})
        for name in ("dropout", "weight_dropout", "validation"):
            share = mine[name]
            if not isinstance(share, int | float) or not 0 <= share < 1:
                raise SettingsError(f"{name} is a share from 0, below 1; got {share!r}")
        if self.patience is not None and not self.validation:
            raise SettingsError("patience waits for a better validation loss; give a validation")
        whole = isinstance(self.embedding, int) and not isinstance(self.embedding, bool)
        if self.embedding is not None and not (whole and self.embedding >= 0):
            raise SettingsError(
                f"embedding is a number of columns, or 0 for none; got {self.embedding!r}"
            )
        return settings

    def fit(
        self,
        text: str | bytes | Text,
        y: object = None,
        callbacks: Sequence[Callback] = (),
        checkpoints: Checkpoints | None = None,
        resume: Checkpoint | None = None,
    ) -> Self:
        """Learn a text.

        Args:
            text: Characters, bytes, or what `read_text` gave.
            y: Ignored: a text is its own target.
            callbacks: Told of each update and epoch.
            checkpoints: Keeps what is needed to go on with the training; see `throughtime.train`.
            resume: Where to go on from: a checkpoint of a model with these parameters, fitted on
                this text.

        Returns:
            This model. Ctrl-C, or a loss that is not finite, leaves it with its best weights;
            `outcome_` says so.

        Raises:
            SettingsError: A parameter is out of range, or the gradient method does not take the
                network.
            DataError: The text is too short, or not what the vocabulary takes.
            StorageError: A checkpoint cannot be written; or the one to go on from is one of
                another training.
        """
        self.learn(self.prepared(text), callbacks, checkpoints, resume)
        return self

    def prepared(self, text: str | bytes | Text) -> TextTraining:
        """Give the training that `fit` goes through, before it begins: its network as it is drawn.

        Errors are those of `fit`.
        """
        settings = self.check()
        text = content_of(text)
        if not text:
            raise DataError("the text is empty.\nTo mend: give one of some thousand characters.")
        learned = last_share(text, self.validation)
        vocabulary = vocabulary_for(self.vocabulary, text[:learned])
        numbers = vocabulary.encode(text[:learned])
        held = vocabulary.encode(text[learned:]) if self.validation else None
        refuse_short(numbers, held, self.window, vocabulary)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            network = network_of_symbols(
                vocabulary.size, vocabulary.unknown, self.cell, self.hidden, self.layers,
                self.embedding, self.dropout, self.weight_dropout, settings.torch_dtype,
            ).to(self.device)  # fmt: skip
        return TextTraining(network, vocabulary, numbers, held, settings)

    def learn(
        self,
        training: TextTraining,
        callbacks: Sequence[Callback] = (),
        checkpoints: Checkpoints | None = None,
        resume: Checkpoint | None = None,
    ) -> Outcome:
        """Go through a training that `prepared` gave; the rest is as for `fit`."""
        self.outcome_ = training.run(callbacks, checkpoints, resume)
        self.vocabulary_, self.network_ = training.vocabulary, training.network
        self.history_, self.opening_ = self.outcome_.history, training.opening
        return self.outcome_

    def evaluate(self, text: str | bytes | Text) -> TextScore:
        """Measure how well a text is expected, each symbol from all before it, in one pass.

        Raises:
            NotFittedError: Nothing has been learned.
            DataError: The text has fewer than two symbols.
        """
        numbers = self._numbers(text)
        return score_of(self.network_, self.vocabulary_, numbers)

    def _numbers(self, text: str | bytes | Text) -> Tensor:
        vocabulary: Vocabulary = self._fitted("vocabulary_")
        numbers = vocabulary.encode(content_of(text))
        if len(numbers) < 2:
            raise DataError(
                f"the text has {len(numbers)} {vocabulary.symbol}(s); to expect one from those "
                "before it takes two or more"
            )
        return numbers

    def flow(self, text: str | bytes | Text) -> Flow:
        """Measure how far back gradients reach in the network, on the last symbols of a text.

        Raises:
            NotFittedError: Nothing has been learned.
            DataError: The text has fewer than two symbols.
            NoFlowError: There is no gradient, or it is not finite.
        """
        return flow_of(self._fitted("network_"), self.vocabulary_, self._numbers(text))

    def walk(self, text: str | bytes | Text) -> Walk | None:
        """Walk through the last symbols of a text, as many as a window has; see `walk_of`.

        Raises:
            NotFittedError: Nothing has been learned.
            FloatingPointError: A loss or a state is not finite.
        """
        network = self._fitted("network_")
        return walk_of(network, self.vocabulary_, self._numbers(text), self.window)

    def bits_per_character(self, text: str | bytes | Text) -> float:
        """Give the bits that a character of a text takes; see `evaluate`."""
        return self.evaluate(text).bits_per_character

    def perplexity(self, text: str | bytes | Text) -> float:
        """Give the perplexity of a text's symbols; see `evaluate`."""
        return self.evaluate(text).perplexity

    def score(self, text: str | bytes | Text, y: object = None) -> float:
        """Give the bits a character of a text, negative: more is better, as scikit-learn wants."""
        return -self.bits_per_character(text)

    def generate(
        self,
        length: int,
        prompt: str = "",
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
    ) -> str:
        """Write on from a prompt; arguments and errors are those of `writing`.

        Returns:
            What was written, without the prompt.
        """
        return "".join(self.writing(length, prompt, temperature, top_k, top_p, seed))

    def writing(
        self,
        length: int,
        prompt: str = "",
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
    ) -> Iterator[str]:
        """Write on from a prompt, as it comes, the state carried in a `layer.stepper()`.

        Args:
            length: Symbols to write.
            prompt: What comes before. Characters that were never learned are passed over as unknown
                ones, with a warning that names them; none is ever written. Without a prompt the
                text begins with the first symbol of the one learned.
            temperature: See `Sampling`, as for the next two.
            top_k: Among how many of the likeliest to draw.
            top_p: Among the likeliest of how much probability.
            seed: The same gives the same text; None for another each time.

        Yields:
            Text in whole characters.

        Raises:
            NotFittedError: Nothing has been learned.
            SettingsError: A number is out of range.
        """
        network, sampling = self._fitted("network_"), Sampling(temperature, top_k, top_p)
        return text_after(prompt, network, self.vocabulary_, self.opening_, length, sampling, seed)

    def save(self, folder: str | Path) -> None:
        """Write what was learned into a new folder: safetensors and JSON, whole or not at all.

        Args:
            folder: It must not exist, or be empty.

        Raises:
            NotFittedError: Nothing has been learned.
            RunFolderError: The folder is taken, or cannot be written.
        """
        from throughtime.estimators.saved_language_model import save

        self._fitted("network_")
        with RunFolder("model", Path(folder)) as place:
            save(self, place.path)
            place.keep()

    @classmethod
    def load(cls, folder: str | Path) -> LanguageModel:
        """Load a model that was saved, on the CPU.

        Raises:
            SavedError: A file is missing or damaged, or of a format that is not known.
        """
        from throughtime.estimators.saved_language_model import load

        return load(Path(folder))
