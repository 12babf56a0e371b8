"""Everything that an error could show to whoever prints, logs or reports it."""

from __future__ import annotations

import traceback
from pathlib import Path


def everything_in(error: BaseException) -> str:
    """Text, representation, arguments, attributes and frames with locals, along the whole chain."""
    chain: list[BaseException] = []
    todo: list[BaseException | None] = [error]
    while todo:
        one = todo.pop()
        if one is not None and one not in chain:
            chain.append(one)
            todo += [one.__cause__, one.__context__]
    texts = []
    for one in chain:
        texts += [str(one), repr(one), repr(one.args), repr(vars(one))]
        texts += [
            repr(frame.f_locals)
            for frame, _ in traceback.walk_tb(one.__traceback__)
            if "tests" not in Path(frame.f_code.co_filename).parts
        ]
    return "\n".join(texts)
