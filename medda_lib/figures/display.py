"""Put a figure on a page: small, with a caption, and with words for those who cannot see it.

Jupyter Book takes an image output's alt text from the cell's metadata, which running code cannot set.
An HTML output can carry its own: a `<figure>` with the picture inline as base64, an `alt` text and a
caption. It reads the same in JupyterLab and in the rendered book, in light and dark mode, and needs
no file beside the notebook. Pictures are stored as 8-bit palette PNG or, where that is smaller, WebP,
at the highest resolution that fits the limit.
"""

from __future__ import annotations

import base64
import html
import io

import matplotlib as mpl
from IPython.display import display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from medda_lib.figures.style import CARD, INK, RC

# Some eighteen figures, a third larger as base64, have to fit a notebook of 1 MB.
LIMIT = 28_000
DPI = (144, 120, 100, 84, 72)
ROUGH = (65, 50)
# The theme of the book puts a bright box behind HTML outputs in dark mode; the card needs none.
_CSS = (
    ".cell_output .text_html:has(>figure.medda){background:none!important;padding:0!important}"
    "figure.medda img{background:none!important;padding:0!important}"
)


def pixels(figure: Figure, dpi: float) -> Image.Image:
    """The figure drawn on its card at `dpi`, as an RGB picture."""
    with mpl.rc_context(RC):
        canvas = FigureCanvasAgg(figure)
        buffer = io.BytesIO()
        canvas.print_figure(buffer, dpi=dpi, format="png", facecolor=CARD)
    buffer.seek(0)
    return Image.open(buffer).convert("RGB")


def _png(picture: Image.Image) -> bytes:
    """Palette PNG: sharp lines and text."""
    buffer = io.BytesIO()
    # Maximum coverage keeps rare colours; median cut would merge those of two small legend patches.
    few = picture.quantize(128, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def webp(picture: Image.Image, quality: int) -> bytes:
    """WebP: small for radiographs."""
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=quality, method=6)
    return buffer.getvalue()


def encode(figure: Figure, limit: int = LIMIT, dpi: tuple[int, ...] = DPI) -> tuple[str, bytes]:
    """(MIME type, bytes) of the sharpest rendering of at most `limit` bytes.

    Palette PNG wins where it fits, since lines and text stay exact; WebP is the second choice. A
    picture that is too large even at the lowest resolution (noise, as in saliency maps, hardly
    shrinks) is compressed harder before it is refused.
    """
    for resolution in dpi:
        picture = pixels(figure, resolution)
        for kind, data in (("image/png", _png(picture)), ("image/webp", webp(picture, 82))):
            if len(data) <= limit:
                return kind, data
    for quality in ROUGH:
        data = webp(picture, quality)
        if len(data) <= limit:
            return "image/webp", data
    raise ValueError(
        f"the figure takes {len(data)} bytes at {dpi[-1]} dpi, more than the limit of {limit}: "
        "draw fewer or smaller panels"
    )


def data_uri(kind: str, data: bytes) -> str:
    """The bytes as a `data:` address of MIME type `kind`."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def require_alt(alt: str) -> str:
    """`alt`, or an error if it is blank."""
    if not alt.strip():
        raise ValueError(
            "alt: a figure needs a text for readers who cannot see it; say what it shows"
        )
    return " ".join(alt.split())


def figure_html(figure: Figure, caption: str, alt: str, name: str = "", limit: int = LIMIT) -> str:
    """The `<figure>` element: picture, alt text, caption; `name` becomes its anchor `fig-name`."""
    alt = require_alt(alt)
    if not caption.strip():
        raise ValueError("caption: say in a sentence what the figure shows")
    kind, data = encode(figure, limit)
    width = round(figure.get_figwidth() * 100)
    anchor = f' id="fig-{html.escape(name.removeprefix("fig-"))}"' if name else ""
    return (
        f'<figure class="medda"{anchor} style="margin:0 0 1em;max-width:{width}px;padding:.6em;'
        f'border-radius:.5em;background:{CARD};color:{INK}"><style>{_CSS}</style>'
        f'<img class="dark-light" style="width:100%" alt="{html.escape(alt)}" '
        f'src="{data_uri(kind, data)}">'
        f'<figcaption style="font-size:.9em;font-weight:400;text-align:left;color:{INK}">'
        f"{html.escape(caption)}</figcaption>"
        "</figure>"
    )


def show_figure(figure: Figure, caption: str, alt: str, name: str = "", limit: int = LIMIT) -> None:
    """Display a figure in a notebook with caption and alt text, then clear it.

    `limit` is in bytes of the picture (base64 adds a third in the notebook).
    """
    page = figure_html(figure, caption, alt, name, limit)
    figure.clear()
    # Raw data, so that the plain form is the caption and not an object's name.
    display({"text/html": page, "text/plain": f"[figure] {caption}"}, raw=True)
