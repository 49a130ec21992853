"""What flows along the links of a prompt, as light as the pictures to be drawn allow."""

from dataclasses import dataclass, field, replace

from PIL import Image


@dataclass(frozen=True)
class Model:
    """A checkpoint with the LoRAs put on it; also stands for its text encoder and its VAE."""

    checkpoint: str
    loras: tuple[tuple[str, float], ...] = ()

    def with_lora(self, name: str, strength: float) -> "Model":
        return replace(self, loras=(*self.loras, (name, strength)))


@dataclass(frozen=True)
class Conditioning:
    """A prompt text, encoded."""

    text: str


@dataclass(frozen=True)
class Recipe:
    """All that decides how a sampled picture looks."""

    text: str
    negative: str
    seed: int
    steps: int
    cfg: float
    sampler: str
    scheduler: str
    denoise: float
    model: Model


@dataclass(frozen=True)
class Latent:
    """So many pictures to be: sized in pixels, perhaps made from pictures, perhaps sampled."""

    width: int
    height: int
    batch_size: int
    pictures: "Pictures | None" = None
    recipe: Recipe | None = None
    mask: "Masks | None" = None  # what is sampled; None for all


@dataclass(frozen=True)
class Pictures:
    """A batch of pictures of one size."""

    images: tuple[Image.Image, ...]

    @property
    def size(self) -> tuple[int, int]:
        return self.images[0].size

    def __str__(self) -> str:
        return f"tensor(shape=[{len(self.images)}, {self.size[1]}, {self.size[0]}, 3])"


@dataclass(frozen=True)
class Masks:
    """A batch of greyscale pictures."""

    images: tuple[Image.Image, ...]

    def __str__(self) -> str:
        width, height = self.images[0].size
        return f"tensor(shape=[{len(self.images)}, {height}, {width}])"


@dataclass(frozen=True)
class Sound:
    """Silence of some length."""

    seconds: float
    sample_rate: int = 44100
    channels: int = 2


@dataclass(frozen=True)
class Video:
    """Pictures at a rate, perhaps with sound."""

    pictures: Pictures
    frames_per_second: float
    sound: Sound | None = field(default=None)
