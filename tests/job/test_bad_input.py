"""A user's mistake: one line that names it, an exit code, no traceback, an untouched store."""

import os

import pytest
from support import trial

from noise_exp.errors import UserError

LONG = "x" * 300
CONFIGURATIONS = {
    "epochs=0": "epochs must be at least 1, got 0",
    "forward_passes=-1": "forward_passes must be at least 1, got -1.0",
    "epochs=null forward_passes=inf": "forward_passes must be finite, got inf",
    "epochs=null": "epochs, forward_passes, train_seconds are all null; give one of them a number",
    "train_seconds=nan": "train_seconds must be above 0, got nan",
    "network.frozen=[9]": "network.frozen must hold layers, 1 to 3 from the input on, got [9]",
    "noise_transform=foo": "noise_transform=foo: Invalid value 'foo'",
    "estimator.repair=sign": "it is noise_transform now",
    "rung=spsa": "it is preset now",
    "dist.law=beta": "it is dist.sampler now",
    "experiment=ladder": "it is experiment=feedback now",
    "estimator=spsa estimator.samples=0": "estimator.samples must be a finite number above 0",
    "optimizer=adam optimizer.beta1=1": "optimizer.beta1 must be a finite number of at least 0",
    "optimizer=hill_climb optimizer.adaptation=1": "optimizer.adaptation must be finite and above",
    "optimizer.lr=-1": "optimizer.lr must be a finite number of at least 0, got -1.0",
    "batch_size=0": "batch_size must be at least 1, got 0",
    "train_seconds=0": "train_seconds must be above 0, got 0.0",
    "dist.scale=wide": "dist.scale must be a number, got 'wide'",
    "data.test_size=0": "data.test_size must be at least 1, got 0",
    "data.test_size=2115": "data.test_size=2115 leaves no training image",
    "data.digits=[0,12]": "holds no 12",
    "data.digits=[3,3]": "data.digits must be all, or two or more different digits, got [3, 3]",
    "data.validation_size=9999": "data.test_size=20 with validation_size=9999 leaves no training",
    "stream=article epochs=null forward_passes=3": "stream=article needs epochs",
    "estimator=spsa diagnostics=true": "diagnostics must be false: Spsa has no feedback weights",
    "dist=backprop diagnostics=true": "diagnostics must be false: ExactGradient has no feedback",
    "estimator=feedback_alignment network.hidden=[] diagnostics=true": "a network without hidden",
    "threads=0": "threads must be at least 1, got 0",
    "seeds.noise=-1": "seed: expected non-negative integer",
    "optimizer.lr=nan": "optimizer.lr must be a finite number of at least 0, got nan",
    "optimizer.lr=fast": "optimizer: Value 'fast' of type 'str' could not be converted to Float",
    "dist.scale=-1": "scale < 0",
    "dist=zipf dist.a=1": "a <= 1",
    "+dist.df=3": "df",
    "data=idx data.path=nowhere": "data.path: there is no file or folder nowhere",
    "estimator.signal=[1,1]": "estimator.signal must hold one number for each",
    "seeds=init seed=1 stream=article": "use seeds=all",
    "stream=article seed=4294967296": "seed: the article's generator takes seeds below 2**32",
    "dist.q=3": "Could not override 'dist.q': Key 'q' is not in struct",
    "dist=gumbl": "Could not find 'dist/gumbl' Available options in 'dist': backprop beta",
    "dist=laplace": "; NumPy's other samplers are dist=more/NAME, see --help",
    "dist/more=laplace": "; NumPy's other samplers are dist=more/NAME, see --help",
    "+epoch=3": "Key 'epoch' not in 'Config'",
    "++network.hiden=[3]": "Key 'hiden' not in 'NetworkConfig'",
    "epochs=many": "epochs=many: Value 'many' of type 'str' could not be converted to Integer full",
    "epochs": "Error parsing override 'epochs' missing EQUAL",
    "data.digits=[3": "no viable alternative at input '[3'",
    "seed=${oc.env:NO_SUCH_VARIABLE}": "Environment variable 'NO_SUCH_VARIABLE' not found",
    "seed=${nope}": "Interpolation key 'nope' not found",
    "optimizer.lr=${optimizer.lr}": "Recursive interpolation detected full_key: optimizer.lr",
    "epochs=${no:1}": "Unsupported interpolation type no full_key: epochs",
    "epochs=???": "Missing mandatory value: epochs",
}
COMMANDS = {
    "-m hydra/launcher=joblib hydra.launcher.n_jobs=0": "n_jobs must be at least 1",
    "-m dist=glob(x*)": "dist=glob(x*) matches no option",
    "tracking.uri=sqlite:///home": "the tracking store sqlite:///home cannot be used",
    "tracking.uri=http://127.0.0.1:9": "Connection refused",
    "tracking.uri=nonsense://x": "the tracking store nonsense://x cannot be used",
    "hydra.run.dir=/dev/null/x": "the output folder /dev/null/x cannot be written",
    f"hydra.run.dir={LONG}": "cannot be written (File name too long)",
    "-m network.hidden=[10000000,10000000]": "there is not enough memory (Unable to allocate",
    "dist=[gumbel,gaussian]": "dist takes one option, not a list or none; write dist=NAME, or -m",
    "-m data=xor,npz": "the job data=npz cannot be composed: Missing mandatory value: path",
    "-m dist=gumbel,beta,gaussian dist.scale=2": "the job dist=beta dist.scale=2 cannot be",
    "-m optimizer=vanilla,adam optimizer.drop_epoch=3": "the job optimizer=adam",
    "-m preset=feedback_alignment,spsa diagnostics=true": "diagnostics must be false: Spsa has no",
    "-m diagnostics=true,false": "a sweep takes one diagnostics for all",
    "-m score=cost,error_rate": "score=cost,error_rate: a sweep takes one score for all",
    "tracking.figure=true": "; runs keep no cost.png any more",
    "--config-name=nope": "Cannot find primary config 'nope'. Check that it's in your config",
    "hydra.job_logging.root.level=nope": "Unable to configure root logger",
    "dist=gumbel.yaml": "dist takes the name of an option: gumbel for gumbel.yaml",
    "+dist/more=laplace": "dist takes one option: write dist=more/laplace",
    "dist=gumbel,beta": "add --multirun to your command line",
    "--config-dir=nowhere": "nowhere' not found",
    "--run -m": "Only one of --run, --multirun",
    "-m seed=${nope} dist=gumbel,beta": "Interpolation key 'nope' not found",
    "hydra.run.dir=${nope}": "Interpolation key 'nope' not found full_key: hydra.run.dir",
    "~epochs": "Missing mandatory value: epochs",
    "~seed": "Missing mandatory value: seed",
    "~tracking": "Key 'tracking' not in 'Config'",
    "~dist": "dist takes one option, not a list or none",
    "-m ~optimizer seed=1,2": "optimizer takes one option",
    "~optimizer._target_": "optimizer names no class; write _target_: module.Class",
    "-m dist=gumbel,beta seed=1,2 epochs=0": "epochs must be at least 1, got 0",
    "-m experiment=seed_sensitivity,variance": "experiment=seed_sensitivity sets hydra.sweeper",
    "-m experiment=choice(learn,tune)": "the job experiment=tune sets hydra.sweeper",
    "-m experiment=tune hydra.sweeper.direction=maximize": "hydra.sweeper.direction must be min",
    "-m experiment=tune hydra.sweeper.storage=sqlite:///x.db": "hydra.sweeper.storage must be null",
    "-m experiment=tune dist=glob(*)": "dist=glob(*): a search takes dist=choice(...), no glob",
    "-m experiment=tune epochs=0": "epochs must be at least 1, got 0",
    "-m tracking.experiment=a,b": "a sweep takes one tracking.experiment for all",
    "-m resume=true,false": "a sweep takes one resume for all",
    "-m dry_run=choice(true,false)": "dry_run=choice(true,false): a sweep takes one dry_run",
    "-m seed=range(100000000) dry_run=true": "a sweep takes at most 100,000 jobs",
    "-m resume=true tracking.enabled=false": "set tracking.enabled=true",
    "+hydra.job.env_set.OMP_NUM_THREADS=77": "hydra.job.env_set.OMP_NUM_THREADS comes too late",
    "-m +hydra.job.env_set.MLFLOW_RUN_ID=y": "hydra.job.env_set.MLFLOW_RUN_ID comes too late",
    "hydra.job.chdir=true": "hydra.job.chdir must be false",
    "hydra.run.dir='~/x'": "hydra.run.dir=~/x: nothing replaces the ~",
}
FILES = {
    "twice": (b"lr: 1\nlr: 2\n", "twice.yaml\", line 2, column 1"),
    "latin": (b"a: 1\n# f\xfcr mich\n", "my/optimizer/latin: 'utf-8' codec can't decode byte 0xfc"),
    "bell": (b"lr: 1\nb: \x07\n", "unacceptable character #x0007"),
    "todo": (b"\n# @todo tune this\n", "my/optimizer/todo: Too many components in '@todo"),
    "defaults": (b"defaults: adam\n", "Invalid defaults list in 'optimizer/defaults'"),
    "nothing": (b"", "optimizer names no class; write _target_"),
    "dist/earlier": (b"law: gumbel\n", "dist.law: it is dist.sampler now"),
    "typo": (b"_target_: noise_exp.training.trial.Trail\n", "has no attribute 'Trail'"),
    "function": (b"_target_: math.sqrt\n", "optimizer: math.sqrt is no class"),
    "experiment/mine": (b"# @package _global_\nseed: 1\nepochs: ten\n",
                           "In 'experiment/mine': ValidationError raised"),
    "experiment/earlier": (b"# @package _global_\ndefaults:\n  - override /rung: spsa\n",
                           "it is preset now"),
    "experiment/group": (b"# @package _global_\ndist: beta\n", "Cannot assign str to Dict"),
    "experiment/here": (b"epochs: 1\n", "In 'experiment/here': ConfigKeyError"),
    "experiment/number": (b"# @package _global_\ntracking:\n  experiment: 2026_11_25\n",
                             "tracking.experiment must be text, got 20261125"),
    "data/number": (b"_target_: noise_exp.training.own_images.Npz\npath: 1.5\n",
                    "data.path must be text, got 1.5, which YAML reads as a float: put what you"),
}  # fmt: skip


