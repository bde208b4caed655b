"""Arrange the page of an estimator: its example first, then its parameters in groups.

The groups are network, training, early stopping, data and running. The constructors list the
parameters in this order, so that the first one of each group is enough.
"""

from docutils import nodes
from sphinx.addnodes import desc

FIRST_OF_GROUP = {
    "cell": "Network",
    "loss": "Training",
    "n_estimators": "Training",
    "early_stopping": "Early stopping",
    "scale": "Data",
    "warm_start": "Running",
}


def _parameter_list(content):
    """Return the list of parameters of a class, or None."""
    for field in content.findall(nodes.field):
        if field[0].astext() == "Parameters":
            return next(field.findall(nodes.definition_list), None)
    return None


def _anchor(group):
    """Return the anchor of a group on the page."""
    return f"parameters-{nodes.make_id(group)}"


def _links():
    """Return a line with links to all groups."""
    line = nodes.paragraph("", "Parameters: ", classes=["parameter-groups"])
    for i, group in enumerate(dict.fromkeys(FIRST_OF_GROUP.values())):
        line += [nodes.Text(" · ")] if i else []
        line += nodes.reference("", group, refid=_anchor(group), internal=True)
    return line


def _example(content):
    """Return the nodes of the section on examples of a class."""
    children = list(content)
    starts = [i for i, node in enumerate(children) if isinstance(node, nodes.rubric)]
    for start, stop in zip(starts, [*starts[1:], len(children)], strict=True):
        if children[start].astext() == "Examples":
            others = (i for i in range(start, stop) if isinstance(children[i], desc))
            return children[start : next(others, stop)]
    return []


def _in_groups(items):
    """Return lists of parameters, each after the name of its group."""
    result, group = [], None
    for item in items:
        name = item[0].astext().partition(",")[0].partition(" :")[0].strip()
        if FIRST_OF_GROUP.get(name, group) != group:
            group = FIRST_OF_GROUP[name]
            heading = nodes.paragraph("", group, classes=["parameter-group"], ids=[_anchor(group)])
            result.append(heading)
            result.append(nodes.definition_list())
        result[-1].append(item)
    return result


def group_parameters(app, domain, objtype, content):
    """Arrange the page of a class whose parameters begin with `cell`."""
    parameters = _parameter_list(content) if objtype == "class" else None
    if parameters is None or parameters[0][0].astext().split()[0] != "cell":
        return
    items = list(parameters)
    parameters.clear()
    parameters.replace_self(_in_groups(items))
    example = _example(content)
    for node in example:
        content.remove(node)
    place = content.first_child_matching_class(nodes.field_list)
    content[place:place] = [*example, _links()]


def setup(app):
    """Register the grouping."""
    app.connect("object-description-transform", group_parameters)
    return {"parallel_read_safe": True}
