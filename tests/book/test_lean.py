"""Every page of the built book: nothing missing, nothing from another host, nothing unused."""

import re
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
from bs4 import BeautifulSoup
from built import BOOK
from playwright.sync_api import expect

ICONS = ".fa-solid, .fas, .fa-regular, .far, .fa-brands, .fab"


def discover():
    """Return the pages of the built book, without the one that only redirects to the first."""
    pages = sorted(path.relative_to(BOOK).as_posix() for path in BOOK.rglob("*.html"))
    # Without a book there is still a test, which says so.
    return [page for page in pages if page != "index.html"] or ["book/index.html"]


PAGES = discover()


@pytest.fixture(scope="session")
def soups(book):
    """Return each page of the book, parsed."""
    return {
        path: BeautifulSoup(path.read_text("utf-8"), "html.parser") for path in book.rglob("*.html")
    }


def read_through(page):
    """Scroll to the end of a page, as a reader does, so that everything that waits is loaded.

    Each screen is drawn before the next one: until then nothing in it counts as seen.
    """
    page.evaluate("""async () => {
      const drawn = () => new Promise((done) => requestAnimationFrame(done));
      for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight) {
        scrollTo(0, y);
        await drawn();
        await drawn();
      }
    }""")
    for figure in page.locator(".converge-figure").all():
        expect(figure).to_have_attribute("data-live", "true")
    page.wait_for_function("[...document.images].every((image) => image.complete)")


def is_description(alt):
    """Tell words for a reader from nothing, from a path and from the default of a tool."""
    return len(alt.split()) >= 2 and not re.search(r"\.(png|svg|jpe?g|gif)\b|[0-9a-f]{16}|<", alt)


@pytest.mark.parametrize(
    ("alt", "good"),
    [
        ("Loss against cost for two solvers", True),
        ("", False),
        ("Image", False),
        ("../../_images/774c1c32.png", False),
        ("_images/774c1c32c33c779f0d3d7eb85b35ebb4 picture", False),
        ("<Figure size 640x480 with 1 Axes>", False),
    ],
)
def test_a_description_is_told_from_a_path(alt, good):
    assert is_description(alt) == good


@pytest.mark.parametrize("page", PAGES)
def test_a_page_loads_whole_from_http_and_from_the_disk(open_page, address, page):
    page = open_page(f"{address}/{page}")
    read_through(page)
    images = page.evaluate(
        "[...document.images].map((i) => ({src: i.src, alt: i.alt, width: i.naturalWidth}))"
    )
    assert [image["src"] for image in images if not image["width"]] == []
    assert [image for image in images if not is_description(image["alt"])] == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_reads_without_javascript(open_page, book, page):
    page = open_page(f"{book.as_uri()}/{page}", javascript=False)
    expect(page.locator("h1").first).to_be_visible()
    figures = page.locator(".converge-figure")
    for i in range(figures.count()):
        picture = figures.nth(i).locator("img")
        picture.scroll_into_view_if_needed()
        assert picture.evaluate("async (image) => (await image.decode(), image.naturalWidth)") > 300
        assert is_description(picture.get_attribute("alt"))


def test_the_first_address_leads_to_the_first_page(open_page, address):
    page = open_page(f"{address}/index.html")
    page.wait_for_url("**/book/index.html")
    expect(page.locator("h1")).to_be_visible()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_its_language_itself_and_each_part_once(soups, page):
    soup = soups[BOOK / page]
    assert soup.html["lang"] == "en"
    assert len(soup.find_all("h1")) == 1
    assert soup.title.get_text(strip=True)
    names = [tag["id"] for tag in soup.find_all(id=True)]
    assert sorted({name for name in names if names.count(name) > 1}) == []


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(soups, page):
    source = BOOK / page
    dead = []
    for tag in soups[source].find_all(href=True) + soups[source].find_all(src=True):
        link = tag.get("href") or tag.get("src")
        parts = urlsplit(link)
        if parts.scheme:
            if tag.name != "a" or parts.scheme not in ("https", "mailto"):
                dead.append(link)
            continue
        path, fragment = urldefrag(link)
        target = (source.parent / unquote(urlsplit(path).path)).resolve() if path else source
        known = target in soups and soups[target].find(id=unquote(fragment))
        if not target.is_file() or (fragment and not known):
            dead.append(link)
    assert dead == []


