# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # MultiMix: two tasks, few labels, four hospitals
#
# Haque, Imran, Wang and Terzopoulos {cite}`haque2021multimix` ask how far one network gets on chest
# X-rays when almost nothing is labelled. It has to find pneumonia and outline the lungs; the class
# labels come from one source, the lung masks from another, most images carry neither, and in the end it
# is tested at hospitals it has never seen. MultiMix answers with three ideas: pseudo labels for the
# classifier, a consistency term for the segmentation, and a *saliency bridge* that hands the decoder a
# map of what the classifier looked at.
#
# After this chapter you can
#
# - write a confidence-thresholded pseudo-label loss, a Dice loss and a consistency term, and say what
#   each of them does when the labels run out;
# - explain and implement a saliency bridge, and decide where its gradient should stop;
# - read a results table critically: recompute one column from the others and notice when it cannot be
#   right;
# - judge a claim by paired repetitions and an interval, on the data it was measured on.

# %% tags=["parameters"]
profile = "demo"  # smoke | demo | paper
data = "phantom"  # what the live part runs on: phantom | real
seed = 0
device = "cpu"

# %% tags=["hide-input"]
import numpy as np
import pandas as pd
import torch

import medda_lib._torchvision  # noqa: F401 - before anything that imports torchvision
from medda_lib import figures
from medda_lib.figures import show_figure
from medda_lib.notebooks import moved_on, show
from medda_lib.papers.multimix import pictures
from medda_lib.papers.multimix import study as plan

torch.set_num_threads(1)  # one thread is quickest for small images, and always gives the same bits
moved_on()

# %% [markdown]
# ## In one minute
#
# Do few labels for two tasks, many bare images and a bridge between the tasks beat one task alone?
# These are the claims that the paper's abstract would keep, as our committed results judge them now: the
# effect is ours, *reported* the paper's. What stands behind each row, and why it came out so, is the rest
# of this page. A verdict on phantoms is a statement about phantoms.

# %% tags=["full-width"]
from medda_lib.papers.tables import headlines

headlines(plan.PAPER)

# %% [markdown]
# Four *phantom* domains stand for the paper's four data sets: images computed from a parametric thorax
# by X-ray physics, with known lungs and known disease. Domains differ in who is imaged and how. Nobody
# needs to register for anything to run this page. Where the real data are at hand, the same code loads
# them; what a number was measured on is printed beside it.

# %%
from medda_lib.phantoms.chest_xray import DOMAINS, render

examples = {name: render(domain, range(4), size=128) for name, domain in DOMAINS.items()}
words = ("normal", "pneumonia")
sheet = figures.contact_sheet(
    np.concatenate([e.images[:, 0].numpy() for e in examples.values()]),
    titles=[f"{name}: {words[k]}" for name, e in examples.items() for k in e.labels.tolist()],
    columns=4,
)
show_figure(
    sheet,
    "Four phantoms of each domain. None of these people exists.",
    "Sixteen synthetic chest X-rays in four rows, one row for each domain: paediatric chex, "
    "high-quality jsrt, mcu with collimation borders, and low-contrast nihx with tubes.",
    name="domains",
)

# %% [markdown]
# **Budget.** The table says what each profile spends. `smoke` proves that the page runs, `demo` is what
# you read here, `paper` has the sizes, steps and repetitions of the paper and wants a GPU. Phantoms need
# no licence; the licences of the real sets are in the [data guide](../guide/data).

# %% tags=["nbval-check-output"]
budgets = pd.DataFrame(
    {
        name: {
            "image size": f"{b.size} x {b.size}",
            "training steps": b.settings.recipe.steps,
            "images per set and step": b.settings.recipe.batch,
            "channels of the first block": b.settings.width,
            "repetitions": b.seeds,
            "training images, classification": b.sources.classification.train,
            "training images, segmentation": b.sources.segmentation.train,
        }
        for name, b in plan.BUDGETS.items()
    }
)
budgets

# %% [markdown]
# ## The problem: the same network, another hospital
#
# A U-Net {cite}`ronneberger2015unet` that learned lungs in one domain is tested in all four. Rows are
# where it was trained, columns where it is tested. If a benchmark does not hurt, methods have no room to
# differ; this one does.

# %%
from medda_lib.papers.results import results

