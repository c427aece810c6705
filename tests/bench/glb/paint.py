"""Textures that a 3D-generation model might have painted: smooth, some edges, a little grain.

Tuned so that PNG, JPEG and WebP make of them about what they make of textures from such models.
"""

import io

import numpy as np
from PIL import Image

from tests.bench.glb.surface import Floats


def natural_noise(size: int, falloff: float, random: np.random.Generator) -> Floats:
    """Between 0 and 1; the finer the detail, the weaker."""
    waves = np.fft.rfft2(random.standard_normal((size, size)))
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :])
    frequency[0, 0] = 1
    noise = np.fft.irfft2(waves / frequency**falloff, s=(size, size))
    return np.asarray((noise - noise.min()) / np.ptp(noise))


def base_colour(size: int, random: np.random.Generator) -> bytes:
    """JPEG, as providers send it."""
    patches = natural_noise(size, 2.4, random)
    detail = natural_noise(size, 1.9, random)
    palette = random.uniform(0.1, 0.9, (6, 3))
    colours = palette[np.minimum((patches * 6).astype(int), 5)]
    shaded = colours * (0.55 + 0.9 * detail[..., None]) + random.normal(0, 0.0035, (size, size, 1))
    return encoded(shaded * 255, "JPEG", quality=92)


def normal_map(size: int, random: np.random.Generator) -> bytes:
    height = natural_noise(size, 2.2, random) * size * 0.06
    down, across = np.gradient(height)
    vectors = np.stack([-across, down, np.ones_like(height)], axis=2)
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    return encoded(vectors * 127.5 + 127.5, "PNG")


def occlusion_roughness_metal(size: int, random: np.random.Generator) -> bytes:
    occlusion = 0.7 + 0.3 * natural_noise(size, 2.2, random)
    roughness = 0.3 + 0.6 * natural_noise(size, 1.9, random)
    metal = np.clip((natural_noise(size, 2.0, random) - 0.55) * 30, 0, 1)
    return encoded(np.stack([occlusion, roughness, metal], axis=2) * 255, "PNG")


def encoded(pixels: Floats, kind: str, **options: int) -> bytes:
    image = Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()
