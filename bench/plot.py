# SPDX-License-Identifier: Apache-2.0
"""Plots as SVG, drawn by hand: bars of ratios with the noise band, lines over a logarithmic axis, distributions."""

import html
import math

# One color for each family of arms; told apart by those who see few colors too (Okabe and Ito).
COLORS = [("Weft", "#d55e00"), ("bare", "#555555"), ("bridge +", "#0072b2"), ("Linux bridge", "#56b4e9"),
          ("macvlan", "#009e73"), ("redirect", "#999999"), ("Open", "#cc79a7"), ("OVN", "#e6b400")]
FONT = 'font-family="system-ui, sans-serif" font-size="12"'


def color(name):
    return next((c for prefix, c in COLORS if name.startswith(prefix)), "#888888")


class Drawing:
    def __init__(self, width, height):
        self.width, self.height, self.parts = width, height, []

    def add(self, tag, text=None, **attributes):
        words = "".join(f' {k.rstrip("_").replace("_", "-")}="{_number(v)}"' for k, v in attributes.items())
        self.parts.append(f"<{tag}{words}/>" if text is None else f"<{tag}{words}>{html.escape(text)}</{tag}>")

    def text(self, x, y, text, **attributes):
        self.add("text", text, x=x, y=y, **{"fill": "#222", **attributes})

    def line(self, x1, y1, x2, y2, **attributes):
        self.add("line", x1=x1, y1=y1, x2=x2, y2=y2, **{"stroke": "#ddd", **attributes})

    def svg(self):
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
                f'width="{self.width}" height="{self.height}" role="img" {FONT}>' + "".join(self.parts) + "</svg>")


def _number(value):
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def bars(rows, band, unit, aims):
    """`rows`: [(name, summary)], ratios to bare; `band`: (low, high) of noise; `aims`: {name: ratio}."""
    left, right, row, top = 330, 190, 22, 26
    width, height = 980, top + row * len(rows) + 14
    drawing = Drawing(width, height)
    most = min(max([1.1, *[s["ratio"] * 1.05 for _, s in rows], *[s["high"] for _, s in rows]]), 3)
    x = lambda ratio: left + (width - left - right) * min(ratio, most) / most  # noqa: E731
    drawing.add("rect", x=x(band[0]), y=top - 6, width=max(x(band[1]) - x(band[0]), 1.0), height=row * len(rows) + 8,
                fill="#eee8d5")
    for tick in [t / 4 for t in range(0, int(most * 4) + 1)]:
        drawing.line(x(tick), top - 6, x(tick), height - 12)
        drawing.text(x(tick), top - 12, f"{tick:g}", text_anchor="middle", fill="#666")
    for number, (name, s) in enumerate(rows):
        _bar(drawing, x, top + number * row, left, width - right, name, s, unit, most, aims.get(name))
    return drawing.svg()


def _bar(drawing, x, y, left, end, name, s, unit, most, aim):
    drawing.text(left - 8, y + 12, name, text_anchor="end", font_weight="600" if name.startswith("Weft") else "400")
    drawing.add("rect", x=left, y=y + 1, width=max(x(s["ratio"]) - left, 1.0), height=14, fill=color(name), opacity=0.85)
    drawing.line(x(s["low"]), y + 8, x(s["high"]), y + 8, stroke="#000", stroke_width=1.5)
    for at in (s["low"], s["high"]):
        drawing.line(x(at), y + 4, x(at), y + 12, stroke="#000", stroke_width=1.5)
    if aim:
        drawing.line(x(aim), y - 1, x(aim), y + 17, stroke="#b00", stroke_width=2, stroke_dasharray="3 2")
    more = "→ " if s["ratio"] > most else ""
    drawing.text(end + 10, y + 12, f"{more}{s['ratio']:.2f}", font_weight="600", fill="#444")
    drawing.text(end + 130, y + 12, quantity(s["value"]), text_anchor="end", fill="#444")
    drawing.text(end + 136, y + 12, unit, fill="#444")


