"""Find every measure: the catalogue, installed plug-ins, a file on the command line."""

import functools
import hashlib
import importlib
import importlib.util
import pkgutil
import warnings
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Final, get_args

import measures.catalogue
from measures.api import Family, Measure
from measures.errors import MeasureDefinitionError, UnknownMeasureError, suggestion
from measures.pgdl_adapter import adapt

PLUGIN_GROUP: Final = "gapbench.measures"
CORE: Final = (  # some of each kind, for a first look at less than half the cost of the catalogue
    "params", "cross_entropy",
    "l2", "param_norm", "prod_of_spec", "sum_of_spec", "fro_over_spec", "path_norm", "fro_dist", "l2_dist",
    "pacbayes_flatness", "pacbayes_orig", "pacbayes_mag_flatness", "sam_sharpness", "hess_top", "hess_trace",
    "mean_margin", "inverse_margin", "norm_margin_spec", "input_margin",
    "grad_noise_final", "fisher_rao", "coherence", "gsnr", "self_influence",
    "gde_disagreement", "disagreement_train_aug",
)  # fmt: skip


@functools.cache
def catalog() -> dict[str, Measure]:
    """Every measure of the catalogue by name, in alphabetical order.

    Raises:
        MeasureDefinitionError: two modules define measures of the same name.
    """
    return _merged(_modules_in(measures.catalogue))


def with_plugins() -> dict[str, Measure]:
    """The catalogue and the measures of installed packages; a package that does not work is a warning."""
    found = dict(catalog())
    for point in entry_points(group=PLUGIN_GROUP):
        try:
            added = measures_of(point.load())
            if clash := sorted(set(added) & set(found)):
                raise MeasureDefinitionError(f"names are taken: {', '.join(clash)}")  # noqa: TRY301  one way out
        except Exception as error:  # noqa: BLE001  whatever somebody else's package raises
            reason = f"{type(error).__name__}: {error}"
            warnings.warn(f"The plug-in {point.name} = {point.value} cannot be used: {reason}.", stacklevel=2)
        else:
            found |= added
    return found


def from_file(path: Path) -> dict[str, Measure]:
    """The measures that one Python file defines, or the competition's `complexity`; see `measures.pgdl_adapter`.

    Raises:
        MeasureDefinitionError: there is no such file, it does not run, or it defines no measure or two of one name.
    """
    if not path.is_file():
        raise MeasureDefinitionError(f"{path} must be a Python file that defines a measure; there is none.")
    name = "gapbench_plugin_" + hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise MeasureDefinitionError(f"{path} must be a Python file; its name should end in .py.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise MeasureDefinitionError(
            f"{path} must run as Python; it stops with {type(error).__name__}: {str(error).removesuffix('.')}."
        ) from error
    found = _merged([module])
    if not found and (other := adapt(module, path)) is not None:
        found = {other.name: other}
    if not found:
        raise MeasureDefinitionError(f"{path} must define at least one function under @measure; it defines none.")
    return found


def select(names: Iterable[str | Measure], available: Mapping[str, Measure]) -> list[Measure]:
    """The measures of these names, in the order given; measures themselves as they are.

    Raises:
        UnknownMeasureError: a name that is not available.
    """
    chosen = []
    for name in names:
        if isinstance(name, Measure):
            chosen.append(name)
        elif name in available:
            chosen.append(available[name])
        else:
            raise UnknownMeasureError(f"No measure is called {name!r}. {suggestion(name, available)}")
    return chosen


def expand(names: str | Iterable[str | Measure], available: Mapping[str, Measure]) -> Iterator[str | Measure]:
    """Yield the names that names stand for: those of a text with commas, "core", and all measures of a family."""
    for name in names.split(",") if isinstance(names, str) else names:
        if isinstance(name, Measure):
            yield name
        elif (plain := name.strip()) == "core":
            yield from CORE
        elif plain in get_args(Family) and plain not in available:
            yield from (measure.name for measure in available.values() if measure.family == plain)
        else:
            yield plain


def measures_of(module: ModuleType) -> dict[str, Measure]:
    """The measures that a module defines, by name.

    Raises:
        MeasureDefinitionError: two of one name.
    """
    return _merged([module])


def _modules_in(package: ModuleType) -> list[ModuleType]:
    found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    return [importlib.import_module(module.name) for module in found if not module.ispkg]


def _merged(modules: Iterable[ModuleType]) -> dict[str, Measure]:
    found: dict[str, Measure] = {}
    for module in modules:
        for item in vars(module).values():
            if not isinstance(item, Measure) or item.compute.__module__ != module.__name__:
                continue
            if item.name in found:
                raise MeasureDefinitionError(f"Two measures are called {item.name!r}; names must be unique.")
            found[item.name] = item
    return dict(sorted(found.items()))
