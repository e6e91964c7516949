import marimo

app = marimo.App(width="medium", app_title="Noise training")

with app.setup:
    import inspect
    import io
    import os
    import re
    import sys
    from itertools import islice

    import marimo as mo
    import numpy as np
    from matplotlib.figure import Figure

    from noise_exp.training import (
        ARTICLE_LAWS,
        Adam,
        CostScaled,
        CrossEntropy,
        Embedded,
        HillClimb,
        IndependentStreams,
        Law,
        LearnedFeedback,
        NodePerturbation,
        QuantileLaw,
        Repair,
        Schedule,
        Spsa,
        Trial,
        Vanilla,
        ink_errors,
    )

    BLUE, ORANGE, GREEN, PINK = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
    SEED = 452  # the article's


@app.function(hide_code=True)
def picture(figure, told):
    """Show a figure, sharp on dense screens; `told` is for those who cannot see it."""
    content = io.BytesIO()
    figure.savefig(content, dpi=160)
    most = f"{96 * figure.get_figwidth():.0f}px"
    return mo.image(content.getvalue(), alt=told, width="100%", style={"max-width": most})


@app.function(hide_code=True)
def live(frames):
    """Show pictures one after the other; a control that moves ends the showing."""
    still = "STILL" in os.environ or mo.app_meta().mode == "script" or sys.platform == "emscripten"
    if still:
        *_, last = frames
        mo.output.replace(last)
        return

    def show():
        thread = mo.current_thread()
        for frame in frames:
            if thread.should_exit:
                return
            mo.output.replace(frame)

    mo.Thread(target=show).start()


