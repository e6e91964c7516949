import marimo

app = marimo.App(width="medium", app_title="Noise training")

with app.setup:
    import asyncio
    import inspect
    import os
    import re
    import sys
    from itertools import islice

    import marimo as mo
    import numpy as np
    import pictures
    from pad import Pad

    from noise_exp.training import (
        ARTICLE_DISTRIBUTIONS,
        Adam,
        CostScaled,
        CrossEntropy,
        Distribution,
        Embedded,
        FeedbackAlignment,
        HillClimb,
        IndependentStreams,
        LearnedFeedback,
        NodePerturbation,
        NoiseTransform,
        QuantileDistribution,
        Schedule,
        Spsa,
        Trial,
        Vanilla,
        pixel_sum_errors,
    )

    SEED = 452  # the article's


@app.function(hide_code=True)
def live(frames):
    """Show pictures one after the other; a control that moves ends the showing."""
    if "STILL" in os.environ or mo.app_meta().mode == "script":
        *_, last = frames
        mo.output.replace(last)
        return

    async def show():
        for frame in frames:
            if thread.should_exit:
                return
            mo.output.replace(frame)
            await asyncio.sleep(0)

    # In a browser's own Python threads take turns, when one awaits.
    alone = sys.platform == "emscripten"
    thread = mo.Thread(target=show if alone else lambda: asyncio.run(show()))
    thread.start()


@app.function(hide_code=True)
def code(*functions):
    """Show the lines that made a picture: those very functions."""
    lines = "\n\n".join(inspect.getsource(function) for function in functions)
    lines = re.sub(r"^@app\.\w+.*\n", "", lines, flags=re.M)
    return mo.accordion({"The lines that do it": mo.md(f"```python\n{lines}\n```")})


@app.function(hide_code=True)
def said(error):
    return mo.callout(mo.md(f"{error}"), kind="warn")


@app.function
def zeros_and_ones(seed, test_size=500, scale=1.0):
    """2,115 images of zeros and ones, shuffled by the seed; raw pixels are 0 to 255."""
    streams = IndependentStreams(init=seed, data=seed, noise=seed)
    return Embedded(test_size=test_size, pixel_divisor=scale).split(streams.permutation), streams


@app.cell(hide_code=True)
def _():
    which = mo.ui.slider(0, 99, value=3, label="image", show_value=True)
    _text = mo.md(
        """
        # Noise training

        Can a network learn if its gradients are replaced by random numbers? Jae Duk Seo asked this in
        2018, and got 2 of 20 images wrong with Gumbel noise. **Move the controls and see.** Seven short
        parts; each has the lines of code that made its picture. It runs on your own machine.

        ## 1. The images, and what flows through the network

        784 pixels, 840 units, 1024 units, one output: the probability that the image is a one. Every
        unit sums its inputs, weighed, and bends the sum by an arctan. The weights are random at first.
        """
    )
    mo.vstack([_text, which])
    return (which,)


@app.function
def flow(trial, image):
    """What each layer makes of one image: two hidden layers, and the output."""
    layers = trial.network.views(trial.parameters)
    values = [image]
    for weights, biases in layers[:-1]:
        values.append(np.arctan(values[-1] @ weights + biases))
    weights, biases = layers[-1]
    return *values, 1 / (1 + np.exp(-(values[-1] @ weights + biases)))


@app.cell(hide_code=True)
def _():
    _split, _streams = zeros_and_ones(SEED)
    first_trial = Trial(_split, None, _streams)
    return (first_trial,)


@app.cell(hide_code=True)
def _(first_trial, which):
    _values = flow(first_trial, first_trial.split.test_images[which.value])
    mo.vstack([pictures.flow(*_values), code(flow)])


@app.cell(hide_code=True)
def _():
    mo.md(
        """
        ## 2. The article's rule: draw, multiply by the cost, add

        Measure the cost. Draw noise for every weight. Move the weights by *signal x rate x cost x noise*.
        After four epochs the rate drops from 0.03 to 0.0001. That is all. Left: the cost, beside back
        propagation on the same seed. Right: the outputs for images of zeros and of ones.
        """
    )


