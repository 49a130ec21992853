"""All classes that make trouble. They stand beside the others in /object_info, as an installed pack does."""

from deploy.simulator.nodes.trouble.moving import FRAMES, PROGRESS, WAIT
from deploy.simulator.nodes.trouble.raising import RAISE
from deploy.simulator.nodes.trouble.secrets import KEY
from deploy.simulator.nodes.trouble.seeds import SEED
from deploy.simulator.nodes.trouble.showing import SHOW

TROUBLE = (RAISE, SHOW, WAIT, PROGRESS, FRAMES, SEED, KEY)
