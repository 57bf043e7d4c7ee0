"""Campaigns with texts of every kind, for browsers to look at."""

from __future__ import annotations

from prefloop.data.records import PairRecord
from prefloop.messages.message import Call, Message, Turns

OUTSIDE = "http://outside.invalid"

CODE = '''Use a generator, so that nothing is kept in memory:

```python
from collections.abc import Iterator


def fibonacci(limit: int) -> Iterator[int]:
    """Fibonacci numbers below a limit."""
    a, b = 0, 1
    while a < limit:  # the last one may be missing
        yield a
        a, b = b, a + b


print(list(fibonacci(100)), "a long line that does not fit into half of a window: it scrolls sideways")
```

| limit | numbers |
| ---: | --- |
| 10 | 0, 1, 1, 2, 3, 5, 8 |
| 100 | eleven |

`yield` gives one number at a time. See [the documentation](https://docs.python.org/3/).
'''
MATHS = r"""The integral $\int_0^1 x^2\,dx = \frac{1}{3}$ follows from

$$
\sum_{k=1}^{n} k^2 = \frac{n(n+1)(2n+1)}{6}, \qquad
\begin{pmatrix} a & b \\ c & d \end{pmatrix}^{-1} = \frac{1}{ad-bc}\begin{pmatrix} d & -b \\ -c & a \end{pmatrix}
$$

and \(e^{i\pi} + 1 = 0\) costs \$5, not $6. What cannot be set stays: $\unknowncommand{$.

\[ \lim_{n \to \infty} \left(1 + \frac{x}{n}\right)^n = e^x \]
"""
RTL = """## שלום עולם

זהו טקסט בעברית עם מילה אחת באנגלית: *Python*, והוא נקרא מימין לשמאל.

- פריט ראשון
- פריט שני עם `code` בתוכו

> مرحبا بالعالم، هذا اقتباس باللغة العربية.

A paragraph in English goes from left to right.
"""
LONG = "\n\n".join(
    f"**Step {n}.** " + "Measure the flour, warm the milk, and let the dough rest until it has doubled. " * 3
    for n in range(1, 31)
)
# Each sets a flag where it runs, or asks another host.
HOSTILE = f"""<script>window.hacked = 1</script> <img src=x onerror="window.hacked = 2">
<svg onload="window.hacked = 3"><iframe src="{OUTSIDE}/frame"></iframe>

[click](javascript:window.hacked=4) [data](data:text/html,<script>window.hacked=5</script>)
![pixel]({OUTSIDE}/pixel.png) <{OUTSIDE}/auto> <style>@import "{OUTSIDE}/style.css";</style>

$\\text{{&lt;img src=x onerror=window.hacked=6&gt;}}$ $\\href{{javascript:window.hacked=7}}{{x}}$

```html" onmouseover="window.hacked=8
<link rel=stylesheet href={OUTSIDE}/link.css>
```

<form action="{OUTSIDE}/form"><input autofocus onfocus="window.hacked=9"></form>
"""
TALK = (
    Message("system", "You are a **careful** assistant."),
    Message("user", "What is the weather in Bergen?"),
    Message("assistant", "", (Call("weather", '{"place": "Bergen", "unit": "°C"}'),)),
    Message("tool", '{"temperature": 7, "sky": "rain"}'),
    Message("user", "So do I need an umbrella?"),
)


LOOKED = (
    Message("assistant", "Let me look.", (Call("look", "{}"),)),
    Message("tool", "wet"),
    Message("assistant", "Take one."),
)


def record(prompt, a, b):
    """A pair without a verdict."""
    turns = [text if isinstance(text, Turns) else Turns(text) for text in (prompt, a, b)]
    return PairRecord(*turns, None, "test")


RECORDS = {
    "code": record(
        "How do I list Fibonacci numbers in Python?",
        CODE,
        CODE.replace("generator", "list").replace("eleven", "12"),
    ),
    "maths": record("Why is $\\int_0^1 x^2 dx$ a third?", MATHS, MATHS.replace("integral", "area")),
    "rtl": record("כתוב לי טקסט קצר", RTL, RTL.replace("ראשון", "אחרון")),
    "long": record(
        "How do I bake buns?\n\n" + "I have flour, milk and time.\n" * 12, LONG, LONG.replace("milk", "oat milk")
    ),
    "hostile": record(f"Hostile: {HOSTILE}", HOSTILE, "Nothing. " + HOSTILE),
    "talk": record(Turns.prompt(TALK), "Yes: it rains at 7 °C.", Turns.completion(LOOKED)),
    **{f"plain {n}": record(f"question {n}", f"answer {n}-a good", f"answer {n}-b good good") for n in range(12)},
}