def search(open_page, address, word):
    """Search as a reader does: open the dialog by its key, type, and press Enter."""
    page = open_page(f"{address}/book/index.html")
    page.keyboard.press("Control+k")
    field = page.get_by_role("searchbox").or_(page.locator("dialog input[name=q]")).first
    expect(field).to_be_focused()
    page.keyboard.type(word)
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=*")
    return page


def test_search_finds_a_word_and_leads_to_its_page(open_page, address):
    page = search(open_page, address, "condition")
    result = page.locator("#search-results li a").first
    expect(result).to_be_visible()
    expect(page.locator("#search-results")).to_contain_text(
        re.compile(r"[Ff]ound \d+ page|finished")
    )
    page.wait_for_load_state("networkidle")
    result.click()
    expect(page.locator("h1")).to_be_visible()
    assert urlsplit(page.url).path.endswith(".html")
    assert "search.html" not in page.url


def test_search_says_so_when_it_finds_nothing(open_page, address):
    page = search(open_page, address, "xyzzy")
    expect(page.locator("#search-results")).to_contain_text("did not match any documents")
    assert page.locator("#search-results li").count() == 0


@pytest.mark.parametrize("page", PAGES)
def test_every_icon_of_a_page_has_a_drawing_and_shows_it(open_page, book, page):
    page = open_page(f"{book.as_uri()}/{page}")
    seen = 0
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        icons = page.evaluate(
            """(icons) => [...document.querySelectorAll(icons)].map((icon) => {
              const box = icon.getBoundingClientRect();
              return {
                name: icon.className,
                drawn: getComputedStyle(icon, "::before").maskImage.startsWith('url("data:'),
                shown: icon.checkVisibility(),
                area: box.width * box.height,
              };
            })""",
            ICONS,
        )
        assert [icon["name"] for icon in icons if not icon["drawn"]] == []
        assert [icon["name"] for icon in icons if icon["shown"] and icon["area"] < 64] == []
        seen += sum(icon["shown"] for icon in icons)
    assert seen >= 4


def test_the_theme_switch_shows_an_icon_for_each_of_its_modes(open_page, book):
    page = open_page(f"{book.as_uri()}/book/index.html")
    switch = page.locator("button.theme-switch-button:visible")
    modes = set()
    for _ in range(3):
        switch.click()
        [mode] = [
            icon.get_attribute("data-mode")
            for icon in switch.locator(".theme-switch").all()
            if icon.is_visible()
        ]
        assert page.locator("html").get_attribute("data-mode") == mode
        modes.add(mode)
    assert modes == {"light", "dark", "auto"}


@pytest.mark.parametrize("dark", [False, True])
def test_a_page_has_its_theme_before_scripts_have_run(browser, book, dark):
    context = browser.new_context(color_scheme="dark" if dark else "light")
    context.route("**/*.js*", lambda route: route.abort())
    page = context.new_page()
    page.goto(f"{book.as_uri()}/book/index.html")
    assert page.locator("html").get_attribute("data-theme") == ("dark" if dark else "light")
    context.close()


def test_no_icon_script_icon_font_or_source_map_is_in_the_book(book):
    names = [path.name for path in book.rglob("*") if path.is_file()]
    assert [
        name for name in names if re.search(r"fontawesome|^fa-.*\.(ttf|woff2)|\.map$", name)
    ] == []
    texts = [p for p in book.rglob("*") if p.suffix in (".css", ".js", ".html")]
    assert [p for p in texts if "sourceMappingURL=" in p.read_text("utf-8")] == []


@pytest.mark.parametrize("page", PAGES)
def test_styles_for_mathematics_are_where_mathematics_is(soups, page):
    soup = soups[BOOK / page]
    styles = [link["href"] for link in soup.find_all("link", href=re.compile("katex"))]
    assert bool(styles) == bool(soup.find(class_="katex"))
    assert soup.find("script", src=re.compile("katex|mathjax", re.IGNORECASE)) is None


@pytest.mark.parametrize("page", PAGES)
def test_no_mathematics_is_left_as_its_source(open_page, book, page):
    text = open_page(f"{book.as_uri()}/{page}").evaluate("""() => {
      document.querySelectorAll("pre, code, .katex, .converge-figure").forEach((e) => e.remove());
      return document.querySelector("main").textContent;
    }""")
    assert re.findall(r"\$[^$\n]+\$|\\[(\[a-z]{1,8}", text) == []


def test_some_page_has_mathematics(soups):
    assert any(soup.find(class_="katex") for soup in soups.values())
