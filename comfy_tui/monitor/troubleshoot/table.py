"""The troubleshooter's table: what failed jobs and calls look like, why that is, and what to do next.

It is data: the guide's page is made from it, and a test gives each row the words that real libraries use.
The rows are tried from above; the first one that fits is the diagnosis.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from comfy_tui.comfy.faults import FAULTS


class Remedy(StrEnum):
    """Which key of the failure page helps first."""

    RETRY = "retry"
    FREE_RETRY = "free and retry"
    OPEN_NODE = "open at the node"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Cause:
    """One row.

    ``types`` and ``messages`` are regular expressions, without regard to capitals: one of ``types`` must be
    in the exception's type, or one of ``messages`` in its message.  A row without either is found by its id.
    """

    id: str
    title: str
    cause: str
    steps: tuple[str, ...]
    remedy: Remedy = Remedy.NONE
    types: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()


_MEMORY_STEPS = (
    "F frees the memory of all models and runs the job again.",
    "If it fails again: a smaller size or batch, tiled VAE decoding, or a smaller (quantised) model.",
    "Other programs may hold the memory: nvidia-smi or rocm-smi on the server shows them.",
)

CAUSES: tuple[Cause, ...] = (
    Cause(
        "interrupted",
        "Interrupted",
        "Somebody asked the server to stop this job. It is no fault of the workflow.",
        ("u runs it again.",),
        Remedy.RETRY,
        types=(r"InterruptProcessingException",),
    ),
    Cause(
        "blocked",
        "A node blocked its followers",
        "A node passed on a blocker instead of a value. The nodes behind it did not run; the rest of the job "
        "went on, and the job may still end well.",
        ("Read the message: it says what the blocking node is missing.", "o opens the workflow at the node."),
        Remedy.OPEN_NODE,
        types=(r"ExecutionBlocked",),
        messages=(r"^Execution Blocked:",),
    ),
    Cause(
        "mps_memory",
        "Out of memory on Apple's GPU",
        "The memory that the GPU may take of the Mac's is used up.",
        (
            *_MEMORY_STEPS[:2],
            "PYTORCH_MPS_HIGH_WATERMARK_RATIO=0.0 lifts the limit, and may make the Mac swap.",
        ),
        Remedy.FREE_RETRY,
        messages=(r"MPS backend out of memory", r"MPS.*(?:Invalid buffer size|failed to allocate)"),
    ),
    Cause(
        "ram",
        "Out of main memory",
        "The server's RAM could not hold what the node asked for.",
        (
            "F frees the memory of all models and runs the job again.",
            "If it fails again: a smaller size or batch, fewer models at once, or more swap.",
        ),
        Remedy.FREE_RETRY,
        types=(r"^MemoryError$", r"numpy.*_ArrayMemoryError"),
        messages=(
            r"DefaultCPUAllocator",
            r"not enough memory: you tried to allocate",
            r"Unable to allocate .* for an array",
            r"Cannot allocate memory|\[Errno 12\]",
            r"paging file is too small",
        ),
    ),
    Cause(
        "vram",
        "Out of GPU memory",
        "The card has no room for what the node asked for.",
        _MEMORY_STEPS,
        Remedy.FREE_RETRY,
        types=(r"OutOfMemoryError",),
        messages=(
            r"(?:CUDA|HIP|XPU|NPU|DirectML)[^\n]{0,40}out of memory",
            r"ran out of memory on your GPU",
            r"Allocation on device",
            r"UR_RESULT_ERROR_OUT_OF_(?:DEVICE|RESOURCES)|OUT_OF_DEVICE_MEMORY",
            r"Could not allocate tensor with",
            r"CUBLAS_STATUS_ALLOC_FAILED|CUDNN_STATUS_ALLOC_FAILED",
            r"NVML_SUCCESS == .*INTERNAL ASSERT",
            r"Failed to allocate memory",
        ),
    ),
    Cause(
        "kernel_image",
        "This PyTorch was not built for this card",
        "The installed PyTorch has no code for the card: the card is newer or older than the build.",
        (
            "Install the PyTorch build that the card needs (pytorch.org, Get started), then restart ComfyUI.",
            "1 shows the card and the PyTorch version.",
        ),
        messages=(
            r"no kernel image is available",
            r"not compatible with the current PyTorch installation",
            r"invalid device function",
            r"device kernel image is invalid",
            r"rocBLAS error: Cannot read",
        ),
    ),
    Cause(
        "driver",
        "The GPU driver and PyTorch do not fit",
        "The driver is too old or missing for this PyTorch, or PyTorch was built without the card's support.",
        (
            "Update the driver, or install the PyTorch build for the driver that is there; restart ComfyUI.",
            "Without a card, start ComfyUI with --cpu.",
        ),
        messages=(
            r"NVIDIA driver on your system is too old",
            r"Found no NVIDIA driver",
            r"CUDA driver version is insufficient",
            r"Torch not compiled with CUDA enabled",
            r"No (?:CUDA|HIP) GPUs are available",
            r"libcud(?:art|nn)[^\n]*cannot open shared object",
            r"Could not load library libcud",
            r"forward compatibility was attempted",
            r"CUDA error: (?:initialization error|system not yet initialized|operation not supported)",
        ),
    ),
    Cause(
        "gpu_fault",
        "The GPU stopped working for this process",
        "A kernel crashed or the card was reset. Everything after it fails the same way until a restart.",
        (
            "Restart ComfyUI; its log (5) shows which node came first.",
            "If it comes back: less overclocking, another driver, CUDA_LAUNCH_BLOCKING=1 to find the node.",
        ),
        messages=(
            r"CUDA error: (?:an illegal memory access|device-side assert|misaligned)",
            r"CUDA error: unspecified launch failure",
            r"HIP error: (?:an illegal memory access|unspecified launch failure)",
            r"CUDNN_STATUS_(?:EXECUTION_FAILED|INTERNAL_ERROR|NOT_INITIALIZED)",
            r"CUBLAS_STATUS_(?:EXECUTION_FAILED|NOT_INITIALIZED|INTERNAL_ERROR)",
            r"device (?:has been )?(?:lost|removed)|GPU (?:has )?fallen off the bus",
        ),
    ),
    Cause(
        "disk_full",
        "The disk is full",
        "The server could not write: its disk or the user's quota is used up.",
        (
            "Delete outputs, temporary files or models on the server, then u runs it again.",
            "--output-directory and --temp-directory may name another disk.",
        ),
        Remedy.RETRY,
        messages=(
            r"No space left on device",
            r"\[Errno 28\]",
            r"Disk quota exceeded|\[Errno 122\]",
            r"WinError 112",
        ),
    ),
    Cause(
        "permission",
        "The server may not read or write there",
        "ComfyUI's user has no right to the file or folder, or the file system is read-only.",
        (
            "Give the user that runs ComfyUI the right to the path in the message (chown, chmod, mount).",
            "In a container: is the folder mounted writable?",
        ),
        types=(r"^PermissionError$",),
        messages=(
            r"Permission denied|\[Errno 13\]",
            r"Read-only file system|\[Errno 30\]",
            r"WinError 5\b",
            r"Saving image outside the output folder is not allowed",
        ),
    ),
    Cause(
        "unsafe_model",
        "The model file holds code, or is no model",
        "PyTorch refused to unpickle the file: it would run code, or it is not a checkpoint at all "
        "(a web page saved instead of the file looks so too).",
        (
            "Download it again, from a source that you trust, as .safetensors.",
            "Compare its size with the source's.",
        ),
        Remedy.OPEN_NODE,
        types=(r"UnpicklingError",),
        messages=(
            r"Weights only load failed",
            r"invalid load key",
            r"pickle data was truncated",
            r"Unsupported operand \d+",
        ),
    ),
    Cause(
        "corrupt_model",
        "The model file is damaged",
        "The file is incomplete, or another kind of file than its name says.",
        (
            "Download it again and compare its size; a web page saved instead of the file is the usual case.",
            "o opens the workflow at the loader, to choose another file.",
        ),
        Remedy.OPEN_NODE,
        types=(r"SafetensorError",),
        messages=(
            r"Error while deserializing header",
            r"header too (?:large|small)|MetadataIncompleteBuffer|InvalidHeader",
            r"safetensors file is corrupt",
            r"PytorchStreamReader failed",
            r"invalid magic number; corrupt file",
            r"unexpected EOF|Ran out of input",
            r"gguf.*(?:magic|truncated)|GGUF magic invalid",
        ),
    ),
    Cause(
        "wrong_model",
        "The model file is of another kind",
        "The file was read, but it is not what this node loads: a LoRA as a checkpoint, a checkpoint without "
        "a text encoder or VAE, a model of another family.",
        (
            "o opens the workflow at the node: choose another file, or the loader for this kind of model.",
            "A newer model may need a newer ComfyUI.",
        ),
        Remedy.OPEN_NODE,
        messages=(
            r"Could not detect model type",
            r"clip input is invalid: None",
            r"VAE is invalid: None",
            r"controlnet file is invalid",
            r"clip vision file is invalid",
            r"invalid style model",
            r"Error\(s\) in loading state_dict",
            r"Upscale model must be",
            r"UnsupportedModel|unsupported model",
            r"Controlnet needs a VAE",
            r"Unsupported (?:text encoder|model architecture)|unknown architecture",
        ),
    ),
    Cause(
        "missing_model",
        "A model file is missing on the server",
        "The server does not have the file that the node names, or no longer has it.",
        (
            "2, then d on the workflow shows which models are missing and where they come from.",
            "o opens the workflow at the node, to choose a file that is there.",
        ),
        Remedy.OPEN_NODE,
        messages=(
            r"Model in folder '[^']*' with filename '[^']*' not found",
            r"No such file or directory:[^\n]*\.(?:safetensors|ckpt|pth?|bin|gguf|sft|onnx)\b",
            r"NoneType[^\n]*(?:full_path|load_torch_file)",
            r"(?:does not appear to have a file named|We couldn't connect to 'https://huggingface)",
            r"(?:RepositoryNotFound|LocalEntryNotFound|EntryNotFound)Error",
        ),
    ),
    Cause(
        "missing_node",
        "A node class or Python package is missing",
        "The pack that brings the class is not installed, or failed to load: a Python package lacks.",
        (
            "2, then d on the workflow shows the pack, and I installs it.",
            "The server's log (5) tells at its start why a pack failed (IMPORT FAILED).",
        ),
        Remedy.OPEN_NODE,
        types=(r"^(?:ModuleNotFoundError|ImportError)$", r"NodeNotFoundError"),
        messages=(
            r"No module named",
            r"cannot import name",
            r"node type[^\n]* not found",
            r"Node '[^']*' not found",
        ),
    ),
    Cause(
        "missing_input",
        "An input file is missing",
        "The node was told to read a file that the server does not have, or that is no picture.",
        (
            "2, then i on the workflow uploads the file.",
            "o opens the workflow at the node, to choose a file that is there.",
        ),
        Remedy.OPEN_NODE,
        types=(r"^FileNotFoundError$", r"UnidentifiedImageError"),
        messages=(
            r"No such file or directory",
            r"Invalid (?:image|audio|video|mask) file",
            r"cannot identify image file",
            r"image file is truncated",
            r"Invalid data found when processing input",
        ),
    ),
    Cause(
        "device",
        "Two parts lie on different devices",
        "A node mixed values of the card and of the main memory: a custom node's fault, or one that does not "
        "know of offloading.",
        ("Update the pack of the node; F (free and retry) helps where a model was left half unloaded.",),
        Remedy.FREE_RETRY,
        messages=(
            r"Expected all tensors to be on the same device",
            r"Tensor on device \S+ is not on the expected device",
            r"Input type \([^)]*cuda[^)]*\) and weight type \((?![^)]*cuda)",
        ),
    ),
    Cause(
        "dtype",
        "Number formats do not fit",
        "Two parts calculate in different formats (half, bfloat16, float), or the device does not know one.",
        (
            "o opens the workflow at the node: weight_dtype=default, and the VAE that belongs to the model.",
            "--force-fp32, --fp32-vae or --bf16-unet at ComfyUI's start may help.",
        ),
        Remedy.OPEN_NODE,
        messages=(
            r"to have the same dtype",
            r"Input type \([^)]*\) and (?:weight|bias) type \([^)]*\) should be the same",
            r"expected scalar type \S+ but found",
            r"(?:dot|self and mat2|mat1 and mat2)[^\n]*same dtype",
            r"not implemented for '(?:Half|BFloat16|Float8[^']*|Long|Int|Char|Byte|Double|Bool)'",
            r"Got unsupported ScalarType",
            r"result type \S+ can't be cast",
            r"does not support (?:bfloat16|float8|fp8|float64)|doesn't support float64",
        ),
    ),
    Cause(
        "shape",
        "Sizes do not fit",
        "Two parts have shapes that cannot be combined: parts of different model families (a text encoder, "
        "ControlNet, LoRA or VAE of another one), or pictures and masks of different sizes.",
        (
            "Are model, text encoder, VAE, LoRA and ControlNet of one family (SD 1.5, SDXL, Flux ...)?",
            "Pictures: the same size, a multiple of 8; with or without alpha alike.",
            "o opens the workflow at the node.",
        ),
        Remedy.OPEN_NODE,
        messages=(
            r"shapes cannot be multiplied",
            r"The (?:size of tensor|expanded size of the tensor)",
            r"Sizes of tensors must match",
            r"expected input\[[^\]]*\] to have \d+ channels",
            r"shape '[^']*' is invalid for input of size",
            r"Expected (?:size|number of channels|\d+D|tensor|weight|input batch_size)",
            r"expected input with shape",
            r"stack expects each tensor to be equal size",
            r"number of dimensions in the tensor input does not match",
            r"could not be broadcast|operands could not be broadcast|cannot be broadcast",
            r"size mismatch",
            r"Kernel size can't be greater than actual input size",
            r"Padding size should be less than",
            r"einops|Error while processing rearrange",
            r"index \d+ is out of bounds for dimension",
            r"tensors? used as indices",
            r"must match the existing size",
        ),
        types=(r"EinopsError",),
    ),
    Cause(
        "cycle",
        "The workflow runs in a circle",
        "A node waits for its own result.",
        ("o opens the workflow at the node: break the loop.",),
        Remedy.OPEN_NODE,
        types=(r"DependencyCycleError",),
        messages=(r"Dependency cycle detected",),
    ),
    Cause(
        "download",
        "The server could not fetch something",
        "The node wanted something from the internet, and the server cannot reach it or was refused.",
        (
            "Has the server internet, and are the keys for the service right?",
            "u runs it again; a model can also be put into its folder by hand.",
        ),
        Remedy.RETRY,
        types=(
            r"(?:requests|urllib3|httpx|aiohttp|urllib)\.[\w.]*(?:Error|Timeout|Exception)",
            r"^(?:URLError|HTTPError)$",
        ),
        messages=(
            r"Max retries exceeded with url",
            r"Name or service not known|Temporary failure in name resolution|getaddrinfo failed",
            r"HTTP Error [45]\d\d|\b(?:401|403|404|429|50[0-4]) (?:Client|Server) Error",
            r"CERTIFICATE_VERIFY_FAILED",
            r"Unauthorized: Please login|Payment Required|Insufficient credits",
        ),
    ),
    Cause(
        "wrong_call",
        "A node was called wrongly",
        "The node's code does not take what ComfyUI gave it: the pack is older or newer than the workflow or "
        "than ComfyUI.",
        (
            "Update the pack of the node (or ComfyUI), then restart ComfyUI.",
            "o opens the workflow at the node: an input may be empty that must not be.",
        ),
        Remedy.OPEN_NODE,
        messages=(
            r"got an unexpected keyword argument",
            r"missing \d+ required (?:positional|keyword-only) argument",
            r"'NoneType' object (?:has no attribute|is not (?:subscriptable|iterable|callable))",
            r"object has no attribute",
        ),
    ),
    # -- found by what happened, not by an exception's words ---------------------------------------
    Cause(
        "stuck",
        "The queue does not move",
        "The same job is listed as running, its steps stand still and waiting jobs do not begin. Some "
        "prompts end the server's worker for good; it then answers and does nothing.",
        (
            "Look at the last step, the log (5) and the memory. A large model may load for minutes.",
            "If it is dead, only a restart of ComfyUI helps; the jobs that wait are then offered again.",
        ),
    ),
    Cause(
        "lost",
        "The server forgot the job",
        "ComfyUI keeps its queue and history in memory: a restart empties both.",
        ("u queues it again, once.",),
        Remedy.RETRY,
    ),
    Cause(
        "rejected",
        "The server refused the workflow (400)",
        "A node, a connection or a value is not valid. The message names the node and its input.",
        (
            "2, then d on the workflow shows all findings at once, with what mends them.",
            "enter on a finding goes to the value.",
        ),
        Remedy.OPEN_NODE,
    ),
    *(Cause(fault.id, fault.title, fault.cause, (fault.step,)) for fault in FAULTS.values()),
    Cause(
        "unknown",
        "Not a known kind of failure",
        "The message and the traceback say all that is known.",
        (
            "The frames below name the file: under custom_nodes it is a pack's, and its page takes reports.",
            "Y copies a report for an issue; u runs the job again.",
        ),
        Remedy.RETRY,
    ),
)
