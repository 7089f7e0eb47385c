"""The budgets of sizes and counts are kept. `make audit` measures those of time: no test can."""

import audit
import pytest
from built import ROOT


@pytest.fixture(scope="module")
def loading(browser, book):
    return audit.measure_loading(browser, book, times=1)


def keep(measures):
    over = [one for one in measures if not one.timed and not one.kept]
    assert not over, f"\n{audit.table(over)}"


def test_pages_keep_their_budgets_of_transfer_requests_and_errors(loading):
    assert len(loading) == 5
    keep(loading)


def test_what_was_measured_is_not_nothing(loading):
    first, further, *_ = loading
    assert first.measured > 50
    assert further.measured > 2


def test_the_state_of_figures_is_set_apart_and_nothing_else():
    text = b"".join(b"%d words of a page. " % i for i in range(900))
    state = b"".join(b"%d," % (i * i % 7919) for i in range(9000))
    script = b'<script type="application/json" data-converge-figures>' + state + b"</script>"
    assert audit.figures_bytes(text) == 0
    assert audit.figures_bytes(text + b"<script>" + state + b"</script>") == 0
    alone = len(audit.gzip.compress(script))
    assert audit.figures_bytes(text + script) == pytest.approx(alone, rel=0.05)


def test_what_each_chapter_took_is_noted(book):
    measures = audit.measure_execution(book.parent / "executed")
    chapters = list((ROOT / "book").glob("**/*.ipynb"))
    assert len(measures) == len(chapters)
    assert all(one.measured > 0 for one in measures)


PAGE = """<!doctype html><html lang="en"><title>Dear</title>
<script src="../_static/padding.js"></script>
<script>
  const end = performance.now() + 800;
  while (performance.now() < end);
  console.error("an error");
  new Image().src = "http://elsewhere.invalid/picture.png";
</script>
<p>text</p>
<div class="converge-figure"><div class="handle" style="width: 20px; height: 20px"></div></div>
<script>
  document.querySelector(".handle").addEventListener("pointermove", () => {
    requestAnimationFrame(() => {
      const end = performance.now() + 60;
      while (performance.now() < end);
    });
  });
</script>
"""


@pytest.fixture
def dear_book(tmp_path):
    """A book that keeps none of its budgets."""
    import random

    noise = random.Random(0).randbytes(400_000).hex()
    (tmp_path / "book").mkdir()
    (tmp_path / "_static").mkdir()
    (tmp_path / "_static" / "padding.js").write_text(f"// {noise * 2}")
    (tmp_path / "book" / "index.html").write_text(PAGE)
    (tmp_path / "book" / "other.html").write_text(f"{PAGE}<!-- {noise} -->")
    return tmp_path


def test_a_book_that_breaks_its_budgets_is_found_out(browser, dear_book):
    measures = audit.measure_loading(browser, dear_book, times=1)
    measures += audit.measure_drags(browser, dear_book)
    assert len(measures) == 6
    assert [one.what for one in measures if one.kept] == []
    first, further, blocking, _, _, dragging = measures
    # 400,000 random bytes in hexadecimal compress to about that many bytes.
    assert 400 < first.measured < 1100
    assert 400 < further.measured < 550
    assert blocking.measured > 150
    assert dragging.measured > 15
    with pytest.raises(AssertionError, match="NO"):
        keep(measures)
