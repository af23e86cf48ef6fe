"""Settings: one list of them, flags made of it, and what is refused."""

import dataclasses
import json
import pathlib
import typing

import pytest
from absl import flags

import datasets
from mgm_tf import networks
from mgm_tf.config import checks, options, saved, settings
from mgm_tf.config.settings import Config
from mgm_tf.data import dataset
from mgm_tf.data.augmentation import diffaugment, geometry
from mgm_tf.data.splits import CACHES
from mgm_tf.method import (
    algorithm,
    gradients,
    objectives,
    passes,
    rates,
    stages,
    synthesis_labels,
)
from mgm_tf.networks import decoders, encoders, sharing
from mgm_tf.networks.layers import precision
from mgm_tf.train import batch_statistics, composition, loop, optimizers

ROOT = pathlib.Path(__file__).parents[2]
FLAGFILES = sorted(ROOT.glob("configs/**/*.flags"))
TABLES = {
    "dataset": datasets.BUILDERS,
    "cache": CACHES,
    "augmentation": geometry.AUGMENTATIONS,
    "scene_labels": dataset.SCENE_LABEL_SOURCES,
    "check_data": loop.CHECK_DATA,
    "synthesis_labels": synthesis_labels.SYNTHESIS_LABELS,
    "encoder": encoders.ENCODERS,
    "encoder_widths": encoders.ENCODER_WIDTHS,
    "encoder_form": composition.ENCODER_FORMS,
    "decoder": decoders.DECODERS,
    "gan": networks.GENERATORS,
    "weak": algorithm.WEAK_ROWS,
    "em": composition.EM,
    "discriminator_augmentation": diffaugment.DISCRIMINATOR_AUGMENTATIONS,
    "task_weighting": objectives.WEIGHTINGS,
    "gradient_surgery": gradients.SURGERY,
    "sharing": sharing.SHARING,
    "refinement": algorithm.REFINEMENT,
    "self_supervision": algorithm.SELF_SUPERVISION,
    "moving_statistics": stages.MOVING_STATISTICS,
    "passes": passes.PASSES,
    "precision": precision.POLICIES,
    "optimizers": optimizers.KEYS,
    "gan_images": composition.GAN_IMAGES,
    "test_statistics": batch_statistics.IS_ESTIMATED,
    **{f"{stage}_schedule": rates.DECAYS for stage in stages.STAGE_NAMES},
}
TYPES = {
    "image_size": int,
    "width": float,
    "jit_compile": bool,
    "protocol": str,
    "tasks": list,
    "joint_length": str,
    "learning_rate": float,
    "seed": int,
}


def parsed(*arguments: str) -> Config:
    """Returns the settings of a command line."""
    values = flags.FlagValues()
    settings.define_flags(values)
    values(["program", *arguments])
    return checks.from_flags(values)


def flagfile(name: str) -> str:
    return f"--flagfile={ROOT / 'configs' / name}"


def test_every_setting_is_a_flag_once_with_its_default_and_help():
    values = flags.FlagValues()
    settings.define_flags(values)
    names = [
        field.name
        for group in dataclasses.fields(Config)
        for field in dataclasses.fields(group.type)
    ]
    assert len(names) == len(set(names))
    own_flags = {name for name in values if name not in flags.FlagValues()}
    assert own_flags == set(names) == set(options.leaves(Config))
    assert all(values[name].help for name in names)
    assert parsed() == Config()


@pytest.mark.parametrize("name", TYPES)
def test_a_flag_has_the_type_of_its_field(name):
    values = flags.FlagValues()
    settings.define_flags(values)
    values(["program"])
    assert type(values[name].value) is TYPES[name]


def test_values_are_read_into_their_groups():
    config = parsed(
        "--dataset=nyuv2",
        "--tasks=depth, normals",
        "--width=0.25",
        "--refinement=lset",
        "--joint_batch_size=8",
        "--jit_compile",
    )
    assert config.data.dataset == "nyuv2"
    assert config.data.tasks == ("depth", "normals")
    assert config.network.width == 0.25
    assert config.method.refinement == "lset"
    assert config.schedule.joint_batch_size == 8
    assert config.run.jit_compile is True


@pytest.mark.parametrize("name", TABLES)
def test_choices_are_the_keys_of_the_table_that_they_are_looked_up_in(name):
    assert set(typing.get_args(options.leaves(Config)[name].type)) == set(TABLES[name])


def test_every_choice_has_a_table():
    literals = {
        name
        for name, field in options.leaves(Config).items()
        if typing.get_origin(field.type) is typing.Literal
    }
    assert literals == set(TABLES)


# What a flag file leaves to the command line: the folders of other runs.
FOLDERS = {
    "mgm_combine": "--generators_from=runs/a,runs/b,runs/c",
    "st_g": "--oracle=runs/oracle",
    "mt_to_normals": "--start_from=runs/mt",
    "mgm_to_normals": "--start_from=runs/mgm",
}


