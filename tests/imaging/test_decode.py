"""Reading image files: every ordinary kind rightly, everything else with an error that names the file."""

import os

import cv2
import numpy as np
import pytest
from PIL import Image

from mmchangenet.imaging import ImageError, read_bytes, read_image
from mmchangenet.imaging.file_format import declared_size

SAVED = {
    'jpg': dict(quality=90),
    'png': {},
    'bmp': {},
    'tif': {},
    'webp': dict(lossless=True),
}


@pytest.fixture
def saved(tmp_path, picture):
    """A function that saves a picture as a file and returns the file."""

    def save(name, mode='RGB', pixels=None, **options):
        file = tmp_path / name
        Image.fromarray(picture() if pixels is None else pixels).convert(mode).save(file, **options)
        return file

    return save


@pytest.mark.parametrize('extension', SAVED)
@pytest.mark.parametrize('mode', ['RGB', 'L'])
def test_ordinary_files_are_read_as_pillow_reads_them(saved, extension, mode):
    file = saved(f'a.{extension}', mode, **SAVED[extension])
    image = read_image(file)
    assert image.dtype == np.uint8
    assert np.array_equal(image, np.asarray(Image.open(file).convert('RGB')))


@pytest.mark.parametrize('options', [dict(progressive=True), dict(subsampling=0), dict(quality=30), dict(optimize=True)])
def test_all_sorts_of_jpeg_are_read_as_pillow_reads_them(saved, options):
    file = saved('a.jpg', **options)
    assert np.array_equal(read_image(file), np.asarray(Image.open(file)))


@pytest.mark.parametrize('mode', ['1', 'P'])
@pytest.mark.parametrize('extension', ['png', 'bmp', 'tif'])
def test_palette_and_one_bit_images_become_rgb(saved, mode, extension):
    file = saved(f'a.{extension}', mode)
    assert np.array_equal(read_image(file), np.asarray(Image.open(file).convert('RGB')))


def test_16_bit_values_are_divided_by_257_and_rounded(tmp_path):
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    expected = np.rint(np.arange(65536) / 257).reshape(256, 256, 1).repeat(3, 2)
    for name in ('a.png', 'a.tif'):
        cv2.imwrite(str(tmp_path / name), values)
        assert np.array_equal(read_image(tmp_path / name), expected)


def test_16_bit_colours_keep_their_order(tmp_path):
    colours = np.random.default_rng(0).integers(0, 65536, (9, 11, 3)).astype(np.uint16)
    cv2.imwrite(str(tmp_path / 'a.png'), colours[..., ::-1])
    assert np.array_equal(read_image(tmp_path / 'a.png'), np.rint(colours / 257))


@pytest.mark.parametrize('grey', [False, True])
def test_alpha_is_left_out_without_touching_the_colours(tmp_path, picture, grey):
    colours = picture()
    if grey:
        colours = np.repeat(colours[..., :1], 3, 2)
    image = Image.fromarray(colours)
    image.putalpha(Image.fromarray(picture(seed=1)[..., 0]))
    image.convert('LA' if grey else 'RGBA').save(tmp_path / 'a.png')
    assert np.array_equal(read_image(tmp_path / 'a.png'), colours)


def test_a_transparent_palette_is_opaque(saved, picture):
    file = saved('a.png', 'P', transparency=bytes(range(256)))
    assert np.array_equal(read_image(file),
                          np.asarray(saved('b.png', 'P') and Image.open(file).convert('RGBA'))[..., :3])


def test_exif_orientation_is_not_followed(saved, picture):
    exif = Image.Exif()
    exif[0x112] = 6  # turned by 90 degrees
    assert np.array_equal(read_image(saved('a.jpg', exif=exif)), read_image(saved('b.jpg')))


def test_bytes_after_the_end_do_no_harm(saved):
    for name in ('a.jpg', 'a.png'):
        file = saved(name)
        expected = read_image(file)
        file.write_bytes(file.read_bytes() + b'\0' * 100)
        assert np.array_equal(read_image(file), expected)


@pytest.mark.parametrize('extension', SAVED)
@pytest.mark.parametrize('missing', [1, 2, 12, 0.1, 0.5, 0.99])
def test_a_file_that_was_cut_off_is_an_error(saved, extension, missing):
    file = saved(f'a.{extension}', **SAVED[extension])
    data = file.read_bytes()
    file.write_bytes(data[:-(missing if missing >= 1 else int(missing * len(data)))])
    with pytest.raises(ImageError, match=rf'a\.{extension}: .*cut off'):
        read_image(file)


