"""A user's file → a model and its inputs, or a message that says what to do instead."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from torch import nn

from unfoldify.errors import LoadError, UsageError
from unfoldify.loading.inputs import parse_inputs
from unfoldify.loading.load import Loaded, load
from unfoldify.loading.target import Target, parse_target

UserFile = Callable[[str, str], Path]

HEAD = """
import torch
from torch import nn

"""
NET = """
class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.fc = nn.Linear(3, width)

    def forward(self, x):
        return self.fc(x)

"""
INPUTS = """
def get_inputs():
    return [torch.randn(2, 3)]
"""


def loaded(target: str, inputs: Sequence[str] = (), **options: object) -> Loaded:
    return load(parse_target(target), parse_inputs(inputs), **options)  # type: ignore[arg-type]


def message(target: str, inputs: Sequence[str] = (), **options: object) -> str:
    with pytest.raises((LoadError, UsageError)) as caught:
        loaded(target, inputs, **options)
    assert caught.value.exit_code == 2
    return str(caught.value)


# TARGET


@pytest.mark.parametrize(
    ("text", "place", "name"),
    [
        ("model.py", "model.py", None),
        ("model.py:Net", "model.py", "Net"),
        ("a/b.c/model.py:Outer.Net", "a/b.c/model.py", "Outer.Net"),
        ("package.module:make_net", "package.module", "make_net"),
        ("package.module", "package.module", None),
        ("C:\\work\\model.py", "C:\\work\\model.py", None),
        ("C:\\work\\model.py:Net", "C:\\work\\model.py", "Net"),
    ],
)
def test_target_is_place_and_name(text: str, place: str, name: str | None) -> None:
    assert parse_target(text) == Target(place, name)


def test_class_option_names_too() -> None:
    assert parse_target("model.py", "Net") == parse_target("model.py:Net")
    assert parse_target("model.py:Net", "Net") == parse_target("model.py:Net")


def test_two_names_contradict() -> None:
    with pytest.raises(UsageError) as caught:
        parse_target("model.py:Net", "Other")
    assert str(caught.value) == (
        "'model.py:Net' names Net, and --class names Other.\nGive one of the two."
    )


@pytest.mark.parametrize("name", ["", "3x", "make()"])
def test_name_must_be_one(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_target(f"model.py:{name}")
    assert str(caught.value) == (
        f"model.py:{name}: {name!r} cannot be the name of anything in a Python file.\n"
        "Write unfoldify model.py:Name, or leave the colon out to have the model found."
    )


def test_stem_names_the_output() -> None:
    assert parse_target("some/where/model.py:Net").stem == "model"
    assert parse_target("package.module:Net").stem == "module"


# which model


def test_class_instance_and_function_can_be_named(user_file: UserFile) -> None:
    user_file("model.py", HEAD + NET + "wide = Net(8)\ndef make(): return Net(5)\n" + INPUTS)
    assert loaded("model.py:Net").model.fc.out_features == 4
    assert loaded("model.py:wide").model.fc.out_features == 8
    assert loaded("model.py:make").model.fc.out_features == 5
    assert loaded("model.py:make").taken == "make() of model.py"


def test_instance_is_taken_itself(user_file: UserFile) -> None:
    user_file("model.py", HEAD + NET + "net = Net()\n" + INPUTS)
    found = loaded("model.py")
    assert found.model is sys.modules["model"].net
    assert found.path == Path("model.py").resolve()


def test_model_with_init_inputs_comes_first(user_file: UserFile) -> None:
    user_file(
        "model.py",
        HEAD
        + NET
        + "class Model(Net): pass\nother = Net()\ndef get_init_inputs(): return [7]\n"
        + INPUTS,
    )
    assert loaded("model.py").model.fc.out_features == 7


@pytest.mark.parametrize("returned", ["[[7], {}]", "[[], {'width': 7}]", "([], {'width': 7})"])
def test_init_inputs_may_be_args_and_kwargs(user_file: UserFile, returned: str) -> None:
    user_file(
        "model.py",
        HEAD + NET + f"class Model(Net): pass\ndef get_init_inputs(): return {returned}\n" + INPUTS,
    )
    assert loaded("model.py").model.fc.out_features == 7


def test_init_inputs_of_a_list_and_a_dict_for_two_parameters(user_file: UserFile) -> None:
    user_file(
        "model.py",
        HEAD
        + """
