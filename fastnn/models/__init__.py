"""Pretrained networks from their published files, on fastnn's layers.

`SentenceEncoder` turns sentences into vectors with any encoder of BERT's family; `TextEncoder` is the network in it.
"""
from fastnn.models.config import EncoderConfig
from fastnn.models.encoder import EncoderLayer, TextEncoder
from fastnn.models.packed import Packed
from fastnn.models.sentence import SentenceEncoder

__all__ = ["EncoderConfig", "EncoderLayer", "Packed", "SentenceEncoder", "TextEncoder"]