@pytest.mark.parametrize("path", FLAGFILES, ids=lambda path: path.stem)
def test_every_flagfile_is_accepted(path):
    named = [line for line in path.read_text().splitlines() if line.startswith("--")]
    folders = [FOLDERS[path.stem]] if path.stem in FOLDERS else []
    values = options.settings(parsed(f"--flagfile={path}", *folders))
    # Every line is a setting, and is what is set.
    for line in named:
        name, _, value = line[2:].partition("=")
        setting = values[name]
        text = ",".join(setting) if isinstance(setting, tuple) else str(setting)
        assert value == text
    assert named


def test_there_are_flagfiles():
    assert {"nyuv2.flags", "small.flags"} <= {path.name for path in FLAGFILES}


def test_the_later_flagfile_wins_and_the_rest_of_the_first_stays():
    nyuv2, small = parsed(flagfile("nyuv2.flags")), parsed(flagfile("small.flags"))
    both = parsed(flagfile("nyuv2.flags"), flagfile("small.flags"))
    assert (both.data.dataset, both.data.protocol) == ("nyuv2", "paper")
    assert both.data.image_size == 64
    assert both.network.width == small.network.width < nyuv2.network.width == 1
    assert both.schedule.joint_length == small.schedule.joint_length
    assert nyuv2.schedule.joint_length == "300epochs"
    last = parsed(flagfile("nyuv2.flags"), flagfile("small.flags"), "--image_size=256")
    assert last == dataclasses.replace(
        both, data=dataclasses.replace(both.data, image_size=256)
    )


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("--colour=red", ["colour"]),
        ("--weak=reel", ["weak", "reel", "synthetic"]),
        ("--width=wide", ["width", "wide"]),
        ("--joint_batch_size=2.5", ["joint_batch_size", "2.5"]),
        ("--jit_compile=perhaps", ["jit_compile", "perhaps"]),
    ],
)
def test_an_unknown_flag_or_value_is_refused_by_name(argument, words):
    with pytest.raises(flags.Error) as refusal:
        parsed(argument)
    assert all(word in str(refusal.value) for word in words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--image_size=100"], ["--image_size=100", "64, 128 or 256"]),
        (["--output_stride=8"], ["--output_stride=8"]),
        (["--width=0"], ["--width=0"]),
        (["--width=nan"], ["--width=nan"]),
        (["--tasks="], ["--tasks", "at least one"]),
        (["--tasks=depth,depth"], ["--tasks=depth,depth", "twice"]),
        (["--tasks=all,depth"], ["--tasks=all,depth", "alone"]),
        (["--labelled_percent=0"], ["--labelled_percent=0", "up to 100"]),
        (["--labelled_percent=101"], ["--labelled_percent=101"]),
        (["--weak_percent=-1"], ["--weak_percent=-1"]),
        (["--weak_percent=25"], ["--weak_percent=25", "--weak=real", "synthetic"]),
        (
            ["--gan_images=weak", "--weak=real"],
            ["--gan_images=weak", "GAN that learns"],
        ),
        (["--split_seed=-1"], ["--split_seed=-1"]),
        (["--scene_clusters=1"], ["--scene_clusters=1"]),
        (["--max_damaged=2"], ["--max_damaged=2"]),
        (
            ["--scene_labels=cluster", "--synthesis_labels=marginals"],
            ["--scene_labels=cluster", "--synthesis_labels=training"],
        ),
        (["--joint_length=5"], ["--joint_length", "'5'", "100epochs"]),
        (["--joint_length=-5steps"], ["--joint_length", "-5steps"]),
        (["--joint_batch_size=1"], ["--joint_batch_size=1"]),
        (["--temperature=0"], ["--temperature=0"]),
        (["--temperature=nan"], ["--temperature=nan"]),
        (["--instance_noise=-1"], ["--instance_noise=-1"]),
        (["--generator_updates=0"], ["--generator_updates=0"]),
        (["--learning_rate=0"], ["--learning_rate=0"]),
        (["--discriminator_learning_rate=nan"], ["--discriminator_learning_rate=nan"]),
        (["--weight_decay=-1"], ["--weight_decay=-1"]),
        (["--weight_decay=nan"], ["--weight_decay=nan"]),
        (["--gan_beta_1=1"], ["--gan_beta_1=1"]),
        (["--seed=-1"], ["--seed=-1"]),
        (["--seed=4294967296"], ["--seed=4294967296"]),
        (["--replicas=-1"], ["--replicas=-1"]),
        (["--log_every=0"], ["--log_every"]),
        (["--evaluation_batch_size=0"], ["--evaluation_batch_size"]),
        (["--decoder=taskonomy", "--output_stride=32"], ["--decoder", "--output_str"]),
        (["--pretrained=f"], ["--pretrained=f", "--encoder_widths=standard"]),
        (["--pretrained=f", "--width=0.5"], ["--width=1, not 0.5"]),
        (["--pretrained=f", "--encoder_form=paper"], ["--encoder_form=imagenet"]),
        (["--pretrained=f", "--start_from=a"], ["--start_from=a both give"]),
        (["--pretrained=f", "--freeze=decoders"], ["--freeze=decoders without"]),
        (["--replicas=3"], ["--joint_batch_size=32", "--replicas=3"]),
        (["--accumulation_steps=0"], ["--accumulation_steps=0"]),
        (
            ["--accumulation_steps=3"],
            ["--joint_batch_size=32", "--accumulation_steps=3", "2 examples or more"],
        ),
        (
            ["--accumulation_steps=16", "--replicas=2"],
            ["--joint_batch_size=32", "on each of 2 replicas"],
        ),
        (["--replicas=2", "--steps_per_execution=2"], ["--steps_per_execution"]),
        (["--replicas=2", "--jit_compile"], ["--jit_compile"]),
        (["--remat", "--jit_compile"], ["--remat", "--jit_compile"]),
        (["--replicas=2", "--precision=float16"], ["--precision=float16"]),
        (["--precision=float16", "--em=latent"], ["float16", "--em=latent"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_an_impossible_setting_is_refused_by_name(arguments, words):
    with pytest.raises((ValueError, flags.IllegalFlagValueError)) as refusal:
        parsed(*arguments)
    assert all(word in str(refusal.value) for word in words), refusal.value


def test_all_impossible_settings_are_reported_at_once():
    with pytest.raises(ValueError) as refusal:
        parsed("--width=-1", "--joint_length=long", "--tasks=", "--seed=3")
    lines = str(refusal.value).splitlines()[1:]
    assert len(lines) == 3
    assert all(any(f"--{n}" in x for x in lines) for n in ("width", "joint_l", "tasks"))


def test_a_flagfile_repeats_the_run(tmp_path):
    config = parsed(
        flagfile("nyuv2.flags"),
        "--tasks=depth,normals",
        "--manual_dir=/some where/else",
        "--jit_compile",
        "--instance_noise=1e-07",
        "--protocol=",
    )
    path = tmp_path / "again.flags"
    path.write_text(saved.as_flagfile(config))
    assert parsed(f"--flagfile={path}") == config


def test_settings_are_kept_in_the_workdir(tmp_path):
    config = parsed("--tasks=depth", "--width=0.3", "--seed=5")
    workdir = tmp_path / "runs" / "new"
    saved.save(config, workdir)
    assert saved.load(workdir) == config
    assert parsed(f"--flagfile={workdir / 'config.flags'}") == config


def test_a_folder_without_a_run_is_reported(tmp_path):
    with pytest.raises(FileNotFoundError, match="not the --workdir of a training run"):
        saved.load(tmp_path)


def test_pictures_may_be_left_out():
    assert parsed("--picture_every=0").run.picture_every == 0
    with pytest.raises(ValueError, match="--picture_every=-1: 0 or more"):
        parsed("--picture_every=-1")


def test_steps_to_profile_are_two_numbers():
    assert parsed("--profile=3:3").run.profile == "3:3"
    for text in ("3", "0:4", "5:4", "a:b", "1:2:3"):
        with pytest.raises(ValueError, match="--profile: Steps are written like"):
            parsed(f"--profile={text}")


@pytest.mark.parametrize("share", ["0", "1.5", "-0.1"])
def test_a_budget_is_a_share(share):
    with pytest.raises(ValueError, match="--overhead_budget=.*: above 0 and up to 1"):
        parsed(f"--overhead_budget={share}")


def test_a_run_from_before_an_option_has_the_value_it_was_trained_by(tmp_path):
    config = parsed("--tasks=depth")
    saved.save(config, tmp_path)
    path = tmp_path / "config.json"
    groups = json.loads(path.read_text())
    for name in ("test_statistics", "statistics_images", "weak_factor"):
        del groups["method"][name]
    del groups["schedule"]["joint_learning_rate"]
    path.write_text(json.dumps(groups))
    loaded = saved.load(tmp_path)
    assert (config.method.test_statistics, loaded.method.test_statistics) == (
        "estimated",
        "moving",
    )
    assert (loaded.method.weak_factor, loaded.schedule.joint_learning_rate) == (1, 0)


def test_settings_of_another_version_are_refused(tmp_path):
    saved.save(Config(), tmp_path)
    path = tmp_path / "config.json"
    path.write_text(path.read_text().replace('"width"', '"breadth"'))
    with pytest.raises(ValueError) as refusal:
        saved.load(tmp_path)
    assert all(w in str(refusal.value) for w in ("'width'", "'breadth'", str(path)))


def test_only_what_changes_the_learning_makes_another_run():
    old = parsed()
    changeable = parsed(
        "--data_dir=elsewhere",
        "--manual_dir=mine",
        "--cache=disk",
        "--log_every=7",
        "--evaluate_every=7",
        "--picture_every=7",
        "--checkpoint_every=7",
        "--evaluation_batch_size=7",
        "--steps_per_execution=7",
        "--jit_compile",
    )
    assert saved.differences(old, changeable) == []
    other = parsed("--seed=1", "--log_every=7", "--tasks=depth")
    half = parsed("--precision=bfloat16")
    assert saved.differences(old, half) == ["--precision: float32 before, bfloat16 now"]
    lines = saved.differences(old, other)
    assert len(lines) == 2
    assert any("--seed: 0 before, 1 now" in line for line in lines)
    assert any("--tasks" in line and "depth" in line for line in lines)
