"""Launch buttons appear once the repository's address is set, and not before."""

import pytest
from mini import build, make_book, write_notebook

ADDRESS = "https://github.com/someone/somewhere"
BUTTONS = (
    "https://mybinder.org/v2/gh/someone/somewhere/main?urlpath=lab/tree/book/index.ipynb",
    "https://colab.research.google.com/github/someone/somewhere/blob/main/book/index.ipynb",
    "_sources/book/index.ipynb",
    f'href="{ADDRESS}"',
)


def page(folder, config):
    write_notebook(folder / "book" / "index.ipynb", "# Index", "print(1)")
    make_book(folder, config=config)
    finished = build(folder)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return (folder / "_build" / "html" / "book" / "index.html").read_text("utf-8")


@pytest.mark.parametrize("known", [False, True])
def test_buttons(tmp_path, known):
    html = page(tmp_path, {'url: ""': f"url: {ADDRESS}"} if known else {})
    assert "<h1>Index" in html
    assert [button in html for button in BUTTONS] == [known] * len(BUTTONS)
