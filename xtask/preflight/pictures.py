"""Which pictures are good, as a person saw them on contact sheets before any of their numbers were known.

A picture counts by the end of its path. Of packages and corpora nothing else is taken; specimens are taken all.
"""

import hashlib
import io
import os

import numpy as np
import pillow_heif
from PIL import Image, ImageOps

pillow_heif.register_heif_opener()
Image.MAX_IMAGE_PIXELS = None

# Debian's packages that hold photographs. Left out of them: whatever is drawn or rendered, patterns; close-ups of
# which most is out of focus (Aqua, FreshFlower, Garden, TwoWings, LadyBird, seeding); Storm, dark and blurred by its
# movement; of opencv-doc aero1 and aero3 (haze), apple and orange (enlarged), basketball (people in motion), stuff,
# left and right (a poor camera), ela_original (a dark cover and nothing else), text_defocus, text_motion and
# licenseplate_motion (blurred on purpose), and second views of one scene; of skimage what microscopes, telescopes and
# X-rays saw, clock_motion, and whatever is less than 256 pixels high.
PACKAGES = ("lomiri-wallpapers-16.04", "mate-backgrounds", "opencv-doc", "python3-skimage")

PHOTOGRAPHS = {
    "document": """
        photos/document-intelligence-code-samples__business_card.jpg photos/metadata-extractor-images__Nikon_D90.jpg
        photos/metadata-extractor-images__Canon_Powershot_A2500.JPG photos/test-assets__book-beside-flowers.jpg
        documents/cognitive-services-REST-api-samples__business-card-english.jpg
        documents/test-assets__handwritten-notes.jpg orientation/pillow-heif__arrow.heic examples/data/sudoku.png""",
    "person": "skimage/data/astronaut.png",
    "scene": """
        photos/Ultra_HDR_Samples__Ultra_HDR_Samples_Originals_01.jpg photos/exif-samples__42_IndexError.jpg
        photos/exif-samples__HMD_Nokia_8.3_5G.jpg photos/exifr__heic-iphone.heic photos/exifr__iptc-mess.jpg
        photos/metadata-extractor-images__FujiFilm_FinePixS5500.jpg photos/metadata-extractor-images__IMG_1034.heic
        photos/metadata-extractor-images__Issue_525.jpg photos/metadata-extractor-images__Kodak_Z1012_IS.jpg
        photos/metadata-extractor-images__Oppo_R7_Plus.jpg
        photos/metadata-extractor-images__Samsung_SM-G935L__Galaxy_S7_Edge_.jpg
        heic/pillow-heif__empty_icc.heic heic/test-assets__IMG_2682.heic
        orientation/exif-samples__landscape_1.jpg orientation/sharp__Landscape_9.jpg
        phone-jpeg/libavif__paris_exif_xmp_gainmap_bigendian.jpg
        Bridge_by_Sander_Klootwijk.jpg Dragonfly_by_Bolly.jpg Picture_0B_by_freespace.jpg Picture_1A_by_freespace.jpg
        Wine_by_Jakkub_Mede.jpg aitzgorri_by_Aitzol_Berasategi.jpg free_by_Peter_Nerlich.jpg
        friends_by_Aitzol_Berasategi.jpg greentock_by_Peter_Nerlich.jpg life_by_Aitzol_Berasategi.jpg
        picosdeeuropa_by_Aitzol_Berasategi.jpg sunset_by_Aitzol_Berasategi.jpg
        nature/Blinds.jpg nature/Dune.jpg nature/GreenMeadow.jpg nature/RainDrops.jpg nature/Wood.jpg
        nature/YellowFlower.jpg
        examples/data/aloeL.jpg examples/data/baboon.jpg examples/data/board.jpg examples/data/box_in_scene.png
        examples/data/building.jpg examples/data/butterfly.jpg examples/data/chicky_512.png examples/data/fruits.jpg
        examples/data/graf1.png examples/data/home.jpg examples/data/left01.jpg examples/data/leuvenA.jpg
        examples/data/messi5.jpg plant.jpg examples/data/rubberwhale1.png examples/data/squirrel_cls.jpg
        examples/data/starry_night.jpg scenetext01.jpg scenetext02.jpg scenetext03.jpg scenetext04.jpg scenetext05.jpg
        scenetext06.jpg scenetext_segmented_word01.jpg scenetext_segmented_word02.jpg scenetext_segmented_word03.jpg
        scenetext_segmented_word04.jpg scenetext_segmented_word05.jpg
        skimage/data/brick.png skimage/data/camera.png skimage/data/chelsea.png skimage/data/coffee.png
        skimage/data/coins.png skimage/data/grass.png skimage/data/gravel.png skimage/data/motorcycle_left.png
        skimage/data/rocket.jpg""",
}

# Drawn or scanned, no photographs. Left out of the open corpus: barcodes and nothing else; the moon at night
# (FZ201); an enlarged picture (heic__exif) and a white frame (read-error1024); seven more turns of landscape_1; what
# is drawn for tests of decoders; whatever is less than 256 pixels high.
DRAWN = {
    "document": """
        documents/amazon-textract-textractor__driverlicense.png documents/amazon-textract-textractor__fake_id.png
        documents/document-intelligence-code-samples__DriverLicense.png
        documents/document-intelligence-code-samples__Passport.png
        documents/document-intelligence-code-samples__id-license.png
        documents/document-intelligence-code-samples__receipt-hotel.png""",
}


class Picture:
    """One good picture: what it shows, where its file is, and its number, which is its name's: lists may grow."""

    def __init__(self, path, kind, source):
        self.path, self.kind, self.source = path, kind, source
        self.name = os.path.basename(path)
        self.number = int.from_bytes(hashlib.sha256(self.name.encode()).digest()[:4], "big")
        self.aside = self.number % 2 == 1

    def luma(self, longest=1920):
        """Upright, at most so long."""
        image = upright(self.path)
        fit = longest / max(image.size)
        if fit < 1:
            image = image.resize([round(s * fit) for s in image.size], Image.Resampling.LANCZOS)
        return np.asarray(image.convert("L"), np.float32)

    def longest(self):
        with Image.open(self.path) as image:
            return max(image.size)


def upright(path):
    image = ImageOps.exif_transpose(Image.open(path))
    if image.mode in ("RGBA", "LA", "PA", "P"):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def good(folders, specimens):
    """The good pictures below these folders and the specimens, and the listed names that are not here."""
    listed = {}
    for source, by_kind in (("photograph", PHOTOGRAPHS), ("drawn", DRAWN)):
        listed.update({end: (kind, source) for kind, ends in by_kind.items() for end in ends.split()})
    found = {}
    for folder in folders:
        for where, _, names in sorted(os.walk(folder)):
            for name in sorted(names):
                path = os.path.join(where, name)
                for end, (kind, source) in listed.items():
                    if path.endswith("/" + end):
                        found.setdefault(end, Picture(path, kind, source))
    for name in sorted(os.listdir(specimens)):
        found[name] = Picture(os.path.join(specimens, name), name.split("-")[0], "specimen")
    # A few of many are of all kinds.
    return sorted(found.values(), key=lambda p: p.number), sorted(set(listed) - set(found))


def written(luma):
    file = io.BytesIO()
    Image.fromarray(np.clip(np.rint(luma), 0, 255).astype(np.uint8)).save(file, "JPEG", quality=90)
    return file.getvalue()
