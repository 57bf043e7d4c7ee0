"""Texts as HTML: nothing that comes in can run, whatever it is, and Markdown looks like what it means."""

from __future__ import annotations

import time
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefloop.page import code, maths, render
from prefloop.page.render import markdown

# What is known to have got through one sanitiser or another.
PAYLOADS = (
    "<script>alert(1)</script>",
    "<ScRiPt/x>alert(1)</sCrIpT >",
    "<img src=x onerror=alert(1)>",
    "<img/src=`x`onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<math><annotation-xml encoding='text/html'><iframe src=javascript:alert(1)></annotation-xml></math>",
    "<math href=javascript:alert(1)>x</math>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<a href=\"javascript:alert(1)\">x</a>",
    "<a href=\"jav&#x09;ascript:alert(1)\">x</a>",
    "<form action=javascript:alert(1)><button>x</button></form>",
    "<object data=data:text/html;base64,PHNjcmlwdD4=></object>",
    "<embed src=//x.y/z.swf>",
    "<base href=//x.y/>",
    "<meta http-equiv=refresh content='0;url=//x.y'>",
    "<link rel=stylesheet href=//x.y/z.css>",
    "<style>@import '//x.y/z.css'</style>",
    "<div style=\"background:url(//x.y/z.png)\">x</div>",
    "<body onload=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<xmp><img src=x onerror=alert(1)></xmp>",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php echo '<script>' ?>",
    "</p></div><script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\nscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](<javascript:alert(1)>)",
    "[x](http://a.b \"onmouseover=alert(1)\")",
    "[x](http://a.b/\"onmouseover=\"alert(1))",
    "[x]: javascript:alert(1)\n\n[x]",
    "<javascript:alert(1)>",
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml,<svg/onload=alert(1)>)",
    "![x\" onerror=\"alert(1)](http://a.b/c.png)",
    "![x](http://a.b/c.png\"onerror=\"alert(1))",
    "```html\n<script>alert(1)</script>\n```",
    "```\" onmouseover=\"alert(1)\nx\n```",
    "```js</code></pre><script>alert(1)</script>\nx\n```",
    "`<script>alert(1)</script>`",
    "$<script>alert(1)</script>$",
    "$\\text{<script>alert(1)</script>}$",
    "$\\text{&lt;script&gt;alert(1)&lt;/script&gt;}$",
    "$\\text{&#x3c;img src=x onerror=alert(1)&#x3e;}$",
    "$\\href{javascript:alert(1)}{x}$",
    "$\\style{background:url(//x.y)}{x}$ $\\color{red;x:url(//x.y)}{x}$",
    "$\\class{x\" onclick=\"alert(1)}{y}$",
    "$$\\unicode{<script>alert(1)</script>}$$",
    "\\(\\mathrm{</math><script>alert(1)</script>}\\)",
    "| <script>alert(1)</script> |\n|:-:|\n| x\" onclick=alert(1) |",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&amp;lt;script&amp;gt;",
    "\x00<script\x00>alert(1)</script>",
    "<scr\x00ipt>alert(1)</scr\x00ipt>",
    "‮<script>alert(1)</script>",
    "\ufeff<script>alert(1)</script>",
)  # fmt: skip
ELEMENTS = {
    *(
        "a",
        "blockquote",
        "br",
        "code",
        "div",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "li",
        "ol",
        "p",
        "pre",
    ),
    *("s", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
    *("math", "menclose", "merror", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mpadded", "mphantom"),
    *("mprescripts", "mroot", "mrow", "ms", "mspace", "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable"),
    *("mtd", "mtext", "mtr", "munder", "munderover"),
}


class Seen(HTMLParser):
    """Elements and attributes of HTML, and its text."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.attributes, self.said = [], [], ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data):
        self.said += data

    def handle_comment(self, data):
        raise AssertionError(data)

    def handle_decl(self, decl):
        raise AssertionError(decl)

    def handle_pi(self, data):
        raise AssertionError(data)


def assert_safe(html):
    seen = Seen(html)
    assert set(seen.elements) <= ELEMENTS
    for tag, name, value in seen.attributes:
        assert not name.startswith("on")
        assert name not in ("style", "src", "srcset", "id", "action", "formaction", "xlink:href", "background")
        if name == "href":
            assert tag == "a"
            assert value.lower().startswith(("http://", "https://", "mailto:"))
        else:
            assert "script:" not in value.lower()
            assert "data:" not in value.lower()
            assert "url(" not in value.lower()
    links = [value for tag, name, value in seen.attributes if (tag, name) == ("a", "rel")]
    assert len(links) == seen.elements.count("a")
    assert set(links) <= {"noopener noreferrer nofollow"}
    return seen


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_known_attack_comes_through(payload):
    for text in (payload, f"- {payload}", f"> {payload}\n> {payload}", f"**{payload}** and $x$ {payload}"):
        assert_safe(markdown(text))
    assert_safe(render.plain(payload))


SIGNS = (
    *(
        "\n",
        "\n\n",
        " ",
        "    ",
        "> ",
        "- ",
        "1. ",
        "```",
        "`",
        "$",
        "$$",
        "\\(",
        "\\)",
        "\\[",
        "\\]",
        "*",
        "**",
        "[",
    ),
    *("]", "](", ")", "!", "|", "\n|-|\n", "&", "<", ">", '"', "'", "=", "#", "javascript:", "א"),
)
PIECES = st.sampled_from(PAYLOADS + SIGNS)


@given(st.lists(PIECES | st.text(max_size=12), max_size=12).map("".join))
def test_nothing_that_comes_in_can_run(text):
    assert_safe(markdown(text))


@given(st.text(max_size=200))
def test_a_formula_can_be_anything(text):
    assert_safe(f"{render.cleaned(maths.formula(text, text, True))}")


WRITTEN = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00\ufeff"), max_size=80)


@given(WRITTEN, st.sampled_from(["python", "html", "json", "js", "bash", "unknown"]))
def test_code_says_what_was_written(text, language):
    shown = Seen(render.cleaned(f"<pre><code>x{code.highlighted(text, language, 9.0)}x</code></pre>"))
    assert shown.said == f"x{text}x"


@given(st.text(st.sampled_from("ab c.!?"), max_size=60))
def test_words_stay_as_they_are(text):
    assert Seen(markdown(text)).said.split() == text.split()


def test_raw_html_is_text():
    text = "<b>bold</b> <script>alert(1)</script> <unknown x=1>"
    assert unescape(Seen(markdown(text)).said).strip() == text


def test_markdown_is_set():
    shown = markdown(
        "# Head\n\n*a* **b** ~~c~~ `d<e`\n\n1. x\n2. y\n\n| l | r |\n|:--|--:|\n| 1 | 2 |\n\nline\nline"
    )
    for part in (
        '<h3 dir="auto">Head</h3>',
        "<em>a</em> <strong>b</strong> <s>c</s> <code",
        "d&lt;e",
        '<ol dir="ltr">',
        '<td dir="auto" class="right">2</td>',
        "line<br>\nline",
    ):
        assert part in shown


def test_a_link_leads_out_and_an_image_is_a_text_with_its_address():
    shown = Seen(
        markdown("[l](https://a.b/c?d=e&f) ![alt *x*](http://e.f/g.png) [mail](mailto:a@b.c) <https://h.i>")
    )
    hrefs = [value for _, name, value in shown.attributes if name == "href"]
    assert hrefs == ["https://a.b/c?d=e&f", "http://e.f/g.png", "mailto:a@b.c", "https://h.i"]
    assert "alt x http://e.f/g.png" in shown.said


@pytest.mark.parametrize("address", ["/logout", "page", "//a.b", "ftp://a.b", "file:///etc/passwd", "#x", "?x"])
def test_an_address_of_another_kind_is_no_link(address):
    shown = Seen(markdown(f"[l]({address})"))
    assert "a" not in shown.elements
    assert address in shown.said


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("$x^2$", "msup"),
        ("$$\n\\frac{1}{2}\n$$", "mfrac"),
        ("\\(x_1\\)", "msub"),
        ("so \\[ \\sqrt{2} \\] is", "msqrt"),
        ("\\[\na = b\n= c\n\\]", "mo"),
        ("- item\n\n  $$\\sum_{i}^n i$$", "munderover"),
    ],
)
def test_formulas_are_set_however_they_are_marked(text, source):
    assert source in Seen(markdown(text)).elements


@pytest.mark.parametrize(
    "text",
    ["costs $5 and $6", "a $ b", "$", "$$", "`$x$`", "$\\frac{$", "$" + "{" * 3000 + "$"],
)
def test_what_is_no_formula_stays_as_written(text):
    shown = Seen(markdown(text))
    assert "math" not in shown.elements
    assert shown.said.strip() == text.strip("`")


def test_a_power_of_a_matrix_has_a_base_and_an_exponent():
    shown = maths.formula(r"\begin{pmatrix} a & b \end{pmatrix}^{-1}", "", True)
    assert "<msup><mrow><mo>(</mo>" in shown
    assert shown.endswith("<mrow><mo>−</mo><mn>1</mn></mrow></msup></mrow></math>")


def test_what_stands_around_words_has_their_direction():
    shown = markdown("- שלום\n- hello\n\n> مرحبا\n\n- one\n- שתיים\n\n1. 12")
    assert shown.count('<ul dir="rtl">') == shown.count('<blockquote dir="rtl">') == 1
    assert '<ul dir="ltr">' in markdown("- one\n- שתיים")
    assert "<ol>" in markdown("1. 12")


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "[",
            "![",
            "*a **b ",
            "`",
            "``a",
            "$a",
            "$$a\n",
            "\\(",
            "\\[\n",
            "<",
            "&",
            "~~a",
            "> ",
            "- a\n",
            "|a\n|-\n",
        ),
        *(
            "[a](",
            "[a]: http://a.b/c\n[a]",
            "\\",
            "**x* ",
            "#",
            "```\n",
            "[a]: x\n\n[a]\n\n",
            "- - - ",
            "*_",
            "](",
            "\t",
        ),
        *("|" * 200 + "\n|" + "-|" * 200 + "\n", "> " * 28 + "a\n", "![[]()", "$\\frac{1}{2}$"),
    ],
)
def test_time_and_size_grow_with_the_text_and_no_faster(piece):
    text = (piece * (8_000 // len(piece) + 1))[:8_000]
    start = time.process_time()
    shown = markdown(text)
    assert time.process_time() - start < 1.5
    assert len(shown) < 40 * len(text)


def test_colours_stop_where_they_take_too_long():
    text = "\n" * 15_000
    code.highlighted("", "c", 1.0)
    start = time.process_time()
    assert code.highlighted(text, "c", 0.05) == text
    assert time.process_time() - start < 0.5


def test_a_very_long_text_is_shown_as_it_is():
    text = "**b** <i>\n" * (render.LONGEST // 10 + 1)
    assert Seen(markdown(text)).elements == ["pre"]
    assert Seen(markdown(text)).said == text
