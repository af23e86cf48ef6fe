"""The files that serve a model name what is there, and are left once written."""

import pathlib
import sys

import pytest
import yaml
from google.protobuf import text_format

from mgm_tf.export import saved_model
from mgm_tf.export.serving import kit, rest_check, warm_up


def test_configurations_fit_together(tmp_path):
    folder = kit.write(tmp_path / "Tiny_1")
    names = {path.name for path in folder.iterdir()}
    assert names == {*kit.CONFIGURATIONS, kit.CHECK}
    compose = yaml.safe_load((folder / "compose.yaml").read_text())["services"]
    deployment, service = yaml.safe_load_all((folder / "kubernetes.yaml").read_text())
    containers = deployment["spec"]["template"]["spec"]["containers"]
    serving, ready = containers
    probe = ready["readinessProbe"]["exec"]["command"]
    for arguments in (compose["serving"]["command"], serving["args"]):
        for argument in arguments:
            path = pathlib.PurePosixPath(argument.partition("=")[2])
            assert path.parent == pathlib.PurePosixPath("/models/Tiny_1/serving")
            assert path.name in names
    for command in (compose["ready"]["healthcheck"]["test"][1:], probe):
        assert command[:2] == ["python3", "/models/Tiny_1/serving/serve_check.py"]
        assert "--model=Tiny_1" in command and "--versions=/models/Tiny_1" in command
    mounts = {volume.split(":")[1] for volume in compose["serving"]["volumes"]}
    assert mounts == {"/models/Tiny_1"}
    assert deployment["metadata"]["name"] == service["metadata"]["name"] == "tiny-1"
    assert service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"]
    program = (folder / kit.CHECK).read_text()
    assert program == pathlib.Path(rest_check.__file__).read_text()


def test_the_model_configuration_is_one_of_the_server(tmp_path):
    configs = pytest.importorskip("tensorflow_serving.config.model_server_config_pb2")
    text = (kit.write(tmp_path / "toy") / "models.config").read_text()
    parsed = text_format.Parse(text, configs.ModelServerConfig())
    (model,) = parsed.model_config_list.config
    assert (model.name, model.base_path) == ("toy", "/models/toy")
    assert model.model_version_policy.latest.num_versions == 2


def test_batches_are_of_the_sizes_that_are_warmed_up(tmp_path):
    text = (kit.write(tmp_path / "toy") / "batching.config").read_text()
    for size in warm_up.BATCH_SIZES:
        assert f"allowed_batch_sizes: {size}\n" in text
    assert f"max_batch_size {{ value: {warm_up.BATCH_SIZES[-1]} }}" in text


def test_what_a_person_changed_stays(tmp_path):
    folder = kit.write(tmp_path / "toy")
    (folder / "compose.yaml").write_text("mine")
    (folder / "monitoring.config").unlink()
    kit.write(tmp_path / "toy")
    assert (folder / "compose.yaml").read_text() == "mine"
    assert (folder / "monitoring.config").exists()


def test_without_the_package_there_is_no_warm_up_and_that_is_said(
    tmp_path, monkeypatch, capsys
):
    imported = [name for name in sys.modules if name.startswith("tensorflow_serving")]
    for name in {"tensorflow_serving", "tensorflow_serving.apis", *imported}:
        monkeypatch.setitem(sys.modules, name, None)
    saved_model._write_warm_up(tmp_path, (), image_size=8)
    assert not (tmp_path / warm_up.FILE).exists()
    printed = capsys.readouterr().out
    assert "Without warm-up: " in printed and "requirements-serving.txt" in printed
