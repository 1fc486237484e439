"""The bill of materials that each wheel carries in `.dist-info/sboms/` (PEP 770), as CycloneDX JSON.

    python -m scripts.sbom --write     write locks/packcore.cdx.json from locks/run.txt (part of `make lock`)
    python -m scripts.sbom             check that the file is what would be written

It lists packcore, what it runs with, in the versions that a release is tested with, and who depends on whom.
It holds no time and no random number, so that the same commit gives the same wheel.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from packcore import __version__
from scripts.lock_file import PROJECT, Pin, read_pins

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parent.parent
SBOM = ROOT / "locks/packcore.cdx.json"


def bill(pins: Iterable[Pin]) -> str:
    """Return the bill as JSON text. Raises ValueError if CycloneDX's own schema refuses it."""
    components = {pin.name: _component(pin) for pin in pins}
    root = Component(
        name=PROJECT,
        version=__version__,
        type=ComponentType.APPLICATION,
        bom_ref=PROJECT,
        licenses=[LicenseExpression("MIT")],
        purl=PackageURL("pypi", name=PROJECT, version=__version__),
    )
    bom = Bom(components=components.values())
    bom.metadata.component = root
    bom.metadata.timestamp = None
    bom.serial_number = None
    for name, component in {PROJECT: root, **components}.items():
        bom.register_dependency(component, [components[pin.name] for pin in pins if name in pin.asked_for_by])
    text: str = JsonV1Dot6(bom).output_as_string(indent=2) + "\n"
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong is not None:
        raise ValueError(f"the bill breaks CycloneDX's schema: {wrong.data}")
    return text


def _component(pin: Pin) -> Component:
    """Return a package as the bill lists it: optional if only some platforms install it."""
    return Component(
        name=pin.name,
        version=pin.version,
        type=ComponentType.LIBRARY,
        bom_ref=f"{pin.name}=={pin.version}",
        purl=PackageURL("pypi", name=pin.name, version=pin.version),
        scope=ComponentScope.OPTIONAL if pin.marker else ComponentScope.REQUIRED,
        properties=[Property(name="packcore:environment-marker", value=pin.marker)] if pin.marker else [],
    )


def main(arguments: list[str]) -> int:
    """Write the bill, or check it; return the exit status."""
    made = bill(read_pins((ROOT / "locks/run.txt").read_text()))
    if "--write" in arguments:
        SBOM.write_text(made)
    elif not SBOM.exists() or json.loads(SBOM.read_text()) != json.loads(made):
        print("sbom: locks/packcore.cdx.json does not match locks/run.txt: run `make lock`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
