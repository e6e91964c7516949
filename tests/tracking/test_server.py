"""A tracking server that is slow, fails, restarts or stays away never costs a run a value."""

import json
import re
import time

import pytest
from mlflow import MlflowClient
from support import PATIENCE, wait_until

from noise_exp.errors import ToldError
from noise_exp.runs.owed import Owed
from noise_exp.runs.record import Record
from noise_exp.tracking.recording import Recording
from noise_exp.tracking.store import Store

# A run is held in these epochs, for a server to go away and come back.
FIRST, SECOND = 100, 300
EPOCHS = 400
MOST = 14  # requests of a job


def start(cli, url, experiment, *arguments):
    """Start a run that is tracked there, and let it come to the first epoch it is held in."""
    cli.env["MLFLOW_TRACKING_URI"] = url
    running = cli.start(
        *cli.hold(FIRST, SECOND), "network=small", f"epochs={EPOCHS}", "hydra.run.dir=out",
        f"tracking.experiment={experiment}", "tracking.patience=60", *arguments,
    )  # fmt: skip
    cli.wait_for_epochs(FIRST)
    return running


def check_delivered(cli, server, experiment):
    """The one run of the experiment is finished and holds every epoch exactly once."""
    client = MlflowClient(server.url)
    found = client.get_experiment_by_name(experiment)
    (run,) = client.search_runs([found.experiment_id])
    assert run.info.status == "FINISHED"
    with (cli.folder / "out" / ".noise_exp" / "epochs.jsonl").open() as file:
        lines = [json.loads(line) for line in file]
    assert len(lines) == EPOCHS
    for key in ("cost", "train_error_rate"):
        stored = sorted(
            (m.step, m.value) for m in client.get_metric_history(run.info.run_id, key)
        )  # fmt: skip
        assert stored == [(line["epoch"], line[key]) for line in lines]
    assert len(client.get_metric_history(run.info.run_id, "test_errors")) == 1
    names = {artifact.path for artifact in client.list_artifacts(run.info.run_id)}
    assert names == {"config.yaml", "predictions.csv"}
    assert len(run.outputs.model_outputs) == len(run.inputs.dataset_inputs) == 1


def sync(cli):
    return cli("sync", "out", module="noise_exp.tracking")


def test_killed_and_restarted_in_mid_run(cli, server):
    running = start(cli, server.url, "restarted")
    server.kill()
    cli.release(FIRST)
    cli.wait_for_epochs(SECOND)  # training does not wait
    server.start()
    cli.release(SECOND)
    assert running.wait(timeout=PATIENCE) == 0
    check_delivered(cli, server, "restarted")


def test_down_for_the_rest_of_the_run_and_synced_later(cli, server):
    running = start(cli, server.url, "down", "tracking.patience=0.5")
    server.kill()
    cli.release(FIRST)
    cli.release(SECOND)
    # All is trained and kept, but the store does not know.
    assert running.wait(timeout=PATIENCE) == 1
    said = (cli.folder / "stdout").read_text() + (cli.folder / "stderr").read_text()
    assert f"python -m noise_exp.tracking sync {cli.folder}/out" in said
    assert "Traceback" not in said
    done = sync(cli)
    assert done.returncode == 1
    assert "still owed" in done.stdout
    server.start()
    for outcome in ("delivered", "nothing to deliver"):
        done = sync(cli)
        assert (done.returncode, done.stdout) == (0, f"out: {outcome}\n"), done.stderr
        check_delivered(cli, server, "down")
    # Even where the folder has forgotten that all was delivered, and the run's id.
    record = cli.folder / "out" / ".noise_exp" / "run.json"
    facts = json.loads(record.read_text()) | {"delivered": False, "run_id": None}
    record.write_text(json.dumps(facts))
    assert sync(cli).stdout == (  # all but the files, which left the folder then
        "out: delivered"
        ", without model: MLmodel, without model: requirements.txt, without model: weights.npz, "
        "without config.yaml, without predictions.csv\n"
    )
    check_delivered(cli, server, "down")


@pytest.mark.parametrize("how", ["failing", "lossy"])
def test_answering_500_for_a_while(cli, server, proxy, how):
    running = start(cli, proxy.url, how)
    setattr(proxy, how, True)
    seen = len(proxy.seen)
    cli.release(FIRST)
    cli.wait_for_epochs(SECOND)
    cli.wait_until(lambda: len(proxy.seen) > seen + 1)  # it is asked again
    setattr(proxy, how, False)
    cli.release(SECOND)
    assert running.wait(timeout=PATIENCE) == 0
    check_delivered(cli, server, how)


def test_a_slow_server_does_not_hold_up_training(cli, server, proxy):
    running = start(cli, proxy.url, "slow")
    proxy.delay = 2.0
    started = time.monotonic()
    seen = len(proxy.seen)
    cli.release(FIRST)
    cli.wait_for_epochs(SECOND)
    # At most one answer can have been awaited at a time: the epochs did not wait for theirs.
    assert len(proxy.seen) - seen <= (time.monotonic() - started) / 2 + 2
    cli.wait_until(lambda: len(proxy.seen) > seen + 1)
    proxy.delay = 0.0
    cli.release(SECOND)
    assert running.wait(timeout=PATIENCE) == 0
    check_delivered(cli, server, "slow")


def test_what_the_store_itself_refuses_is_asked_once_more_at_the_end(cli, server, proxy):
    client = MlflowClient(server.url)
    store = Store.open(proxy.url, "deleted")

    def recorded(name):
        owed = Owed(proxy.url, store.experiment_id)
        return Recording(cli.folder / name, Record(name, {"kind": "run"}), owed, 20.0)

    client.delete_experiment(store.experiment_id)
    with recorded("mended"):
        wait_until(lambda: sum("runs/create" in call for call in proxy.seen) == 1)
        client.restore_experiment(store.experiment_id)
    (run,) = client.search_runs([store.experiment_id])
    assert run.info.status == "FINISHED"
    client.delete_experiment(store.experiment_id)
    started = time.monotonic()
    with pytest.raises(ToldError), recorded("refused"):
        pass
    assert time.monotonic() - started < 10  # patience is for what may pass
    assert sum("runs/create" in call for call in proxy.seen) <= 4


def test_what_a_sweep_asks_of_the_server(cli, proxy):
    sweep = ("-m", "network=small", "epochs=3", "tracking.experiment=asked")
    few, many = "dist=gumbel,beta", "dist=gumbel,beta,zipf,power,backprop"
    cli.env["MLFLOW_TRACKING_URI"] = proxy.url
    asked = {}
    for command in ((few,), (many,), (few, "resume=true"), (many, "resume=true")):
        proxy.seen.clear()
        done = cli(*sweep, *command)
        assert done.returncode == 0, done.stderr
        assert ("finished already" in done.stdout) == ("resume=true" in command)
        asked[command] = [
            re.sub(r"/m-[0-9a-f]+", "/MODEL", c) for c in proxy.seen if "heartbeat" not in c
        ]
    assert len(asked[many,]) - len(asked[few,]) <= 3 * MOST
    # Of jobs that are finished already it reads curves and files alone.
    of_jobs = re.compile("get-history|artifacts")
    resumed = [[c for c in asked[m, "resume=true"] if not of_jobs.search(c)] for m in (few, many)]
    assert resumed[0] == resumed[1]
