"""What determines a registration: presets with every weight exposed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace

from .flow import SOLVERS

METHODS = ("spline", "network")
OPTIMISERS = ("adam", "lbfgs")


@dataclass(frozen=True)
class LossWeights:
    """Weights of the losses; images have values in [0, 1], strains are dimensionless.

    Attributes
    ----------
    similarity: mean squared difference between a frame and the carried source frame.
    neighbour_similarity: the same between neighbouring frames (0 in the paper's mode).
    segmentation: 1 - Dice with a guide.
    ejection_fraction: difference of soft LV areas with a guide, over the ED area.
    jacobian: folds.
    smoothness: squared gradient of the velocity summed over a leg (fast) or of the displacement (paper).
    variation: sum of squared amplitudes of the motion model's modes, in standard deviations.
    """

    similarity: float = 100.0
    neighbour_similarity: float = 500.0
    segmentation: float = 5.0
    ejection_fraction: float = 1.0
    jacobian: float = 1.0
    smoothness: float = 1.0
    variation: float = 0.0

    @classmethod
    def sparse(cls) -> LossWeights:
        """For frames too far apart to share speckle: the motion model leads, what departs from it is stiff."""
        return cls(neighbour_similarity=0.0, segmentation=30.0, smoothness=10.0, variation=0.025)


@dataclass(frozen=True)
class Level:
    """One level of a coarse-to-fine fit.

    Attributes
    ----------
    size: pixels along the heart box's long side.
    iterations: most iterations of Adam, or evaluations of L-BFGS.
    rate: Adam's learning rate, as a share of the long side that a control point moves per leg.
    """

    size: int
    iterations: int
    rate: float = 0.01


@dataclass(frozen=True)
class SplineSettings:
    """The velocity as a cubic B-spline in space and time.

    Attributes
    ----------
    knots: control points along the heart box's long side.
    knot_seconds: seconds between control points in time, kept between 1 and 4 frames.
    steps: least number of integration steps from a leg's source to its end.
    blur: standard deviation of the images' blur, px where the heart box's long side is 192 px.
    margin: border around the mask as a share of its larger side, where the motion dies out.
    optimiser: "adam" or "lbfgs".
    levels: coarse to fine.
    tolerance: relative gain over ten iterations under which a level ends; Adam's alone.
    optical_flow_start: start from dense optical flow (OpenCV DIS) fitted by the spline.
    motion_model: name of the model that leads where frames are sparse, "" for none.
    modes: how many of its modes, the mean included.
    sparse_interval: seconds between frames above which they are sparse; clips of 3 frames or fewer are.
    """

    knots: int = 12
    knot_seconds: float = 0.06
    steps: int = 8
    blur: float = 1.5
    margin: float = 0.22
    optimiser: str = "adam"
    levels: tuple[Level, ...] = (Level(48, 40, 0.02), Level(96, 25, 0.01))
    tolerance: float = 1e-3
    optical_flow_start: bool = True
    motion_model: str = "systole-camus-a4c"
    modes: int = 8
    sparse_interval: float = 0.1

    def __post_init__(self) -> None:
        if self.optimiser not in OPTIMISERS:
            raise ValueError(f"Unknown optimiser {self.optimiser!r}; choose one of {', '.join(OPTIMISERS)}.")
        if not self.levels:
            raise ValueError("A spline fit needs a level or more.")


@dataclass(frozen=True)
class NetworkSettings:
    """The velocity as paper 001's network.

    Attributes
    ----------
    size: work size, pixels along each side (the paper's images; 112 or 256).
    steps: optimisation steps (paper 1000).
    rate: Adam's learning rate (paper 0.01).
    solver: "euler" (paper) or a torchdiffeq solver.
    step: time between the network's velocities, and the step of solvers with a fixed one (paper 0.1).
    eulerian: read the velocity at the moving point; False reads it on the grid.
    encoder, decoder: channels.
    encoding: width of the time encoding.
    hidden: hidden channels of the conditioned normalisation.
    blur: standard deviation of the similarity's blur, px at 256.
    mixed: run the network's layers in bfloat16, the flow and the losses as ever; half the time where the machine
        has it, much more where it has not.
    """

    size: int = 112
    steps: int = 1000
    rate: float = 0.01
    solver: str = "euler"
    step: float = 0.1
    eulerian: bool = True
    encoder: tuple[int, ...] = (16, 32, 32, 32)
    decoder: tuple[int, ...] = (32, 32, 32, 32, 32, 16, 16)
    encoding: int = 32
    hidden: int = 16
    blur: float = 2.0
    mixed: bool = False

    def __post_init__(self) -> None:
        if self.solver not in SOLVERS:
            raise ValueError(f"Unknown solver {self.solver!r}; choose one of {', '.join(SOLVERS)}.")
        if not 0 < self.step <= 1:
            raise ValueError(f"The solver's step {self.step} must lie above 0 and not above 1.")
        if len(self.decoder) < len(self.encoder):
            raise ValueError("The decoder needs as many levels as the encoder, or more.")


@dataclass(frozen=True)
class RegistrationSettings:
    """A preset and everything in it; ``dataclasses.replace`` changes single values.

    Attributes
    ----------
    preset: its name, for the record.
    method: "spline" (fast and fine) or "network" (paper).
    weights: of the losses.
    sparse_weights: of the losses where frames are sparse (``spline`` only).
    seed: of the network's initial weights.
    """

    preset: str = "fast"
    method: str = "spline"
    weights: LossWeights = field(default_factory=LossWeights)
    sparse_weights: LossWeights = field(default_factory=LossWeights.sparse)
    spline: SplineSettings = field(default_factory=SplineSettings)
    network: NetworkSettings = field(default_factory=NetworkSettings)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"Unknown method {self.method!r}; choose one of {', '.join(METHODS)}.")
        if self.method == "network" and (self.weights.neighbour_similarity or self.weights.variation):
            raise ValueError("The network has neither neighbour similarity nor a motion model: set both weights to 0.")

    @classmethod
    def fast(cls) -> RegistrationSettings:
        """The default: a B-spline velocity fitted at a quarter and a half of the usual resolution."""
        return cls()

    @classmethod
    def fine(cls) -> RegistrationSettings:
        """The B-spline velocity at full resolution with closer knots."""
        levels = (Level(48, 60, 0.02), Level(96, 60, 0.01), Level(192, 40, 0.005))
        return cls(preset="fine", spline=SplineSettings(knots=16, levels=levels, tolerance=3e-4))

    @classmethod
    def paper(cls, size: int = 112) -> RegistrationSettings:
        """Paper 001 as published: the network, Euler steps of 0.1, Adam at 0.01, 1,000 steps."""
        weights = LossWeights(neighbour_similarity=0.0, segmentation=1.0)
        return cls(preset="paper", method="network", weights=weights, network=NetworkSettings(size=size))

    @classmethod
    def named(cls, name: str) -> RegistrationSettings:
        """The preset of that name ("fast", "fine", "paper")."""
        presets = {"fast": cls.fast, "fine": cls.fine, "paper": cls.paper}
        if name not in presets:
            raise ValueError(f"Unknown preset {name!r}; choose fast, fine or paper.")
        return presets[name]()

    def with_weights(self, **weights: float) -> RegistrationSettings:
        """The same settings with some loss weights changed."""
        return replace(self, weights=replace(self.weights, **weights))

    def as_record(self) -> dict[str, object]:
        """Plain values for a provenance record, only those that the method uses."""
        record = asdict(self)
        unused = ("network",) if self.method == "spline" else ("spline", "sparse_weights")
        return {name: value for name, value in record.items() if name not in unused}