def ends_in_one_line(newcomer, words, *arguments):
    done = newcomer(*arguments)
    assert done.returncode == 1
    (line,) = (done.stdout + done.stderr).splitlines()
    assert line.startswith("noise_exp: ")
    assert words in line
    assert not {"mlruns", "multirun"} & {*os.listdir(newcomer.folder)}


@pytest.mark.parametrize("overrides", CONFIGURATIONS)
def test_a_configuration_is_refused_in_one_line(overrides):
    with pytest.raises(UserError) as refused:
        trial(*overrides.split())
    (line,) = str(refused.value).splitlines()
    assert CONFIGURATIONS[overrides] in line


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_read_is_named_with_its_line(newcomer, name):
    content, words = FILES[name]
    group, _, option = f"optimizer/{name}".rpartition("/")
    group = group.rpartition("/")[2]
    newcomer.own_option(group, option, "").write_bytes(content)
    ends_in_one_line(newcomer, words, "--config-dir=my", f"{group}={option}")


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_command_is_refused_in_one_line_and_leaves_nothing(newcomer, arguments):
    ends_in_one_line(newcomer, COMMANDS[arguments], *arguments.split())


@pytest.mark.parametrize(("full", "traced"), [("0", False), ("", False), ("1", True)])
def test_a_trace_is_shown_where_hydra_shows_one(newcomer, full, traced):
    done = newcomer("dist=gumbl", env={"HYDRA_FULL_ERROR": full})
    assert done.returncode == 1
    assert ("Traceback" in done.stderr) == traced


def test_no_space_left(cli):
    def a_small_disk():
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    done = cli("network=small", "epochs=2", "tracking.enabled=false", preexec_fn=a_small_disk)
    assert "Traceback" not in done.stderr
    assert done.returncode == 1
    assert "cannot be written (File too large)" in done.stderr
