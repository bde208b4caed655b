"""Put SVG drawings into the page itself, so that they have the colours of its theme.

The styles of a drawing apply to that drawing only. In its file, colours of the theme are
`currentColor` and variables of CSS with a default, so that it can be looked at by itself.
"""

import re
from pathlib import Path

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform


def inline(svg, name, width=""):
    """Return the markup of a drawing, whose styles and markers have the name of the drawing."""
    svg = re.sub(r"<style>(.*?)</style>", rf"<style>#{name} {{\1}}</style>", svg, flags=re.DOTALL)
    svg = re.sub(r'(<marker id="|url\(#)', rf"\g<1>{name}-", svg)
    width = f' style="width: {width}"' if width else ""
    return svg.replace("<svg", f'<svg id="{name}" class="drawing"{width}', 1)


class InlineDrawings(SphinxPostTransform):
    """Replace images in the format SVG by their markup."""

    default_priority = 200
    formats = ("html",)

    def run(self, **kwargs):
        """Replace the images of a page."""
        for image in list(self.document.findall(nodes.image)):
            if image["uri"].endswith(".svg"):
                path = Path(self.env.srcdir) / image["uri"]
                markup = inline(path.read_text("utf-8"), path.stem, image.get("width", ""))
                image.replace_self(nodes.raw("", markup, format="html"))


def setup(app):
    """Register the transform."""
    app.add_post_transform(InlineDrawings)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
