"""What it takes to run the services: on one machine, in containers, and against a ComfyUI without a GPU."""
