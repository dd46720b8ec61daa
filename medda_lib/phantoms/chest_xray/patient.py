"""Who is in the picture: random numbers per image, and the anatomy they stand for.

Each image owns a stream of random numbers that its seed alone starts, and each quantity owns a fixed
place in that stream. A domain only says how a standard normal number becomes a centimetre, and so the
same seed is the same person in every domain, an image does not depend on its batch, and moving a
domain's dial moves the picture continuously.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from medda_lib.phantoms.chest_xray.domains import Domain

Array = NDArray[np.float64]
_NAMES = (
    "label pattern age female height width heart wall inspiration zoom shift_x shift_y "
    "rotation ap exposure gamma low high turn apex_x apex_bend apex_power base_r base_l knob "
    "trunk heart_x heart_y heart_angle heart_long heart_short atrium dome_x_r dome_x_l "
    "dome_step dome_lat_r dome_lat_l dome_med rib_space rib_phase rib_drop rib_front rib_size "
    "clav_tilt clav_y clav_bend scap_x scap_y scap_tilt shoulder arm breast_x breast_y "
    "breast_size breast_side gas gas_x gas_size spine trachea depth vessels flare slope "
    "marker marker_x marker_y marker_kind coll coll_l coll_r coll_t coll_b tube tube_kind "
    "wire wire_n severity extent spot side where sharp haze confound tilt bronchi equalise "
    "recess recess_deep heart_z floor hilum heel_x heel_y"
).split()
_PLACE = {name: place for place, name in enumerate(_NAMES)}
_RESERVED = 160  # places kept for named quantities; later streams start after them


class Stream:
    """Standard normal numbers by name, one (n,) array per name, plus each image's own generator."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self.generators = [
            np.random.Generator(np.random.SFC64(np.random.SeedSequence(int(seed))))
            for seed in seeds
        ]
        self._table = np.stack([g.standard_normal(_RESERVED) for g in self.generators])

    def normal(self, name: str) -> Array:
        """Standard normal (n,), cut at 2.5 so that no patient is a monster."""
        values: Array = np.clip(self._table[:, _PLACE[name]], -2.5, 2.5)
        return values

    def uniform(self, name: str) -> Array:
        """Uniform on (0, 1), (n,)."""
        values: Array = ndtr(self._table[:, _PLACE[name]])
        return values

    def block(self, *shape: int) -> NDArray[np.float32]:
        """Next standard normal numbers of every image, (n, *shape) float32."""
        return np.stack([g.standard_normal(shape, dtype=np.float32) for g in self.generators])


@dataclass(frozen=True)
class Anatomy:
    """Shape of each patient, arrays (n,), in adult centimetres; y runs down from the lung apex.

    `child` is 0 for an adult and 1 for a toddler; `scale` multiplies every path length.
    """

    child: Array
    scale: Array
    female: Array
    height: Array  # apex to costophrenic angle
    width: Array  # half width of the cavity at its base
    depth: Array  # half depth of the cavity
    wall: Array
    apex_x: Array
    apex_power: Array
    apex_bend: Array
    flare: Array
    turn: Array  # asymmetry of the halves when the patient is turned
    base: tuple[Array, Array]  # mediastinal half width, right and left
    knob: Array
    trunk: Array
    heart: tuple[Array, Array, Array, Array, Array]  # x, y, long, short, angle
    heart_thick: Array
    hilum: Array
    recess: tuple[Array, Array]  # share of the air behind the dome, and how far down it reaches
    atrium: Array
    dome_y: tuple[Array, Array]
    dome_x: tuple[Array, Array]
    dome_lateral: tuple[Array, Array]
    dome_medial: Array
    ap: Array


def anatomy(domain: Domain, stream: Stream) -> Anatomy:
    """Turn the named numbers into a thorax; proportions follow age, height follows inspiration."""
    z = stream.normal
    s = domain.shape_spread
    child = 1 - np.clip(domain.age + domain.age_spread * z("age"), 0, 1)
    female = (stream.uniform("female") < domain.female).astype(np.float64)
    height = 27.0 * domain.height * np.exp(domain.height_spread * z("height")) * (1 - 0.17 * child)
    width = 15.2 * domain.width * np.exp(domain.width_spread * z("width")) * (1 - 0.05 * child)
    size = domain.heart * np.exp(domain.heart_spread * z("heart")) * (1 + 0.12 * child)
    ap = np.clip(domain.ap + 0.3 * np.sqrt(domain.ap) * z("ap"), 0, 1)
    size = np.minimum(size * (1 + 0.1 * ap), 1.35)
    breath = domain.inspiration + domain.inspiration_spread * z("inspiration")
    dome = height * np.clip(0.80 + 0.035 * breath - 0.015 * child, 0.62, 0.93)
    step = 0.9 + 0.8 * s * z("dome_step")
    lateral = 0.95 * (height - dome)
    return Anatomy(
        child=child,
        scale=1 - 0.5 * child,
        female=female,
        height=height,
        width=width,
        depth=8.6 * np.exp(0.07 * s * z("depth")) * (1 + 0.05 * child),
        wall=np.clip(domain.wall + domain.wall_spread * z("wall"), 0.7, 7) * (1 - 0.3 * child),
        apex_x=np.clip(4.9 + 0.5 * s * z("apex_x"), 3.6, 6.5) * width / 15.2,
        apex_power=np.clip(0.62 + 0.06 * s * z("apex_power"), 0.45, 0.85),
        apex_bend=np.clip(0.60 + 0.06 * s * z("apex_bend"), 0.4, 0.8),
        flare=np.clip(0.14 + 0.05 * s * z("flare") + 0.03 * child, 0.0, 0.3),
        turn=0.035 * s * z("turn"),
        base=(
            np.clip(2.1 + 0.4 * s * z("base_r") + 0.5 * child + 0.4 * ap, 1.2, 4),
            np.clip(2.0 + 0.35 * s * z("base_l") + 0.5 * child + 0.4 * ap, 1.2, 4),
        ),
        knob=np.clip(3.2 + 0.5 * s * z("knob") - 0.6 * child, 1.8, 5),
        trunk=np.clip(3.4 + 0.5 * s * z("trunk"), 2.0, 5),
        heart=(
            2.5 + 0.6 * s * z("heart_x") + 4.5 * (size - 1),
            np.minimum(height * (0.70 + 0.02 * s * z("heart_y")), dome - 1.0 * size),
            6.6 * size * np.exp(0.06 * s * z("heart_long")),
            4.6 * size**0.7 * np.exp(0.06 * s * z("heart_short")),
            np.deg2rad(np.clip(42 + 8 * s * z("heart_angle") - 5 * ap, 15, 70)),
        ),
        heart_thick=4.4 * size * np.exp(0.25 * s * z("heart_z")),
        hilum=2.9 + 0.4 * s * z("hilum") + 0.4 * child,
        recess=(0.05 + 0.17 * stream.uniform("recess"), 4.0 + 1.5 * s * z("recess_deep")),
        atrium=size**0.5 * (3.8 + 0.45 * s * z("atrium")),
        dome_y=(dome, np.minimum(dome + step, height - 0.8)),
        dome_x=(6.0 + 0.8 * s * z("dome_x_r"), 6.8 + 0.8 * s * z("dome_x_l")),
        dome_lateral=(
            lateral * np.exp(0.15 * s * z("dome_lat_r")),
            np.maximum(lateral - step, 1.0) * np.exp(0.15 * s * z("dome_lat_l")),
        ),
        dome_medial=0.7 + 0.7 * np.abs(z("dome_med")) * s,
        ap=ap,
    )
