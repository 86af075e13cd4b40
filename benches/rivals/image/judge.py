"""SSIMULACRA2 against a Lanczos resize in floating point of Pillow's full decode. One job a line of standard
input, `{"file", "result", "reference", "convert"}`, one `{"score"}` back; a file's reference is made once."""

import io
import json
import sys

import numpy
import pillow_heif
import ssimulacra2
from PIL import Image, ImageCms, ImageOps

Image.MAX_IMAGE_PIXELS = None
pillow_heif.register_heif_opener()


def upright(path):
    image = ImageOps.exif_transpose(Image.open(path))
    icc = image.info.get("icc_profile")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        image = Image.new("RGB", rgba.size, "white")
        image.paste(rgba, mask=rgba.getchannel("A"))
    return image.convert("RGB"), icc


def to_srgb(image, icc):
    if not icc:
        return image
    source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), renderingIntent=1)


def resized(image, size):
    bands = [Image.fromarray(numpy.asarray(band, dtype=numpy.float32)) for band in image.split()]
    bands = [numpy.asarray(band.resize(size, Image.Resampling.LANCZOS)) for band in bands]
    return numpy.clip(numpy.stack(bands, axis=-1), 0, 255)


references = {}
for line in sys.stdin:
    job = json.loads(line)
    try:
        result = Image.open(job["result"]).convert("RGB")
        # Whoever keeps or ignores the profile is compared with the unconverted reference.
        key = (job["file"], result.size, job["convert"])
        if key not in references:
            image, icc = upright(job["file"])
            if job["convert"]:
                image = to_srgb(image, icc)
            references[key] = job["reference"] + f".{len(references)}.png"
            pixels = numpy.rint(resized(image, result.size)).astype(numpy.uint8)
            Image.fromarray(pixels).save(references[key], compress_level=1)
        saved = job["result"] + ".png"
        result.save(saved, compress_level=1)
        print(json.dumps({"score": float(ssimulacra2.compute_ssimulacra2(references[key], saved))}), flush=True)
    except Exception as e:
        print(json.dumps({"score": None, "error": str(e)}), flush=True)
