"""Writing changed values back into an editor workflow (the reverse of graph-to-prompt, section 10)."""

from comfy_tui.workflow.writeback.write import WrittenBack, shared_inputs, write_back

__all__ = ["WrittenBack", "shared_inputs", "write_back"]
