"""The command of the theory: the table it writes, the run it logs, the mistakes it tells of."""

import sys

import pytest
from mlflow import MlflowClient

from noise_exp.report.intervals import Interval
from studies.theory import __main__ as command
from studies.theory.claims import Check, Claim, Effort, Outcome
from studies.theory.registry import CLAIMS

QUICK = Effort(quick=True, seed=0)


def test_command_writes_the_table(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(command, "CLAIMS", {"schedule": CLAIMS["schedule"]})
    monkeypatch.setattr(sys, "argv", ["theory", "--no-tracking", "--output", str(tmp_path)])
    command.main()
    assert "1 of 1 claims hold" in capsys.readouterr().out
    assert (tmp_path / "claims.md").read_text().startswith("| claim |")


def test_command_writes_figures_and_a_run(cli):
    uri = f"sqlite:///{cli.folder}/store/mlflow.db"
    done = cli("--claims", "schedule", "--quick", "--output", "out", "--uri", uri,
               module="studies.theory")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "1 of 1 claims hold" in done.stdout
    assert (cli.folder / "out" / "schedule.png").stat().st_size < 80_000
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("noise_training")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.tags["kind"] == "theory"
    assert run.data.metrics["schedule.holds"] == 1
    assert run.data.metrics["schedule.measured"] == pytest.approx(96**0.5 * 1e-4 / 0.06, rel=0.05)
    names = {artifact.path for artifact in client.list_artifacts(run.info.run_id)}
    assert names == {"theory_claims.csv", "theory_claims.md", "schedule.png"}


def test_a_claim_that_fails_makes_the_command_fail(monkeypatch, tmp_path, capsys):
    picture = CLAIMS["schedule"].test(QUICK).picture
    wrong = Check("two and two", 5.0, Interval(4.0, 4.0, 4.0))
    claim = Claim("sum", "Two and two are five.", "2 + 2 = 5", lambda _: Outcome([wrong], picture))
    monkeypatch.setattr(command, "CLAIMS", {"sum": claim})
    monkeypatch.setattr(sys, "argv", ["theory", "--no-tracking", "--output", str(tmp_path)])
    with pytest.raises(SystemExit) as stopped:
        command.main()
    assert stopped.value.code == 1
    said = capsys.readouterr()
    assert said.err.splitlines()[-1] == "not these: sum"
    assert "fails" in said.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--claims", "colour"], "invalid choice: 'colour'"),
        (["--seed", "-1"], "--seed must be at least 0, got -1"),
        (["--no-tracking", "--output", "empty.md"], "empty.md cannot be written (File exists)"),
    ],
)  # fmt: skip
def test_mistakes_are_said_in_one_line(monkeypatch, tmp_path, capsys, arguments, words):
    (tmp_path / "empty.md").write_text("nothing\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["theory", *arguments])
    with pytest.raises(SystemExit) as stopped:
        command.main()
    assert words in f"{stopped.value.code} {capsys.readouterr().err}"
