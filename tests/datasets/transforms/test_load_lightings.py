"""Loading the lightings of both sides with either decoder."""

import cv2
import numpy as np
import pytest
from PIL import Image

from mmchangenet.datasets.transforms import LoadLightings
from mmchangenet.imaging import ImageError
from mmchangenet.registry import TRANSFORMS

BACKENDS = ('cv2', 'pillow')


def load(*files, backend='cv2', golden=(), **results):
    sample = {'compare_files': [str(file) for file in files], 'golden_files': [str(file) for file in golden],
              **results}
    return LoadLightings(backend)(sample)['images']


@pytest.fixture
def save(tmp_path, picture):
    """A function that saves a picture as a file and returns the file."""

    def save(name, mode='RGB', seed=0, **options):
        Image.fromarray(picture(seed=seed)).convert(mode).save(tmp_path / name, **options)
        return tmp_path / name

    return save


def test_it_is_registered():
    assert isinstance(TRANSFORMS.build({'type': 'LoadLightings', 'backend': 'pillow'}), LoadLightings)


@pytest.mark.parametrize('backend', BACKENDS)
def test_the_compare_side_comes_first_in_the_files_order(save, picture, backend):
    files = [save(f'{seed}.png', seed=seed) for seed in range(4)]
    images = load(files[2], files[0], golden=[files[3], files[1]], backend=backend)
    for image, seed in zip(images, (2, 0, 3, 1), strict=True):
        assert np.array_equal(image, picture(seed=seed))


@pytest.mark.parametrize('name, mode, options', [
    ('a.jpg', 'RGB', {}), ('a.jpg', 'L', {}), ('a.jpg', 'RGB', {'progressive': True, 'quality': 95}),
    ('a.png', 'RGB', {}), ('a.png', 'RGBA', {}), ('a.png', 'LA', {}), ('a.png', 'L', {}), ('a.png', 'P', {}),
    ('a.png', '1', {}),
    ('a.png', 'P', {'transparency': 3}), ('a.png', 'L', {'transparency': 90}), ('a.bmp', 'RGB', {}),
    ('a.bmp', 'P', {}),
    ('a.tif', 'RGB', {}), ('a.tif', 'L', {'compression': 'tiff_lzw'}), ('a.webp', 'RGB', {'quality': 80}),
])
def test_both_decoders_give_the_same_bytes(save, name, mode, options):
    file = save(name, mode, **options)
    by_cv2, by_pillow = (load(file, backend=backend)[0] for backend in BACKENDS)
    assert by_cv2.dtype == by_pillow.dtype == np.uint8
    assert np.array_equal(by_cv2, by_pillow)


@pytest.mark.parametrize(('extension', 'shape'), [
    ('png', (20, 30)), ('png', (20, 30, 3)), ('png', (20, 30, 4)), ('tif', (20, 30)), ('tif', (20, 30, 3)),
])  # a TIFF with an alpha channel is an error
def test_both_decoders_divide_16_bit_values_by_257(tmp_path, shape, extension):
    values = np.random.default_rng(0).integers(0, 65536, shape).astype(np.uint16)
    cv2.imwrite(str(tmp_path / f'a.{extension}'), values)
    expected = np.rint(values / 257) if values.ndim == 3 else np.rint(values / 257)[..., None].repeat(3, 2)
    for backend in BACKENDS:
        image = load(tmp_path / f'a.{extension}', backend=backend)[0]
        assert np.array_equal(image, expected[..., 2::-1] if values.ndim == 3 else expected)


@pytest.mark.parametrize('backend', BACKENDS)
def test_exif_orientation_is_not_followed(save, backend):
    exif = Image.Exif()
    exif[0x112] = 6  # turned by 90 degrees
    assert np.array_equal(*load(save('a.jpg', exif=exif), save('b.jpg'), backend=backend))


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('name', ['a.jpg', 'a.png', 'a.bmp', 'a.tif'])
@pytest.mark.parametrize('kept', [0, 0.5, 0.9, -2])
def test_a_truncated_file_is_an_error_that_names_it(save, backend, name, kept):
    file = save(name)
    data = file.read_bytes()
    file.write_bytes(data[:int(kept * len(data)) if kept >= 0 else kept])
    with pytest.raises(ImageError, match=name):
        load(file, backend=backend)


@pytest.mark.parametrize('backend', BACKENDS)
def test_a_tail_of_zeros_is_an_error(save, backend):
    """Pillow and OpenCV alike take the zeros for pixels."""
    file = save('a.jpg')
    data = file.read_bytes()
    file.write_bytes(data[:-500] + bytes(500))
    with pytest.raises(ImageError, match='without its end'):
        load(file, backend=backend)


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('name, mode',
                         [('a.jpg', 'CMYK'), ('a.tif', 'CMYK'), ('a.tif', 'RGBA'), ('a.tif', 'F')])
def test_unusual_colours_are_an_error(save, backend, name, mode):
    with pytest.raises(ImageError, match='save it as'):
        load(save(name, mode), backend=backend)


@pytest.mark.parametrize('backend', BACKENDS)
def test_a_missing_file_is_an_error_that_names_it(tmp_path, backend):
    with pytest.raises(ImageError, match=r'C7_White\.jpg: No such file'):
        load(tmp_path / 'C7_White.jpg', backend=backend)


def test_a_blank_sample_is_black_and_reads_nothing(tmp_path):
    images = load(tmp_path / 'missing.jpg', golden=[tmp_path / 'missing too.jpg'], blank=True)
    assert len(images) == 2
    assert not any(image.any() for image in images)
    assert all(image.shape[2:] == (3, ) and image.dtype == np.uint8 for image in images)


def test_a_wrong_backend_is_named():
    with pytest.raises(ValueError,
                       match="backend='turbo' of LoadLightings is unknown, use one of .*cv2.*pillow"):
        LoadLightings('turbo')
