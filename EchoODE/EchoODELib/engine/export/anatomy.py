"""What the labels are called, coloured and coded, the same in every file and picture."""

from __future__ import annotations

from dataclasses import dataclass

from ..sequence import Label


@dataclass(frozen=True)
class Structure:
    """A labelled structure of the heart.

    Attributes
    ----------
    name: as a person reads it.
    color: RGB, 0 to 255.
    snomed: SNOMED CT code value.
    meaning: the code's meaning, as DICOM PS3.16 gives it (CID 12305, Basic Echo Anatomic Site).
    """

    name: str
    color: tuple[int, int, int]
    snomed: str
    meaning: str

    @property
    def hex(self) -> str:
        """The colour as #rrggbb."""
        return "#{:02x}{:02x}{:02x}".format(*self.color)

    @property
    def terminology(self) -> str:
        """The code as a tag of a Slicer segment: category, type, no modifier, no anatomic region."""
        category = "SCT^123037004^Anatomical Structure"
        return (
            "Segmentation category and type - DICOM master list"
            f"~{category}~SCT^{self.snomed}^{self.meaning}~^^~Anatomic codes - DICOM master list~^^~^^"
        )


STRUCTURES: dict[Label, Structure] = {
    Label.LV: Structure("Left ventricle", (77, 208, 225), "87878005", "Left ventricle"),
    Label.MYOCARDIUM: Structure("Myocardium", (255, 202, 87), "49848007", "Left Ventricle Myocardium"),
    Label.LA: Structure("Left atrium", (240, 120, 150), "82471001", "Left atrium"),
}