shift = results(plan.PAPER, profile, "shift")
for problem, metric in (("segmentation", "dice"), ("classification", "accuracy")):
    figure, alt = pictures.matrix(shift, problem, metric)
    caption = (
        f"{metric.capitalize()} of a network trained in the row's domain, tested in the column's."
    )
    show_figure(figure, f"{caption} {shift.measured_on}", alt, name=f"matrix-{problem}")

# %% [markdown]
# The drop is not a cliff. A *dial* moves the acquisition continuously from one domain to another while
# the patients stay the same people, and the score falls with it.

# %%
figure, alt = pictures.dial(shift)
caption = "Two dials: the score of a fixed network while the acquisition moves away from home."
show_figure(figure, f"{caption} {shift.measured_on}", alt, name="dial")

# %% [markdown]
# One cause can be seen without any network. The paper's Figure 2b compares the grey values of the four
# sets: they are distributed differently, and a network that never saw another distribution has no reason
# to cope with it.

# %%
show_figure(
    figures.intensities({n: e.images.numpy().ravel() for n, e in examples.items()}),
    "The paper's Figure 2b on phantoms: distribution of grey values in each domain.",
    "Four density curves of image intensity, one for each phantom domain, with different peaks.",
    name="2b",
)

# %% [markdown]
# ## The method
#
# Notation: $x_l^c$ and $x_u^c$ are labelled and unlabelled images for classification, $x_l^s$ and $x_u^s$
# for segmentation. Hats mark predictions. The code below is the library's own source, so what you read
# is what is tested and what was run.
#
# ### Classification: trust a confident guess
#
# Every unlabelled image is shown twice, weakly and strongly augmented. If the prediction on the weak
# view is confident, its class becomes the label of the strong view:
#
# $$
# L^c = \underbrace{\mathrm{CE}(c_l, \hat c_l)}_{L_l}
#     + \lambda \, \underbrace{\mathbb 1[\max \hat c_w \ge t] \; \mathrm{CE}(\arg\max \hat c_w, \hat c_g)}_{L_u}
# \qquad (1)
# $$

# %%
from medda_lib.methods import losses

show(losses.pseudo_label_loss)

# %% [markdown]
# The strong view draws a random subset of fifteen operations, here each with probability one half (the
# released code carries out fewer: deviation D20). All of them work on a whole batch at once.

# %%
views, titles = pictures.augmented_views(examples["chex"].images[:1], seed)
show_figure(
    figures.contact_sheet(views, titles=titles, columns=7),
    "One image, its weak views and strong views (phantom).",
    "The same synthetic chest X-ray, shifted and mirrored slightly in the weak views, and rotated, "
    "sheared, posterised or solarised in the strong views.",
    name="views",
)

# %% [markdown]
# ### Segmentation: overlap, and staying alike
#
# Where a mask exists, the loss is one minus the soft Dice. Where none exists, the prediction is asked to
# resemble the predictions on labelled images:
#
# $$
# L^s = \alpha \, \mathrm{Dice}(s_l, \hat s_l) + \beta \, \mathrm{KL}(\hat s_l \,\|\, \hat s_u) \qquad (2)
# $$
#
# The divergence compares predictions for *different* patients. The paper does not say how they are
# aligned, the released code pairs them by their place in the batch; we compare each unlabelled prediction
# with the mean labelled one, pixel by pixel, as Bernoulli distributions. It matters that they are
# Bernoulli: a softmax over a single channel, as in the released code, is 1 everywhere, and its divergence is
# zero whatever the network says (pitfall P1 below).

# %%
show(losses.dice_loss)

# %%
show(losses.segmentation_kl)

# %% [markdown]
# ### The saliency bridge
#
# The classifier sees every image, the segmentation images too. The gradient of its predicted class score
# with respect to the input says where it looked; that map $y$ and the image $x$ are concatenated,
# down-sampled and handed to the decoder:
#
# $$
# y = \mathrm{Saliency}(\hat c^s), \qquad b = y \oplus x^s \qquad (3, 4)
# $$

# %%
from medda_lib.networks import bridge

show(bridge.saliency)

# %% [markdown]
# ### One step
#
# Instance normalisation treats every image on its own. So all image sets of a step can go through the
# encoder as one batch, and only those whose mask or saliency is used are decoded. But for what dropout
# draws, the result is the same as with one pass per set; the time is not.

