"""A sentence model of two layers and 8 numbers, made in a moment, in the library's own format."""

from __future__ import annotations

from pathlib import Path


def save_tiny_model(folder: Path) -> None:
    """Write a model with random weights that knows the letters."""
    from sentence_transformers import SentenceTransformer, models
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder.mkdir()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz"]
    (folder / "vocab.txt").write_text("\n".join([*words, *(f"##{x}" for x in words[5:])]))
    inner = folder / "bert"
    BertTokenizerFast(vocab_file=str(folder / "vocab.txt")).save_pretrained(inner)
    sizes = {"hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 8}
    config = BertConfig(vocab_size=57, num_hidden_layers=2, **sizes)
    BertModel(config).save_pretrained(inner)
    transformer = models.Transformer(str(inner))
    SentenceTransformer(modules=[transformer, models.Pooling(8)]).save(str(folder))
