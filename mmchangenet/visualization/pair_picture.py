"""One picture of a pair: every lighting of both sides and their difference."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONT_FOLDER = Path(
    matplotlib.get_data_path()) / 'fonts/ttf'  # matplotlib brings DejaVu, which knows most alphabets
BACKGROUND, INK, FAINT, UNREADABLE = (255, 255, 255), (32, 33, 36), (110, 114, 120), (176, 178, 182)
TILE = 192  # pixels of a tile's longer side, about
BORDER = 16
GAP = 6
SIDE_WIDTH = 104  # column that names compare, golden and difference
LEAST_WIDTH = 640  # so that the heading has room
LEAST_FULL_SCALE = 48  # grey levels; weaker differences stay dark instead of turning noise into fireworks


def draw_pair(compare: Sequence[np.ndarray[Any, Any] | str], golden: Sequence[np.ndarray[Any, Any] | str],
              lights: Sequence[str], heading: str, details: Sequence[str] = ()) -> np.ndarray[Any, Any]:
    """Draw a grid: a row each for compare, golden and difference, a column a lighting.

    Args:
        compare, golden: L images each, uint8 RGB (h, w, 3) of any size, or the reason why
            there is none.
        lights: L names.
        heading: the line above, in bold.
        details: further lines.

    Returns:
        uint8 RGB (H, W, 3).
    """
    differences, full_scale = difference_maps(compare, golden)
    tiles = [[image if isinstance(image, str) else _tile(image) for image in side]
             for side in (compare, golden, differences)]
    height, width = next((tile.shape[:2] for side in tiles for tile in side if not isinstance(tile, str)),
                         (TILE, TILE))
    grid = [[_unreadable(tile, width, height) if isinstance(tile, str) else tile for tile in side]
            for side in tiles]
    widths = [max(tile.shape[1] for tile in column) for column in zip(*grid, strict=True)]
    heights = [max(tile.shape[0] for tile in line) for line in grid]
    bold, plain, small = _font(17, 'Bold'), _font(13), _font(11)

    head = BORDER + 26 + 18 * len(details) + 10
    names = 18 if any(lights) else 0
    width = max(LEAST_WIDTH, SIDE_WIDTH + sum(widths) + GAP * (len(widths) - 1) + 2 * BORDER)
    canvas = Image.new('RGB', (width, head + names + sum(heights) + GAP * 2 + BORDER), BACKGROUND)
    draw = ImageDraw.Draw(canvas)
    room = width - 2 * BORDER
    draw.text((BORDER, BORDER), _shortened(heading, bold, room), INK, bold)
    for number, detail in enumerate(details):
        draw.text((BORDER, BORDER + 26 + 18 * number), _shortened(detail, plain, room), FAINT, plain)

    sides = (('compare', ''), ('golden', ''), ('difference',
                                               f'up to {full_scale} of 255' if full_scale else ''))
    top = head + names
    for (side, note), line, height in zip(sides, grid, heights, strict=True):
        draw.text((BORDER, top + height // 2), side, INK, plain, anchor='lm')
        draw.text((BORDER, top + height // 2 + 15), note, FAINT, small, anchor='lm')
        left = BORDER + SIDE_WIDTH
        for tile, light, column in zip(line, lights, widths, strict=True):
            if side == 'compare':
                draw.text((left, head), _shortened(light, plain, column), INK, plain)
            canvas.paste(Image.fromarray(tile), (left, top))
            left += column + GAP
        top += height + GAP
    return np.asarray(canvas)


def difference_maps(
        compare: Sequence[np.ndarray[Any, Any] | str],
        golden: Sequence[np.ndarray[Any, Any] | str]) -> tuple[list[np.ndarray[Any, Any] | str], int]:
    """Absolute difference of each lighting, mean over the channels, as heat maps on one scale.

    Args:
        compare, golden: as in ``draw_pair``; where sizes differ, compare is resized.

    Returns:
        heat maps, uint8 RGB (h, w, 3), or a reason; and the difference in grey levels
        that the brightest colour stands for, 0 when there is no map. One pixel in a hundred may differ more.
    """
    maps: list[Any] = []
    for left, right in zip(compare, golden, strict=True):
        if isinstance(left, str) or isinstance(right, str):
            maps.append('no difference')
            continue
        left = _resized(left, right.shape[1], right.shape[0])
        maps.append(np.abs(left.astype(np.int16) - right).mean(axis=2))
    peaks = [float(np.percentile(change, 99)) for change in maps if not isinstance(change, str)]
    full_scale = max(LEAST_FULL_SCALE, *peaks) if peaks else 0
    return [change if isinstance(change, str) else _heat(change / full_scale)
            for change in maps], round(full_scale)


def _heat(share: Any) -> Any:
    grey = np.clip(share * 255, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(cv2.applyColorMap(grey, cv2.COLORMAP_INFERNO)[..., ::-1])


def _resized(image: Any, width: Any, height: Any) -> Any:
    if image.shape[:2] == (height, width):
        return image
    shrinks = width * height < image.shape[0] * image.shape[1]
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def _tile(image: Any) -> Any:
    """An image at about TILE pixels: small ones whole times larger, so that every pixel is seen as it is."""
    height, width = image.shape[:2]
    times = TILE / max(height, width)
    if times >= 1:
        return image.repeat(round(times), axis=0).repeat(round(times), axis=1)
    return _resized(image, max(1, round(width * times)), max(1, round(height * times)))


def _unreadable(reason: Any, width: Any, height: Any) -> Any:
    canvas = Image.new('RGB', (width, height), UNREADABLE)
    draw, font = ImageDraw.Draw(canvas), _font(12)
    lines = _wrapped(reason, font, width - 16, (height - 16) // 15)
    draw.multiline_text((width // 2, height // 2), lines, INK, font, anchor='mm', align='center')
    return np.asarray(canvas)


def _wrapped(text: Any, font: Any, room: Any, most_lines: Any) -> Any:
    """Text in lines that fit, broken after a space or a slash, or anywhere within a longer word."""
    lines = ['']
    for word in re.findall(r'[^ /]*[ /]|[^ /]+', text):
        if lines[-1] and font.getlength(lines[-1] + word.strip()) > room:
            lines.append('')
        for letter in word:
            if lines[-1] and font.getlength(lines[-1] + letter) > room:
                lines.append('')
            lines[-1] += letter
    return '\n'.join(line.strip()
                     for line in (lines if len(lines) <= most_lines else [*lines[:most_lines - 1], '…']))


def _shortened(text: Any, font: Any, room: Any) -> Any:
    """Text cut in its middle until it fits: a path's end says most."""
    if font.getlength(text) <= room:
        return text
    keep = len(text)
    while keep > 1 and font.getlength(text[:keep // 3] + '…' + text[-(keep - keep // 3):]) > room:
        keep -= 1
    return text[:keep // 3] + '…' + text[-(keep - keep // 3):]


def _font(size: Any, weight: str = '') -> Any:
    return ImageFont.truetype(str(FONT_FOLDER / f'DejaVuSans{"-" * bool(weight)}{weight}.ttf'), size)