# %%
from medda_lib.methods.multimix import steps

show(steps.confidence_losses)

# %%
show(steps.segmentation_losses)

# %% [markdown]
# The architecture is that of the paper's Tables 4 and 5. This is the comparison, layer by layer, of the
# shapes that the paper prints with those that our network produces.

# %% tags=["nbval-check-output"]
layers = pictures.layers()
print(f"{int(layers['equal'].sum())} of {len(layers)} printed shapes are met exactly")
layers.loc[~layers["equal"], ["table", "row", "column", "paper", "ours"]]

# %% [markdown]
# ## The experiment
#
# Nine systems, trained with 100, 1000 or all class labels and 10, 50 or all masks: 57 conditions. Each is
# tested in domain and, unchanged, across domains. The test images choose nothing: the state that is kept
# is the one with the best mean of accuracy and Dice on the source's validation images, and a method that
# asked for test images would get a `LeakError`.
#
# First live, so that you see one training run: MultiMix with 100 labels and 50 masks.

# %%
from medda_lib.papers.live import train

mixture = {"labels": "100", "masks": "50"}
live = train(plan.PAPER, profile, data, {"system": "MultiMix", **mixture}, seed, device)
plain = train(plan.PAPER, profile, data, {"system": "UMTL", **mixture}, seed, device)

# %%
show_figure(
    figures.training_curves(live.losses, log=True),
    "Losses of the live MultiMix run. " + live.measured_on,
    "Falling curves of the four loss terms of MultiMix against the training step.",
    name="training",
)

# %% [markdown]
# ## Results
#
# Tables 2 and 3 of the paper have 57 rows each. Three numbers stand in every cell: reported, measured,
# and their difference. A cell that cannot be read in our copy of the paper says *missing*, one that cannot
# be right carries an asterisk and its reason, and one that we did not run says *not run*. The measured
# column is on other data than the reported one; compare patterns down a column, not single numbers across
# it.

# %%
from medda_lib.papers.tables import beside, reported_table

main = results(plan.PAPER, profile, "phantom")

# %% [markdown]
# The sources of the paper's Table 1, as reported:

# %%
reported_table(plan.PAPER, "1", "column")["mean"].astype("Int64").astype(object).fillna("")

# %% tags=["hide-output", "full-width"]
beside(main, "2", "Table 2, in-domain: CheX and JSRT in the paper, phantoms here.")

# %% tags=["hide-output", "full-width"]
beside(main, "3", "Table 3, cross-domain: NIHX and MCU in the paper, phantoms here.")

# %% [markdown]
# ### On real X-rays
#
# The same systems on the small public sets. `lung_xray_b` is another hospital, another disease *and
# another label rule*: its masks include the shadow of the heart. Part of the drop is the definition, not
# the model. No second set with class labels is at hand, so classification has no cross-domain cell.

# %% tags=["hide-output", "full-width"]
real = results(plan.PAPER, profile, "real")
note = "Not run at this profile here: see `medda run multimix --help`; real X-rays need MEDDA_DATA."
beside(real, "2", "Table 2, in-domain, on real X-rays.") if real else print(note)

# %% tags=["hide-output", "full-width"]
beside(real, "3", "Table 3, cross-domain, on real X-rays.") if real else print(note)

# %% [markdown]
# ### How real are the phantoms?
#
# A picture that looks right proves little. The number that counts: a U-Net that was trained on phantoms
# only, tested on real X-rays with no adaptation, beside the same network trained on real masks.

# %%
realism = results(plan.PAPER, profile, "realism")
columns = ["trained on", "masks", "domain"]
realism.summary(columns, ("dice", "jaccard", "hausdorff")) if realism else print(note)

# %% [markdown]
# ### Does half precision change the numbers?
#
# On processors with bfloat16 a step is quicker in half precision. That is only worth having if the
# scores move less between precisions than they do between repetitions:

# %%
precision = results(plan.PAPER, profile, "precision")
scores = ("accuracy", "auc", "dice")
precision.summary(["evaluation", "precision"], scores) if precision else print(note)

# %% [markdown]
# ### The paper's figures, remade
#
# Figure 3: the distribution of Dice over test images.