@app.cell(hide_code=True)
def _():
    distribution = mo.ui.dropdown(list(ARTICLE_DISTRIBUTIONS), value="gumbel", label="distribution")
    rate = mo.ui.slider(
        steps=[0.003, 0.01, 0.03, 0.1, 0.3], value=0.03, label="rate", show_value=True
    )
    drop = mo.ui.slider(1, 20, value=4, label="epochs before the drop", show_value=True)
    signals = mo.ui.text("1, 0.1, 0.01", label="signals, from the input on")
    seed = mo.ui.text(str(SEED), label="seed")
    return drop, distribution, rate, seed, signals


@app.cell(hide_code=True)
def _(distribution):
    parameters = mo.ui.text(
        ", ".join(
            f"{key}={value:g}" for key, value in ARTICLE_DISTRIBUTIONS[distribution.value].items()
        ),
        label="its parameters",
        full_width=True,
    )
    return (parameters,)


@app.cell(hide_code=True)
def _(drop, distribution, parameters, rate, seed, signals):
    mo.vstack(
        [
            mo.hstack([distribution, parameters], justify="start", wrap=True),
            mo.hstack([rate, drop], justify="start", wrap=True),
            mo.hstack([signals, seed], justify="start", wrap=True),
            code(zeros_and_ones, the_article),
        ]
    )


@app.function
def numbers(text):
    """Read "loc=0, scale=1" into what a distribution takes."""
    pairs = [part.split("=") for part in text.split(",") if part.strip()]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError(f"write parameters as name=number, name=number; got {text!r}")
    try:
        found = {key.strip(): float(value) for key, value in pairs}
    except ValueError:
        raise ValueError(f"a parameter must be a number; got {text!r}") from None
    return {key: int(value) if value == int(value) else value for key, value in found.items()}


@app.function
def the_article(distribution, signals, rate, drop, seed, epochs=100):
    """A trial by the article's rule, and back propagation on the same images and weights."""
    split, streams = zeros_and_ones(seed)
    schedule = Schedule(epochs)
    noise = Trial(split, distribution, streams, schedule=schedule, estimator=CostScaled(signals),
                  optimizer=Vanilla(rate, drop, 0.0001))  # fmt: skip
    return noise, Trial(split, None, streams, schedule=schedule)


@app.function(hide_code=True)
def rule_frames(noise, exact, epochs=100):
    """Train both, and draw after the first epochs, and then now and then."""
    images, ones = noise.split.test_images[:120], noise.split.test_labels[:120] == 1
    costs, outputs = [], []
    for pair in zip(noise.train(), exact.train(), strict=True):
        costs.append([record.cost for record in pair])
        outputs.append(noise.network.outputs(noise.parameters, images)[:, 0])
        if (epoch := len(costs)) in (2, 5, 10, 20, 40, 70, epochs):
            drawn = pictures.rule(*zip(*costs, strict=True), np.array(outputs), ones, epochs)
            wrong = noise.test().errors
            cost = costs[-1][0]
            text = f"Epoch {epoch}: cost **{cost:.4f}**, **{wrong} of 500** test images wrong"
            yield mo.vstack([mo.md(text), drawn])


@app.cell(hide_code=True)
def _(drop, distribution, parameters, rate, seed, signals):
    try:
        _distribution = Distribution(distribution.value, **numbers(parameters.value))
        _signals = [float(part) for part in signals.value.split(",")]
        if not seed.value.strip().isdigit():
            raise ValueError(f"a seed is a whole number of at least 0; got {seed.value!r}")
        _pair = the_article(_distribution, _signals, rate.value, drop.value, int(seed.value))
        live(rule_frames(*_pair))
    except ValueError as _error:
        mo.output.replace(said(_error))


