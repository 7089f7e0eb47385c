"""The static host: widgets live in a page without a kernel, and where one cannot, we hear of it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from figures import drop_unused_modules
from mini import build, make_book, write_notebook
from playwright.sync_api import expect

PICTURE = (  # one pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    "rkJggg=="
)

WIDGETS = f'''
"""Widgets for the mini books."""
import anywidget
import traitlets


class Pictured(anywidget.AnyWidget):
    alt = "A counter that stands at 0."

    def _repr_mimebundle_(self, **kwargs):
        forms, metadata = super()._repr_mimebundle_(**kwargs)
        return {{**forms, "text/plain": self.alt, "image/png": "{PICTURE}"}}, metadata


class Counter(Pictured):
    _esm = """
    export default {{
      initialize({{ model }}) {{
        model.initialised = (model.initialised ?? 0) + 1;
      }},
      render({{ model, el }}) {{
        (globalThis.counters ??= []).push(model);
        el.className = "counter";
        const button = document.createElement("button");
        const show = () => (button.textContent = `count ${{model.get("count")}}`);
        button.onclick = () => {{
          model.set("count", model.get("count") + 1);
          model.save_changes();
        }};
        model.on("change:count", show);
        show();
        el.append(button);
        return () => model.off("change:count", show);
      }},
    }};
    """
    _css = ".counter button {{ outline: 3px solid rgb(1, 2, 3) }}"
    count = traitlets.Int(0).tag(sync=True)


class FromFunction(Pictured):
    _esm = """
    export default async () => {{
      const shared = "made by a function";
      return {{ render: ({{ el }}) => el.append(shared) }};
    }};
    """


class Hostile(Pictured):
    _esm = """
    // </script><script>globalThis.hacked = "by the code"</script>
    export default {{
      render({{ model, el }}) {{
        globalThis.hostile = model;
        el.textContent = model.get("text");
      }},
    }};
    """
    alt = """A "quoted" <b>picture</b> & more"""
    text = traitlets.Unicode().tag(sync=True)
    blob = traitlets.Bytes().tag(sync=True)
    nested = traitlets.Dict().tag(sync=True)


class Broken(Pictured):
    alt = "The figure's first state."


class AtImport(Broken):
    _esm = "throw new Error('broken at import')"


class InSyntax(Broken):
    _esm = "export default {{ render( }}"


class InItsFunction(Broken):
    _esm = "export default () => {{ throw new Error('broken in its function') }}"


class InInitialize(Broken):
    _esm = """export default {{
      initialize() {{ throw new Error('broken in initialize') }}, render() {{}}
    }}"""


class InRender(Broken):
    _esm = """export default {{ render({{ el }}) {{
      el.append('half a figure'); throw new Error('broken in render')
    }} }}"""


class InRenderLater(Broken):
    _esm = """export default {{ async render() {{
      await null; throw new Error('broken in render, later')
    }} }}"""


class WithoutExport(Broken):
    _esm = "export const render = 1"


class WithoutPicture(anywidget.AnyWidget):
    _esm = "export default {{ render() {{}} }}"


class WhenClicked(Pictured):
    _esm = """export default {{ render({{ el }}) {{
      const button = document.createElement('button');
      button.textContent = 'break';
      button.onclick = () => {{ throw new Error('broken when clicked') }};
      el.append(button);
    }} }}"""
'''

# Each way to be broken, and what the page says of it.
BROKEN = {
    "AtImport": "broken at import",
    "InSyntax": "SyntaxError",
    "InItsFunction": "broken in its function",
    "InInitialize": "broken in initialize",
    "InRender": "broken in render",
    "InRenderLater": "broken in render, later",
    "WithoutExport": "TypeError",
}
TEXT = "</script><script>globalThis.hacked = 'by a trait'</script><!-- <script> \u2028 é \\ ' \""
IMPORT = "import widgets\nfrom IPython.display import display"


def book_of(folder: Path, **pages: list[str]) -> Path:
    """Lay out a book with these pages (each a list of code cells), and the widgets above."""
    (folder / "widgets.py").write_text(WIDGETS, "utf-8")
    for name, cells in pages.items():
        write_notebook(folder / "book" / f"{name}.ipynb", f"# The page {name}", *cells)
    make_book(folder)
    return folder


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    """A built book of small widgets; gives the folder of its pages."""
    folder = book_of(
        tmp_path_factory.mktemp("figures"),
        index=[
            f"{IMPORT}\ncounter = widgets.Counter()\ncounter",
            "display(counter)",
            "widgets.Counter(count=40)",
            "widgets.FromFunction()",
        ],
        far=[
            IMPORT,
            "from IPython.display import HTML\nHTML('<div style=\"height: 9000px\"></div>')",
            "widgets.Counter()",
        ],
        hostile=[
            IMPORT,
            f"widgets.Hostile(text={TEXT!r}, blob=bytes(range(256)),\n"
            "    nested={'deep': [b'one', {'deeper': b'two'}]})",
        ],
        broken=[IMPORT, *(f"widgets.{name}()" for name in BROKEN), "widgets.Counter(count=99)"],
        clicked=[f"{IMPORT}\nwidgets.WhenClicked()"],
    )
    finished = build(folder, python_path=folder)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return folder / "_build" / "html"


@pytest.fixture
def visit(figures, open_page):
    """Open a page of the small book: ``visit("index")``."""

    def visit(name, **options):
        return open_page((figures / "book" / f"{name}.html").as_uri(), **options)

    return visit


def test_views_of_one_model_share_its_state_and_other_models_do_not(visit):
    page = visit("index")
    first, second, other = (page.locator(".counter button").nth(i) for i in range(3))
    expect(other).to_have_text("count 40")
    first.click()
    second.click()
    expect(first).to_have_text("count 2")
    expect(second).to_have_text("count 2")
    expect(other).to_have_text("count 40")


def test_a_model_is_initialised_once_however_many_views_it_has(visit):
    page = visit("index")
    expect(page.locator(".counter")).to_have_count(3)
    assert page.evaluate("counters.map((model) => model.initialised)") == [1, 1, 1]
    assert page.evaluate("counters[0] === counters[1] && counters[0] !== counters[2]")


def test_the_default_export_may_be_a_function(visit):
    expect(visit("index").get_by_text("made by a function")).to_be_visible()


def test_styles_are_applied_and_stand_in_the_page_once(visit):
    page = visit("index")
    expect(page.locator(".counter button").first).to_have_css("outline-color", "rgb(1, 2, 3)")
    styles = page.locator("style").all_text_contents()
    assert sum(".counter button" in style for style in styles) == 1


MODEL = """(script) => {
  const model = counters[0];
  const calls = [];
  const note = (name) => () => calls.push(`${name} ${model.get("count")}`);
  const [one, two] = [note("one"), note("two")];
  new Function("model", "one", "two", "calls", script)(model, one, two, calls);
  return calls;
}"""


@pytest.mark.parametrize(
    ("script", "calls"),
    [
        ("model.on('change:count', one); model.set('count', 5)", ["one 5"]),
        ("model.on('change:count', one); model.set('count', 0)", []),
        ("model.on('change:count', one); model.set({ count: 5, other: 1 })", ["one 5"]),
        ("model.on('change:other', one); model.set('count', 5)", []),
        ("model.on('change', one); model.set({ count: 5, other: 1 })", ["one 5"]),
        ("model.on('change:count change:other', one); model.set('other', 1)", ["one 0"]),
        (
            "model.on('change:count', one); model.on('change:count', two);"
            "model.off('change:count', one); model.set('count', 5)",
            ["two 5"],
        ),
        (
            "model.on('change:count', one); model.on('change:count', two);"
            "model.off('change:count'); model.set('count', 5)",
            [],
        ),
        (
            "model.on('change:count', one); model.on('change:other', one);"
            "model.off(null, one); model.set({ count: 5, other: 1 })",
            [],
        ),
        ("model.on('change:count change', one); model.off(); model.set('count', 5)", []),
        ("model.off('change:nothing', one); model.off('never'); model.set('count', 5)", []),
        (
            "model.on('change:count', () => model.off('change:count', two));"
            "model.on('change:count', two); model.set('count', 5); model.set('count', 6)",
            ["two 5"],
        ),
        ("model.on('change:count', one); model.save_changes(); calls.push('saved')", ["saved"]),
        ("calls.push(String(model.get('nothing')))", ["undefined"]),
    ],
)
def test_a_model_sets_and_tells_as_the_contract_says(visit, script, calls):
    page = visit("index")
    expect(page.locator(".counter")).to_have_count(3)
    assert page.evaluate(MODEL, script) == calls


def test_a_figure_far_below_starts_when_the_reader_comes_near(visit):
    page = visit("far")
    figure = page.locator(".converge-figure")
    page.wait_for_timeout(300)
    assert figure.get_attribute("data-live") is None
    page.mouse.wheel(0, 8000)
    expect(figure).to_have_attribute("data-live", "true")
    expect(figure.get_by_role("button")).to_have_text("count 0")


def test_a_figure_far_below_starts_for_print(visit):
    page = visit("far")
    page.pdf()
    expect(page.locator(".converge-figure")).to_have_attribute("data-live", "true")


def test_no_trait_or_code_can_break_out_of_its_script_element(visit):
    page = visit("hostile")
    expect(page.locator(".converge-figure")).to_have_attribute("data-live", "true")
    assert page.evaluate("hostile.get('text')") == TEXT
    assert page.evaluate("globalThis.hacked") is None
    bare = visit("hostile", javascript=False).locator(".converge-figure img")
    assert bare.get_attribute("alt") == 'A "quoted" <b>picture</b> & more'


def test_binary_traits_come_back_as_bytes_in_their_places(visit):
    page = visit("hostile")
    expect(page.locator(".converge-figure")).to_have_attribute("data-live", "true")
    bytes_of = """([name, ...path]) => {
      const view = path.reduce((holder, key) => holder[key], hostile.get(name));
      return [...new Uint8Array(view.buffer, view.byteOffset, view.byteLength)];
    }"""
    assert page.evaluate(bytes_of, ["blob"]) == list(range(256))
    assert page.evaluate(bytes_of, ["nested", "deep", 0]) == list(b"one")
    assert page.evaluate(bytes_of, ["nested", "deep", 1, "deeper"]) == list(b"two")


def test_without_javascript_there_is_a_picture_that_is_described(visit):
    page = visit("index", javascript=False)
    pictures = page.locator(".converge-figure img")
    expect(pictures).to_have_count(4)
    for picture in pictures.all():
        expect(picture).to_be_visible()
        assert picture.get_attribute("alt") == "A counter that stands at 0."
        assert picture.evaluate("(image) => image.naturalWidth") == 1


def test_with_javascript_no_picture_is_loaded(visit):
    page = visit("index")
    expect(page.locator(".counter")).to_have_count(3)
    assert page.locator(".converge-figure img").count() == 0


def test_a_broken_widget_shows_its_picture_says_why_and_leaves_the_others_alone(visit):
    page = visit("broken")
    for i, reason in enumerate(BROKEN.values()):
        figure = page.locator(".converge-figure").nth(i)
        figure.scroll_into_view_if_needed()
        expect(figure).to_contain_text("This figure could not start")
        expect(figure).to_contain_text(reason)
        expect(figure).not_to_contain_text("half a figure")
        expect(figure.get_by_role("img", name="The figure's first state.")).to_be_visible()
        assert figure.get_attribute("data-live") == "false"
    expect(page.get_by_text("count 99")).to_be_visible()
    for reason in BROKEN.values():
        assert any(problem.startswith("error:") and reason in problem for problem in page.problems)
    page.problems.clear()


@pytest.mark.parametrize("page", ["index", "broken", "clicked"])
def test_a_broken_widget_fails_the_suite(figures, tmp_path, page):
    """Run the suite's own fixture on a page, as browser tests do: only the sound one passes."""
    address = (figures / "book" / f"{page}.html").as_uri()
    (tmp_path / "test_page.py").write_text(
        f"""
def test_page(open_page):
    page = open_page({address!r})
    page.wait_for_function("document.querySelector('.converge-figure').innerText")
    for button in page.locator(".converge-figure button").all():
        button.click()
""",
        "utf-8",
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "conftest", "-p", "no:cacheprovider"]
    finished = subprocess.run(
        [*command, "-c", "/dev/null", "--rootdir", str(tmp_path), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    )
    if page == "index":
        assert finished.returncode == 0, finished.stdout
    else:
        assert finished.returncode == 1, finished.stdout
        reason = {"broken": "broken at import", "clicked": "broken when clicked"}[page]
        assert reason in finished.stdout


def test_each_distinct_module_is_written_once(figures):
    modules = [path.name for path in (figures / "_static" / "figures").glob("*.js")]
    assert sorted(name.partition(".")[0] for name in modules) == sorted(
        ["Counter", "FromFunction", "Hostile", "WhenClicked", *BROKEN]
    )
    [counter] = (name for name in modules if name.startswith("Counter."))
    for page in ("index", "far"):
        html = (figures / "book" / f"{page}.html").read_text("utf-8")
        assert html.count(counter) == 1


def test_a_page_holds_what_its_own_figures_need_and_no_more(figures):
    without = (figures / "search.html").read_text("utf-8")
    assert "figures" not in without
    index = (figures / "book" / "index.html").read_text("utf-8")
    assert "widget-state" not in index
    assert "_esm" not in index
    assert "Hostile" not in index
    assert "made by a function" not in index
    body = index.partition("data-converge-figures>")[2].partition("</script>")[0]
    assert sorted(entry["state"].get("count", -1) for entry in json.loads(body).values()) == [
        -1,
        0,
        40,
    ]


def test_figures_survive_a_rebuild_that_rewrites_their_pages_from_the_cache(tmp_path, open_page):
    folder = book_of(tmp_path, index=[f"{IMPORT}\nwidgets.Counter(count=3)"])
    assert build(folder, python_path=folder).returncode == 0
    (folder / "book" / "new.md").write_text("# A new page\n", "utf-8")
    toc = folder / "_toc.yml"
    toc.write_text(f"{toc.read_text('utf-8')}chapters:\n  - file: book/new\n", "utf-8")
    assert build(folder, python_path=folder).returncode == 0
    page = open_page((folder / "_build" / "html" / "book" / "index.html").as_uri())
    assert page.get_by_role("link", name="A new page").count() > 0
    expect(page.locator(".counter")).to_have_text("count 3")


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """Build a book in which each page has one fault; give the lines that the build printed."""
    folder = book_of(
        tmp_path_factory.mktemp("refused"),
        index=["print('sound')"],
        kernel=["import ipywidgets\nipywidgets.IntSlider()"],
        bare=["import widgets\nwidgets.WithoutPicture()"],
        silent=["import matplotlib.pyplot as plt\nplt.plot([1, 2]);"],
    )
    return build(folder, python_path=folder)


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        ("kernel", "a widget that needs a kernel"),
        ("kernel", "a widget without a picture"),
        ("bare", "a widget without a picture"),
        ("silent", "an image without alternative text"),
    ],
)
def test_what_would_be_dead_or_mute_in_the_page_fails_the_build(refused, page, fault):
    assert refused.returncode != 0
    lines = (refused.stdout + refused.stderr).splitlines()
    assert any(f"{page}.ipynb" in line and "WARNING" in line and fault in line for line in lines)


def test_a_sound_page_beside_refused_ones_gets_no_warning(refused):
    lines = (refused.stdout + refused.stderr).splitlines()
    assert not any("index.ipynb" in line and "WARNING" in line for line in lines)


def test_a_module_that_no_page_loads_any_more_is_deleted(tmp_path):
    class App:
        outdir = tmp_path

        class builder:
            format = "html"

    (tmp_path / "_static" / "figures").mkdir(parents=True)
    for name in ("kept.1.js", "old.1.js"):
        (tmp_path / "_static" / "figures" / name).touch()
    (tmp_path / "page.html").write_text('<script src="_static/figures/kept.1.js"></script>')
    drop_unused_modules(App, None)
    assert [path.name for path in (tmp_path / "_static" / "figures").iterdir()] == ["kept.1.js"]
