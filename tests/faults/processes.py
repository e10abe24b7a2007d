"""Processes to be killed, forked from a clean server that has loaded the venue once: fifty deaths take seconds."""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.faults.worker"])


@contextmanager
def started(target: Callable[..., None], *args: Any) -> Iterator[tuple[BaseProcess, Connection]]:
    """Run a function in a process of its own, with a pipe as its last argument; the end of the block kills it."""
    ours, theirs = _processes.Pipe()
    process = _processes.Process(target=target, args=(*args, theirs))
    process.start()
    theirs.close()
    try:
        yield process, ours
    finally:
        process.kill()
        process.join()
        process.close()
        ours.close()
