"""The page in a real browser: at a desk, on a phone, in print, light and dark."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from numpy.typing import NDArray

from browser import Browser
from conftest import run_report
from sample import Sample

VIEWS = [
    (1280, False, False),
    (1280, True, False),
    (390, False, False),
    (390, True, False),
    (700, False, True),
]

# Elements that stick out of the window, or of the box they are cut at.
OUTSIDE = """[...document.querySelectorAll('body *:not(svg *)')].filter(element => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && (box.right > document.documentElement.clientWidth + 1 || box.left < -1);
}).map(e => e.tagName + '.' + e.className + ': ' + e.textContent.trim().slice(0, 9))"""
UNFOLD = "document.querySelectorAll('details').forEach(fold => { fold.open = true; })"
SCROLLED = """[...document.querySelectorAll('.table')].filter(box => box.scrollWidth > box.clientWidth)
    .map(box => box.querySelector('caption').textContent)"""
FIGURES = """[...document.querySelectorAll('figure svg')].map(svg => {
    const box = svg.getBoundingClientRect();
    return {name: svg.closest("figure").id, x: box.x + scrollX, y: box.y + scrollY, width: box.width,
            height: box.height};
})"""
BACKGROUND = "getComputedStyle(document.body).backgroundColor"


@pytest.mark.parametrize("width, dark, printed", VIEWS)
def test_nothing_is_cut_and_no_figure_is_blank(
    browser: Browser, documented_results: Path, width: int, dark: bool, printed: bool
) -> None:
    page = documented_results / "report" / "report.html"
    browser.show(page, width, dark=dark, printed=printed)
    browser.value(UNFOLD)
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert browser.value(OUTSIDE) == []
    assert browser.value(SCROLLED) == []
    assert browser.requests == [page.resolve().as_uri()], "the page loads nothing but itself"
    stored = {path.stem: coloured_share(imread(path)) for path in (page.parent / "figures").glob("*.png")}
    figures = browser.value(FIGURES)
    assert len(figures) == 10
    for box in figures:
        assert box["width"] > 300 and box["height"] > 100
        name = box.pop("name")
        pixels = imread(io.BytesIO(browser.screenshot(box)))[:, :, :3]
        share = coloured_share(pixels) / stored[name]  # thin lines weigh more where there are fewer pixels
        assert 0.4 < share < 3, f"{name} is not drawn as in its PNG"
        contrast = np.abs(pixels - pixels[0, 0]).max(axis=2)
        assert (contrast > 0.5).sum() > 100, f"{name}: the letters do not stand out from the ground"
    ground = json.loads(
        browser.value(BACKGROUND).replace("rgba", "").replace("rgb", "").replace("(", "[").replace(")", "]")
    )
    assert (max(ground[:3]) < 60) == dark or printed


def coloured_share(pixels: NDArray[np.float32]) -> float:
    """Share of the pixels that are neither white, grey nor black."""
    return float(((pixels[:, :, :3].max(axis=2) - pixels[:, :, :3].min(axis=2)) > 0.2).mean())


def test_print_is_light_even_where_the_screen_is_dark(browser: Browser, documented_results: Path) -> None:
    browser.show(documented_results / "report" / "report.html", 700, dark=True, printed=True)
    ink = browser.value("getComputedStyle(document.body).color")
    assert ink == "rgb(27, 31, 36)"
    assert browser.pdf().startswith(b"%PDF")


def test_long_and_odd_labels_fit_a_phone(browser: Browser, tmp_path: Path) -> None:
    sample = Sample(name="n" * 80, purpose="p" * 300)
    labels = ["x" * 80, "Ünïcode 修正 " * 4, "<script>document.title = 'taken'</script>", "d", "e", "f", "g"]
    for label in labels:
        sample.method(label, label)
        sample.point(
            "d" * 80,
            label,
            {"mean_shift": 1e300, "batch_mixing_entropy": 1e-300, "m" * 80: -1.23456789},
            {"k" * 60: "v" * 200},
        )
    sample.manifest["problems"] = [{"point": "q" * 200, "status": "failed", "reason": "r" * 400}]
    sample.points.clear()
    run_report(sample.write(tmp_path))
    for width in (390, 1280):
        browser.show(tmp_path / "report" / "report.html", width)
        assert browser.value("document.documentElement.scrollWidth") <= width
        assert browser.value(OUTSIDE) == []
        assert browser.value("document.title") == "n" * 80
        assert browser.value(SCROLLED) == [] or width == 1280


def test_colours_of_text_stand_out(browser: Browser, documented_results: Path) -> None:
    """Contrast of at least 4.5 to 1 between each text colour and the ground of tables and page."""
    for dark in (False, True):
        browser.show(documented_results / "report" / "report.html", 1280, dark=dark)
        names = [
            "ink",
            "soft",
            "link",
            "good",
            "warn",
            "bad",
            "paper",
            "card",
            "good-back",
            "warn-back",
            "bad-back",
        ]
        colours = {
            name: browser.value(f"getComputedStyle(document.documentElement).getPropertyValue('--{name}')")
            for name in names
        }
        pairs = [(text, ground) for text in names[:6] for ground in ("paper", "card")]
        pairs += [(name, f"{name}-back") for name in ("good", "warn", "bad")] + [
            ("ink", f"{name}-back") for name in ("good", "warn", "bad")
        ]
        for text, ground in pairs:
            assert contrast_ratio(colours[text], colours[ground]) >= 4.5, f"{text} on {ground}, dark: {dark}"


def contrast_ratio(first: str, second: str) -> float:
    """After the Web Content Accessibility Guidelines 2.1."""
    light = []
    for colour in (first.strip(), second.strip()):
        parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        light.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(light) + 0.05) / (min(light) + 0.05)
