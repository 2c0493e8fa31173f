"""A real browser for the pages."""

import os
import shutil

import pytest


def browser_path():
    for name in (os.environ.get("BROWSER", ""), "chromium", "chromium-browser", "google-chrome", "chrome"):
        if name and (path := shutil.which(name)):
            return path
    if os.environ.get("CI"):
        pytest.fail("no Chromium on this machine; CI installs one")
    pytest.skip("no Chromium or Chrome found: install one, or name it in $BROWSER")


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        quiet = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
        opened = play.chromium.launch(executable_path=browser_path(), args=quiet)
        yield opened
        opened.close()
