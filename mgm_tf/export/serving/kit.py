"""The files that serve an exported model, `serving/` beside its versions.

    models.config      which versions are served
    batching.config    how requests become batches
    monitoring.config  metrics for Prometheus
    compose.yaml       a server on this machine, ready when the check is content
    kubernetes.yaml    a deployment whose readiness probe is the check
    serve_check.py     the check; `rest_check.py` by another name

Configurations are yours once they are written: an export leaves those that are there.
"""

import pathlib
import re

import jinja2

from mgm_tf.export.serving import rest_check, warm_up
from mgm_tf.files import whole

FOLDER = "serving"
CONFIGURATIONS = (
    "models.config",
    "batching.config",
    "monitoring.config",
    "compose.yaml",
    "kubernetes.yaml",
)
CHECK = "serve_check.py"


def write(directory: pathlib.Path) -> pathlib.Path:
    """Writes the files for the versions in `directory`; returns their folder.

    TensorFlow Serving passes over the folder, whose name is no number.
    """
    folder = directory / FOLDER
    whole.make_folder(folder)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        autoescape=False,  # no HTML: names have letters, digits, `_.-` only
    )
    values = {
        "model": model_name(directory),
        "resource": resource_name(directory),
        "folder": f"{directory}/{FOLDER}",
        "batch_sizes": warm_up.BATCH_SIZES,
    }
    for name in CONFIGURATIONS:
        if not (folder / name).exists():
            text = environment.get_template(f"{name}.j2").render(values)
            whole.write_text(folder / name, text)
    # A program and no configuration: it fits the newest version.
    program = pathlib.Path(rest_check.__file__).read_text("utf-8")
    whole.write_text(folder / CHECK, program)
    return folder


def model_name(directory: pathlib.Path) -> str:
    """Returns the name by which the model of a folder is served: the folder's own."""
    return re.sub("[^A-Za-z0-9_.-]+", "_", directory.resolve().name) or "model"


def resource_name(directory: pathlib.Path) -> str:
    """Returns the name as Kubernetes allows it: lower case, digits and hyphens."""
    name = re.sub("[^a-z0-9]+", "-", model_name(directory).lower()).strip("-")
    return name[:50] or "model"