# %%
labels, masks = mixture["labels"], mixture["masks"]
figure, alt = pictures.dice_boxes(main, labels, masks)
caption = f"Figure 3 remade: Dice per test image, {labels} labels, {masks} masks, all repetitions."
show_figure(figure, f"{caption} {main.measured_on}", alt, name="3")

# %% [markdown]
# Figure 4: where the boundaries disagree. Reference solid, prediction dashed, same test images.

# %%
figure, alt = pictures.boundaries(live, plain)
show_figure(figure, f"Figure 4 remade: lung boundaries. {live.measured_on}", alt, name="4")

# %% [markdown]
# Figure 5: Bland-Altman plots of lung area {cite}`bland1986`. The vertical axis is the difference between
# predicted and true area; the band holds 95 percent of the images. A narrow band around zero is
# agreement; a sloping cloud says that large lungs are cut short.

# %%
for evaluation, letter in (("in-domain", "a"), ("cross-domain", "b")):
    figure, alt = pictures.bland_altman(main, evaluation, labels)
    caption = f"Figure 5{letter} remade: lung area by MultiMix with {labels} labels, {evaluation}."
    show_figure(figure, f"{caption} {main.measured_on}", alt, name=f"5{letter}", limit=20_000)

# %% [markdown]
# Figure 6: accuracy against the number of labels.

# %%
for evaluation in ("in-domain", "cross-domain"):
    figure, alt = pictures.accuracy_against_labels(main, evaluation)
    caption = f"Figure 6 remade, {evaluation}: accuracy at 50 masks or none. {main.measured_on}"
    show_figure(figure, caption, alt, name=f"6-{evaluation}")

# %% [markdown]
# Figure 7: ROC curves with 50 masks.

# %%
figure, alt = pictures.roc(main, labels, masks)
caption = f"Figure 7 remade: ROC curves, {labels} labels, {masks} masks, one repetition."
show_figure(figure, f"{caption} {main.measured_on}", alt, name="7", limit=20_000)

# %% [markdown]
# Figure 8: masks by MultiMix, in and across domain.

# %%
figure, alt = pictures.masks(live)
show_figure(figure, f"Figure 8 remade: masks. {live.measured_on}", alt, name="8")

# %% [markdown]
# Figures 9 and 10: the saliency of each class, on images that the classifier was trained for ($X^c$) and
# on images that only have masks ($X^s$). Compare the two rows of maps: does the map depend on the class?
# A map that is the same for both classes says where the *image* has structure, not where the disease is.

# %%
from medda_lib.papers import xrays

for problem, number in (("classification", 9), ("segmentation", 10)):
    figure, alt = xrays.saliency(live, problem)
    caption = f"Figure {number} remade: saliency by class. {live.measured_on}"
    show_figure(figure, caption, alt, name=str(number))

# %% [markdown]
# ### Three pictures that the paper does not have
#
# Grad-CAM {cite}`selvaraju2017gradcam` weighs the last feature maps instead of going back to the pixels:
# coarser, but less noisy. On phantoms the disease mask is known, so one can check whether either map
# points at it.

# %%
figure, alt = xrays.grad_cam(live)
caption = (
    f"Input saliency above Grad-CAM, class pneumonia; the true disease outlined. {live.measured_on}"
)
show_figure(figure, caption, alt, name="cam")

# %% [markdown]
# Does the highest point of a map lie in the disease? The last row is what a flat map would get.

# %% tags=["nbval-check-output"]
xrays.pointing(live) if live.on_phantoms else "Real images: nobody drew the disease."

# %% [markdown]
# What does the encoder think is similar? t-SNE {cite}`vandermaaten2008` and UMAP {cite}`mcinnes2018umap`
# of its pooled features, coloured by class and by domain. If the domains form islands, the encoder tells
# hospitals apart, and what it learned on one island need not hold on the next.

# %%
figure, alt = xrays.embeddings(live, seed)
show_figure(figure, f"Encoder features of test images. {live.measured_on}", alt, name="embedding")

# %% [markdown]
# ## Claims
#
# Each claim is one sentence tied to cells of the tables. The effect is the difference between two cells,
# paired over repetitions, with Student's interval ([how to judge a claim](../foundations/judging_claims)).
# *Supported* and *contradicted* need the interval to lie on one side; otherwise the verdict is *undecided*,
# and *would show* is the effect that four studies of five like ours would have found. A verdict on
# phantoms or on substitute data is a statement about those data.

