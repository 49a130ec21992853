"""A server that speaks ComfyUI's protocol and needs no graphics card."""
