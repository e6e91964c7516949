import marimo

app = marimo.App(width="medium", app_title="Noise training")

with app.setup:
    import inspect
    import os
    import re
    from functools import partial
    from itertools import islice
    from textwrap import dedent

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
    watched = partial(mo.status.progress_bar, remove_on_exit=True)


@app.function(hide_code=True)
def lines(*functions):
    """The lines of these very functions."""
    text = "\n\n".join(dedent(inspect.getsource(function)) for function in functions)
    text = re.sub(r"^@.*\n", "", text, flags=re.M)
    return mo.md(f"```python\n{text}\n```")


@app.function(hide_code=True)
def distributions(value="gumbel"):
    return mo.ui.dropdown(list(ARTICLE_DISTRIBUTIONS), value=value, label="distribution")


@app.function(hide_code=True)
def asked(text, **controls):
    """Controls in a row, behind a button: one says what one expects, then runs it."""
    row = " ".join(f"{{{name}}}" for name in controls)
    form = mo.md(row).batch(**controls).form(submit_button_label="Run", bordered=False)
    return mo.vstack([mo.md(text), form]), form


@app.function(hide_code=True)
def chosen(form):
    """The settings that were run last; where nobody can press the button, the first ones."""
    alone = "STILL" in os.environ or mo.app_meta().mode == "script"
    return form.element.value if alone else form.value


@app.function(hide_code=True)
def shown(form, draw, answer, *functions):
    """Draw what was run, above the answer and the lines of code; a wrong value is a sentence."""
    settings = chosen(form)
    mo.stop(settings is None, mo.md("*Say what you expect, then press Run.*"))
    try:
        drawn = draw(**settings)
    except ValueError as error:
        return mo.callout(mo.md(f"{error}"), kind="warn")
    below = {"The answer": mo.md(answer), "The lines that do it": lines(*functions)}
    return mo.vstack([drawn, mo.accordion(below)])


@app.function
def zeros_and_ones(seed, test_size=500, scale=1.0):
    """2,115 images of zeros and ones, shuffled by the seed; raw pixels are 0 to 255."""
    streams = IndependentStreams(init=seed, data=seed, noise=seed)
    return Embedded(test_size=test_size, pixel_divisor=scale).split(streams.permutation), streams


