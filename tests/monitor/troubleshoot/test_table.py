"""The troubleshooter's table against the words of real libraries."""

from __future__ import annotations

import pytest

from comfy_tui.comfy.faults import FAULTS
from comfy_tui.comfy.types import ExecutionError, JobState
from comfy_tui.errors import ComfyError, ServerError, TimedOut
from comfy_tui.monitor.state import Problem
from comfy_tui.monitor.troubleshoot import CAUSES, diagnose, diagnose_problem
from comfy_tui.monitor.troubleshoot.table import Remedy

#: Row, exception type, message; as torch, safetensors, Pillow, Python and ComfyUI itself say it.
SEEN: list[tuple[str, str, str]] = [
    ("interrupted", "comfy.model_management.InterruptProcessingException", ""),
    ("blocked", "ExecutionBlocked", "Execution Blocked: the mask is empty"),
    ("vram", "torch.OutOfMemoryError", "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total"),
    ("vram", "torch.cuda.OutOfMemoryError", "Allocation on device 0 would exceed allowed memory."),
    ("vram", "torch.OutOfMemoryError", "HIP out of memory. Tried to allocate 20.00 MiB."),
    (
        "vram",
        "RuntimeError",
        "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported",
    ),
    ("vram", "RuntimeError", "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ("vram", "RuntimeError", "x\nThis error means you ran out of memory on your GPU.\n\nTIPS: If the"),
    (
        "vram",
        "RuntimeError",
        "UR backend failed. UR backend returns:39 (UR_RESULT_ERROR_OUT_OF_DEVICE_MEMORY)",
    ),
    (
        "vram",
        "RuntimeError",
        "Could not allocate tensor with 2147483648 bytes. There is not enough GPU video mem",
    ),
    ("mps_memory", "RuntimeError", "MPS backend out of memory (MPS allocated: 17.91 GB, other allocations"),
    (
        "ram",
        "RuntimeError",
        "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried "
        "to allocate 4000000000000000 bytes. Error code 12 (Cannot allocate memory)",
    ),
    ("ram", "MemoryError", ""),
    (
        "ram",
        "numpy.core._exceptions._ArrayMemoryError",
        "Unable to allocate 14.9 GiB for an array with shape",
    ),
    ("ram", "OSError", "The paging file is too small for this operation to complete. (os error 1455)"),
    ("shape", "RuntimeError", "mat1 and mat2 shapes cannot be multiplied (77x768 and 1024x320)"),
    (
        "shape",
        "RuntimeError",
        "Sizes of tensors must match except in dimension 1. Expected size 4 but got size 5",
    ),
    (
        "shape",
        "RuntimeError",
        "The size of tensor a (4) must match the size of tensor b (5) at non-singleton",
    ),
    (
        "shape",
        "RuntimeError",
        "Given groups=1, weight of size [320, 9, 3, 3], expected input[1, 4, 8, 8] to have 9 channels, but "
        "got 4 channels instead",
    ),
    ("shape", "RuntimeError", "shape '[3, 4]' is invalid for input of size 10"),
    (
        "shape",
        "RuntimeError",
        "Given normalized_shape=[5], expected input with shape [*, 5], but got input of si",
    ),
    (
        "shape",
        "RuntimeError",
        "stack expects each tensor to be equal size, but got [2] at entry 0 and [3] at",
    ),
    ("shape", "ValueError", "operands could not be broadcast together with shapes (3,4) (3,5)"),
    ("shape", "IndexError", "index 5 is out of bounds for dimension 0 with size 2"),
    (
        "shape",
        "RuntimeError",
        "The expanded size of the tensor (4) must match the existing size (3) at non-sing",
    ),
    ("shape", "einops.EinopsError", "Error while processing rearrange-reduction pattern"),
    ("dtype", "RuntimeError", "expected m1 and m2 to have the same dtype, but got: c10::Half != float"),
    (
        "dtype",
        "RuntimeError",
        "Input type (torch.HalfTensor) and weight type (torch.FloatTensor) should be the same or input "
        "should be a MKLDNN tensor and weight is a dense tensor",
    ),
    ("dtype", "NotImplementedError", "\"upsample_bilinear2d_channels_last\" not implemented for 'Long'"),
    ("dtype", "RuntimeError", "mat1 and mat2 must have the same dtype, but got Half and Float"),
    ("dtype", "RuntimeError", "expected scalar type Half but found Float"),
    ("dtype", "TypeError", "Got unsupported ScalarType BFloat16"),
    (
        "device",
        "RuntimeError",
        "Expected all tensors to be on the same device, but found at least two devices, cpu",
    ),
    ("device", "RuntimeError", "Tensor on device meta is not on the expected device cpu!"),
    (
        "device",
        "RuntimeError",
        "Input type (torch.cuda.HalfTensor) and weight type (torch.HalfTensor) should be the same",
    ),
    (
        "wrong_model",
        "RuntimeError",
        "ERROR: Could not detect model type of: /models/checkpoints/lora.safetensors\n",
    ),
    ("wrong_model", "RuntimeError", "ERROR: clip input is invalid: None\n\nIf the clip is from a checkpoint"),
    (
        "wrong_model",
        "RuntimeError",
        "ERROR: VAE is invalid: None\n\nIf the VAE is from a checkpoint loader node",
    ),
    (
        "wrong_model",
        "RuntimeError",
        "ERROR: controlnet file is invalid and does not contain a valid controlnet",
    ),
    ("wrong_model", "RuntimeError", "ERROR: clip vision file is invalid and does not contain a valid vision"),
    ("wrong_model", "Exception", "invalid style model /models/style_models/a.safetensors"),
    (
        "wrong_model",
        "RuntimeError",
        'Error(s) in loading state_dict for Linear:\n\tMissing key(s) in state_dict: "bias". \n\tsize '
        "mismatch for weight: copying a param with shape torch.Size([5, 5]) from checkpoint",
    ),
    (
        "corrupt_model",
        "safetensors._safetensors_rust.SafetensorError",
        "Error while deserializing header: header",
    ),
    (
        "corrupt_model",
        "ValueError",
        "Error while deserializing header: incomplete metadata, file not fully covered\n\nFile path: "
        "/m/a.safetensors\n\nThe safetensors file is corrupt/incomplete. Check the file size and make sure "
        "you have copied/downloaded it correctly.",
    ),
    ("corrupt_model", "RuntimeError", "PytorchStreamReader failed reading zip archive: not a ZIP archive."),
    ("corrupt_model", "EOFError", "Ran out of input"),
    (
        "unsafe_model",
        "_pickle.UnpicklingError",
        "Weights only load failed. In PyTorch 2.6, we changed the default",
    ),
    ("unsafe_model", "_pickle.UnpicklingError", "invalid load key, '<'."),
    (
        "missing_model",
        "FileNotFoundError",
        "Model in folder 'checkpoints' with filename 'nope.safetensors' not found.",
    ),
    ("missing_model", "FileNotFoundError", "No such file or directory: /models/loras/nope.safetensors"),
    ("missing_node", "ModuleNotFoundError", "No module named 'xformers'"),
    ("missing_node", "ImportError", "cannot import name 'Latent' from 'comfy_api'"),
    (
        "missing_input",
        "FileNotFoundError",
        "[Errno 2] No such file or directory: '/opt/ComfyUI/input/cat.png'",
    ),
    ("missing_input", "PIL.UnidentifiedImageError", "cannot identify image file 'x.png'"),
    (
        "missing_input",
        "av.error.InvalidDataError",
        "[Errno 1094995529] Invalid data found when processing input",
    ),
    ("disk_full", "OSError", "[Errno 28] No space left on device"),
    ("disk_full", "OSError", "[Errno 122] Disk quota exceeded"),
    ("permission", "PermissionError", "[Errno 13] Permission denied: '/opt/ComfyUI/output/a.png'"),
    ("permission", "OSError", "[Errno 30] Read-only file system: '/data/output'"),
    (
        "permission",
        "Exception",
        "**** ERROR: Saving image outside the output folder is not allowed.\n full_output",
    ),
    (
        "kernel_image",
        "torch.AcceleratorError",
        "CUDA error: no kernel image is available for execution on the device",
    ),
    ("kernel_image", "RuntimeError", "HIP error: invalid device function"),
    ("driver", "RuntimeError", "The NVIDIA driver on your system is too old (found version 11040)."),
    (
        "driver",
        "RuntimeError",
        "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU",
    ),
    ("driver", "AssertionError", "Torch not compiled with CUDA enabled"),
    ("driver", "RuntimeError", "CUDA driver version is insufficient for CUDA runtime version"),
    ("gpu_fault", "torch.AcceleratorError", "CUDA error: an illegal memory access was encountered"),
    ("gpu_fault", "RuntimeError", "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    ("cycle", "graph.DependencyCycleError", "Dependency cycle detected"),
    (
        "download",
        "requests.exceptions.ConnectionError",
        "HTTPSConnectionPool(host='huggingface.co', port=443)",
    ),
    ("download", "urllib.error.URLError", "<urlopen error [Errno -3] Temporary failure in name resolution>"),
    ("wrong_call", "TypeError", "KSampler.sample() got an unexpected keyword argument 'foo'"),
    ("wrong_call", "TypeError", "run() missing 1 required positional argument: 'mask'"),
    ("wrong_call", "AttributeError", "'NoneType' object has no attribute 'clone'"),
    ("unknown", "ValueError", "it broke"),
    ("unknown", "/opt/custom_nodes/pack.Node.run.<locals>.Err", "something of its own"),
]


@pytest.mark.parametrize(("row", "kind", "message"), SEEN, ids=lambda value: value[:40])
def test_real_words(row: str, kind: str, message: str) -> None:
    error = ExecutionError("3", "Node", kind, message + "\n")
    assert diagnose(error).cause.id == row


def test_every_row_that_has_words_was_tried_with_them() -> None:
    assert {cause.id for cause in CAUSES if cause.types or cause.messages} <= {row for row, _, _ in SEEN}


def test_rows_are_whole() -> None:
    assert len({cause.id for cause in CAUSES}) == len(CAUSES)
    for cause in CAUSES:
        assert cause.title, cause.id
        assert cause.cause.endswith((".", "?")), cause.id
        assert cause.steps, cause.id
        assert all(step.endswith((".", "?")) for step in cause.steps), cause.id


def test_without_an_exception() -> None:
    assert diagnose(None, JobState.CANCELLED).cause.id == "interrupted"
    assert diagnose(None).cause.id == "unknown"
    assert not diagnose(None).is_known


def test_the_file_and_the_words() -> None:
    found = diagnose(
        ExecutionError(
            "1", "X", "FileNotFoundError", "Model in folder 'loras' with filename 'a b.sft' not found."
        )
    )
    assert found.file == "a b.sft"
    assert found.found_by.startswith("Model in folder")


@pytest.mark.parametrize(
    "words", ["NoneType " * 30_000, "Expected " * 30_000, "Input type (" * 30_000, "MPS" * 90_000]
)
def test_an_immense_message_does_not_take_long(words: str) -> None:
    assert diagnose(ExecutionError("1", "X", "RuntimeError", words)).cause.id in {
        "unknown",
        "shape",
        "wrong_call",
    }


def test_calls_that_failed() -> None:
    fault = FAULTS["bad_gateway"]
    assert diagnose_problem(Problem.of(TimedOut("The server does not answer"))).id == "timeout"  # type: ignore[union-attr]
    found = diagnose_problem(Problem.of(ServerError(fault.title, "", fault.step, status=502)))
    assert found is not None
    assert found.id == "bad_gateway"
    assert diagnose_problem(Problem.of(ComfyError("Something of its own"))) is None


def test_free_and_retry_is_offered_for_memory() -> None:
    for row in ("vram", "ram", "mps_memory"):
        assert next(cause for cause in CAUSES if cause.id == row).remedy is Remedy.FREE_RETRY
