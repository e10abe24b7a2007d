"""Chromium as the browser tests start it, and checks that more than one page is held against."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS: Final = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-sync",
    "--no-default-browser-check",
    "--no-first-run",
)

TOO_WIDE: Final = """() => {
    const page = document.scrollingElement
    if (page.scrollWidth <= page.clientWidth) return []
    return [...document.body.querySelectorAll('*')]
        .filter(one => one.getBoundingClientRect().right > page.clientWidth + 1)
        .map(one => `${one.tagName} ${one.className}`.slice(0, 80))
        .concat(`the page is ${page.scrollWidth} wide`)
}"""
"""Lists what stands out of the page on the right, when the page scrolls sideways."""


def chromium() -> str | None:
    return next((path for path in map(shutil.which, CHROMIUM_NAMES) if path), None)


def must_run() -> bool:
    """A machine that can install Chromium, or that checks for everybody, must not pass without it."""
    return os.environ.get("CI") == "true" or os.geteuid() == 0


@contextmanager
def launched() -> Iterator[Browser]:
    """Start Chromium; a machine that cannot have it skips, and says so."""
    path = chromium()
    if path is None:
        message = "the browser tests need Chromium: install it, on Debian by `apt-get install chromium`"
        if must_run():
            pytest.fail(message)
        pytest.skip(f"NOT RUN: {message}")
    arguments = [*ARGUMENTS, "--no-sandbox"] if os.geteuid() == 0 else list(ARGUMENTS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=arguments)
        yield started
        started.close()


def findings(page: Page, check: str) -> list[str]:
    """Return what a check finds wrong on a page."""
    found: Any = page.evaluate(check)
    assert isinstance(found, list)
    return found