class Model(nn.Module):
    def __init__(self, widths, options):
        super().__init__()
        self.widths, self.options = widths, options

    def forward(self): return torch.zeros(1)

def get_init_inputs(): return [[3, 4], {"bias": True}]
""",
    )
    model = loaded("model.py").model
    assert (model.widths, model.options) == ([3, 4], {"bias": True})


def test_init_inputs_that_do_not_fit(user_file: UserFile) -> None:
    user_file(
        "model.py", HEAD + NET + "class Model(Net): pass\ndef get_init_inputs(): return [1, 2]\n"
    )
    assert message("model.py") == (
        "model.py: Model cannot be built from what get_init_inputs() returns: "
        "too many positional arguments.\nReturn a list of positional arguments, or [args, kwargs]."
    )


def test_a_lone_class_takes_init_inputs_too(user_file: UserFile) -> None:
    source = NET.replace("width=4", "width")
    user_file("model.py", HEAD + source + "def get_init_inputs(): return [6]\n" + INPUTS)
    assert loaded("model.py").model.fc.out_features == 6
    assert loaded("model.py:Net").model.fc.out_features == 6


def test_root_class_is_the_one_that_no_other_builds(user_file: UserFile) -> None:
    user_file(
        "model.py",
        HEAD
        + """
class Cell(nn.Module):
    def forward(self, x): return x

class Norm(nn.Module):
    def forward(self, x): return x

class Base(nn.Module):
    '''has no forward: nobody's model'''

KINDS = {"norm": Norm}

def cells(count): return [Cell() for _ in range(count)]

class Net(Base):
    def __init__(self, kind: "Unrelated" = "norm"):
        super(Net, self).__init__()
        self.cells = nn.Sequential(*cells(2), KINDS[kind]())
        self.apply(lambda m: isinstance(m, Net))

    def forward(self, x): return self.cells(x)
