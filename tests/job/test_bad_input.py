"""A user's mistake: one line that names it, an exit code, no traceback, an untouched store."""

import os

import pytest
from support import trial

from noise_exp.errors import UserError

LONG = "x" * 300
CONFIGURATIONS = {
    "epochs=0": "epochs must be at least 1, got 0",
    "batch_size=0": "batch_size must be at least 1, got 0",
    "forward_passes=-1": "forward_passes must be at least 1, got -1.0",
    "forward_passes=nan": "forward_passes must be at least 1, got nan",
    "epochs=null forward_passes=inf": "forward_passes must be finite, got inf",
    "epochs=null": "epochs, forward_passes, train_seconds are all null; give one of them a number",
    "train_seconds=0": "train_seconds must be above 0, got 0.0",
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
    "data.digits=[3,3]": "data.digits must be all, or two or more different digits, got [3, 3]",
    "data.validation_size=9999": "data.test_size=20 with validation_size=9999 leaves no training",
    "stream=article epochs=null forward_passes=3": "stream=article needs epochs",
    "threads=0": "threads must be at least 1, got 0",
    "seed=-1": "seed must be a whole number of at least 0, got -1",
    "seeds.noise=-1": "seeds.noise must be a whole number of at least 0, got -1",
    "optimizer.lr=nan": "optimizer.lr must be a finite number of at least 0, got nan",
    "optimizer.lr=inf": "optimizer.lr must be a finite number of at least 0, got inf",
    "optimizer.lr=-1": "optimizer.lr must be a finite number of at least 0, got -1.0",
    "optimizer.lr=fast": "optimizer.lr: Value 'fast'",
    "dist.scale=-1": "scale < 0",
    "dist.scale=wide": "dist.scale must be a number, got 'wide'",
    "dist=zipf dist.a=1": "a <= 1",
    "dist=binomial dist.p=1.5": "p > 1",
    "dist=triangular dist.left=2": "left > mode",
    "+dist.df=3": "df",
    "data.test_size=0": "data.test_size must be at least 1, got 0",
    "data.test_size=2115": "data.test_size=2115 leaves no training image",
    "data.digits=[0,12]": "holds no 12",
    "data=idx": "data.path must be given",
    "data=idx data.path=nowhere": "data.path: there is no file or folder nowhere",
    "network.hidden=[0]": "network.hidden",
    "estimator.signal=[1,1]": "estimator.signal must hold one number for each",
    "seeds=init seed=1 stream=article": "use seeds=all",
    "stream=article seed=4294967296": "seed: the article's generator takes seeds below 2**32",
    "dist.q=3": "Could not override 'dist.q'; there is no such key; --cfg job shows",
    "dist=gumbl": "Could not find 'dist/gumbl'; did you mean dist=gumbel?",
    "dist=normal": "did you mean dist=gaussian or dist=standard_normal?",
    "dist=Gumbel": "did you mean dist=gumbel?",
    "experiment=tun": "did you mean experiment=tune?",
    "preset=spas": "did you mean preset=spsa?",
    "optimizer=sgd": "Could not find 'optimizer/sgd'; there is adam, annealing",
    "epoch=3": "Could not override 'epoch'; there is no such key; did you mean epochs?",
    "+epoch=3": "epoch: there is no such key; did you mean epochs?",
    "++network.hiden=[3]": "network.hiden: there is no such key; did you mean network.hidden?",
    "lr=3": "did you mean optimizer.lr?",
    "optimizr=adam": "did you mean optimizer",
    "network.hiden=[3]": "did you mean network.hidden?",
    "dist.shape=3": "Could not override 'dist.shape'",
    "dist=null": "dist=null: Config group override must be a string",
    "epochs=many": "epochs=many: Value 'many' of type 'str' could not be converted to Integer",
    "epochs=1.5": "could not be converted to Integer",
    "seed=0.5": "could not be converted to Integer",
    "score=luck": "Invalid value 'luck'",
    "dtype=float16": "Invalid value 'float16'",
    "epochs": "'epochs' cannot be read",
    "data.digits=[3": "'data.digits=[3' cannot be read",
    "seed=${oc.env:NO_SUCH_VARIABLE}": "seed: KeyError raised while resolving interpolation: "
    "\"Environment variable 'NO_SUCH_VARIABLE' not found\"; set it",
    "seed=${nope}": "seed: Interpolation key 'nope' not found",
    "optimizer.lr=${optimizer.lr}": "optimizer.lr: Recursive interpolation detected",
    "epochs=${no:1}": "epochs: Unsupported interpolation type no",
    "epochs=???": "epochs must be given; write epochs=...",
}
COMMANDS = {
    "-m hydra/launcher=joblib hydra.launcher.n_jobs=0": "n_jobs must be at least 1",
    "-m dist=glob(x*)": "dist=glob(x*) matches no option",
    "tracking.uri=sqlite:////dev/null/x.db": "the tracking store sqlite:////dev/null/x.db",
    "tracking.uri=sqlite:///home": "the tracking store sqlite:///home cannot be used",
    "tracking.uri=postgresql+nodriver://u@127.0.0.1:9/x": "cannot be used",
    "tracking.uri=http://127.0.0.1:9": "Connection refused",
    "tracking.uri=nonsense://x": "the tracking store nonsense://x cannot be used",
    "hydra.run.dir=/dev/null/x": "the output folder /dev/null/x cannot be written",
    f"hydra.run.dir={LONG}": "cannot be written (File name too long)",
    "-m network.hidden=[10000000,10000000]": "there is not enough memory (Unable to allocate",
    "dist=[gumbel,gaussian]": "dist takes one option, not a list; write dist=NAME, or -m dist=",
    "-m optimizer=[vanilla,adam] seed=1,2": "optimizer takes one option, not a list",
    "preset=[spsa,es]": "preset takes one option, not a list",
    "-m dist=beta,power dist.a=2": "write ++dist.a=... to set it in the jobs alone",
    "-m dist=gumbel,beta,gaussian dist.scale=2": "the job dist=beta dist.scale=2 cannot be",
    "-m optimizer=vanilla,adam optimizer.drop_epoch=3": "the job optimizer=adam",
    "-m dist=gumbel,gumbl": "the job dist=gumbl cannot be composed: In 'config': Could not find",
    "-m epochs=1,2,many": "the job epochs=many cannot be composed: Error merging override",
    "-m score=cost,error_rate": "score=cost,error_rate: a sweep takes one score for all",
    "hydra/launcher=jobli": "did you mean hydra/launcher=joblib?",
    "-m dist=gumbell,beta": "Could not find 'dist/gumbell'; did you mean dist=gumbel?",
    "tracking.figure=true": "Could not override 'tracking.figure'; runs keep no cost.png any more",
    "hydra.job.env_set={A:1}": "write ++hydra.job.env_set=... to add to it",
    "hydra.run.dirr=x": "did you mean hydra.run.dir?",
    "--config-name=nope": "Cannot find primary config 'nope'. Check that it's in your config",
    "hydra.job_logging.level=3": "hydra.job_logging.root.level?",
    "hydra.job_logging.root.level=nope": "Unable to configure root logger",
    "dist=gumbel.yaml": "dist takes the name of an option: gumbel for gumbel.yaml",
    "-m optimizer=adam.yaml,vanilla": "optimizer takes the name of an option: adam for adam.yaml",
    "dist=gumbel,beta": "add --multirun to your command line",
    "--config-dir=nowhere": "nowhere' not found",
    "--run -m": "Only one of --run, --multirun",
    "-m seed=${nope} dist=gumbel,beta": "seed: Interpolation key 'nope' not found",
    "hydra.run.dir=${nope}": "hydra.run.dir: Interpolation key 'nope' not found",
    "-m hydra.job.name=${nope}": "hydra.job.name: Interpolation key 'nope' not found",
    "~epochs": "epochs cannot be left out: write epochs=... instead of ~epochs",
    "-m ~score dist=gumbel,beta": "score cannot be left out",
    "~seed": "seed cannot be left out",
    "~tracking": "tracking cannot be left out",
    "~dist": "dist cannot be left out: write dist=NAME instead of ~dist",
    "-m ~optimizer seed=1,2": "optimizer cannot be left out",
    "~seeds.noise": "a key cannot be left out: give it a value",
    "~optimizer._target_": "optimizer names no class; write _target_: module.Class",
    "-m dist=gumbel,beta seed=1,2 epochs=0": "epochs must be at least 1, got 0",
    "-m experiment=seed_sensitivity,variance": "experiment=seed_sensitivity sets hydra.sweeper",
    "-m experiment=article,variance": "experiment=variance sets hydra.sweeper, too late",
    "-m experiment=choice(learn,tune)": "the job experiment=tune sets hydra.sweeper",
    "-m experiment=tune hydra.sweeper.direction=maximize": "hydra.sweeper.direction must be min",
    "-m experiment=tune hydra.sweeper.direction=[minimize,maximize]": "must be minimize, got [",
    "-m experiment=tune hydra.sweeper.storage=sqlite:///x.db": "hydra.sweeper.storage must be null",
    "-m experiment=tune dist=glob(*)": "dist=glob(*): a search takes dist=choice(...), no glob",
    "-m experiment=tune epochs=0": "epochs must be at least 1, got 0",
    "-m tracking.experiment=a,b": "a sweep takes one tracking.experiment for all",
    "-m ++tracking.experiment=a,b": "a sweep takes one tracking.experiment for all",
    "-m tracking.enabled=true,false": "a sweep takes one tracking.enabled for all",
    "-m resume=true,false": "a sweep takes one resume for all",
    "-m dry_run=choice(true,false)": "dry_run=choice(true,false): a sweep takes one dry_run",
    "-m seed=range(100000000) dry_run=true": "a sweep takes at most 100,000 jobs",
    "-m resume=true tracking.enabled=false": "set tracking.enabled=true",
    "+hydra.job.env_set.OMP_NUM_THREADS=77": "hydra.job.env_set.OMP_NUM_THREADS comes too late",
    "-m +hydra.job.env_set.MLFLOW_RUN_ID=y": "hydra.job.env_set.MLFLOW_RUN_ID comes too late",
    "-m +hydra.job.env_set.PYTHONHASHSEED=77": "hydra.job.env_set.PYTHONHASHSEED comes too late",
    "hydra.job.chdir=true": "hydra.job.chdir must be false",
    "-m hydra.job.chdir=true": "hydra.job.chdir must be false",
    "hydra.run.dir='~/x'": "hydra.run.dir=~/x: nothing replaces the ~",
    "-m hydra.sweep.dir='~/x'": "hydra.sweep.dir=~/x: nothing replaces the ~",
}
FILES = {
    "twice": (b"lr: 1\nlr: 2\n", "twice.yaml, line 2: found duplicate key lr"),
    "tab": (b"lr:\n\trate: 1\n", "tab.yaml, line 2: found character '\\t'"),
    "bracket": (b"lr: [1,\n 2\n", "bracket.yaml, line 3: expected ',' or ']'"),
    "latin": (b"a: 1\n# f\xfcr mich\n", "latin.yaml, line 2: 'utf-8' codec can't decode byte 0xfc"),
    "wide": ("lr: 1".encode("utf-16"), "; save it as UTF-8 text"),
    "bell": (b"lr: 1\nb: \x07\n", "bell.yaml, line 2: unacceptable character #x0007"),
    "todo": (b"\n# @todo tune this\n", "todo.yaml, line 2: Too many components in '@todo"),
    "list": (b"- 1\n", "list.yaml: In 'optimizer/list': ConfigTypeError"),
    "default": (b"defaults:\n  - adm\n", "default.yaml, line 2: In 'optimizer/default': Could not"),
    "defaults": (b"defaults: adam\n", "defaults.yaml, line 1: Invalid defaults list"),
    "open": (b"lr: ${\n", "open.yaml, line 1: lr: no viable alternative"),
    "nothing": (b"", "optimizer names no class; write _target_"),
    "dist/earlier": (b"law: gumbel\n", "dist.law: it is dist.sampler now"),
    "typo": (b"_target_: noise_exp.training.trial.Trail\n", "has no attribute 'Trail'"),
    "nowhere": (b"_target_: no_such.Thing\n", "ModuleNotFoundError: No module named 'no_such'"),
    "function": (b"_target_: math.sqrt\n", "optimizer: math.sqrt is no class"),
    "anchor": (b"a: &x 1\nb: *y\n", "anchor.yaml, line 2: found undefined alias 'y'"),
    "experiment/mine": (b"# @package _global_\nseed: 1\nepochs: ten\n",
                           "mine.yaml, line 3: In 'experiment/mine': ValidationError"),
    "experiment/earlier": (b"# @package _global_\ndefaults:\n  - override /rung: spsa\n",
                           "it is preset now"),
    "experiment/group": (b"# @package _global_\ndist: beta\n", "override /GROUP: NAME"),
    "experiment/here": (b"epochs: 1\n", "begin the file with # @package _global_"),
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
