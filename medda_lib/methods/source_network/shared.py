"""The network of a source site, trained once for all methods that start from it.

Every method of the chapters on scanner shift starts from the network of its source site. That network
depends on the site's pool, the settings and the repetition alone, never on the method, so the methods
of a repetition start from the same weights (paired comparison), and `pretrained` hands out copies.
"""

from __future__ import annotations

import torch

from medda_lib.methods.predictor import NetworkPredictor
from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.methods.source_network.training import LOSS, Trained, placed, predictor, train
from medda_lib.methods.training import History
from medda_lib.networks.residual_unet import ResidualUNet
from medda_lib.studies.artefacts import Tensors, remembered
from medda_lib.studies.identity import seed_of
from medda_lib.studies.method import Run
from medda_lib.studies.setting import Role
from medda_lib.studies.task import SEGMENTATION, Pool, View


def pretrained(pool: Pool, settings: Segmenter, name: str, run: Run) -> Trained:
    """The network of a source site, trained on `pool` (slices with masks), in evaluation mode.

    name: of the site; with the settings and the run's repetition it seeds the training, which is done
    once (see `artefacts`). Each caller gets a network of its own.
    """
    seed = source_seed(settings, name, run.repetition)

    def make() -> Tensors:
        found = train(pool, settings, seed, run)
        values = [losses[LOSS] for _, losses in found.history.losses]
        weights = {f"network.{key}": value for key, value in found.network.state_dict().items()}
        return weights | {"losses": torch.tensor(values, dtype=torch.float64)}

    made = remembered(run, (settings, seed), (pool.images, pool.need_masks()), (__name__,), make)
    values = enumerate(made.pop("losses").tolist(), start=1)
    history = History(tuple((step, {LOSS: value}) for step, value in values))
    with torch.random.fork_rng():  # its first weights do not matter, nor may drawing them
        network = placed(ResidualUNet(settings.width, settings.levels), run.device)
    network.load_state_dict({key.removeprefix("network."): v for key, v in made.items()})
    return Trained(network.eval(), history)


def source_seed(settings: Segmenter, name: str, repetition: int) -> int:
    """63 bits that depend on the settings, the site's name and the repetition."""
    return seed_of(settings, name, repetition)


def source_of(view: View) -> tuple[str, Pool]:
    """The view's one labelled source site, and its slices with masks."""
    (site,) = view.domains(Role.LABELLED_SOURCE, SEGMENTATION)
    return site, view.labelled(Role.LABELLED_SOURCE, SEGMENTATION, site)


def source_predictor(view: View, segmenter: Segmenter, run: Run) -> NetworkPredictor[ResidualUNet]:
    """The predictor of the view's one labelled source site."""
    site, pool = source_of(view)
    found = pretrained(pool, segmenter, site, run)
    return predictor(found.network, segmenter, run.device, found.history)
