"""What a sweep says of its length before it runs and of its progress while it runs."""

import re

import pytest
from support import SMALL, Cli

from noise_exp.records.journal import Journal
from noise_exp.records.record import Record, now
from noise_exp.sweep.progress import SweepProgress


def test_a_dry_run_of_a_first_sweep_makes_no_store(cli):
    (cli.folder / "here").mkdir()
    here = Cli(cli.folder / "here", store=False)
    for arguments, count in ((("-m", "experiment=seed_sensitivity"), 420),
                             (("-m", "experiment=variance", "resume=true"), 500),
                             ((), 1)):  # fmt: skip
        done = here(*arguments, "network=small", "dry_run=true")
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(f"{count} run")
    assert [path.name for path in here.folder.iterdir()] == ["home"]


def test_progress_counts_this_sweeps_results_and_foresees_the_end(tmp_path):
    def result(job, sweep="mine", **options):
        facts = Record("gumbel", sweep=sweep, job=job, **options)
        journal = Journal.start(tmp_path / str(job), facts)
        if job != 7:
            journal.end("FINISHED")
        journal.release()

    for job in range(4):
        result(job, sweep="an earlier one")
    progress = SweepProgress(tmp_path, "mine", 8)
    progress.look()
    assert progress.line(20) == "sweep: 0 of 8 runs done after 20 s"
    result(0)
    result(1)
    result(2, reused=True)
    result(7)  # it is still at work
    progress.look()
    progress.look()
    # Two runs took 100 s; five are to come.
    assert progress.line(100) == "sweep: 3 of 8 runs done after 2 min, about 4 min left"


def test_what_was_before_the_first_job_is_no_part_of_the_time_left(tmp_path):
    progress = SweepProgress(tmp_path, "mine", 6)
    # A minute of planning and making the store, then ten seconds of work for one job of six.
    facts = Record("gumbel", sweep="mine", job=0, start_time=now() + 60_000)
    journal = Journal.start(tmp_path / "0", facts)
    journal.end("FINISHED")
    journal.release()
    progress.look()
    left = re.search(r"about (\d+) s left", progress.line(70))
    assert left
    assert int(left[1]) == pytest.approx(50, abs=2)


@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_a_sweep_says_how_far_it_is_and_does_not_spam(cli, launcher):
    # Lines come every 30 s in a log; here after every run, however short it is.
    (cli.folder / "sitecustomize.py").write_text(
        "import noise_exp.sweep.progress as p\np._LOG_SECONDS = p._POLL_SECONDS = 0.01\n"
    )
    cli.env["PYTHONPATH"] = str(cli.folder)
    options = ["hydra.launcher.n_jobs=2"] if launcher == "joblib" else []
    laws = "dist=beta,gumbel,zipf,power,poisson,rayleigh"
    done = cli("-m", laws, f"hydra/launcher={launcher}", *options, *SMALL,
               "tracking.enabled=false")  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = re.findall(r"sweep: (\d+) of 6 runs done after", done.stderr)
    assert told
    assert sorted(map(int, told)) == list(map(int, told))
    assert "epoch" not in done.stderr  # none took long
    assert re.search(r"6 runs in \d+ s", done.stdout)
