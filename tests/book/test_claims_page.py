"""The Claims page collects what the notebooks claimed."""

import json

import pytest
from built import BOOK, ROOT
from mini import build, make_book, write_notebook

CLAIM = (
    "from converge_lib.claims import claim\n"
    "claim('{id}', 'A & B (1999), table 1', 'less is more', 'ratio 0.5, 3 seeds', True{further})"
)


@pytest.fixture
def folder(tmp_path):
    def make(**claims):
        write_notebook(tmp_path / "book" / "index.ipynb", "# Start", "x = 1")
        for page, calls in claims.items():
            write_notebook(tmp_path / "book" / f"{page}.ipynb", f"# The page {page}", *calls)
        page = "# Claims\n\n```{claims}\n```\n"
        (tmp_path / "book" / "zclaims.md").write_text(page, "utf-8")
        for name in ("_ext", "_static"):
            (tmp_path / "book" / name).unlink(missing_ok=True)
        make_book(tmp_path)
        toc = tmp_path / "_toc.yml"
        toc.write_text(toc.read_text("utf-8") + "  - file: book/zclaims\n", "utf-8")
        return build(tmp_path)

    return make


def test_claims_are_collected_by_chapter_and_stay_current(folder, tmp_path, open_page):
    one = CLAIM.format(id="d.one", further="")
    two = CLAIM.format(id="d.two", further=", outcome='not at our scale'")
    finished = folder(alpha=[one, "y = 2"], beta=[two], gamma=["z = 3"])
    assert finished.returncode == 0, finished.stdout + finished.stderr
    html = tmp_path / "_build" / "html" / "book"
    page = open_page((html / "zclaims.html").as_uri())
    text = page.locator("article").inner_text()
    assert "2 claims in 2 chapters: 1 reproduced, 0 reproduced in part, 1 did not" in text
    assert page.locator("article h2").all_inner_texts() == ["The page alpha", "The page beta"]
    assert "A & B (1999), table 1" in text
    assert page.locator(".claim").count() == 2
    page.get_by_role("link", name="on its page").last.click()
    page.wait_for_url("**/beta.html#claim-d.two")
    assert page.locator('[id="claim-d.two"]').is_visible()

    # another build, in which one notebook claims something else
    finished = folder(alpha=[CLAIM.format(id="d.new", further="")], beta=[two], gamma=["z = 3"])
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert 'alpha.html#claim-d.new"' in (html / "zclaims.html").read_text("utf-8")


def test_two_claims_with_one_name_stop_the_build(folder):
    call = CLAIM.format(id="d.same", further="")
    finished = folder(alpha=[call], beta=[call])
    assert finished.returncode != 0
    assert "two claims are called d.same: in book/alpha and book/beta" in (
        finished.stdout + finished.stderr
    )


def test_each_claim_in_the_books_notebooks_is_on_the_page(book):
    page = (book / "book" / "back" / "claims.html").read_text("utf-8")
    notebooks = sorted((ROOT / "book").rglob("*.ipynb"))
    calls = sum(
        "".join(cell["source"]).count("claim(\n")
        for path in notebooks
        for cell in json.loads(path.read_text("utf-8"))["cells"]
        if cell["cell_type"] == "code"
    )
    assert page.count('class="claim ') >= calls > 10


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_fits_and_reads(open_page, width, dark):
    page = open_page((BOOK / "book" / "back" / "claims.html").as_uri(), width=width, dark=dark)
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(overflow) <= 0
    sizes = "els => els.map(e => parseFloat(getComputedStyle(e).fontSize))"
    assert min(page.locator(".claim p").evaluate_all(sizes)) >= 14
