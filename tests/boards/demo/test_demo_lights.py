"""Each light shows what it is there for."""

import cv2
import numpy as np
import pytest

from mmchangenet.boards.demo import DEFECTS, LIGHTS, take_shot
from mmchangenet.boards.demo.board import board_sites
from mmchangenet.boards.demo.defects import can_have
from mmchangenet.boards.demo.packages import PACKAGES
from mmchangenet.boards.demo.shot import GOLDEN
from mmchangenet.boards.lighting import shade
from mmchangenet.boards.scene import Scene

SIZE = 96


def site_of(package):
    """Number of the first site with a package."""
    return next(number for number, site in enumerate(board_sites(0)) if site.package == package)


def change(first, second, light):
    """Largest 9×9 mean of the absolute difference of two shots."""
    difference = np.abs(first[light].astype(np.float32) - second[light]).mean(2)
    return cv2.blur(difference, (9, 9))[4:-4, 4:-4].max()


def visibility(number, defect, boards=range(4)):
    """Light → how much a defect changes the picture, in units of what good boards differ by."""
    golden = take_shot(0, GOLDEN, number, SIZE)
    good = [take_shot(0, board, number, SIZE) for board in boards]
    bad = [take_shot(0, board, number, SIZE, defect) for board in boards]
    return {light: np.mean([change(*pair, light) for pair in zip(good, bad, strict=True)])
            / np.mean([change(golden, shot, light) for shot in good]) for light in LIGHTS}


def painted(metal=0.0):
    """A flat grey patch."""
    scene = Scene(64)
    scene.paint(np.ones((64, 64), np.float32), (0.4, 0.4, 0.4), metal=metal)
    return scene


def test_the_low_light_sees_height_and_the_dome_does_not():
    flat, hill = painted(), painted()
    hill.height += 8 * np.exp(-(hill.x**2 + hill.y**2) / 400)
    before, after = shade(flat), shade(hill)
    contrast = {light: np.abs(after[light] / before[light] - 1).mean() for light in LIGHTS}
    assert contrast['LowAngleLight'] > 5 * contrast['UniformLight']


@pytest.mark.parametrize('slope, colour', [(0, 'red'), (23, 'green'), (42, 'blue')])
def test_the_solder_light_colours_slopes(slope, colour):
    scene = painted(metal=1.0)
    scene.height += scene.x * np.tan(np.deg2rad(slope))
    seen = shade(scene)['SolderLight'][32, 32]
    assert ('red', 'green', 'blue')[int(seen.argmax())] == colour


def test_the_white_light_sees_print_and_flat_metal():
    bare, printed = painted(), painted()
    printed.print_ink(np.ones((64, 64), np.float32), (0.9, 0.9, 0.9))
    before, after = shade(bare), shade(printed)
    brighter = {light: (after[light] / before[light]).mean() - 1 for light in LIGHTS}
    assert brighter['WhiteLight'] > 5 * max(value for light,
                                            value in brighter.items() if light != 'WhiteLight')
    flat, steep = painted(metal=1.0), painted(metal=1.0)
    steep.height += steep.x * 2
    assert shade(flat)['WhiteLight'].mean() > 3 * shade(steep)['WhiteLight'].mean()


@pytest.mark.parametrize('package', PACKAGES)
def test_little_solder_shows_in_the_solder_light(package):
    seen = visibility(site_of(package), 'little_solder')
    assert max(seen, key=seen.get) == 'SolderLight'
    assert seen['SolderLight'] > 4 * seen['UniformLight']


@pytest.mark.parametrize('package', ['sot23', 'soic8', 'diode'])
def test_a_wrong_print_shows_in_the_white_light(package):
    seen = visibility(site_of(package), 'wrong_part')
    assert seen['WhiteLight'] > 3 * max(value for light, value in seen.items() if light != 'WhiteLight')


@pytest.mark.parametrize('defect', DEFECTS)
def test_every_defect_shows_in_some_light(defect):
    for number in map(site_of, PACKAGES):
        site = board_sites(0)[number]
        if can_have(site, defect):
            good, bad = take_shot(0, 0, number, 64), take_shot(0, 0, number, 64, defect)
            assert max(change(good, bad, light) for light in LIGHTS) > 20, site.name
