"""Moonshine base-en, an English speech recogniser (weights of ``moonshine-cpp``, MIT).

"Moonshine: Speech Recognition for Live Transcription and Voice Commands", Jeffries et al. 2024.
The encoder runs in ONNX Runtime. The decoder is eight transformer layers small enough for numpy,
which reads the weights once and keeps one key/value cache per call, so calls may run in parallel
threads.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.local_model.asr import Recognition
from gateway.local_model.audio import RECOGNITION_RATE, Waveform
from gateway.local_model.ort_weights import OrtWeights, read_ort

Matrix = npt.NDArray[np.float32]

_LAYERS, _HEADS, _HEAD_SIZE, _ROTATED = 8, 8, 52, 32
_BEGIN, _END = 1, 2
_TOKENS_PER_SECOND = 6.5
"""Above this the decoder repeats itself; the paper's own limit."""
_SHORTEST = RECOGNITION_RATE // 10


class Moonshine:
    """Recognises one utterance at a time; safe to call from several threads."""

    name = "moonshine-base-en"

    def __init__(self, files: Mapping[str, Path]) -> None:
        """``files``: ``encoder_model.ort``, ``decoder_model_merged.ort``, ``tokenizer.bin``."""
        # 1.32 keeps a file of what it does, to be sent to its makers. Read when it is imported.
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._encoder: Any = onnxruntime.InferenceSession(
            str(files["encoder_model.ort"]), options, providers=["CPUExecutionProvider"]
        )
        self._decoder = _Decoder(read_ort(files["decoder_model_merged.ort"]))
        self._vocabulary = _read_vocabulary(files["tokenizer.bin"].read_bytes())

    def transcribe(self, speech: Waveform, draft: Sequence[int] = ()) -> Recognition:
        """See `Recogniser.transcribe`; a good ``draft`` saves about 10 ms a token."""
        if len(speech) < _SHORTEST:
            return Recognition("")
        batch = np.ascontiguousarray(speech[np.newaxis], np.float32)
        heard: Matrix = self._encoder.run(None, {"input_values": batch})[0][0]
        limit = int(len(speech) / RECOGNITION_RATE * _TOKENS_PER_SECOND) + 4
        tokens = self._decoder.greedy(heard, limit, draft)
        return Recognition(self._text(tokens), tuple(tokens))

    def _text(self, tokens: list[int]) -> str:
        pieces = b"".join(self._vocabulary[token] for token in tokens)
        return pieces.decode("utf-8", "replace").replace("▁", " ").strip()


def _read_vocabulary(data: bytes) -> list[bytes]:
    """Token -> bytes: a length (one byte, or two in base 128) before each piece.

    Control tokens (``<s>``) become empty, byte tokens (``<0x0A>``) the byte they stand for.
    """
    pieces = []
    at = 0
    while at < len(data):
        size = data[at]
        at += 1
        if size > 127:
            size += data[at] * 128 - 128
            at += 1
        pieces.append(_literal(data[at : at + size]))
        at += size
    return pieces


def _literal(piece: bytes) -> bytes:
    byte = re.fullmatch(rb"<0x([0-9A-F]{2})>", piece)
    if byte:
        return bytes.fromhex(byte[1].decode())
    return b"" if re.fullmatch(rb"<.*>", piece) else piece


@dataclass(frozen=True)
class _Layer:
    """One decoder layer's weights, ready to multiply from the right."""

    self_qkv: Matrix
    self_out: Matrix
    cross_q: Matrix
    cross_kv: Matrix
    cross_out: Matrix
    up: Matrix
    up_bias: Matrix
    down: Matrix
    down_bias: Matrix
    norm_self: Matrix
    norm_cross: Matrix
    norm_mlp: Matrix


@dataclass
class _Cache:
    """What one decoding remembers: per layer (keys, values), each (heads, time, head size)."""

    heard: list[tuple[Matrix, Matrix]]
    said: list[tuple[Matrix, Matrix] | None] = field(default_factory=lambda: [None] * _LAYERS)
    length: int = 0

    def shorten(self, length: int) -> None:
        """Forget all but the first ``length`` tokens."""
        self.length = length
        self.said = [past and (past[0][:, :length], past[1][:, :length]) for past in self.said]


