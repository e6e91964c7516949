"""What a sweep says of its length before it runs and of its progress while it runs."""

import re

import pytest
from support import SMALL

from noise_exp.runs.journal import Journal
from noise_exp.runs.record import Record
from noise_exp.sweep import sweep as sweeps


@pytest.mark.parametrize(
    ("arguments", "runs", "hint"),
    [
        ("-m experiment=seed_sensitivity", 420, ""),
        ("-m experiment=variance resume=true", 500, ""),
        ("-m experiment=article,learn epochs=1 tracking.enabled=false", 2, ""),
        ("experiment=learn", 1, ""),
        ("experiment=seed_sensitivity", 1, "-m experiment=seed_sensitivity network=small dry_run"),
    ],
)
def test_a_dry_run_of_a_first_command_leaves_nothing(newcomer, arguments, runs, hint):
    done = newcomer.ok(*arguments.split(), "network=small", "dry_run=true")
    assert f"{runs} run" in done.stdout
    said = done.stdout + done.stderr
    assert hint in said
    assert ("This is one run: only -m sweeps over" in said) == bool(hint)
    assert [path.name for path in newcomer.folder.iterdir()] == ["home"]


def test_progress_counts_this_sweeps_results_and_foresees_the_end(tmp_path, monkeypatch):
    def result(job, sweep="mine", **options):
        facts = Record("gumbel", sweep=sweep, job=job, start_time=60_000, **options)
        journal = Journal.start(tmp_path / str(job), facts)
        if job != 7:
            journal.end("FINISHED")
        journal.release()

    def line_at(seconds):
        monkeypatch.setattr(sweeps, "now", lambda: 1000 * seconds)
        return watched.line()

    for job in range(4):
        result(job, sweep="an earlier one")
    monkeypatch.setattr(sweeps, "now", lambda: 0)
    watched = sweeps.SweepProgress(tmp_path, "mine", 8)
    watched.look()
    assert line_at(20) == "sweep: 0 of 8 runs done after 20 s"
    result(0)
    result(1)
    result(2, reused=True)
    result(7)  # it is still at work
    watched.look()
    watched.look()
    # Two runs took 100 s, after a minute of planning and making the store; five are to come.
    assert line_at(160) == "sweep: 3 of 8 runs done after 3 min, about 4 min left"


def test_a_sweep_says_how_far_it_is_and_does_not_spam(cli):
    # Lines come every 30 s in a log; here after every run, however short it is, and none is long.
    (cli.folder / "sitecustomize.py").write_text(
        "import noise_exp.job.train as r, noise_exp.sweep.sweep as s\n"
        "s._LOG_SECONDS = s._POLL_SECONDS = 0.01\n"
        "r._SECONDS_PER_LINE = 1e9\n"
    )
    done = cli.ok("-m", "dist=beta,gumbel,zipf,power", "hydra/launcher=joblib",
               "hydra.launcher.n_jobs=2", *SMALL, "tracking.enabled=false",
               env={"PYTHONPATH": str(cli.folder)})  # fmt: skip
    counts = [int(n) for n in re.findall(r"sweep: (\d+) of 4 runs done after", done.stderr)]
    assert counts
    assert sorted(counts) == counts
    assert "epoch" not in done.stderr
    assert re.search(r"4 runs in \d+ (s|min)", done.stdout)
