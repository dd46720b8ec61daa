"""Arrays in, figure out: every plot, table and widget of the book.

A module per kind of figure; the functions that draw carry their module's name and can be called from
here (`figures.boxes(...)`). `display.show_figure` puts one on a page.
"""

from medda_lib.figures.accuracy_curves import accuracy_curves
from medda_lib.figures.bland_altman import bland_altman
from medda_lib.figures.boundaries import boundaries
from medda_lib.figures.boxes import boxes
from medda_lib.figures.cam import cam_panels, grad_cam
from medda_lib.figures.contact_sheet import contact_sheet
from medda_lib.figures.dial import dial
from medda_lib.figures.display import show_figure
from medda_lib.figures.embedding import embedding, project
from medda_lib.figures.intensities import intensities
from medda_lib.figures.masks import masks
from medda_lib.figures.roc import roc
from medda_lib.figures.saliency import saliency
from medda_lib.figures.scatter import scatter_against_identity
from medda_lib.figures.shift_matrix import shift_matrices, shift_matrix
from medda_lib.figures.side_by_side import side_by_side
from medda_lib.figures.threshold import threshold
from medda_lib.figures.training_curves import training_curves
from medda_lib.figures.verdicts import verdicts

__all__ = [
    "accuracy_curves",
    "bland_altman",
    "boundaries",
    "boxes",
    "cam_panels",
    "contact_sheet",
    "dial",
    "embedding",
    "grad_cam",
    "intensities",
    "masks",
    "project",
    "roc",
    "saliency",
    "scatter_against_identity",
    "shift_matrices",
    "shift_matrix",
    "show_figure",
    "side_by_side",
    "threshold",
    "training_curves",
    "verdicts",
]
