"""Pillow, pillow-heif, pyvips and OpenCV: one file per line of standard input (FILE<TAB>OUT), one
line of JSON back. The rival's name is the first argument. One thread each."""

import io
import json
import resource
import sys
import time

NAME = sys.argv[1]
BOX = 1920

if NAME in ("pillow", "pillow-heif"):
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = None
    if NAME == "pillow-heif":
        import pillow_heif

        pillow_heif.options.DECODE_THREADS = 1
        pillow_heif.register_heif_opener()

    def run(data):
        image = Image.open(io.BytesIO(data))
        image.draft("RGB", (BOX, BOX))
        image = ImageOps.exif_transpose(image)
        if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
            rgba = image.convert("RGBA")
            image = Image.new("RGB", rgba.size, "white")
            image.paste(rgba, mask=rgba.getchannel("A"))
        image = image.convert("RGB")
        image.thumbnail((BOX, BOX), Image.Resampling.LANCZOS)
        out = io.BytesIO()
        image.save(out, "JPEG", quality=85)
        return out.getvalue()

elif NAME == "pyvips":
    import os

    os.environ["VIPS_CONCURRENCY"] = "1"
    import pyvips

    pyvips.cache_set_max(0)

    def run(data):
        image = pyvips.Image.thumbnail_buffer(data, BOX, height=BOX, size="down")
        if image.hasalpha():
            image = image.flatten(background=[255, 255, 255])
        return image.jpegsave_buffer(Q=85, keep="none")

elif NAME == "opencv":
    import cv2
    import numpy

    cv2.setNumThreads(1)

    def run(data):
        image = cv2.imdecode(numpy.frombuffer(data, numpy.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise ValueError("not decoded")
        height, width = image.shape[:2]
        scale = min(1.0, BOX / max(height, width))
        if scale < 1.0:
            size = (round(width * scale), round(height * scale))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        ok, out = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])
        return out.tobytes()

else:
    sys.exit(f"unknown rival {NAME}")

for line in sys.stdin:
    file, _, save = line.rstrip("\n").partition("\t")
    with open(file, "rb") as source:
        data = source.read()
    begun = time.process_time()
    try:
        result, error = run(data), ""
    except Exception as e:  # a rival's refusal is a result
        result, error = b"", str(e) or type(e).__name__
    cpu = (time.process_time() - begun) * 1000
    if save and result:
        with open(save, "wb") as target:
            target.write(result)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = {"cpu_ms": cpu, "bytes": len(result), "rss_kb": peak, "error": error}
    print(json.dumps(answer), flush=True)
