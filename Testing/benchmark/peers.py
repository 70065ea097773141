"""Registration methods of other packages, all behind one call.

A peer is a function ``estimate(fixed, moving) -> field``: two gray images (H, W) float32 of 0 to 255
in, the pull-back displacement (H, W, 2) float32 px (x, y) out. The tissue at pixel p of ``fixed``
lies at p + field(p) in ``moving``; with ``fixed`` a later frame and ``moving`` the end-diastolic one
this is the engine's ``pull_back``.

The settings are the defaults in each signature. They were chosen on patients and phantoms that the
benchmark's tables do not contain, one method at a time, as its own documentation advises to choose.
"""

from __future__ import annotations

import inspect
import math
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import SimpleITK as sitk  # noqa: N813 - the name that everybody uses
from numpy.typing import NDArray

Image = NDArray[np.float32]
Field = NDArray[np.float32]
Estimate = Callable[[Image, Image], Field]


def limit_threads(count: int) -> None:
    """Give every package ``count`` threads; call before ``ants`` or ``itk`` are first imported."""
    for name in ("ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(count)
    cv2.setNumThreads(count)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(count)


def smooth(image: Image, sigma: float) -> Image:
    """Gaussian smoothing with ``sigma`` px; 0 leaves the image as it is."""
    return cv2.GaussianBlur(image, (0, 0), sigma) if sigma > 0 else image


def diffeomorphic_demons(
    fixed: Image,
    moving: Image,
    *,
    image_sigma: float = 1.0,
    field_sigma: float = 1.5,
    iterations: tuple[int, ...] = (60, 60, 40, 30),
) -> Field:
    """Diffeomorphic demons (Vercauteren et al., MICCAI 2007) of SimpleITK, coarse to fine.

    ``iterations`` has one entry a level, the last at full resolution, each level at half the step of
    the one before.
    """
    target, source = (sitk.GetImageFromArray(smooth(image, image_sigma)) for image in (fixed, moving))
    demons = sitk.DiffeomorphicDemonsRegistrationFilter()
    demons.SetSmoothDisplacementField(True)
    demons.SetStandardDeviations(field_sigma)
    field: sitk.Image | None = None
    for level, count in enumerate(iterations):
        factor = 2 ** (len(iterations) - 1 - level)
        coarse_target, coarse_source = (_shrink(image, factor) for image in (target, source))
        demons.SetNumberOfIterations(count)
        if field is None:
            field = demons.Execute(coarse_target, coarse_source)
        else:
            # ITK fields are in physical units, so a finer grid needs new samples and no new scale.
            start = sitk.Resample(
                field, coarse_target, sitk.Transform(), sitk.sitkLinear, 0.0, field.GetPixelID(), True
            )
            field = demons.Execute(coarse_target, coarse_source, start)
    return sitk.GetArrayFromImage(field).astype(np.float32)


def _shrink(image: sitk.Image, factor: int) -> sitk.Image:
    if factor == 1:
        return image
    return sitk.Shrink(sitk.SmoothingRecursiveGaussian(image, 0.5 * factor), [factor, factor])


def bspline_ffd(
    fixed: Image,
    moving: Image,
    *,
    image_sigma: float = 1.0,
    coarsest_mesh: int = 4,
    histogram_bins: int = 32,
    sampled: float = 0.2,
    iterations: int = 10,
) -> Field:
    """Free-form deformation (Rueckert et al., IEEE TMI 1999) of SimpleITK: mutual information, L-BFGS.

    Three levels, each with twice the control points of the one before. Nothing regularises it but its
    grid and an early stop: 60 iterations, mean squares or all pixels gave more folds and less overlap.
    """
    target, source = (sitk.GetImageFromArray(smooth(image, image_sigma)) for image in (fixed, moving))
    method = sitk.ImageRegistrationMethod()
    spline = sitk.BSplineTransformInitializer(target, [coarsest_mesh, coarsest_mesh], 3)
    method.SetInitialTransformAsBSpline(spline, inPlace=True, scaleFactors=[1, 2, 4])
    method.SetMetricAsMattesMutualInformation(histogram_bins)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(sampled, seed=1)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetShrinkFactorsPerLevel([4, 2, 1])
    method.SetSmoothingSigmasPerLevel([2.0, 1.0, 0.0])
    # L-BFGS-B keeps the coarsest level's number of parameters and refuses a mesh that grows.
    method.SetOptimizerAsLBFGS2(solutionAccuracy=1e-5, numberOfIterations=iterations)
    found = method.Execute(target, source)
    field = sitk.TransformToDisplacementField(found, sitk.sitkVectorFloat64, target.GetSize())
    return sitk.GetArrayFromImage(field).astype(np.float32)


def ants_syn(
    fixed: Image,
    moving: Image,
    *,
    image_sigma: float = 1.0,
    metric: str = "meansquares",
    radius: int = 1,
    step: float = 0.2,
    update_sigma: float = 3.0,
    total_sigma: float = 0.0,
    iterations: tuple[int, ...] = (100, 70, 50, 0),
) -> Field:
    """Symmetric normalisation (Avants et al., Medical Image Analysis 2008) of ANTs, from the identity.

    The schedule is that of ANTs' own quick script; 20 iterations more at full resolution gain nothing.
    """
    import ants

    # ANTs counts its first array axis as x, so images go in and fields come out transposed.
    target, source = (ants.from_numpy(np.ascontiguousarray(smooth(i, image_sigma).T)) for i in (fixed, moving))
    with tempfile.TemporaryDirectory() as folder:
        found = ants.registration(
            target,
            source,
            type_of_transform="SyNOnly",
            initial_transform="Identity",
            outprefix=str(Path(folder) / "syn_"),
            syn_metric=metric,
            syn_sampling=radius,
            grad_step=step,
            flow_sigma=update_sigma,
            total_sigma=total_sigma,
            reg_iterations=iterations,
        )
        (warp,) = (name for name in found["fwdtransforms"] if "Warp" in Path(name).name)
        field = ants.image_read(warp).numpy()
    return np.ascontiguousarray(field.transpose(1, 0, 2)).astype(np.float32)


def elastix_bspline(
    fixed: Image,
    moving: Image,
    *,
    image_sigma: float = 1.0,
    metric: str = "AdvancedMattesMutualInformation",
    grid_spacing: float = 16.0,
    bending_weight: float = 50.0,
    resolutions: int = 3,
    iterations: int = 200,
    samples: int = 4096,
) -> Field:
    """B-spline registration of elastix (Klein et al., IEEE TMI 2010): stochastic descent, bending energy."""
    import itk

    target, source = (itk.image_from_array(np.ascontiguousarray(smooth(i, image_sigma))) for i in (fixed, moving))
    parameters = itk.ParameterObject.New()
    chosen = dict(parameters.GetDefaultParameterMap("bspline", resolutions, grid_spacing))
    chosen["Metric"] = (metric, "TransformBendingEnergyPenalty")
    chosen["Metric0Weight"] = ("1.0",)
    chosen["Metric1Weight"] = (str(bending_weight),)
    chosen["MaximumNumberOfIterations"] = (str(iterations),)
    chosen["NumberOfSpatialSamples"] = (str(samples),)
    chosen["WriteResultImage"] = ("false",)
    chosen["RandomSeed"] = ("121212",)
    parameters.AddParameterMap(chosen)
    _, found = itk.elastix_registration_method(target, source, parameter_object=parameters, log_to_console=False)
    with tempfile.TemporaryDirectory() as folder:  # transformix always writes the field to a file as well
        field = itk.transformix_deformation_field(target, found, output_directory=folder, log_to_console=False)
    return np.asarray(field)[..., :2].astype(np.float32)


def opencv_dis(fixed: Image, moving: Image, *, image_sigma: float = 1.0, preset: str = "MEDIUM") -> Field:
    """Dense inverse search (Kroeger et al., ECCV 2016) of OpenCV."""
    flow = cv2.DISOpticalFlow_create(getattr(cv2, f"DISOPTICAL_FLOW_PRESET_{preset}"))
    return flow.calc(_bytes(smooth(fixed, image_sigma)), _bytes(smooth(moving, image_sigma)), None)


def opencv_farneback(
    fixed: Image,
    moving: Image,
    *,
    image_sigma: float = 1.0,
    levels: int = 4,
    window: int = 15,
    iterations: int = 5,
    neighbourhood: int = 7,
    neighbourhood_sigma: float = 1.5,
) -> Field:
    """Optical flow by polynomial expansion (Farnebäck, SCIA 2003) of OpenCV."""
    target, source = _bytes(smooth(fixed, image_sigma)), _bytes(smooth(moving, image_sigma))
    flow = np.zeros((*fixed.shape, 2), np.float32)
    return cv2.calcOpticalFlowFarneback(
        target, source, flow, 0.5, levels, window, iterations, neighbourhood, neighbourhood_sigma, 0
    )


def _bytes(image: Image) -> NDArray[np.uint8]:
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Peer:
    """A registration method of another package.

    Attributes
    ----------
    name: how the table calls it.
    estimate: the function; see the module's text for its convention.
    package: the module that must be importable.
    requirement: what to install where it is absent.
    """

    name: str
    estimate: Estimate
    package: str
    requirement: str

    @property
    def installed(self) -> bool:
        """Whether its package can be imported here."""
        return find_spec(self.package) is not None

    @property
    def settings(self) -> dict[str, object]:
        """Its settings by name."""
        keywords = inspect.signature(self.estimate).parameters.values()
        return {k.name: k.default for k in keywords if k.kind is inspect.Parameter.KEYWORD_ONLY}


PEERS: dict[str, Peer] = {
    "demons": Peer("SimpleITK diffeomorphic demons", diffeomorphic_demons, "SimpleITK", "simpleitk"),
    "ffd": Peer("SimpleITK B-spline FFD", bspline_ffd, "SimpleITK", "simpleitk"),
    "syn": Peer("ANTs SyN", ants_syn, "ants", "antspyx"),
    "elastix": Peer("elastix B-spline", elastix_bspline, "itk", "itk-elastix"),
    "dis": Peer("OpenCV DIS", opencv_dis, "cv2", "opencv-python-headless"),
    "farneback": Peer("OpenCV Farnebäck", opencv_farneback, "cv2", "opencv-python-headless"),
}


def compose(first: Field, then: Field) -> Field:
    """The pull-back that goes by ``first`` and from where that ends by ``then``, both (H, W, 2) px."""
    rows, columns = np.mgrid[: first.shape[0], : first.shape[1]].astype(np.float32)
    across, down = columns + first[..., 0], rows + first[..., 1]
    return first + cv2.remap(then, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def follow(frames: NDArray[np.uint8], estimate: Estimate, *, chained: bool) -> Field:
    """The pull-back fields (T, H, W, 2) px from every frame to the first.

    Direct registers each frame to the first one; chained registers each frame to the one before it
    and composes, so that the motion of one step is small but its errors add up.
    """
    images = frames.astype(np.float32)
    fields = np.zeros((*frames.shape, 2), np.float32)
    for t in range(1, len(images)):
        if chained:
            fields[t] = compose(estimate(images[t], images[t - 1]), fields[t - 1])
        else:
            fields[t] = estimate(images[t], images[0])
        if not math.isfinite(float(fields[t].sum())):
            raise ArithmeticError(f"The field at frame {t} is not finite.")
    return fields
