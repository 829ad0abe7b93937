"""Rebuilds the still pictures of the explorer: ``python tutorials/stills.py``.

A still shows one card of a prepared view, for readers of a page that runs no scripts. Chromium and Selenium draw it.
"""

from __future__ import annotations

import base64
import io
import shutil
import tempfile
from pathlib import Path

from dilated_rnn_np.plot import explorer

HERE = Path(__file__).resolve().parent
NINE = "d=1,2,4,8,16,32,64,128,256"
STILLS = {  # the card to show, or the whole window; the window's width; the settings, as in the links of the tutorials
    "explorer.png": (None, 1440, "d=1,2,4,8&T=32&mode=backward&r=0.8"),
    "explorer_backward.png": (".picture", 1240, "d=1,2,4&T=16&mode=backward&r=0.8"),
    "explorer_fold.png": (".fold", 1240, "d=1,2,4&fold=4&folded=1"),
    "explorer_path.png": (".picture", 1240, "d=1,2,4,8&T=16&from=0&to=15"),
    "explorer_lengths.png": (".lengths", 1440, f"{NINE}&T=320&from=0&to=300&n=300"),
    "explorer_plain.png": (".picture", 1240, "system=plain&d=1,2,4,8&T=32&mode=backward&r=0.8"),
}


def draw_stills() -> None:
    """Draw every still into ``pictures``."""
    from PIL import Image
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    with tempfile.TemporaryDirectory() as folder:
        page = explorer([1, 2, 4], Path(folder) / "explorer.html")
        for flag in ("headless=new", "hide-scrollbars", "no-sandbox", "force-prefers-reduced-motion"):
            options.add_argument(f"--{flag}")
        options.add_argument(f"--user-data-dir={folder}/profile")
        window = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
        for name, (card, width, settings) in STILLS.items():
            size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
            window.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            window.get("about:blank")
            window.get(f"{page.as_uri()}#{settings}&theme=light")
            box = {"x": 0, "y": 0, "width": width, "height": 900}
            if card:
                script = "const b = document.querySelector(arguments[0]).getBoundingClientRect(); return [b.x, b.y, b.width, b.height]"
                box = dict(zip(box, window.execute_script(script, card), strict=True))
            shot = {"captureBeyondViewport": True, "clip": box | {"scale": 1}}
            png = base64.b64decode(window.execute_cdp_cmd("Page.captureScreenshot", shot)["data"])
            still = Image.open(io.BytesIO(png)).convert("RGB")
            # A palette makes the file a third as large; this method keeps the colours of thin lines.
            still = still.quantize(256, method=Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
            still.save(HERE / "pictures" / name, optimize=True)
        window.quit()


if __name__ == "__main__":
    draw_stills()
