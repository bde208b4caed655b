"""Write equations as MathML, which browsers show without a script or a network."""

from docutils import nodes
from docutils.utils.math import MathError, latex2mathml
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)


def _markup(node, *, display):
    """Return the markup of an equation; warn if it cannot be read."""
    latex = node.astext()
    if display and "&" in latex and "\\begin" not in latex:
        latex = rf"\begin{{aligned}}{latex}\end{{aligned}}"
    try:
        return latex2mathml.tex2mathml(latex, as_block=display)
    except MathError as error:
        LOGGER.warning("unreadable equation: %s", error, location=node)
        return ""


def _visit_inline(writer, node):
    """Write an equation in a sentence."""
    writer.body.append(_markup(node, display=False))
    raise nodes.SkipNode


def _visit_block(writer, node):
    """Write an equation that stands by itself."""
    markup = _markup(node, display=True)
    writer.body.append(writer.starttag(node, "div", CLASS="math") + markup + "</div>\n")
    raise nodes.SkipNode


def setup(app):
    """Register the renderer under the name "mathml"."""
    app.add_html_math_renderer("mathml", (_visit_inline, None), (_visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