@app.cell(hide_code=True)
def _():
    lucky = mo.ui.dropdown(list(ARTICLE_DISTRIBUTIONS), value="gumbel", label="distribution")
    _text = mo.md(
        """
        ## 3. Luck

        One seed draws the first weights, the split of the images and the noise. Here are fifty seeds,
        with the article's 20 test images: a dot is a network. The article's seed is marked, in our own
        random stream. The line is a rule that needs no network: a threshold on the pixel sum.
        """
    )
    mo.vstack([_text, lucky, code(luck)])
    return (lucky,)


@app.function
def luck(name, seeds, epochs=5):
    """Images wrong of 20, seed by seed; after the drop of the rate hardly anything moves."""
    distribution = Distribution(name, **ARTICLE_DISTRIBUTIONS[name])
    for seed in seeds:
        split, streams = zeros_and_ones(seed, test_size=20)
        trial = Trial(split, distribution, streams, schedule=Schedule(epochs))
        for _ in trial.train():
            pass
        yield seed, trial.test().errors, pixel_sum_errors(split)


@app.function(hide_code=True)
def luck_frames(name, seeds):
    found = []
    for dot in luck(name, seeds):
        found.append(dot)
        if len(found) in (1, 4) or len(found) % 8 == 0 or len(found) == len(seeds):
            _, wrong, by_sum = np.array(found).T
            few = int(np.sum(wrong <= 2))
            text = f"**{len(found)}** seeds, **{few}** of them with at most 2 wrong"
            yield mo.vstack([mo.md(text), pictures.luck(wrong, by_sum.mean())])


@app.cell(hide_code=True)
def _(lucky):
    live(luck_frames(lucky.value, [SEED, *range(1, 50)]))


@app.cell(hide_code=True)
def _():
    stalled = mo.ui.dropdown(list(ARTICLE_DISTRIBUTIONS), value="normal", label="distribution")
    walked = mo.ui.slider(0, 8, value=4, label="epochs of training before", show_value=True)
    _text = mo.md(
        """
        ## 4. Why it stalls

        Take one network, draw noise two hundred times, and each time look at what the step would do to
        the cost. The noise was drawn *after* the cost was measured: it cannot know which way is down.
        About half of the steps go up. After the drop they are too small to matter either way.
        """
    )
    mo.vstack([_text, mo.hstack([stalled, walked], justify="start", wrap=True), code(changes)])
    return stalled, walked


@app.function
def changes(name, walked, rates, draws=200):
    """What one step would change the cost by, at each rate, for fresh noise at the same weights."""
    split, streams = zeros_and_ones(SEED, test_size=1900)
    trial = Trial(
        split, Distribution(name, **ARTICLE_DISTRIBUTIONS[name]), streams, schedule=Schedule(100)
    )
    for _ in islice(trial.train(), walked):
        pass
    at, noise, objective = trial.trained, trial.noise(), trial.objective
    before, direction = objective.evaluate(at).cost, np.empty_like(at)
    for _ in range(draws):
        trial.estimator.estimate(objective, at, noise, direction)
        yield [objective.evaluate(at + rate * direction).cost - before for rate in rates]


@app.function(hide_code=True)
def stall_frames(name, walked):
    found, rates = [], (0.03, 0.0001)
    for pair in changes(name, walked, rates):
        found.append(pair)
        if len(found) in (10, 30, 60, 120, 200):
            yield pictures.stall(found, rates)


@app.cell(hide_code=True)
def _(stalled, walked):
    live(stall_frames(stalled.value, walked.value))


@app.cell(hide_code=True)
def _():
    asked = mo.ui.dropdown(list(ARTICLE_DISTRIBUTIONS), value="gumbel", label="distribution")
    passes = mo.ui.slider(10, 100, step=10, value=30, label="forward passes", show_value=True)
    _text = mo.md(
        """
        ## 5. Measured after the draw instead of before

        The same noise, asked better. `hill_climb` keeps a step only if the cost fell. `spsa` looks to
        both sides and steps by the difference. `node_perturbation` puts noise on the units instead of
        the weights. The outputs' errors go back to the hidden units: by `feedback_alignment` along
        fixed noise, by `learned_feedback` along what noise has found of the way. Left: training images
        wrong, against forward passes. Right: the angle between what these two tell the hidden units and
        what back propagation would, epoch by epoch; at 90° it tells them nothing.
        """
    )
    mo.vstack([_text, mo.hstack([asked, passes], justify="start", wrap=True), code(searches)])
    return asked, passes


