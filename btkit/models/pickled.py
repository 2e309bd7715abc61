"""What the pickle inside a ``model.pt`` says of tensors, told without unpickling it.

The few operations with which PyTorch writes a mapping of tensors are followed on plain values:
no class is looked up, nothing is called, and what is not one of them ends the reading.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from btkit.errors import BundleError

T = TypeVar("T")

STATE_DICT = "Save the weights alone: torch.save(model.state_dict(), 'model.pt')."
_PROTOCOL = 2
_LONGEST = 80
_WORDS = {dict: "a mapping", tuple: "a tuple", str: "a text", int: "a whole number"}


@dataclass(frozen=True)
class Name:
    """A class or function that the pickle names; it is never imported."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


def shorten(name: str) -> str:
    """Return a name of an untrusted file as a message may hold it."""
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST]}..."


@dataclass(frozen=True)
class Storage:
    """A run of `count` numbers of one kind, such as ``FloatStorage``, in the entry `key`."""

    kind: str
    key: str
    count: int


@dataclass(frozen=True)
class Claim:
    """Where a tensor's numbers lie in a storage, as the file says; nothing of it is checked."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


def read_claims(content: bytes, origin: str) -> dict[str, Claim]:
    """Return what a pickle says of tensors, by their names.

    Parameters
    ----------
    content
        The pickle.
    origin
        What messages call the file.

    Raises
    ------
    BundleError
        If it says anything else, or is no whole pickle.
    """
    machine = _Machine(origin)
    try:
        for code, argument, _ in pickletools.genops(content):
            machine.follow(code.name, argument)
        return machine.told()
    except (ValueError, LookupError, OverflowError) as error:
        raise BundleError(
            f"{origin} is damaged: its pickle ends early, or holds what no pickle does",
            hint="Copy the file again, or save it again.",
        ) from error


class _Machine:
    """The stack, marks and memo of a pickle of tensors."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def follow(self, operation: str, argument: Any) -> None:  # noqa: ANN401 - as pickletools has it
        if operation in _CONSTANTS:
            self.stack.append(_CONSTANTS[operation])
        elif operation in _LITERALS:
            self.stack.append(argument)
        elif operation in _ACTIONS:
            _ACTIONS[operation](self, argument)
        else:
            self.refuse(
                f"its pickle has the operation {operation}, which no mapping of tensors has"
            )

    def check_protocol(self, version: int) -> None:
        if version != _PROTOCOL:
            raise BundleError(
                f"{self.origin} was refused: its pickle is of protocol {version}, not {_PROTOCOL}",
                hint="Save it without pickle_protocol, as PyTorch does by itself.",
            )

    def told(self) -> dict[str, Claim]:
        tensors = self.pop(dict)
        if self.stack or self.marks:
            self.refuse("its pickle says more than one thing")
        for name, value in tensors.items():
            if not isinstance(value, Claim):
                held = _WORDS.get(type(value), "something else")
                self.refuse(f"{shorten(name)!r} in it is no tensor, but {held}")
        return tensors

    def refuse(self, message: str) -> NoReturn:
        raise BundleError(f"{self.origin} was refused: {message}", hint=STATE_DICT)

    def pop(self, kind: type[T]) -> T:
        value = self.stack.pop()
        # A truth value is a whole number, too, but not where a size is due.
        if type(value) is not kind:
            self.refuse(
                f"its pickle has something else where {_WORDS.get(kind, kind.__name__)} is due"
            )
        return value

    def numbers(self, value: object) -> tuple[int, ...]:
        if not isinstance(value, tuple) or any(type(item) is not int for item in value):
            self.refuse("the size of a tensor in it is no tuple of whole numbers")
        return value

    def above_mark(self) -> list[Any]:
        begin = self.marks.pop()
        items = self.stack[begin:]
        del self.stack[begin:]
        return items

    def tuple_of(self, count: int) -> None:
        if count > len(self.stack):
            raise IndexError
        items = tuple(self.stack[len(self.stack) - count :])
        del self.stack[len(self.stack) - count :]
        self.stack.append(items)

    def fill(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not dict or len(items) % 2:
            self.refuse("its pickle fills what is no mapping")
        for name, value in zip(items[::2], items[1::2], strict=True):
            # Only texts are hashed: of other keys, that may take long or never end.
            if type(name) is not str:
                self.refuse("a name in it is no text")
            if name in target:
                self.refuse(f"it holds {shorten(name)!r} twice")
            target[name] = value

    def call(self) -> None:
        arguments = self.pop(tuple)
        named = self.pop(Name)
        self.stack.append(_BUILDERS[str(named)](self, arguments))

    def name(self, told: str) -> None:
        module, _, name = told.partition(" ")
        named = Name(module, name)
        if str(named) not in _BUILDERS and not _is_storage(named):
            self.refuse(
                f"it asks for {shorten(str(named))!r}, which is no tensor; nothing of it was run"
            )
        self.stack.append(named)

    def mapping(self, arguments: tuple[Any, ...]) -> dict[str, Any]:
        if arguments:
            self.refuse("a mapping in it is made from what is no tensor")
        return {}

    def tensor(self, arguments: tuple[Any, ...]) -> Claim:
        # Storage, offset, size, stride; then whether it is trained, and hooks, which say nothing.
        if len(arguments) not in {6, 7}:
            self.refuse("a tensor in it is not told as PyTorch tells one")
        storage, offset, size, stride = arguments[:4]
        if not isinstance(storage, Storage) or type(offset) is not int:
            self.refuse("a tensor in it has no place")
        return Claim(storage, offset, self.numbers(size), self.numbers(stride))

    def parameter(self, arguments: tuple[Any, ...]) -> Claim:
        if len(arguments) != 3 or not isinstance(arguments[0], Claim):  # noqa: PLR2004 - tensor, trained, hooks
            self.refuse("a parameter in it is no tensor")
        return arguments[0]

    def storage(self) -> None:
        told = self.pop(tuple)
        if [type(part) for part in told] != [str, Name, str, str, int] or told[0] != "storage":
            self.refuse("a storage in it is not told as PyTorch tells one")
        _, kind, key, _, count = told
        if not _is_storage(kind):
            self.refuse(
                f"a storage in it is of {shorten(str(kind))!r}, which is no kind of numbers"
            )
        self.stack.append(Storage(kind.name, key, count))

    def drop_state(self) -> None:
        # What PyTorch keeps beside the tensors: the versions of the modules.
        self.stack.pop()
        if type(self.stack[-1]) is not dict:
            self.refuse("its pickle gives a state to what is no mapping")


def _is_storage(named: Name) -> bool:
    return named.module == "torch" and named.name.endswith("Storage")


_BUILDERS: dict[str, Callable[[_Machine, tuple[Any, ...]], object]] = {
    "collections.OrderedDict": _Machine.mapping,
    "torch._utils._rebuild_tensor_v2": _Machine.tensor,
    "torch._utils._rebuild_parameter": _Machine.parameter,
}
_CONSTANTS = {"EMPTY_TUPLE": (), "NEWTRUE": True, "NEWFALSE": False, "NONE": None}
_LITERALS = frozenset({"BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE", "BINFLOAT"})
_ACTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda machine, version: machine.check_protocol(version),
    "STOP": lambda _machine, _: None,
    "EMPTY_DICT": lambda machine, _: machine.stack.append({}),
    "MARK": lambda machine, _: machine.marks.append(len(machine.stack)),
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.above_mark())),
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "BINPUT": lambda machine, index: machine.memo.__setitem__(index, machine.stack[-1]),
    "LONG_BINPUT": lambda machine, index: machine.memo.__setitem__(index, machine.stack[-1]),
    "BINGET": lambda machine, index: machine.stack.append(machine.memo[index]),
    "LONG_BINGET": lambda machine, index: machine.stack.append(machine.memo[index]),
    "SETITEM": lambda machine, _: machine.fill([machine.stack.pop(-2), machine.stack.pop()]),
    "SETITEMS": lambda machine, _: machine.fill(machine.above_mark()),
    "GLOBAL": lambda machine, told: machine.name(told),
    "REDUCE": lambda machine, _: machine.call(),
    "BINPERSID": lambda machine, _: machine.storage(),
    "BUILD": lambda machine, _: machine.drop_state(),
}