@app.function(hide_code=True)
def code(*functions):
    """Show the lines that made a picture: those very functions."""
    lines = "\n\n".join(inspect.getsource(function) for function in functions)
    lines = re.sub(r"^@app\.function.*\n", "", lines, flags=re.M)
    return mo.accordion({"The lines that did it": mo.md(f"```python\n{lines}\n```")})


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
    mo.md(
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


@app.cell(hide_code=True)
def _():
    which = mo.ui.slider(0, 99, value=3, label="image", show_value=True)
    which
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
    _image, _one, _two, _output = flow(first_trial, first_trial.split.test_images[which.value])
    _figure = Figure(figsize=(9, 2.7), layout="constrained")
    _axes = _figure.subplots(1, 4, width_ratios=(1, 1.07, 1, 0.35))
    _axes[0].imshow(_image.reshape(28, 28), cmap="gray")
    _axes[1].imshow(_one.reshape(28, 30), cmap="RdBu", vmin=-1.6, vmax=1.6)
    _axes[2].imshow(_two.reshape(32, 32), cmap="RdBu", vmin=-1.6, vmax=1.6)
    _axes[3].bar([0], _output, color=BLUE)
    _axes[3].set(ylim=(0, 1), title=f"{_output[0]:.2f}")
    for _one_axes, _title in zip(_axes, ("image", "840 units", "1024 units"), strict=False):
        _one_axes.set(title=_title)
        _one_axes.axis("off")
    _axes[3].set_xticks([])
    mo.vstack([picture(_figure, "an image and the units that it moves"), code(flow)])


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
    law = mo.ui.dropdown(list(ARTICLE_LAWS), value="gumbel", label="law")
    rate = mo.ui.slider(
        steps=[0.003, 0.01, 0.03, 0.1, 0.3], value=0.03, label="rate", show_value=True
    )
    drop = mo.ui.slider(1, 20, value=4, label="epochs before the drop", show_value=True)
    signals = mo.ui.text("1, 0.1, 0.01", label="signals, from the input on")
    seed = mo.ui.text(str(SEED), label="seed")
    return drop, law, rate, seed, signals


@app.cell(hide_code=True)
def _(law):
    parameters = mo.ui.text(
        ", ".join(f"{key}={value:g}" for key, value in ARTICLE_LAWS[law.value].items()),
        label="its parameters",
        full_width=True,
    )
    return (parameters,)


@app.cell(hide_code=True)
def _(drop, law, parameters, rate, seed, signals):
    mo.vstack(
        [
            mo.hstack([law, parameters], justify="start", wrap=True),
            mo.hstack([rate, drop], justify="start", wrap=True),
            mo.hstack([signals, seed], justify="start", wrap=True),
        ]
    )


@app.function
def numbers(text):
    """Read "loc=0, scale=1" into what a law takes."""
    pairs = [part.split("=") for part in text.split(",") if part.strip()]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError(f"write parameters as name=number, name=number; got {text!r}")
    try:
        found = {key.strip(): float(value) for key, value in pairs}
    except ValueError:
        raise ValueError(f"a parameter must be a number; got {text!r}") from None
    return {key: int(value) if value == int(value) else value for key, value in found.items()}


@app.function
def the_article(law, signals, rate, drop, seed, epochs=100):
    """A trial by the article's rule, and back propagation on the same images and weights."""
    split, streams = zeros_and_ones(seed)
    schedule = Schedule(epochs)
    noise = Trial(split, law, streams, schedule=schedule, estimator=CostScaled(signals),
                  optimizer=Vanilla(rate, drop, 0.0001))  # fmt: skip
    return noise, Trial(split, None, streams, schedule=schedule)


@app.function(hide_code=True)
def rule_frames(noise, exact, epochs=100):
    """Train both, and draw after the first epochs, and then now and then."""
    ones = noise.split.test_labels == 1
    costs, outputs = ([], []), []
    both = zip(noise.train(), exact.train(), strict=True)
    for epoch, pair in enumerate(both, 1):
        for line, record in zip(costs, pair, strict=True):
            line.append(record.cost)
        outputs.append(noise.network.outputs(noise.parameters, noise.split.test_images[:120])[:, 0])
        if epoch in (2, 5, 10, 20, 40, 70, epochs):
            figure = Figure(figsize=(9, 3.4), layout="constrained")
            left, right = figure.subplots(1, 2)
            left.plot(costs[0], color=ORANGE, lw=2, label="noise")
            left.plot(costs[1], color="#555555", ls="--", label="back propagation")
            left.set(xlabel="epoch", ylabel="cost", ylim=(-0.02, None), xlim=(-1, epochs))
            left.legend(frameon=False)
            x = np.arange(1, epoch + 1)
            for which, colour, name in ((~ones, BLUE, "zeros"), (ones, PINK, "ones")):
                seen = np.array(outputs)[:, which[:120]]
                low, middle, high = np.quantile(seen, (0.1, 0.5, 0.9), axis=1)
                right.fill_between(x, low, high, color=colour, alpha=0.25, lw=0)
                right.plot(x, middle, color=colour, lw=2, label=name)
            right.set(xlabel="epoch", ylabel="output", ylim=(-0.03, 1.03), xlim=(0, epochs))
            right.legend(frameon=False, loc="center right")
            wrong = noise.test().errors
            text = (
                f"Epoch {epoch}: cost **{costs[0][-1]:.4f}**, **{wrong} of 500** test images wrong"
            )
            yield mo.vstack([mo.md(text), picture(figure, "cost per epoch, and outputs by label")])


@app.cell(hide_code=True)
def _(drop, law, parameters, rate, seed, signals):
    try:
        _law = Law(law.value, **numbers(parameters.value))
        _signals = [float(part) for part in signals.value.split(",")]
        if not seed.value.strip().isdigit():
            raise ValueError(f"a seed is a whole number of at least 0; got {seed.value!r}")
        _pair = the_article(_law, _signals, rate.value, drop.value, int(seed.value))
        live(rule_frames(*_pair))
    except ValueError as _error:
        mo.output.replace(said(_error))


@app.cell(hide_code=True)
def _():
    code(zeros_and_ones, the_article)


@app.cell(hide_code=True)
def _():
    mo.md(
        """
        ## 3. Luck

        One seed draws the first weights, the split of the images and the noise. Here are fifty seeds,
        with the article's 20 test images: a dot is a network. The article's seed is marked, in our own
        random stream. The line is a rule that needs no network: count the ink.
        """
    )


@app.cell(hide_code=True)
def _():
    lucky = mo.ui.dropdown(list(ARTICLE_LAWS), value="gumbel", label="law")
    lucky
    return (lucky,)


@app.function
def luck(name, seeds, epochs=5):
    """Images wrong of 20, seed by seed; after the drop of the rate hardly anything moves."""
    law = Law(name, **ARTICLE_LAWS[name])
    for seed in seeds:
        split, streams = zeros_and_ones(seed, test_size=20)
        trial = Trial(split, law, streams, schedule=Schedule(epochs))
        for _ in trial.train():
            pass
        yield seed, trial.test().errors, ink_errors(split)


@app.function(hide_code=True)
def luck_frames(name, seeds):
    found = []
    for dot in luck(name, seeds):
        found.append(dot)
        if len(found) in (1, 4) or len(found) % 8 == 0 or len(found) == len(seeds):
            _, wrong, ink = np.array(found).T
            figure = Figure(figsize=(9, 2.8), layout="constrained")
            axes = figure.subplots()
            stacked = [np.sum(wrong[:i] == w) for i, w in enumerate(wrong)]
            axes.plot(wrong, stacked, "o", color=BLUE, ms=8)
            axes.plot(wrong[0], stacked[0], "o", color=ORANGE, ms=11)
            top = max(8, 1.3 * max(stacked))
            axes.annotate("seed 452", (wrong[0], 0.3), (wrong[0], 0.88 * top), color=ORANGE,
                          ha="center", arrowprops={"arrowstyle": "-", "color": ORANGE})  # fmt: skip
            axes.axvline(ink.mean(), color=GREEN, lw=2)
            axes.text(ink.mean() + 0.2, 0.93, "count of ink", color=GREEN, va="top",
                      transform=axes.get_xaxis_transform())  # fmt: skip
            axes.set(xlim=(-0.7, 20.7), ylim=(-0.7, top), yticks=[],
                     xlabel="test images wrong, of 20")  # fmt: skip
            few = int(np.sum(wrong <= 2))
            text = f"**{len(found)}** seeds, **{few}** of them with at most 2 wrong"
            yield mo.vstack([mo.md(text), picture(figure, "errors of fifty seeds as dots")])


@app.cell(hide_code=True)
def _(lucky):
    live(luck_frames(lucky.value, [SEED, *range(1, 50)]))


@app.cell(hide_code=True)
def _():
    code(luck)


@app.cell(hide_code=True)
def _():
    mo.md(
        """
        ## 4. Why it stalls

        Take one network, draw noise two hundred times, and each time look at what the step would do to
        the cost. The noise was drawn *after* the cost was measured: it cannot know which way is down.
        About half of the steps go up. After the drop they are too small to matter either way.
        """
    )


@app.cell(hide_code=True)
def _():
    stalled = mo.ui.dropdown(list(ARTICLE_LAWS), value="normal", label="law")
    walked = mo.ui.slider(0, 8, value=4, label="epochs of training before", show_value=True)
    mo.hstack([stalled, walked], justify="start", wrap=True)
    return stalled, walked


@app.function
def changes(name, walked, rates, draws=200):
    """What one step would change the cost by, at each rate, for fresh noise at the same weights."""
    split, streams = zeros_and_ones(SEED, test_size=1900)
    trial = Trial(split, Law(name, **ARTICLE_LAWS[name]), streams, schedule=Schedule(100))
    for _ in islice(trial.train(), walked):
        pass
    at, noise, objective = trial.trained, trial.noise(), trial.objective
    before, direction = objective.evaluate(at).cost, np.empty_like(at)
    for _ in range(draws):
        trial.estimator.estimate(objective, at, noise, direction)
        yield [objective.evaluate(at + rate * direction).cost - before for rate in rates]


@app.function(hide_code=True)
def stall_frames(name, walked):
    found = []
    titles = "rate 0.03, before the drop", "rate 0.0001, after it"
    for pair in changes(name, walked, (0.03, 0.0001)):
        found.append(pair)
        if len(found) not in (10, 30, 60, 120, 200):
            continue
        figure = Figure(figsize=(9, 2.8), layout="constrained")
        for axes, told, values in zip(
            figure.subplots(1, 2), titles, np.transpose(found), strict=True
        ):
            edges = np.linspace(*(np.abs(values).max() * np.array([-1.05, 1.05])), 25)
            axes.hist(values[values < 0], edges, color=GREEN)
            axes.hist(values[values >= 0], edges, color=ORANGE)
            up = np.mean(values >= 0)
            axes.set(title=f"{told}: {up:.0%} up", xlabel="change of the cost", yticks=[])
            axes.axvline(0, color="#555555", lw=1)
            axes.locator_params("x", nbins=5)
        yield picture(figure, "changes of the cost by fresh noise, before and after the drop")


@app.cell(hide_code=True)
def _(stalled, walked):
    live(stall_frames(stalled.value, walked.value))


@app.cell(hide_code=True)
def _():
    code(changes)


@app.cell(hide_code=True)
def _():
    mo.md(
        """
        ## 5. Measured after the draw instead of before

        The same noise, asked better. `hill_climb` keeps a step only if the cost fell. `spsa` looks to
        both sides and steps by the difference. `node_perturbation` puts noise on the units instead of
        the weights. `learned_feedback` uses that noise to learn the way back for the errors. Left:
        training images wrong, against forward passes. Right: the angle to the true gradient; 90° is a
        direction that knows nothing.
        """
    )


@app.cell(hide_code=True)
def _():
    asked = mo.ui.dropdown(list(ARTICLE_LAWS), value="gumbel", label="law")
    passes = mo.ui.slider(10, 100, step=10, value=30, label="forward passes", show_value=True)
    mo.hstack([asked, passes], justify="start", wrap=True)
    return asked, passes


@app.function
def searches(name, passes):
    """Four ways to learn from noise, each with the same budget of forward passes."""
    split, streams = zeros_and_ones(SEED, scale=255.0)
    adam = Adam(0.003, 0.9, 0.999, decay=True)
    ways = {
        "hill_climb": (CostScaled([1.0, 1.0]), HillClimb(0.01, 1.5)),
        "spsa": (Spsa(0.01, 1), adam),
        "node_perturbation": (NodePerturbation(0.01), adam),
        "learned_feedback": (LearnedFeedback(0.1, 0.2), adam),
    }
    for way, (estimator, optimizer) in ways.items():
        yield way, Trial(split, Law(name, **ARTICLE_LAWS[name]), streams, estimator=estimator,
                         optimizer=optimizer, repair=Repair.sign, hidden=[64], cost=CrossEntropy(),
                         schedule=Schedule(None, passes, batch_size=128))  # fmt: skip


@app.function
def angle(trial):
    """Degrees between the direction that noise gives here, and the way straight down."""
    at = trial.trained
    direction, uphill = np.empty_like(at), np.empty_like(at)
    trial.estimator.begin(trial.objective).estimate(trial.objective, at, trial.noise(), direction)
    trial.objective.gradient(at, uphill)
    cosine = -direction @ uphill / (np.linalg.norm(direction) * np.linalg.norm(uphill))
    return np.degrees(np.arccos(cosine))


@app.function(hide_code=True)
def search_frames(name, passes):
    drawn = {}
    for way, trial in searches(name, passes):
        x, y, angles = [], [], []
        for epoch in trial.train():
            x.append(epoch.forward_passes)
            y.append(epoch.train_error_rate)
            if len(angles) < 4:
                angles.append(angle(trial))
            drawn[way] = (x, y, np.mean(angles))
            if len(x) == 2:
                yield search_picture(drawn, passes)
        yield search_picture(drawn, passes)


@app.function(hide_code=True)
def search_picture(drawn, passes):
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for (told, (x, y, _)), colour in zip(drawn.items(), (BLUE, ORANGE, GREEN, PINK), strict=False):
        left.plot(x, np.maximum(y, 3e-4), color=colour, lw=2, label=told)
    left.set(xlabel="forward passes", ylabel="share wrong", yscale="log", xlim=(0, passes))
    left.legend(frameon=False, fontsize=9)
    right.barh(list(drawn), [a for *_, a in drawn.values()],
               color=(BLUE, ORANGE, GREEN, PINK)[: len(drawn)])  # fmt: skip
    right.axvline(90, color="#555555", lw=1)
    right.set(xlim=(0, 120), xlabel="degrees from the way down", ylim=(3.5, -0.5))
    return picture(figure, "error against forward passes, and angles to the gradient")


@app.cell(hide_code=True)
def _(asked, passes):
    live(search_frames(asked.value, passes.value))


@app.cell(hide_code=True)
def _():
    code(searches, angle)


@app.cell(hide_code=True)
def _():
    mo.md(
        """
        ## 6. What the units have learned, and your own digit

        Ten digits, learned from noise by `learned_feedback`. Each tile is what one unit of the first
        layer looks for: the weights on its 784 pixels. Draw a digit, and ask the network.
        """
    )


@app.function
def ten_digits(name, epochs=12):
    """A network for all ten digits, taught by noise."""
    streams = IndependentStreams(init=1, data=SEED, noise=1)
    split = Embedded(list(range(10)), 2000, 255.0).split(streams.permutation)
    return Trial(split, Law(name, **ARTICLE_LAWS[name]), streams, hidden=[120], init_scale=0.083,
                 estimator=LearnedFeedback(0.03, 0.28), repair=Repair.sign, cost=CrossEntropy(),
                 optimizer=Adam(0.0043, 0.9, 0.999, decay=True),
                 schedule=Schedule(epochs, None, batch_size=128))  # fmt: skip


@app.cell(hide_code=True)
def _():
    teacher = mo.ui.dropdown(list(ARTICLE_LAWS), value="gumbel", label="law")
    teacher
    return (teacher,)


@app.function(hide_code=True)
def unit_frames(trial):
    for epoch in trial.train():
        weights, _ = trial.network.views(trial.parameters)[0]
        tiles = np.pad(weights.T[:60].reshape(4, 15, 28, 28), ((0, 0), (0, 0), (1, 1), (1, 1)),
                       constant_values=np.nan)  # fmt: skip
        tiles = tiles.transpose(0, 2, 1, 3).reshape(120, 450)
        figure = Figure(figsize=(9, 2.5), layout="constrained")
        axes = figure.subplots()
        limit = np.nanquantile(np.abs(tiles), 0.995)
        axes.imshow(tiles, cmap="RdBu", vmin=-limit, vmax=limit)
        axes.axis("off")
        wrong = trial.test().error_rate
        text = f"Epoch {epoch.epoch + 1}: **{wrong:.1%}** of 2,000 test images wrong"
        yield mo.vstack([mo.md(text), picture(figure, "weights of sixty units as images")])


@app.cell(hide_code=True)
def _(teacher):
    digits_trial = ten_digits(teacher.value)
    live(unit_frames(digits_trial))
    return (digits_trial,)


@app.cell(hide_code=True)
def _():
    import anywidget
    import traitlets

    class Pad(anywidget.AnyWidget):
        """A canvas for the mouse or a finger; `pixels` are 28 by 28, 0 to 1."""

        _esm = """
        export default { render({ model, el }) {
          const c = document.createElement("canvas"), clear = document.createElement("button");
          c.width = c.height = 224; c.style = "background:#000;touch-action:none;cursor:crosshair";
          c.setAttribute("aria-label", "draw a digit"); clear.textContent = "clear";
          clear.style = "display:block;margin-top:4px;padding:2px 12px;border:1px solid #888";
          const g = c.getContext("2d"); let on = false;
          const wipe = () => { g.fillStyle = "#000"; g.fillRect(0, 0, 224, 224); };
          const send = () => {
            const d = g.getImageData(0, 0, 224, 224).data, out = [];
            for (let y = 0; y < 28; y++) for (let x = 0; x < 28; x++) {
              let sum = 0;
              for (let i = 0; i < 8; i++) for (let j = 0; j < 8; j++)
                sum += d[4 * ((8 * y + i) * 224 + 8 * x + j)];
              out.push(Math.round(sum / 64) / 255);
            }
            model.set("pixels", out); model.save_changes();
          };
          const at = e => { const r = c.getBoundingClientRect();
            return [(e.clientX - r.x) * 224 / r.width, (e.clientY - r.y) * 224 / r.height]; };
          c.onpointerdown = e => { on = true; g.beginPath(); g.moveTo(...at(e)); };
          c.onpointermove = e => { if (!on) return; g.lineWidth = 18; g.lineCap = "round";
            g.lineJoin = "round"; g.strokeStyle = "#fff"; g.lineTo(...at(e)); g.stroke(); };
          c.onpointerup = c.onpointerleave = () => { if (on) { on = false; send(); } };
          clear.onclick = () => { wipe(); send(); };
          wipe(); el.append(c, clear);
        } };
        """
        pixels = traitlets.List([0.0] * 784).tag(sync=True)

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
def _(digits_trial, pad):
    _image = centred(pad.value["pixels"]).astype(np.float32)
    _network = digits_trial.network
    _chances = _network.outputs(digits_trial.parameters, _image[None])[0]
    _figure = Figure(figsize=(5, 2.8), layout="constrained")
    _axes = _figure.subplots()
    _drawn = bool(_image.any())
    _axes.bar(range(10), _chances if _drawn else np.zeros(10), color=BLUE)
    _axes.set(xticks=range(10), ylim=(0, 1), ylabel="probability")
    _text = (
        f"The network says **{_chances.argmax()}**"
        if _drawn
        else "Draw a digit in the black square"
    )
    mo.hstack(
        [pad, mo.vstack([mo.md(_text), picture(_figure, "probability of each digit")])],
        justify="start",
        wrap=True,
    )


@app.cell(hide_code=True)
def _():
    code(ten_digits, centred)


@app.cell(hide_code=True)
def _():
    mo.md(
        """
        ## 7. Your own law

        Write the quantile function of a law: if `u` is uniform between 0 and 1, your formula of `u`
        follows the law. `-log(1 - u)` is the exponential law, `tan(pi * (u - 0.5))` Cauchy's, which has
        no mean. `learned_feedback` trains zeros and ones with it.
        """
    )


@app.cell(hide_code=True)
def _():
    formula = mo.ui.text("tan(pi * (u - 0.5))", label="quantile function of u", full_width=True)
    formula
    return (formula,)


@app.function
def own(text, epochs=10):
    """Zeros and ones, learned from the noise of a formula."""
    split, streams = zeros_and_ones(SEED, scale=255.0)
    return Trial(split, QuantileLaw(text), streams, hidden=[64], cost=CrossEntropy(),
                 estimator=LearnedFeedback(0.1, 0.2), repair=Repair.sign,
                 optimizer=Adam(0.003, 0.9, 0.999, decay=True),
                 schedule=Schedule(epochs, None, batch_size=128))  # fmt: skip


@app.function(hide_code=True)
def own_frames(trial):
    draws = np.empty(20_000)
    trial.law.fill(np.random.default_rng(0), draws)
    inner = draws[
        np.abs(draws - np.median(draws)) <= 5 * np.subtract(*np.quantile(draws, (0.8, 0.2)))
    ]
    costs = []
    for epoch in trial.train():
        costs.append(epoch.train_error_rate)
        figure = Figure(figsize=(9, 2.8), layout="constrained")
        left, right = figure.subplots(1, 2)
        left.hist(inner if len(inner) else draws, 60, color=PINK)
        left.set(title="20,000 draws (the middle of them)", yticks=[])
        right.plot(costs, color=ORANGE, lw=2, marker="o")
        right.set(xlabel="epoch", ylabel="training share wrong", ylim=(0, 0.6))
        text = f"Epoch {epoch.epoch + 1}: **{trial.test().errors} of 500** test images wrong"
        yield mo.vstack([mo.md(text), picture(figure, "the law, and the error while it trains")])


@app.cell(hide_code=True)
def _(formula):
    try:
        live(own_frames(own(formula.value)))
    except ValueError as _error:
        mo.output.replace(said(_error))


@app.cell(hide_code=True)
def _():
    code(own)


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
    """Cost per epoch of a sweep's runs, by name, from MLflow's store."""
    from mlflow import MlflowClient

    client = MlflowClient(os.environ.get("MLFLOW_TRACKING_URI", "sqlite:///mlruns/mlflow.db"))
    experiment = client.get_run(run_id).info.experiment_id
    runs = client.search_runs([experiment], f"tags.mlflow.parentRunId = '{run_id}'", max_results=40)
    return {
        run.info.run_name: [m.value for m in client.get_metric_history(run.info.run_id, "cost")]
        for run in runs
    }


@app.cell(hide_code=True)
def _():
    _run_id = mo.cli_args().get("sweep")
    mo.stop(not _run_id)
    try:
        _curves = sweep_curves(_run_id)
    except Exception as _error:
        mo.stop(True, said(f"The sweep {_run_id} cannot be read: {_error}"))
    _figure = Figure(figsize=(9, 4), layout="constrained")
    _axes = _figure.subplots()
    for _name, _costs in _curves.items():
        _axes.plot(_costs, lw=1.6, label=_name)
    _axes.set(xlabel="epoch", ylabel="cost", ylim=(0, None))
    _figure.legend(loc="outside right center", frameon=False, fontsize=8)
    mo.vstack([mo.md(f"Sweep `{_run_id}`"), picture(_figure, "cost per epoch of a sweep")])


if __name__ == "__main__":
    app.run()