@app.function
def searches(name, passes):
    """Five ways to learn from noise, each with the same budget of forward passes."""
    split, streams = zeros_and_ones(SEED, scale=255.0)
    adam = Adam(0.003, 0.9, 0.999, decay=True)
    ways = {
        "hill_climb": (CostScaled([1.0, 1.0]), HillClimb(0.01, 1.5)),
        "spsa": (Spsa(0.01, 1), adam),
        "node_perturbation": (NodePerturbation(0.01), adam),
        "feedback_alignment": (FeedbackAlignment(1.0), adam),
        "learned_feedback": (LearnedFeedback(0.1, 0.2), adam),
    }
    for way, (estimator, optimizer) in ways.items():
        yield way, Trial(split, Distribution(name, **ARTICLE_DISTRIBUTIONS[name]), streams, optimizer=optimizer,
                         estimator=estimator, noise_transform=NoiseTransform.sign, hidden=[64], cost=CrossEntropy(),
                         schedule=Schedule(None, passes, batch_size=128), diagnostics="feedback" in way)  # fmt: skip


@app.function(hide_code=True)
def search_frames(name, passes):
    drawn = {}
    for way, trial in searches(name, passes):
        x, y, angles = drawn[way] = [], [], []
        for epoch in trial.train():
            x.append(epoch.forward_passes)
            y.append(epoch.train_error_rate)
            angles.append(epoch.diagnostics.get("delta_angle_1", np.nan))
            if len(x) == 2:
                yield pictures.search(drawn, passes)
        yield pictures.search(drawn, passes)


@app.cell(hide_code=True)
def _(asked, passes):
    live(search_frames(asked.value, passes.value))


@app.cell(hide_code=True)
def _():
    teacher = mo.ui.dropdown(list(ARTICLE_DISTRIBUTIONS), value="gumbel", label="distribution")
    _text = mo.md(
        """
        ## 6. What the units have learned, and your own digit

        Ten digits, learned from noise by `learned_feedback`. Each tile is what one unit of the first
        layer looks for: the weights on its 784 pixels. Draw a digit, and ask the network: it answers
        once it is trained, and again when another distribution has trained it.
        """
    )
    mo.vstack([_text, teacher, code(ten_digits, centred)])
    return (teacher,)


@app.function
def ten_digits(name, epochs=12):
    """A network for all ten digits, taught by noise."""
    streams = IndependentStreams(init=1, data=SEED, noise=1)
    split = Embedded(list(range(10)), 2000, 255.0).split(streams.permutation)
    return Trial(split, Distribution(name, **ARTICLE_DISTRIBUTIONS[name]), streams, hidden=[120], init_scale=0.083,
                 estimator=LearnedFeedback(0.03, 0.28), noise_transform=NoiseTransform.sign, cost=CrossEntropy(),
                 optimizer=Adam(0.0043, 0.9, 0.999, decay=True),
                 schedule=Schedule(epochs, None, batch_size=128))  # fmt: skip


@app.function(hide_code=True)
def unit_frames(trial, tell):
    """Train, and tell of the trained network."""
    for epoch in trial.train():
        weights, _ = trial.network.views(trial.parameters)[0]
        wrong = trial.test().error_rate
        text = f"Epoch {epoch.epoch + 1}: **{wrong:.1%}** of 2,000 test images wrong"
        yield mo.vstack([mo.md(text), pictures.units(weights)])
    tell(trial)


@app.cell(hide_code=True)
def _():
    trained, set_trained = mo.state(None)
    return set_trained, trained


@app.cell(hide_code=True)
def _(set_trained, teacher):
    set_trained(None)
    live(unit_frames(ten_digits(teacher.value), set_trained))


@app.cell(hide_code=True)
def _():
    pad = mo.ui.anywidget(Pad())
    return (pad,)


