"""A recurrent network that learns a text, symbol by symbol, and writes on."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self, cast

import torch

from throughtime.data import DataError
from throughtime.data.text import Characters, Text, Vocabulary
from throughtime.estimators.parameters import Parameters
from throughtime.estimators.sampling import Sampling
from throughtime.estimators.settings import Settings, SettingsError
from throughtime.estimators.symbol_network import network_of_symbols
from throughtime.estimators.text_score import TextScore, score_of
from throughtime.estimators.text_stream import (
    last_share,
    refuse_short,
    vocabulary_for,
)
from throughtime.estimators.text_training import learn
from throughtime.estimators.writing import write_on
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
        dropout: Share of each layer's outputs that is dropped while training, the last's too.
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
        dropout: float = 0.3,
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
        self.embedding, self.dropout = embedding, dropout
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
        mine = self.get_params()
        names = inspect.signature(Settings).parameters
        settings = Settings(**{name: mine[name] for name in names if name in mine})
        if not 0 <= self.dropout < 1:
            raise SettingsError(f"dropout is a share from 0, below 1; got {self.dropout!r}")
        if not 0 <= self.validation < 1:
            raise SettingsError(f"validation is a share from 0, below 1; got {self.validation!r}")
        if self.patience is not None and not self.validation:
            raise SettingsError("patience waits for a better validation loss; give a validation")
        whole = isinstance(self.embedding, int) and not isinstance(self.embedding, bool)
        if self.embedding is not None and not (whole and self.embedding >= 0):
            raise SettingsError(
                f"embedding is a number of columns, or 0 for none; got {self.embedding!r}"
            )
        return settings

    def fit(
        self, text: str | bytes | Text, y: object = None, callbacks: Sequence[Callback] = ()
    ) -> Self:
        """Learn a text.

        Args:
            text: Characters, bytes, or what `read_text` gave.
            y: Ignored: a text is its own target.
            callbacks: Told of each update and epoch.

        Returns:
            This model. Ctrl-C, or a loss that is not finite, leaves it with its best weights;
            `outcome_` says so.

        Raises:
            SettingsError: A parameter is out of range, or the gradient method does not take the
                network.
            DataError: The text is too short, or not what the vocabulary takes.
        """
        settings = self.check()
        text = text.content if isinstance(text, Text) else text
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
                self.embedding, self.dropout, settings.torch_dtype,
            ).to(self.device)  # fmt: skip
        self.outcome_ = learn(network, vocabulary, numbers, held, settings, callbacks)
        self.vocabulary_, self.network_, self.opening_ = vocabulary, network, int(numbers[0])
        self.history_ = self.outcome_.history
        return self

    def evaluate(self, text: str | bytes | Text) -> TextScore:
        """Measure how well a text is expected, each symbol from all before it, in one pass.

        Raises:
            NotFittedError: Nothing has been learned.
            DataError: The text has fewer than two symbols.
        """
        vocabulary: Vocabulary = self._fitted("vocabulary_")
        numbers = vocabulary.encode(text.content if isinstance(text, Text) else text)
        if len(numbers) < 2:
            raise DataError(
                f"the text has {len(numbers)} {vocabulary.symbol}(s); to expect one from those "
                "before it takes two or more"
            )
        return score_of(self.network_, vocabulary, numbers)

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
        network, vocabulary = self._fitted("network_"), self._fitted("vocabulary_")
        sampling = Sampling(temperature, top_k, top_p)
        if isinstance(length, bool) or not isinstance(length, int) or length < 0:
            raise SettingsError(f"length is a number of symbols, 0 or more; got {length!r}")
        numbers = vocabulary.encode(prompt)
        if isinstance(vocabulary, Characters) and (unseen := vocabulary.unseen(prompt)):
            warnings.warn(
                f"the prompt has characters that were never learned, {unseen!r}; they are passed "
                "over as unknown",
                stacklevel=2,
            )
        unknown, draw = vocabulary.unknown, sampling.generator(seed)
        drawn = write_on(network, numbers, self.opening_, length, sampling, draw, unknown)
        return cast(Iterator[str], vocabulary.decoded(drawn))

    def save(self, folder: str | Path) -> None:
        """Write model.safetensors and config.json into an existing folder.

        Raises:
            NotFittedError: Nothing has been learned.
        """
        from throughtime.estimators.saved_language_model import save

        save(self, Path(folder))

    @classmethod
    def load(cls, folder: str | Path) -> LanguageModel:
        """Load a model that was saved, on the CPU.

        Raises:
            SavedError: A file is missing or damaged, or of a format that is not known.
        """
        from throughtime.estimators.saved_language_model import load

        return load(Path(folder))
