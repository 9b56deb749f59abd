"""Damage done to weights files: bytes, header, facts and tensors, as chance or a foreign hand would."""

import json
import random
from collections.abc import Callable
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 3, 10**6, 2**62, 10**30, -(10**400), 0.5, 1e308, float("nan"), float("inf")),
    *("", "x", "\x1b[31m", "\0", "9" * 5000, "\ud800", [], [1], ["happiness"] * 8, {}, {"a": 1}, [[]] * 3),
)
TYPES = (torch.int8, torch.bool, torch.float64, torch.bfloat16, torch.int32, torch.complex64, torch.float8_e4m3fn)


def unpacked(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The header and the numbers of a safetensors file."""
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def packed(header: Any, numbers: bytes) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + numbers


def damaged(data: bytes, chance: random.Random) -> bytes:
    """A file with one to three damages of one of the kinds below."""
    for _ in range(chance.randint(1, 3)):
        kind = chance.choice(KINDS)
        try:
            data = kind(data, chance)
        except Exception:
            continue  # damaged beyond this kind already
    return data


def of_bytes(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(min(len(data), chance.choice((16, 4000, len(data)))))
    end = start + chance.choice((0, 1, 8, 500))
    middle = chance.choice(
        (b"", chance.randbytes(end - start), b"\xff" * 8, b"\0" * 8, b"[" * 5000, data[start:end] * 3)
    )
    return data[:start] + middle + (data[end:] if chance.random() < 0.8 else b"")


def of_header(data: bytes, chance: random.Random) -> bytes:
    header, numbers = unpacked(data)
    change(header, chance, ("F32", "F16", "I8", "I64", [4, 4], [2**40, 2**40], [0, 2**62], *ODD))
    return packed(header, numbers)


def of_facts(data: bytes, chance: random.Random) -> bytes:
    header, numbers = unpacked(data)
    facts = json.loads(header["__metadata__"]["facts"])
    change(facts, chance, ODD)
    text = json.dumps(facts)
    header["__metadata__"]["facts"] = chance.choice((text, text, text, text[:-5], "[" * 100_000, text + text))
    return packed(header, numbers)


def of_tensors(data: bytes, chance: random.Random) -> bytes:
    header, _ = unpacked(data)
    tensors: dict[str, Tensor] = load(data)
    name = chance.choice(list(tensors))
    value = tensors[name]
    ways: list[Callable[[], object]] = [
        lambda: tensors.pop(name),
        lambda: tensors.update({name: torch.full_like(value, torch.nan)}),
        lambda: tensors.update({name: torch.full_like(value, torch.inf)}),
        lambda: tensors.update({name: torch.full_like(value, 1e30)}),
        lambda: tensors.update({name: value.to(chance.choice(TYPES))}),
        lambda: tensors.update({name: value.flatten()[: chance.randint(0, 5)].clone()}),
        lambda: tensors.update({name: value[None].clone()}),
        lambda: tensors.update({name: value.transpose(0, -1).contiguous()}),
        lambda: tensors.update({f"{name}.more": torch.zeros(3), "\x1b[2J": torch.zeros(1)}),
        lambda: value.view(-1)[:1].fill_(torch.nan),
    ]
    chance.choice(ways)()
    return save(tensors, header["__metadata__"])


def change(tree: Any, chance: random.Random, values: tuple[Any, ...]) -> None:
    """Replace, remove or add one entry anywhere in JSON."""
    while True:
        keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
        key = chance.choice(keys)
        if isinstance(tree[key], dict | list) and tree[key] and chance.random() < 0.7:
            tree = tree[key]
            continue
        way = chance.random()
        if way < 0.15:
            del tree[key]
        elif way < 0.25 and isinstance(tree, dict):
            tree[str(chance.choice(values))] = chance.choice(values)
        else:
            tree[key] = chance.choice(values)
        return


KINDS = (of_bytes, of_header, of_facts, of_tensors)
