"""Whether what would be refused could still have been read: tesseract's words of the good picture, found again."""

import shutil
import subprocess

import numpy as np


def read(path):
    done = subprocess.run(["tesseract", path, "-", "--psm", "11"], capture_output=True, text=True, env={"OMP_THREAD_LIMIT": "1", "PATH": "/usr/bin:/bin:/usr/local/bin"})
    words = ("".join(c for c in word if c.isalnum()).lower() for word in done.stdout.split())
    return {word for word in words if len(word) >= 4}


def here():
    return shutil.which("tesseract") is not None


class Recall:
    """Of so many refused pictures of each kind of damage, how many of their words can be read."""

    def __init__(self, clean, most):
        self.clean, self.most, self.known, self.found = clean, most, {}, {}

    def look(self, label, refused):
        """`refused`: pictures and the files of what became of them."""
        found = self.found.setdefault(label, [])
        for picture, path in refused:
            if len(found) >= self.most:
                return
            if picture.name not in self.known:
                self.known[picture.name] = read(self.clean(picture))
            words = self.known[picture.name]
            # Too few words say nothing.
            if len(words) >= 8:
                found.append(len(words & read(path)) / len(words))

    def table(self):
        every = [v for found in self.found.values() for v in found]
        if not every:
            return (float("nan"), 0)
        print("\nrefused documents whose words were sought, by damage: how many; median recall; still read (0.7 or more)")
        for label, found in self.found.items():
            if found:
                print(f"  {label:20}{len(found):5}{np.median(found):8.2f}{sum(v >= 0.7 for v in found):5}")
        return (float(np.mean([v >= 0.7 for v in every])), len(every))
