"""Build the network of a checkpoint: by a function of the user's file, or as a model of a library."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

from torch import Tensor, nn

import zoo.models.vision_stack  # noqa: F401  before torchvision and timm are imported
from harness.adopting.errors import AdoptError
from harness.adopting.user_code import is_user_code, load_function, where_it_stopped
from harness.store.adopted import Cell
from measures.errors import suggestion

LIBRARIES: Final = ("timm", "torchvision", "transformers")


def build_network(
    model: str, arguments: Mapping[str, Cell], choices: Mapping[str, Cell], num_classes: int
) -> nn.Module:
    """Build a network, with weights that are to be replaced.

    Args:
        model: FILE.py:FUNCTION, timm:NAME, torchvision:NAME, or transformers:FOLDER with the `config.json` of an image
            classifier.
        arguments: keyword arguments of the function or library.
        choices: hyperparameters, passed to a function of the user's where its signature has them.
        num_classes: of the data, for libraries; a function decides it.

    Raises:
        AdoptError: there is no such model or function, it raises, or returns no network.
    """
    try:
        network = _factory(model, arguments, choices, num_classes)()
    except AdoptError:
        raise
    except Exception as error:  # a factory may raise anything
        raise AdoptError(f"{model} does not build: {where_it_stopped(error, model.rpartition(':')[0])}.") from error
    if not isinstance(network, nn.Module):
        raise AdoptError(f"{model} must return a torch.nn.Module; it returned a {type(network).__name__}.")
    return network


def _factory(
    model: str, arguments: Mapping[str, Cell], choices: Mapping[str, Cell], num_classes: int
) -> Callable[[], Any]:
    if is_user_code(model):
        function = load_function(model)
        return lambda: function(**_accepted(function, model, arguments, choices))
    library, _, name = model.partition(":")
    if library not in LIBRARIES or not name:
        raise AdoptError(
            f"A model must be FILE.py:FUNCTION, or {', '.join(f'{one}:NAME' for one in LIBRARIES)}; got {model!r}."
        )
    try:
        importlib.import_module(library)
    except ImportError as error:
        raise AdoptError(f"{model} needs {library}, which is not installed: pip install {library}.") from error
    match library:
        case "timm":
            return lambda: _timm_model(name, num_classes, arguments)
        case "torchvision":
            return lambda: _torchvision_model(name, num_classes, arguments)
        case _:
            return lambda: _transformers_model(name, arguments)


def _accepted(
    function: Callable[..., Any], model: str, arguments: Mapping[str, Cell], choices: Mapping[str, Cell]
) -> dict[str, Cell]:
    """The keyword arguments that a function takes; those without a default must be there."""
    taken = inspect.signature(function).parameters
    open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values())
    if foreign := [name for name in arguments if name not in taken and not open_ended]:
        raise AdoptError(f"{model} takes no argument {foreign[0]!r}. {suggestion(foreign[0], taken)}")
    given = {name: value for name, value in choices.items() if name in taken} | dict(arguments)
    missing = [
        name
        for name, parameter in taken.items()
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        and given.get(name) is None
    ]
    if missing:
        raise AdoptError(
            f"{model} needs {', '.join(missing)}; the table has no such value. Add a column hp.{missing[0]} (a "
            f"hyperparameter) or arg.{missing[0]}, or give it a default."
        )
    return {name: value for name, value in given.items() if value is not None}


def _timm_model(name: str, num_classes: int, arguments: Mapping[str, Cell]) -> nn.Module:
    import timm

    if not timm.is_model(name):
        raise AdoptError(f"timm has no model {name!r}. {suggestion(name, timm.list_models())}")
    chosen: dict[str, Any] = {"num_classes": num_classes, **arguments}
    return timm.create_model(name, **chosen)


def _torchvision_model(name: str, num_classes: int, arguments: Mapping[str, Cell]) -> nn.Module:
    from torchvision import models

    known = models.list_models(module=models)
    if name not in known:
        raise AdoptError(f"torchvision has no classifier {name!r}. {suggestion(name, known)}")
    chosen = {"weights": None, "num_classes": num_classes, **arguments}
    network: nn.Module = models.get_model(name, **chosen)
    return network


def _transformers_model(folder: str, arguments: Mapping[str, Cell]) -> nn.Module:
    transformers = importlib.import_module("transformers")
    config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True, **arguments)
    return LogitsOf(transformers.AutoModelForImageClassification.from_config(config))


class LogitsOf(nn.Module):
    """A classifier of transformers as a network that returns its logits; its weights keep their names."""

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits [n, k] of images [n, c, h, w]."""
        logits: Tensor = self.classifier(pixel_values=inputs).logits
        return logits
