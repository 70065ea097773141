"""Learn ``Resources/Motion/systole-camus-a4c`` from pairs of CAMUS frames.

Usage: .venv/bin/python scripts/learn_motion.py FOLDER [--skip-every N] [--output FOLDER]

FOLDER holds one folder a patient as in CAMUS's NIfTI release (patient0001/patient0001_4CH_ED.nii.gz, ..._ED_gt,
..._ES, ..._ES_gt). ED is registered to ES with both expert masks, without a motion model.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "EchoODE"))

from EchoODELib.engine.registration.motion_learning import in_ventricle_coordinates, write_motion_model  # noqa: E402
from EchoODELib.engine.registration.propagate import propagate  # noqa: E402
from EchoODELib.engine.registration.settings import RegistrationSettings  # noqa: E402
from EchoODELib.engine.sequence import EchoSequence  # noqa: E402

FACTS = {
    "description": "Mean displacement of the heart from end-diastole to end-systole and its main variations between "
    "patients, in the left ventricle's own coordinates. Leads the registration of frames too far apart to share "
    "speckle.",
    "made_by": "scripts/learn_motion.py",
    "training_data": "CAMUS, apical four-chamber view, end-diastolic and end-systolic frames with expert masks of "
    "patients of our training part; none of those that results are reported on.",
    "licence": "CC BY-NC-SA 4.0: non-commercial scientific research, citation required.",
    "citation": "S. Leclerc et al., Deep Learning for Segmentation Using an Open Large-Scale Dataset in 2D "
    "Echocardiography, IEEE Transactions on Medical Imaging 38(9), 2019.",
}


def read(path: Path) -> np.ndarray:
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path))).squeeze().astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--skip-every", type=int, default=0, help="leave out every Nth patient, to judge settings on")
    parser.add_argument("--output", type=Path, default=ROOT / "Resources" / "Motion")
    arguments = parser.parse_args()
    settings = RegistrationSettings.fast()
    weights = replace(settings.sparse_weights, smoothness=3.0)
    settings = replace(settings, sparse_weights=weights, spline=replace(settings.spline, motion_model=""))
    motions = []
    for number, patient in enumerate(sorted(p for p in arguments.folder.iterdir() if p.is_dir())):
        if arguments.skip_every and number % arguments.skip_every == 0:
            continue
        stem = patient / f"{patient.name}_4CH"
        ed, ed_mask, es, es_mask = (read(Path(f"{stem}_{part}.nii.gz")) for part in ("ED", "ED_gt", "ES", "ES_gt"))
        pair = EchoSequence(np.stack([ed, es]), np.array([0.0, 0.35]))
        result = propagate(pair, ed_mask, guides={1: es_mask}, settings=settings)
        motion = in_ventricle_coordinates(result.displacement[1], ed_mask)
        if motion is not None:
            motions.append(motion)
    print(write_motion_model(motions, arguments.output, "systole-camus-a4c", **FACTS))


if __name__ == "__main__":
    main()