def test_a_jpeg_that_was_cut_off_after_its_thumbnail_is_an_error(saved):
    """The thumbnail in the header has an end marker of its own."""
    thumbnail = saved('thumbnail.jpg').read_bytes()
    file = saved('a.jpg', exif=b'Exif\0\0' + thumbnail)
    data = file.read_bytes()
    file.write_bytes(data[:-200])
    with pytest.raises(ImageError, match='a JPEG without its end'):
        read_image(file)
    file.write_bytes(data[:data.index(thumbnail) + len(thumbnail)])
    with pytest.raises(ImageError, match='a.jpg'):
        read_image(file)


@pytest.mark.parametrize('extension', ['jpg', 'png'])
def test_a_file_whose_tail_was_never_written_is_an_error(saved, extension):
    file = saved(f'a.{extension}')
    data = file.read_bytes()
    file.write_bytes(data[:len(data) // 2] + bytes(len(data) - len(data) // 2))
    with pytest.raises(ImageError, match='without its end'):
        read_image(file)


def test_a_png_with_a_wrong_byte_is_an_error(saved):
    file = saved('a.png')
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(ImageError, match=r'a\.png: damaged'):
        read_image(file)


@pytest.mark.parametrize('content, reason', [
    (b'', r'empty file \(0 bytes\)'),
    (b'input_path,label', 'not an image of the formats'),
])
def test_what_is_no_image_is_an_error(tmp_path, content, reason):
    (tmp_path / 'a.jpg').write_bytes(content)
    with pytest.raises(ImageError, match=rf'a\.jpg: {reason}'):
        read_image(tmp_path / 'a.jpg')


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(ImageError, match=r'b\.png: No such file'):
        read_image(tmp_path / 'b.png')
    with pytest.raises(ImageError, match='no regular file'):
        read_image(tmp_path)


@pytest.mark.parametrize('extension, mode', [('jpg', 'CMYK'), ('tif', 'CMYK'), ('tif', 'RGBA'), ('tif', 'F')])
def test_colours_that_decoders_take_differently_are_an_error(saved, extension, mode):
    with pytest.raises(ImageError, match='save it as'):
        read_image(saved(f'a.{extension}', mode))


def encoded(image, ending, *settings):
    return cv2.imencode(ending, image, [*settings])[1].tobytes()


@pytest.mark.parametrize(('ending', 'settings'), [
    ('.jpg', ()), ('.jpg', (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)), ('.tif', (cv2.IMWRITE_TIFF_COMPRESSION, 5))])
def test_what_the_decoder_had_to_make_up_is_damaged(picture, tmp_path, ending, settings, capfd):
    data = encoded(picture(160, 160), ending, *settings)
    (tmp_path / 'good').write_bytes(data)
    assert read_image(tmp_path / 'good').shape == (160, 160, 3)
    half = len(data) // 3 if ending == '.tif' else len(data) // 2
    damaged = data[:half] + (bytes(40) + data[half + 40:] if ending == '.tif' else b'\xff\xd9')
    (tmp_path / 'bad').write_bytes(damaged)
    with pytest.raises(ImageError, match='bad: damaged, the decoder made up a part of it'):
        read_image(tmp_path / 'bad')


def test_a_grey_image_is_no_damage(tmp_path):
    (tmp_path / 'grey.jpg').write_bytes(encoded(np.full((40, 40, 3), 128, np.uint8), '.jpg'))
    assert (read_image(tmp_path / 'grey.jpg') == 128).all()


@pytest.mark.parametrize('ending', ['.png', '.jpg', '.bmp', '.tif', '.webp'])
def test_sizes_are_looked_at_before_decoding(picture, tmp_path, ending):
    (tmp_path / 'image').write_bytes(encoded(picture(50, 60), ending))
    assert declared_size((tmp_path / 'image').read_bytes()) == (50, 60)
    assert read_bytes(tmp_path / 'image', max_pixels=3000)
    with pytest.raises(ImageError, match='60×50 pixels, more than'):
        read_bytes(tmp_path / 'image', max_pixels=2999)


def test_a_pipe_is_no_image_and_nobody_waits_for_it(tmp_path):
    os.mkfifo(tmp_path / 'pipe.png')
    for file in (tmp_path / 'pipe.png', '/dev/zero', tmp_path):
        with pytest.raises(ImageError, match='no regular file'):
            read_image(file)
    with pytest.raises(ImageError):
        read_image('a\0b.png')