@app.function
def centred(pixels):
    """Move a drawing's centre of mass to the middle, as MNIST's images are."""
    image = np.reshape(pixels, (28, 28))
    if not image.any():
        return image.ravel()
    shift = [14 - round(float(np.average(np.arange(28), weights=image.sum(1 - a)))) for a in (0, 1)]
    return np.roll(image, shift, (0, 1)).ravel()


@app.cell(hide_code=True)
def _(pad, trained):
    _image = centred(pad.value["pixels"]).astype(np.float32)
    _chances, _trial = np.zeros(10), trained()
    if not _image.any():
        _text = "Draw a digit in the black square"
    elif _trial is None:
        _text = "The network is not trained yet: it answers after its last epoch"
    else:
        _chances = _trial.network.outputs(_trial.parameters, _image[None])[0]
        _text = f"The network says **{_chances.argmax()}**"
    _answer = mo.vstack([mo.md(_text), pictures.chances(_chances)])
    mo.hstack([pad, _answer], justify="start", wrap=True)


@app.cell(hide_code=True)
def _():
    formula = mo.ui.text("tan(pi * (u - 0.5))", label="quantile function of u", full_width=True)
    _text = mo.md(
        """
        ## 7. Your own distribution

        Write the quantile function of a distribution: if `u` is uniform between 0 and 1, your formula of `u`
        follows the distribution. `-log(1 - u)` is the exponential distribution, `tan(pi * (u - 0.5))` Cauchy's, which has
        no mean. `learned_feedback` trains zeros and ones with it.
        """
    )
    mo.vstack([_text, formula, code(own)])
    return (formula,)


@app.function
def own(text, epochs=10):
    """Zeros and ones, learned from the noise of a formula."""
    split, streams = zeros_and_ones(SEED, scale=255.0)
    return Trial(split, QuantileDistribution(text), streams, hidden=[64], cost=CrossEntropy(),
                 estimator=LearnedFeedback(0.1, 0.2), noise_transform=NoiseTransform.sign,
                 optimizer=Adam(0.003, 0.9, 0.999, decay=True),
                 schedule=Schedule(epochs, None, batch_size=128))  # fmt: skip


@app.function(hide_code=True)
def own_frames(trial):
    draws = np.empty(20_000)
    trial.distribution.fill(np.random.default_rng(0), draws)
    wrong = []
    for epoch in trial.train():
        wrong.append(epoch.train_error_rate)
        text = f"Epoch {epoch.epoch + 1}: **{trial.test().errors} of 500** test images wrong"
        yield mo.vstack([mo.md(text), pictures.own(draws, wrong)])


@app.cell(hide_code=True)
def _(formula):
    try:
        live(own_frames(own(formula.value)))
    except ValueError as _error:
        mo.output.replace(said(_error))


@app.cell(hide_code=True)
def _():
    mo.md(
        """
        ## Your own sweeps

        `make play SWEEP=ID` opens this page with a sweep of yours: ID is its run's, as MLflow shows it.
        Everything else is in the project's pages: what was replayed, measured and proved.
        """
    )


@app.function
def sweep_curves(run_id):
    """Cost per epoch of a sweep's methods, from MLflow's store."""
    from noise_exp.errors import UserError
    from noise_exp.figures.comparison import cost_per_training
    from noise_exp.report.page import methods_drawn
    from noise_exp.tracking import reading
    from noise_exp.tracking.store import opened

    with opened(None, None) as store:
        drawn = methods_drawn(reading.read(store, reading.ask(store, [run_id]).runs))
    if not drawn:
        raise UserError(f"no run of {run_id} has a result")
    return cost_per_training(drawn)


@app.cell(hide_code=True)
def _():
    from noise_exp.errors import UserError

    _run_id = os.environ.get("SWEEP")
    mo.stop(not _run_id)
    try:
        _figure = sweep_curves(_run_id)
    except UserError as _error:
        mo.stop(True, said(f"{_error}"))
    pictures.show(_figure, "cost per epoch of a sweep")


if __name__ == "__main__":
    app.run()
