"""The explorer's page in a browser, for the tests that use it."""

import pytest
from support.browser import Browser

from dilated_rnn_np.plot.explorer import explorer


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return explorer([1, 2, 4], tmp_path_factory.mktemp("explorer") / "explorer.html")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    window = Browser(tmp_path_factory.mktemp("profile"))
    yield window
    window.driver.quit()


@pytest.fixture()
def no_errors_and_no_requests(page, browser):
    """After each test: the page wrote nothing to the console, and asked for nothing but itself."""
    yield
    assert browser.messages() == []
    assert {url.split("#")[0] for url in browser.requests(page)} <= {page.as_uri()}