class _Decoder:
    """Token by token, always the likeliest."""

    def __init__(self, weights: OrtWeights) -> None:
        self._weights = weights
        self._embedding = self._matrix("model.decoder.embed_tokens.weight_merged_0")
        self._norm = self._vector("model.decoder.norm.weight")
        self._layers = [self._layer(index) for index in range(_LAYERS)]
        exponents = np.arange(0, _ROTATED, 2, dtype=np.float32) / _ROTATED
        self._frequencies = (1.0 / 10_000.0**exponents).astype(np.float32)
        # The quantised originals are of no more use, and they hold the whole file in memory.
        del self._weights

    def _layer(self, index: int) -> _Layer:
        graph = f"/model/decoder/layers.{index}"
        names = f"model.decoder.layers.{index}"

        def side_by_side(attention: str, parts: str) -> Matrix:
            return np.concatenate(
                [self._product(f"{graph}/{attention}/{part}_proj/MatMul") for part in parts], 1
            )

        return _Layer(
            self_qkv=side_by_side("self_attn", "qkv"),
            self_out=self._product(f"{graph}/self_attn/dense/MatMul"),
            cross_q=self._product(f"{graph}/encoder_attn/q_proj/MatMul"),
            cross_kv=side_by_side("encoder_attn", "kv"),
            cross_out=self._product(f"{graph}/encoder_attn/dense/MatMul"),
            up=self._product(f"{graph}/mlp/up_proj/MatMul"),
            up_bias=self._vector(f"{names}.mlp.up_proj.bias"),
            down=self._product(f"{graph}/mlp/down_proj/MatMul"),
            down_bias=self._vector(f"{names}.mlp.down_proj.bias"),
            norm_self=self._vector(f"{names}.input_layernorm.weight"),
            norm_cross=self._vector(f"{names}.post_attention_layernorm.weight"),
            norm_mlp=self._vector(f"{names}.final_layernorm.weight"),
        )

    def _product(self, node: str) -> Matrix:
        """The matrix a multiplication node multiplies with."""
        return self._matrix(self._weights.multiplied[node].replace("_add_tensor", ""))

    def _matrix(self, name: str) -> Matrix:
        """An 8-bit matrix as floats; scale and zero point are stored as floats beside it."""
        tensors = self._weights.tensors
        matrix: Matrix = tensors[f"{name}_quantized"].astype(np.float32)
        matrix *= tensors[f"{name}_scale"]
        matrix += tensors[f"{name}_zero_point"]
        return matrix

    def _vector(self, name: str) -> Matrix:
        return self._weights.tensors[f"{name}_merged_0"].astype(np.float32)

    def greedy(self, heard: Matrix, limit: int, draft: Sequence[int]) -> list[int]:
        """Encoder output (time, width) to at most ``limit`` tokens.

        ``draft`` is what was said so far by an earlier guess. All of it is checked in one pass,
        for the weights are read once a pass and reading them is what takes the time.
        """
        cache = _Cache(heard=[_halves(heard @ layer.cross_kv) for layer in self._layers])
        draft = list(draft[:limit])
        expected = self._step([_BEGIN, *draft], cache)
        right = 0
        while right < len(draft) and draft[right] == expected[right]:
            right += 1
        tokens, token = draft[:right], expected[right]
        cache.shorten(right + 1)
        while token != _END and len(tokens) < limit:
            tokens.append(token)
            (token,) = self._step([token], cache)
        return tokens

    def _step(self, tokens: Sequence[int], cache: _Cache) -> list[int]:
        """Append ``tokens``; what the decoder expects after each of them."""
        state = self._embedding[list(tokens)]
        positions = np.arange(cache.length, cache.length + len(tokens), dtype=np.float32)
        angles = positions[:, np.newaxis] * self._frequencies
        rotation = np.cos(angles), np.sin(angles)
        unseen = np.triu(np.full((len(tokens), len(tokens)), -np.inf, np.float32), 1)
        future = np.pad(unseen, ((0, 0), (cache.length, 0)))
        for index, layer in enumerate(self._layers):
            qkv = _normalised(state, layer.norm_self) @ layer.self_qkv
            query, key, value = (_heads(part) for part in np.split(qkv, 3, 1))
            key = _rotated(key, rotation)
            past = cache.said[index]
            if past is not None:
                key, value = np.concatenate([past[0], key], 1), np.concatenate([past[1], value], 1)
            cache.said[index] = key, value
            mixed = _attention(_rotated(query, rotation), key, value, future)
            state = state + mixed @ layer.self_out
            query = _heads(_normalised(state, layer.norm_cross) @ layer.cross_q)
            state = state + _attention(query, *cache.heard[index]) @ layer.cross_out
            hidden = _normalised(state, layer.norm_mlp) @ layer.up + layer.up_bias
            content, gate = np.split(hidden, 2, 1)
            state = state + (content * (gate / (1 + np.exp(-gate)))) @ layer.down + layer.down_bias
        cache.length += len(tokens)
        expected: list[int] = (
            (_normalised(state, self._norm) @ self._embedding.T).argmax(-1).tolist()
        )
        return expected


def _normalised(state: Matrix, weight: Matrix) -> Matrix:
    """Layer normalisation without a bias."""
    centred = state - state.mean(-1, keepdims=True)
    scaled: Matrix = centred / np.sqrt((centred * centred).mean(-1, keepdims=True) + 1e-5) * weight
    return scaled


def _heads(state: Matrix) -> Matrix:
    """(time, width) to (heads, time, head size)."""
    return state.reshape(len(state), _HEADS, _HEAD_SIZE).transpose(1, 0, 2)


def _halves(state: Matrix) -> tuple[Matrix, Matrix]:
    keys, values = np.split(state, 2, 1)
    return _heads(keys), _heads(values)


def _rotated(state: Matrix, rotation: tuple[Matrix, Matrix]) -> Matrix:
    """Rotary position, interleaved pairs of the first `_ROTATED` dimensions."""
    cosine, sine = rotation
    even, odd = state[..., 0:_ROTATED:2], state[..., 1:_ROTATED:2]
    rotated = state.copy()
    rotated[..., 0:_ROTATED:2] = even * cosine - odd * sine
    rotated[..., 1:_ROTATED:2] = odd * cosine + even * sine
    return rotated


def _attention(query: Matrix, keys: Matrix, values: Matrix, mask: Matrix | float = 0.0) -> Matrix:
    """Every head's mixture of values, side by side: (time, width)."""
    scores = query @ keys.transpose(0, 2, 1) / np.float32(_HEAD_SIZE**0.5) + mask
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    mixed: Matrix = (weights @ values).transpose(1, 0, 2)
    return mixed.reshape(query.shape[1], -1)
