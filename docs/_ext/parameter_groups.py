"""Show the parameters of an estimator in groups: network, training, early stopping, data, running.

The constructors list them in this order, so that the first parameter of each group is enough.
"""

from docutils import nodes

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


def _in_groups(items):
    """Return lists of parameters, each after the name of its group."""
    result, group = [], None
    for item in items:
        name = item[0].astext().partition(",")[0].partition(" :")[0].strip()
        if FIRST_OF_GROUP.get(name, group) != group:
            group = FIRST_OF_GROUP[name]
            result.append(nodes.paragraph("", group, classes=["parameter-group"]))
            result.append(nodes.definition_list())
        result[-1].append(item)
    return result


def group_parameters(app, domain, objtype, content):
    """Put headings between the parameters of an estimator, which begin with `cell`."""
    parameters = _parameter_list(content) if objtype == "class" else None
    if parameters is not None and parameters[0][0].astext().split()[0] == "cell":
        items = list(parameters)
        parameters.clear()
        parameters.replace_self(_in_groups(items))


def setup(app):
    """Register the grouping."""
    app.connect("object-description-transform", group_parameters)
    return {"parallel_read_safe": True}