@app.cell(hide_code=True)
def _():
    which = mo.ui.slider(0, 99, value=3, label="image", show_value=True)
    _text = mo.md(
        r"""
        # Noise training

        Can a network learn if its gradients are replaced by random numbers? Jae Duk Seo asked this in
        2018, and got 2 of 20 images wrong with Gumbel noise. Seven short parts: each has a question.
        **Say first what you expect, then run it**; the answer and the lines of code are below the
        picture. It all runs on your own machine.

        ## 1. What flows through the network

        784 pixels $x$, 840 units, 1024 units, one output: the probability that the image is a one.

        $$\begin{aligned} h_1 &= \arctan(xW_1 + b_1) \\ h_2 &= \arctan(h_1W_2 + b_2) \\
        o &= 1 / (1 + e^{-(h_2W_3 + b_3)}) \end{aligned}$$

        All weights and biases start as random numbers. **What do you expect:** does the untrained
        network give zeros and ones the same output? Move the slider.
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
    _answer = """
    No: every image gets an output of its own, often close to 0 or to 1, and 60% of the 500 test images
    are wrong. The random layers keep images apart; what the last layer makes of that is chance.
    """
    _values = flow(first_trial, first_trial.split.test_images[which.value])
    _below = {"The answer": mo.md(_answer), "The lines that do it": lines(flow)}
    mo.vstack([pictures.flow(*_values), mo.accordion(_below)])


@app.cell(hide_code=True)
def _():
    _page, rule_form = asked(
        r"""
        ## 2. The article's rule: draw, multiply by the cost, add

        Measure the cost $C$, the mean of (output - label)². Draw noise $\xi$ for every weight. Then

        $$w \leftarrow w + s_l \, \eta \, C(w) \, \xi$$

        with a signal $s_l$ for each layer and the rate $\eta$, which drops to 0.0001 after four epochs.
        Back propagation, to compare with, takes $w \leftarrow w - \eta \, \nabla E$.

        **What do you expect:** where does the cost go before the drop, and where after it? Which sign
        would $\xi$ need for the cost to fall, and what does the rule know of that sign?
        """,
        distribution=distributions(),
        parameters=mo.ui.text(placeholder="the article's", label="its parameters"),
        rate=mo.ui.slider(
            steps=[0.003, 0.01, 0.03, 0.1, 0.3], value=0.03, label="rate", show_value=True
        ),
        drop=mo.ui.slider(1, 20, value=4, label="epochs before the drop", show_value=True),
        signals=mo.ui.text("1, 0.1, 0.01", label="signals, from the input on"),
        seed=mo.ui.number(0, 2**32 - 1, 1, SEED, label="seed"),
    )
    _page
    return (rule_form,)


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
@mo.cache
def rule(distribution, parameters, rate, drop, signals, seed, epochs=100):
    """Train by noise and by back propagation; draw costs and outputs."""
    noise, exact = the_article(
        Distribution(distribution, **numbers(parameters) or ARTICLE_DISTRIBUTIONS[distribution]),
        [float(part) for part in signals.split(",")], rate, drop, seed, epochs,
    )  # fmt: skip
    images, ones = noise.split.test_images[:120], noise.split.test_labels[:120] == 1
    costs, outputs = [], []
    for pair in watched(zip(noise.train(), exact.train(), strict=True), total=epochs):
        costs.append([record.cost for record in pair])
        outputs.append(noise.network.outputs(noise.parameters, images)[:, 0])
    drawn = pictures.rule(*zip(*costs, strict=True), np.array(outputs), ones, epochs)
    wrong, cost = noise.test().errors, costs[-1][0]
    text = f"Epoch {epochs}: cost **{cost:.4f}**, **{wrong} of 500** test images wrong"
    return mo.vstack([mo.md(text), drawn])


@app.cell(hide_code=True)
def _(rule_form):
    _answer = """
    Before the drop the cost goes up or down as chance has it, after the drop it stands still. The
    rule measures the cost *before* the noise is drawn, so it knows nothing of the sign that would
    help: the cost only sets how far the step goes. Two lines decide all of it, `noise.fill(out)` and
    `out[layer] *= signal * evaluation.cost`. Try other seeds: which distribution is best changes.
    """
    shown(rule_form, rule, _answer, CostScaled.estimate, Vanilla.step, zeros_and_ones, the_article)


@app.cell(hide_code=True)
def _():
    _page, luck_form = asked(
        """
        ## 3. Luck

        One seed draws the first weights, the split of the images and the noise. Here are fifty seeds,
        with the article's 20 test images: a dot is a network. The line is a rule that needs no network:
        call an image a one if the sum of its pixels is below a threshold.

        **What do you expect:** how many of the fifty get at most 2 of 20 wrong, as the article did?
        """,
        name=distributions(),
    )
    _page
    return (luck_form,)


@app.function
def luck(name, seeds, epochs=5):
    """Images wrong of 20, seed by seed; after the drop of the rate hardly anything moves."""
    distribution = Distribution(name, **ARTICLE_DISTRIBUTIONS[name])
    for seed in watched(seeds):
        split, streams = zeros_and_ones(seed, test_size=20)
        trial = Trial(split, distribution, streams, schedule=Schedule(epochs))
        for _ in trial.train():
            pass
        yield seed, trial.test().errors, pixel_sum_errors(split)


@app.function(hide_code=True)
@mo.cache
def lucky(name):
    seeds = [SEED, *range(1, 50)]
    _, wrong, by_sum = np.array(list(luck(name, seeds))).T
    few = int(np.sum(wrong <= 2))
    text = f"**{len(seeds)}** seeds, **{few}** of them with at most 2 wrong"
    return mo.vstack([mo.md(text), pictures.luck(wrong, by_sum.mean())])


@app.cell(hide_code=True)
def _(luck_form):
    _answer = """
    With `gumbel` none: the networks lie around 10 of 20, as guesses do, and the threshold on the pixel
    sum gets 1.5 wrong on average. Seed 452 is marked; it gets other numbers here than in the article,
    which draws its random numbers in another order. One seed says little about a method.
    """
    shown(luck_form, lucky, _answer, luck)


@app.cell(hide_code=True)
def _():
    _page, stall_form = asked(
        r"""
        ## 4. Why it stalls

        Take one network, draw noise two hundred times, and each time look at what the step would do to
        the cost. If the step is small, that is

        $$\Delta C \approx \eta \, C \sum_i s_i \, \frac{\partial C}{\partial w_i} \, \xi_i .$$

        **What do you expect:** which share of the steps goes up for `normal`, whose mean is 0? And for
        `gumbel`, whose mean is 0.58?
        """,
        name=distributions("normal"),
        walked=mo.ui.slider(0, 8, value=4, label="epochs of training before", show_value=True),
    )
    _page
    return (stall_form,)


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
    for _ in watched(range(draws)):
        trial.estimator.estimate(objective, at, noise, direction)
        yield [objective.evaluate(at + rate * direction).cost - before for rate in rates]


@app.function(hide_code=True)
@mo.cache
def stall(name, walked):
    rates = (0.03, 0.0001)
    return pictures.stall(list(changes(name, walked, rates)), rates)


@app.cell(hide_code=True)
def _(stall_form):
    _answer = r"""
    With mean 0 about half of the steps go up, 48% here at the small rate: the noise was drawn after the
    cost was measured, and cannot know which way is down. With a mean $\mu$ the sum has the drift
    $\mu \sum_i s_i \, \partial C / \partial w_i$, the same at every draw. Over so many weights it
    outweighs chance: with `gumbel` all small steps go up here, and over several networks 96% go the
    way of the drift. Whether that is up or down is the network's doing; the noise does not know it
    either. After the drop the steps are 300 times as small: the network stands still, in no minimum.
    """
    shown(stall_form, stall, _answer, changes)


@app.cell(hide_code=True)
def _():
    _page, search_form = asked(
        r"""
        ## 5. Measured after the draw instead of before

        The same noise, measured after it was drawn:

        - `hill_climb` keeps a step only if the cost fell.
        - `spsa` measures on both sides: $\; -\frac{C(w + \sigma\xi) - C(w - \sigma\xi)}{2\sigma} \xi$.
        - `node_perturbation` puts noise on the units instead of the weights.
        - Two send the outputs' errors back to the hidden units, $\delta_1 = f'(z_1) \odot \delta_2 B$:
          in `feedback_alignment` $B$ is noise that stays fixed, in `learned_feedback` $B$ is learned
          from noise. Back propagation has $B = W_2^T$.

        **What do you expect:** in which order do the five end, with as many forward passes each? And at
        which angle to back propagation's errors are those of the last two? (90° would be chance.)
        """,
        name=distributions(),
        passes=mo.ui.slider(10, 100, step=10, value=30, label="forward passes", show_value=True),
    )
    _page
    return (search_form,)


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
@mo.cache
def search(name, passes):
    drawn = {}
    for way, trial in watched(searches(name, passes), total=5):
        epochs = list(trial.train())
        angles = [epoch.diagnostics.get("delta_angle_1", np.nan) for epoch in epochs]
        wrong = [epoch.train_error_rate for epoch in epochs]
        drawn[way] = [epoch.forward_passes for epoch in epochs], wrong, angles
    return pictures.search(drawn, passes)


@app.cell(hide_code=True)
def _(search_form):
    _answer = """
    For `gumbel` and 30 passes: `spsa` barely moves, as each pair of passes gives one number about
    50,000 weights, and `hill_climb` does better but wavers. With noise on the units there are as many
    numbers as images, and three of a thousand images stay wrong. `feedback_alignment` starts at 90°
    and comes to some 70°, as the weights above turn towards the fixed noise. `learned_feedback` starts
    near 10° and comes close to 0°: it has found back propagation's weights without seeing them.
    """
    shown(search_form, search, _answer, searches)


@app.cell(hide_code=True)
def _():
    _page, digits_form = asked(
        """
        ## 6. What the units have learned, and your own digit

        Ten digits, learned from noise by `learned_feedback`. Each tile is what one unit of the first
        layer looks for: the weights on its 784 pixels.

        **What do you expect:** will the tiles look like digits? Run it, then draw a digit below.
        """,
        name=distributions(),
    )
    _page
    return (digits_form,)


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
@mo.cache
def taught(name):
    trial = ten_digits(name)
    for _ in watched(trial.train(), total=12):
        pass
    return trial


@app.function(hide_code=True)
def units(name):
    trial = taught(name)
    weights, _ = trial.network.views(trial.parameters)[0]
    text = f"**{trial.test().error_rate:.1%}** of 2,000 test images wrong"
    return mo.vstack([mo.md(text), pictures.units(weights)])


@app.cell(hide_code=True)
def _(digits_form):
    _answer = """
    Hardly: they look like strokes and arcs under much noise, which is what is left of the random
    first weights. A unit need not know a digit; the last layer adds up 120 of them, and about 6% of
    the test images stay wrong.
    """
    shown(digits_form, units, _answer, ten_digits, centred)


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
def _(digits_form, pad):
    _image = centred(pad.value["pixels"]).astype(np.float32)
    _chances, _settings = np.zeros(10), chosen(digits_form)
    if not _image.any():
        _text = "Draw a digit in the black square"
    elif _settings is None:
        _text = "The network is not trained yet: press Run"
    else:
        _trial = taught(**_settings)
        _chances = _trial.network.outputs(_trial.parameters, _image[None])[0]
        _text = f"The network says **{_chances.argmax()}**"
    _answer = mo.vstack([mo.md(_text), pictures.chances(_chances)])
    mo.hstack([pad, _answer], justify="start", wrap=True)


@app.cell(hide_code=True)
def _():
    _page, own_form = asked(
        r"""
        ## 7. Your own distribution

        Write the quantile function of a distribution: if $u$ is uniform between 0 and 1, your formula of
        `u` follows the distribution. `-log(1 - u)` is the exponential distribution,
        `tan(pi * (u - 0.5))` Cauchy's, which has no mean. `learned_feedback` learns from it.

        **What do you expect:** does noise without a mean train zeros and ones?
        """,
        formula=mo.ui.text("tan(pi * (u - 0.5))", label="quantile function of u", full_width=True),
    )
    _page
    return (own_form,)


@app.function
def own(text, epochs=10):
    """Zeros and ones, learned from the noise of a formula."""
    split, streams = zeros_and_ones(SEED, scale=255.0)
    return Trial(split, QuantileDistribution(text), streams, hidden=[64], cost=CrossEntropy(),
                 estimator=LearnedFeedback(0.1, 0.2), noise_transform=NoiseTransform.sign,
                 optimizer=Adam(0.003, 0.9, 0.999, decay=True),
                 schedule=Schedule(epochs, None, batch_size=128))  # fmt: skip


@app.function(hide_code=True)
@mo.cache
def owned(formula):
    trial, draws = own(formula), np.empty(20_000)
    trial.distribution.fill(np.random.default_rng(0), draws)
    wrong = [epoch.train_error_rate for epoch in watched(trial.train(), total=10)]
    text = f"Epoch {len(wrong)}: **{trial.test().errors} of 500** test images wrong"
    return mo.vstack([mo.md(text), pictures.own(draws, wrong)])


@app.cell(hide_code=True)
def _(own_form):
    _answer = """
    It does. Only the signs of the draws are used (`NoiseTransform.sign`), so mean and tails do not
    matter; and the step follows what was *measured* with them.
    """
    shown(own_form, owned, _answer, own)


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
        mo.stop(True, mo.callout(mo.md(f"{_error}"), kind="warn"))
    pictures.show(_figure, "cost per epoch of a sweep")


if __name__ == "__main__":
    app.run()