def quantity(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


class Axes:
    """A frame with a logarithmic x axis."""

    def __init__(self, x_low, x_high, y_high, x_title, y_title, height=330):
        self.drawing = Drawing(1000, height)
        self.left, self.right, self.top, self.bottom = 76, 640, 20, height - 46
        self.low, self.high, self.most = math.log10(x_low), math.log10(x_high), y_high
        self.drawing.text((self.left + self.right) / 2, height - 8, x_title, text_anchor="middle", fill="#444")
        self.drawing.text(16, (self.top + self.bottom) / 2, y_title, text_anchor="middle", fill="#444",
                          transform=f"rotate(-90 16 {(self.top + self.bottom) / 2})")
        self._next_label = []

    def x(self, value):
        part = (math.log10(value) - self.low) / (self.high - self.low)
        return self.left + (self.right - self.left) * min(max(part, 0), 1)

    def y(self, value):
        return self.bottom - (self.bottom - self.top) * min(value, self.most) / self.most

    def x_tick(self, value, text):
        self.drawing.line(self.x(value), self.top, self.x(value), self.bottom)
        self.drawing.text(self.x(value), self.bottom + 16, text, text_anchor="middle", fill="#666")

    def y_tick(self, value, text):
        self.drawing.line(self.left, self.y(value), self.right, self.y(value))
        self.drawing.text(self.left - 6, self.y(value) + 4, text, text_anchor="end", fill="#666")

    def curve(self, name, points, dots=False):
        """Across hosts and the p99 are dashed, dotted with VXLAN."""
        path = " ".join(f"{self.x(a):.1f},{self.y(b):.1f}" for a, b in points)
        dash = {"stroke_dasharray": "2 3" if "VXLAN" in name else "6 4"} if "across" in name or "p99" in name else {}
        self.drawing.add("polyline", points=path, fill="none", stroke=color(name), stroke_width=2, **dash)
        if dots:
            for a, b in points:
                self.drawing.add("circle", cx=self.x(a), cy=self.y(b), r=3, fill=color(name))
        self._next_label.append((name, dash))

    def svg(self):
        for number, (name, dash) in enumerate(self._next_label):
            y = self.top + 14 + number * 18
            self.drawing.line(self.right + 14, y - 4, self.right + 40, y - 4, stroke=color(name), stroke_width=2, **dash)
            self.drawing.text(self.right + 46, y, name)
        return self.drawing.svg()


def rule_curves(curves, band):
    """`curves`: {name: [(rules, ratio)]}; 0 rules stand at the left end of the logarithmic axis."""
    most = max([1.1, *[ratio * 1.1 for points in curves.values() for _, ratio in points]])
    axes = Axes(10, 10000, most, "firewall rules that a new flow passes", "ratio to bare veth")
    axes.drawing.add("rect", x=axes.left, y=axes.y(band[1]), width=axes.right - axes.left,
                     height=axes.y(band[0]) - axes.y(band[1]), fill="#eee8d5")
    for value, text in ((10, "0"), (100, "100"), (1000, "1,000"), (10000, "10,000")):
        axes.x_tick(value, text)
    for tick in range(int(most * 5) + 1):
        axes.y_tick(tick / 5, f"{tick / 5:g}")
    for name, points in curves.items():
        axes.curve(name, [(max(rules, 10), ratio) for rules, ratio in points], dots=True)
    return axes.svg()


def distributions(curves):
    """`curves`: {name: [(quantile, µs)]}: below which latency which part lies."""
    latencies = [us for points in curves.values() for q, us in points if 0.01 <= q <= 0.99]
    low, high = min(latencies) * 0.9, max(latencies) * 1.1
    axes = Axes(low, high, 1, "latency, µs (logarithmic)", "part of the requests", height=360)
    step = 1
    while 10 ** step <= high * 10:
        for factor in (1, 2, 5):
            if low <= factor * 10 ** step <= high:
                axes.x_tick(factor * 10 ** step, f"{factor * 10 ** step:,}")
        step += 1
    for tick in (0, 0.25, 0.5, 0.75, 0.9, 1):
        axes.y_tick(tick, f"{tick:.0%}")
    for name, points in curves.items():
        axes.curve(name, [(us, q) for q, us in points])
    return axes.svg()
