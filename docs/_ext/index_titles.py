"""Let index entries lead to the section that they stand above or in, which the search names."""

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform


def _section_of(node):
    """Return the section that begins after a node or, if there is text in between, that is around.

    Return None within the section of a whole page.
    """
    following = node
    while following is not None:
        parent = following.parent
        siblings = [] if parent is None else parent.children[parent.index(following) + 1 :]
        rest = [sibling for sibling in siblings if not isinstance(sibling, nodes.Invisible)]
        rest = [sibling for sibling in rest if not isinstance(sibling, nodes.target)]
        if rest and isinstance(rest[0], nodes.section):
            return rest[0]
        if rest:
            break
        following = parent
    around = node.parent
    while around is not None and not isinstance(around, nodes.section):
        around = around.parent
    return around if around is not None and isinstance(around.parent, nodes.section) else None


class EntriesOfSections(SphinxTransform):
    """Replace the anchors of index entries by those of their sections."""

    default_priority = 800  # before the domain of the index collects its entries

    def apply(self, **kwargs):
        """Change the entries in place."""
        for node in list(self.document.findall(addnodes.index)):
            section = _section_of(node)
            if section is not None:
                name = section["ids"][0]
                node["entries"] = [
                    (kind, value, name, *rest) for kind, value, _, *rest in node["entries"]
                ]


def setup(app):
    """Register the transform."""
    app.add_transform(EntriesOfSections)
    return {"parallel_read_safe": True}