"""
        + INPUTS,
    )
    assert type(loaded("model.py").model).__name__ == "Net"


def test_what_is_given_to_a_class_is_a_part_of_it(user_file: UserFile) -> None:
    user_file(
        "model.py",
        HEAD
        + NET.replace("Net", "Cell")
        + NET.replace("width=4", "cell")
        + "def make(): return Net(Cell)",
    )
    assert "make (function, line 22)" in message("model.py")


def test_local_names_are_not_outer_ones(user_file: UserFile) -> None:
    user_file(
        "model.py",
        HEAD
        + NET.replace("Net", "Cell")
        + NET.replace("nn.Linear(3, width)", "Cell()")
        + "v = Net\n"
        + "class Attention(nn.Module):\n"
        + "    def __init__(self): super().__init__()\n"
        + "    def forward(self, v, cell=lambda Net: Net): return v\n"
        + "if __name__ == '__main__':\n    Attention = Net()\n",
    )
    assert message("model.py").splitlines()[1:] == [
        "  Net (class, line 14)         unfoldify model.py:Net",
        "  Attention (class, line 23)   unfoldify model.py:Attention",
    ]


def test_parts_and_losses_beside_an_instance_are_not_meant(user_file: UserFile) -> None:
    user_file(
        "model.py",
        HEAD
        + "head = nn.Linear(3, 2)\nnet = nn.Sequential(nn.Linear(3, 3), head)\nsame = net\n"
        + "criterion = nn.CrossEntropyLoss()\nact = nn.ReLU()\n"
        + INPUTS,
    )
    # a layer without weights is a helper only where there is something to help
    assert isinstance(loaded("model.py").model, nn.Sequential)
    user_file("relu.py", HEAD + "act = nn.ReLU()\n" + INPUTS)
    assert isinstance(loaded("relu.py").model, nn.ReLU)


def test_a_helper_layer_does_not_hide_the_class(user_file: UserFile) -> None:
    user_file("model.py", HEAD + "act = nn.ReLU()\n" + NET + INPUTS)
    assert type(loaded("model.py").model).__name__ == "Net"


def test_objects_of_other_classes_are_no_candidates(user_file: UserFile) -> None:
    """A configuration, a registry: an object has the module of its class, and no name."""
    config = "class Config:\n    width = 4\n\nconfig = Config()\nConfig = Config()\n"
    found = loaded(str(user_file("net.py", HEAD + config + NET + INPUTS)))
    assert type(found.model).__name__ == "Net"


def test_several_instances(user_file: UserFile) -> None:
    user_file("model.py", HEAD + NET + "small = Net(2)\nlarge = Net(9)\n" + INPUTS)
    assert message("model.py", options="--style einsum") == (
        "model.py holds 2 models. Which one?\n"
        "  small (instance, line 13)   unfoldify model.py:small --style einsum\n"
        "  large (instance, line 14)   unfoldify model.py:large --style einsum"
    )


def test_several_classes(user_file: UserFile) -> None:
    user_file("model.py", HEAD + NET + NET.replace("Net", "Other") + INPUTS)
    assert message("model.py") == (
        "model.py has 2 classes that no other class builds. Which one?\n"
        "  Net (class, line 5)      unfoldify model.py:Net\n"
        "  Other (class, line 14)   unfoldify model.py:Other"
    )


def test_class_that_needs_arguments(user_file: UserFile) -> None:
    user_file("model.py", HEAD + NET.replace("width=4", "width, *, depth") + INPUTS)
    expected = (
        "model.py: Net cannot be built without width, depth.\n"
        "Write in model.py\n"
        "  def make_model():\n"
        "      return Net(width=..., depth=...)\n"
        "and name it: unfoldify model.py:make_model"
    )
    assert message("model.py") == expected
    assert message("model.py:Net") == expected


def test_installed_class_that_needs_arguments(user_file: UserFile) -> None:
    user_file("zoo.py", HEAD + NET.replace("width=4", "width"))
    assert message("zoo:Net", options="--check") == (
        "zoo: Net cannot be built without width.\n"
        "Write a file my_model.py\n"
        "  from zoo import Net\n"
        "\n"
        "  def make_model():\n"
        "      return Net(width=...)\n"
        "and name it: unfoldify my_model.py:make_model --check"
    )


def test_functions_are_offered(user_file: UserFile) -> None:
    user_file(
        "model.py",
        HEAD
        + NET.replace("width=4", "width")
        + "def small(): return Net(2)\ndef sized(n): return Net(n)\ndef helper(): return 3\n"
        + "def test(): Net(2)(get_inputs()[0])\n"
        + INPUTS,
    )
    assert message("model.py") == (
        "model.py: no class can be built without arguments. Which function?\n"
        "  small (function, line 13)   unfoldify model.py:small"
    )


def test_no_model(user_file: UserFile) -> None:
    user_file("model.py", "x = 3\n")
    assert message("model.py") == (
        "model.py defines no torch.nn.Module, and no function that returns one.\n"
        "Name what does: unfoldify other.py, or unfoldify package.module:Name"
    )


def test_imported_classes_are_offered(user_file: UserFile) -> None:
    user_file("layers.py", HEAD + NET)
    user_file(
        "model.py", "from layers import Net\nfrom torch import nn\nfrom torch.nn import ReLU\n"
    )
    assert message("model.py") == (
        "model.py only imports classes of models. Which one?\n  unfoldify model.py:Net"
    )


def test_only_some_of_many_are_listed(user_file: UserFile) -> None:
    user_file("layers.py", HEAD + "".join(NET.replace("Net", f"Net{i}") for i in range(14)))
    user_file("model.py", "from layers import *\n")
    for name, first in (
        ("layers.py", "  Net0 (class, line 5)"),
        ("model.py", "  unfoldify model.py:"),
    ):
        lines = message(name).splitlines()
        assert lines[1].startswith(first)
        assert (len(lines), lines[-1]) == (14, "  and 2 more")


def test_misspelled_name(user_file: UserFile) -> None:
    user_file("model.py", HEAD + NET)
    assert message("model.py:Nett") == "model.py has no Nett.\nIs it Net?   unfoldify model.py:Net"
    assert message("model.py:Wholly") == (
        "model.py has no Wholly.\nIt has:\n  Net (class, line 5)   unfoldify model.py:Net"
    )


def test_name_of_something_else(user_file: UserFile) -> None:
    user_file("model.py", HEAD + "class Config: pass\noptions = {}\n" + NET)
    rest = (
        "not a torch.nn.Module, a class of one or a function that returns one.\n"
        "It has:\n  Net (class, line 7)   unfoldify model.py:Net"
    )
    assert message("model.py:Config") == f"model.py: Config is the class Config, {rest}"
    assert message("model.py:options") == f"model.py: options is a dict, {rest}"


def test_function_that_returns_something_else(user_file: UserFile) -> None:
    user_file("model.py", HEAD + NET + "def make(): return Net(), 3\n")
    assert message("model.py:make") == (
        "model.py: make() returned a tuple, not a torch.nn.Module.\n"
        "A function that is named as TARGET must return the model and nothing else."
    )


def test_constructor_that_fails(user_file: UserFile) -> None:
    user_file("model.py", HEAD + NET.replace("nn.Linear(3, width)", "nn.Linear(3, wide)"))
    assert message("model.py") == (
        "model.py:8: `self.fc = nn.Linear(3, wide)`\n"
        "  NameError: name 'wide' is not defined\n"
        "Net() of model.py failed."
    )


# the file


def test_no_such_file(user_file: UserFile) -> None:
    assert message("model.py") == "model.py: no such file."
    assert message("no/model.py") == "no/model.py: no such file (there is no folder no)."
    user_file("models.py", "")
    assert message("model.py") == (
        "model.py: no such file. Is it one of these?\n  unfoldify models.py"
    )


def test_not_a_python_file(user_file: UserFile) -> None:
    user_file("nets/model.onnx", "")
    way_out = (
        "Give the Python file that defines the model (unfoldify model.py) or an importable name "
        "(unfoldify package.module:Name)."
    )
    assert message("nets/model.onnx") == f"nets/model.onnx: not a Python file.\n{way_out}"
    assert message("nets/") == f"nets/: a folder.\n{way_out}"


def test_import_that_is_missing(user_file: UserFile) -> None:
    user_file("model.py", "import torch\nimport nowhere.to_be.found\n")
    assert message("model.py") == (
        "model.py:2: `import nowhere.to_be.found`\n"
        "  ModuleNotFoundError: No module named 'nowhere'\n"
        "Install it, or run unfoldify in the environment in which the file runs."
    )


def test_error_in_a_neighbour(user_file: UserFile) -> None:
    user_file("layers.py", "width = 1 / 0\n")
    user_file("model.py", "import layers\n")
    assert message("model.py") == (
        "layers.py:1: `width = 1 / 0`\n"
        "  ZeroDivisionError: division by zero\n"
        "The file must import as it is: try `python model.py`."
    )


def test_syntax_error(user_file: UserFile) -> None:
    user_file("model.py", "import torch\n\ndef forward(x:\n    return x\n")
    assert message("model.py") == (
        "model.py:3: `def forward(x:`\n"
        "  SyntaxError: '(' was never closed\n"
        "The file must import as it is: try `python model.py`."
    )


def test_file_that_leaves(user_file: UserFile) -> None:
    user_file("model.py", "import sys\nsys.exit('trained')\n")
    assert message("model.py") == (
        "model.py:2: `sys.exit('trained')`\n"
        "  SystemExit: trained\n"
        'Put what is run as a script under `if __name__ == "__main__":`.'
    )


def test_no_such_module(user_file: UserFile) -> None:
    assert message("nowhere.models:Net") == (
        "nowhere.models: no module 'nowhere' can be imported from here.\n"
        "Run unfoldify where `python -c 'import nowhere.models'` works, or give the file: "
        "unfoldify path/to/model.py"
    )


def test_module_by_its_dotted_name(user_file: UserFile) -> None:
    user_file("zoo/__init__.py", "")
    user_file("zoo/nets.py", HEAD + NET + INPUTS)
    assert loaded("zoo.nets").taken == "Net() of zoo.nets"
    assert loaded("zoo.nets:Net").path == Path("zoo/nets.py").resolve()
    user_file("zoo/broken.py", "import nowhere\n")
    assert message("zoo.broken:Net") == (
        "zoo/broken.py:1: `import nowhere`\n"
        "  ModuleNotFoundError: No module named 'nowhere'\n"
        "Install it, or run unfoldify in the environment in which the file runs."
    )


def test_neighbours_are_importable_while_and_after_loading(user_file: UserFile) -> None:
    user_file("nets/layers.py", "WIDTH = 6\n")
    user_file("nets/late.py", "SCALE = 2.0\n")
    user_file(
        "nets/model.py",
        HEAD
        + "from layers import WIDTH\n"
        + NET.replace("width=4", "width=WIDTH").replace(
            "return self.fc(x)", "import late; return self.fc(x) * late.SCALE"
        )
        + INPUTS,
    )
    found = loaded("nets/model.py")
    assert found.model(*found.args).shape == (2, 6)
    assert sys.path[0] != str(Path("nets").resolve())


def test_relative_imports_of_a_package(user_file: UserFile) -> None:
    user_file("lib/__init__.py", "")
    user_file("lib/parts/__init__.py", "")
    user_file("lib/parts/layers.py", "WIDTH = 6\n")
    user_file("lib/model.py", HEAD + "from .parts.layers import WIDTH\n" + NET + INPUTS)
    assert loaded("lib/model.py").taken == "Net() of lib/model.py"


@pytest.mark.parametrize("name", ["types.py", "torch.py", "my-model.v2.py"])
def test_a_file_may_have_any_name(user_file: UserFile, name: str) -> None:
    import types

    user_file(name, HEAD + NET + INPUTS)
    assert loaded(name).taken == f"Net() of {name}"
    assert sys.modules["types"] is types
    assert sys.modules["torch"] is torch


def test_options_are_not_the_files(user_file: UserFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["unfoldify", "model.py", "--style", "einsum"])
    user_file(
        "model.py",
        "import argparse\nargparse.ArgumentParser().parse_args()\n" + HEAD + NET + INPUTS,
    )
    assert loaded("model.py").taken == "Net() of model.py"
    assert sys.argv[1:] == ["model.py", "--style", "einsum"]


def test_same_seed_same_model(user_file: UserFile) -> None:
    user_file("model.py", HEAD + NET + INPUTS)
    torch.manual_seed(5)
    wanted = torch.nn.Linear(3, 4).weight
    first, second, other = (loaded("model.py", seed=seed) for seed in (5, 5, 6))
    assert torch.equal(first.model.fc.weight, wanted)
    assert torch.equal(first.model.fc.weight, second.model.fc.weight)
    assert torch.equal(first.args[0], second.args[0])
    assert not torch.equal(first.args[0], other.args[0])


# inputs


@pytest.mark.parametrize(
    ("source", "args", "kwargs"),
    [
        ("def get_inputs(): return [3]", (3,), {}),
        ("def get_inputs(): return (3,)", (3,), {}),
        ("def get_inputs(): return 3", (3,), {}),
        ("def get_inputs(): return {'x': 3}", (), {"x": 3}),
        ("def get_inputs(): return ([3], {'y': 4})", (3,), {"y": 4}),
        ("def get_inputs(): return ((3,), {})", (3,), {}),
        ("def get_inputs(): return [[3], {'y': 4}]", ([3], {"y": 4}), {}),
        ("def get_inputs(): return {1: 2}", ({1: 2},), {}),
        ("def get_inputs(): return {'image': 2}", ({"image": 2},), {}),
        ("example_inputs = [3]", (3,), {}),
        ("example_inputs = (3, 4)", (3, 4), {}),
        ("def example_inputs(): return [3]", (3,), {}),
        ("Net.example_inputs = (3,)", (3,), {}),
        ("Net.example_input_array = 3", (3,), {}),
        ("example_inputs = [1]\ndef get_inputs(): return [3]", (3,), {}),
    ],
)
def test_inputs_of_the_file(
    user_file: UserFile, source: str, args: tuple[object, ...], kwargs: dict[str, object]
) -> None:
    user_file(
        "model.py",
        HEAD + "class Net(nn.Module):\n    def forward(self, x, y=None): return x\n" + source,
    )
    found = loaded("model.py")
    assert (found.args, found.kwargs) == (args, kwargs)


def test_option_goes_before_the_file(user_file: UserFile) -> None:
    user_file("model.py", HEAD + NET + INPUTS)
    assert loaded("model.py", ["5,3"]).args[0].shape == (5, 3)
    assert loaded("model.py", ["x=5,3"]).kwargs["x"].shape == (5, 3)


def test_option_takes_the_models_dtype_and_device(user_file: UserFile) -> None:
    user_file("model.py", HEAD + NET + "half = Net().half()\nmeta = Net().to('meta')\n")
    assert loaded("model.py:half", ["5,3"]).args[0].dtype == torch.float16
    assert loaded("model.py:meta", ["5,3"]).args[0].device.type == "meta"


def test_forward_without_arguments_needs_no_inputs(user_file: UserFile) -> None:
    user_file("model.py", HEAD + "class Net(nn.Module):\n    def forward(self): return 1\n")
    assert loaded("model.py").args == ()


@pytest.mark.parametrize(
    ("layer", "option", "expression"),
    [
        ("nn.Conv2d(4, 2, 3)", "2,4,64,64", "torch.randn(2, 4, 64, 64)"),
        ("nn.Conv1d(4, 2, 3)", "2,4,128", "torch.randn(2, 4, 128)"),
        ("nn.ConvTranspose3d(4, 2, 3)", "2,4,8,32,32", "torch.randn(2, 4, 8, 32, 32)"),
        ("nn.Linear(7, 2)", "2,7", "torch.randn(2, 7)"),
        ("nn.GRU(7, 2)", "2,16,7", "torch.randn(2, 16, 7)"),
        ("nn.MultiheadAttention(8, 2)", "16,2,8", "torch.randn(16, 2, 8)"),
        ("nn.Embedding(50, 2)", "'2,16:int64<50'", "torch.randint(50, (2, 16))"),
        ("nn.Identity()", "2,8", "torch.randn(2, 8)"),
    ],
)
def test_no_inputs(user_file: UserFile, layer: str, option: str, expression: str) -> None:
    user_file(
        "model.py",
        HEAD + f"class Net(nn.Sequential):\n  def __init__(s): super().__init__({layer})\n",
    )
    assert message("model.py", options="--check") == (
        "model.py: no inputs for Net.forward, which takes input.\n"
        "Give their shapes, for example\n"
        f"  unfoldify model.py --check --input {option}\n"
        "or write in model.py\n"
        "  def get_inputs():\n"
        f"      return [{expression}]"
    )


def test_no_inputs_for_several_arguments(user_file: UserFile) -> None:
    source = NET.replace("x)", "x, mask, scale=1)").replace("fc(x, mask, scale=1)", "fc(x)")
    user_file("model.py", HEAD + source)
    assert message("model.py:Net") == (
        "model.py: no inputs for Net.forward, which takes x, mask.\n"
        "Give their shapes, for example\n"
        "  unfoldify model.py:Net --input 2,3 --input 2,16:bool\n"
        "or write in model.py\n"
        "  def get_inputs():\n"
        "      return [torch.randn(2, 3), torch.ones(2, 16, dtype=torch.bool)]"
    )


def test_no_inputs_for_an_installed_class() -> None:
    assert message("torch.nn:Flatten") == (
        "torch.nn: no inputs for Flatten.forward, which takes input.\n"
        "Give their shapes, for example\n"
        "  unfoldify torch.nn:Flatten --input 2,8"
    )


def test_inputs_that_forward_does_not_take(user_file: UserFile) -> None:
    user_file("model.py", HEAD + NET + "def get_inputs(): return [1, 2]\n")
    assert message("model.py") == (
        "model.py: Net.forward cannot take the inputs of get_inputs(): "
        "too many positional arguments.\nIt takes x; found: 2 positional."
    )
    assert message("model.py", ["mask=2,2"]) == (
        "model.py: Net.forward cannot take the inputs of --input: "
        "missing a required argument: 'x'.\nIt takes x; found: 0 positional and keywords mask."
    )


def test_inputs_that_fail(user_file: UserFile) -> None:
    user_file("model.py", HEAD + NET + "def get_inputs():\n    return [torch.rand(2, -3)]\n")
    assert message("model.py").startswith(
        "model.py:14: `return [torch.rand(2, -3)]`\n  RuntimeError: "
    )
    assert message("model.py").endswith("\nget_inputs() of model.py failed.")


@pytest.mark.parametrize(
    "name", ["residual_net", "conv_norm_model", "dcgan", "seq2seq", "lstm_tagger"]
)
def test_shipped_models_load_without_options(name: str, fixtures: Path) -> None:
    found = loaded(str(fixtures / f"{name}.py"))
    with torch.no_grad():
        found.model(*found.args, **found.kwargs)


def test_the_inputs_that_are_suggested_fit_where_some_are_found(user_file: UserFile) -> None:
    source = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 4, 5)
            self.fc = nn.Linear(4 * 24 * 24, 10)

        def forward(self, x):
            return self.fc(self.conv(x).flatten(1))
    """
    user_file("model.py", HEAD + textwrap.dedent(source))
    assert "unfoldify model.py --input 2,1,28,28\n" in message("model.py")


def test_functions_are_candidates_beside_classes(user_file: UserFile) -> None:
    source = (
        NET
        + NET.replace("Net", "Other")
        + "def both():\n    return nn.Sequential(Net(), Other())\n"
    )
    user_file("model.py", HEAD + source)
    assert message("model.py") == (
        "model.py has 2 classes that no other class builds, and 1 function that may return a "
        "model. Which one?\n"
        "  Net (class, line 5)        unfoldify model.py:Net\n"
        "  Other (class, line 14)     unfoldify model.py:Other\n"
        "  both (function, line 22)   unfoldify model.py:both"
    )
