"""Stop a run, and go on as if it had never stopped: everything that decides the next step, in one file.

The file is written beside its final name and then moved there, so that a crash leaves the old file or the new one,
never half of one. `train` calls these two functions; call them yourself in a loop of your own.
"""

from __future__ import annotations

import copy
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gan_helpers import runtime

GLOBAL = "global_random_state"


def save(path: str | os.PathLike[str], **parts: Any) -> None:
    """Write named parts to a file, whole or not at all.

    Args:
        parts: what has a `state_dict` (networks, optimizers, averaged weights), `torch.Generator`s, tensors, and plain
            numbers, strings, lists and dicts of these. The states of the global generators, from which dropout draws,
            go along unasked.

    Raises:
        OSError: the folder does not exist or cannot be written to.
        TypeError: a part that `read` would not accept.
    """
    path = must_have_folder(path)
    state = {name: _plain(_state(part)) for name, part in parts.items()} | {GLOBAL: runtime.global_random_state()}
    partial = path.with_name(f".{path.name}.{os.getpid()}")  # not mkstemp: that file is for its owner only
    try:
        with partial.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:  # also Ctrl-C: no litter
        partial.unlink(missing_ok=True)
        raise


def must_be_writable(path: str | os.PathLike[str]) -> None:
    """Try the place for a checkpoint before the work that is to go there. OSError if nothing can be written to it."""
    path = must_have_folder(path)
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise PermissionError(
            f"the folder {str(path.parent)!r} for the checkpoint cannot be written to: {error}"
        ) from None


def must_have_folder(path: str | os.PathLike[str]) -> Path:
    """The path, if its folder is there and it is none itself. FileNotFoundError or IsADirectoryError if not."""
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder: name a file in it for the checkpoint")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder {str(path.parent)!r} for the checkpoint does not exist: create it first")
    return path


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The parts of a checkpoint as `save` found them: states as dicts of tensors, on the CPU. Runs no code of the file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a checkpoint of this package.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no checkpoint {os.fspath(path)!r}") from None
    except Exception as error:  # a file cut short and a file of another kind fail in many ways
        raise ValueError(f"{os.fspath(path)!r} is not a checkpoint, or is damaged: {error}") from None
    if not isinstance(state, dict) or GLOBAL not in state:
        raise ValueError(f"{os.fspath(path)!r} is not a checkpoint of gan_helpers")
    return state


def restore(state: dict[str, Any], **parts: Any) -> None:
    """Put networks, optimizers and generators into the state that `read` returned, and the global generators too.

    Raises:
        ValueError: a part that the checkpoint does not have, or that does not fit; all parts are then as they were.
    """
    if absent := [name for name in parts if name not in state]:
        raise ValueError(f"the checkpoint holds no {absent[0]!r}, only {', '.join(sorted(set(state) - {GLOBAL}))}")
    before = {name: copy.deepcopy(_state(part)) for name, part in parts.items()}
    for name, part in parts.items():
        try:
            _put(part, state[name])
        except (RuntimeError, ValueError, KeyError) as error:
            for undone, kept in before.items():
                _put(parts[undone], kept)
            raise ValueError(f"{name!r} in the checkpoint does not fit the one given: {error}") from None
    runtime.set_global_random_state(state[GLOBAL])


def _state(part: Any) -> Any:
    """What of a part goes into the file."""
    if isinstance(part, torch.Generator):
        return part.get_state()
    return part.state_dict() if hasattr(part, "state_dict") else part


def _plain(state: Any) -> Any:
    """The same with numbers of NumPy as Python's own: `read` refuses anything else, and so would lose the file."""
    if isinstance(state, dict):
        return type(state)((key, _plain(value)) for key, value in state.items())
    if isinstance(state, list | tuple):
        return type(state)(map(_plain, state))
    if isinstance(state, np.generic):
        return state.item()
    if not isinstance(state, Tensor | int | float | str | bytes | None):
        raise TypeError(f"a checkpoint cannot hold {state!r}: only states, tensors, plain numbers and words")
    return state


def _put(part: Any, state: Any) -> None:
    """Set a part to a state that `_state` returned."""
    part.set_state(state) if isinstance(part, torch.Generator) else part.load_state_dict(state)