# %% tags=["full-width"]
from medda_lib.papers.tables import verdict_table

judged = verdict_table(plan.PAPER, {"phantom": main, "real": real})
judged

# %% tags=["nbval-check-output"]
judged.frame.groupby(["data", "verdict"], sort=False).size().unstack(fill_value=0)

# %% [markdown]
# ## What the paper leaves open
#
# ### Dice against Jaccard
#
# For one pair of masks $J \le D$ and $D = 2J/(1+J)$; the means over images keep the order and nearly keep
# the equation. The table counts the rows of the paper's Tables 2 and 3 in which the printed Jaccard
# exceeds the printed Dice, in which the Dice is off (by more than 0.02) from what the Jaccard implies, and
# in which precision and recall are.

# %% tags=["nbval-check-output"]
pictures.contradictions()

# %% tags=["nbval-check-output"]
print(pictures.contradicted())

# %% [markdown]
# So the printed Dice is not the Dice of the masks behind the other columns, and it is too low for the
# systems without the bridge. That is where the paper finds the bridge's largest gain.

# %%
figure, alt = pictures.printed_against_implied()
caption = "The paper's printed Dice against the Dice that its printed Jaccard implies."
show_figure(figure, caption, alt, name="jaccard")

# %% [markdown]
# Could the paper have averaged a soft Dice of unthresholded outputs? The released code cannot tell: it has
# no metric of masks. If so, our own soft Dice should fall short of our Dice by a similar amount without the
# bridge, and not with it. This is what we measure:

# %% tags=["nbval-check-output"]
soft = {
    evaluation: pictures.soft_summary(table, evaluation, main.frame)
    for table, evaluation in (("2", "in-domain"), ("3", "cross-domain"))
}
pd.concat(soft).round(3)

# %% tags=["nbval-check-output"]
print(pictures.soft_verdict(soft))

# %% [markdown]
# ### Deviations
#
# Where the paper is silent or contradicts itself, a choice had to be made. Each has a number and a place
# in the code. Numbers in brackets are lines of `MultiMix.py` in the authors'
# [released code](https://github.com/ayaanzhaque/MultiMix) (commit af552e4), which holds MultiMix alone,
# without the systems it is compared with and without metrics of masks. The choices are those that the
# results on this page were made with.

# %%
from medda_lib.papers.notes import deviations, pitfalls

deviations(plan.PAPER)

# %% [markdown]
# ### Pitfalls of the released code
#
# Facts about the authors' published code, with file and line, each with the test that would catch the same
# mistake here.

# %%
pitfalls(plan.PAPER)

# %% [markdown]
# ## Play
#
# The dial: one patient, imaged ever more like the other hospital. The network was trained at the left
# end. Both widgets work on this page without a kernel.

# %%
xrays.dial_widget(live, plan.DIAL_ENDS["segmentation"])

# %% [markdown]
# The threshold $t$ of the pseudo labels: how many guesses are kept, and how many of those are right?

# %%
xrays.threshold_widget(live)

# %% [markdown]
# **Exercise 1.** The loss of equation (1) averages over the whole minibatch, kept or not. What changes if
# it averages over the kept images only? When does it matter most?
#
# ```{dropdown} Solution
# Early in training few guesses pass the threshold. The mean over the minibatch then scales the term by the
# kept fraction: few guesses, small influence. The mean over the kept images gives a single confident guess
# the weight of a full minibatch, just when guesses are least reliable. Later, when nearly all pass, both
# agree.
# ```
#
# **Exercise 2.** In the deviations, D3 detaches the saliency map. What would the segmentation loss do to the
# classifier if it did not?
#
# ```{dropdown} Solution
# The map is a gradient, so differentiating through it takes second derivatives of the class score with
# respect to the input and the encoder's weights. The segmentation loss could then reshape *where the
# classifier is sensitive* until the map looks like lungs. The map would help the decoder and no longer
# explain the classifier; and each step would cost a double backward pass.
# ```
#
# The [assignment](../teaching/multimix) asks for variants of these parts, which you write yourself and
# check as you go: [how it is handed out and graded](../guide/teaching).

# %% [markdown]
# ## References
#
# The works cited here stand in the [bibliography](../references), the terms of all seventeen papers in
# the [scoreboard](../scoreboard).
