"""A language model of characters: learn a text, score what follows, write on, save and load."""

import pydoc_data.topics
import tempfile

from throughtime.estimators import LanguageModel


def main(characters: int = 465_000, hidden: int = 256, epochs: int = 20) -> float:
    """Learn the text of Python's own documentation; give the bits a character of its last tenth."""
    text = "".join(pydoc_data.topics.topics.values())[:characters]
    known, held_out = text[: -len(text) // 10], text[-len(text) // 10 :]

    model = LanguageModel("characters", cell="lstm", hidden=hidden, epochs=epochs)
    model.fit(known)
    print(f"{len(model.history_)} updates, best after epoch {model.outcome_.best_epoch}")
    bits = model.bits_per_character(held_out)
    print(f"{bits:.3f} bits a character of the {len(held_out):,} that follow")

    for piece in model.writing(200, prompt="The ", temperature=0.7, seed=1):
        print(piece, end="", flush=True)  # as it comes
    print()

    with tempfile.TemporaryDirectory() as folder:
        model.save(folder)  # model.safetensors and config.json
        same = LanguageModel.load(folder)
    assert same.generate(50, seed=2) == model.generate(50, seed=2)
    return bits


if __name__ == "__main__":
    main()
