"""The cache of encoded goldens stays within its bytes and forgets what was used longest ago."""

import numpy as np
import pytest

from mmchangenet.runtime import GoldenCache


def code(size):
    return (np.zeros(size - 4, np.uint8), np.zeros(1, np.float32))


def test_the_least_recently_used_leaves_first():
    cache = GoldenCache(100)
    cache.put('a', code(40))
    cache.put('b', code(40))
    assert cache.get('a') is not None
    cache.put('c', code(40))
    assert [cache.get(key) is not None for key in 'abc'] == [True, False, True]
    assert (cache.num_bytes, cache.hits, cache.misses) == (80, 3, 1)


def test_what_is_too_large_is_not_kept_and_drives_nothing_out():
    cache = GoldenCache(100)
    cache.put('a', code(40))
    cache.put('b', code(101))
    assert len(cache) == 1 and cache.get('a') is not None


def test_a_key_again_counts_once():
    cache = GoldenCache(100)
    cache.put('a', code(40))
    cache.put('a', code(60))
    assert (len(cache), cache.num_bytes) == (1, 60)
    cache.clear()
    assert (len(cache), cache.num_bytes) == (0, 0)


def test_no_bytes_keep_nothing_and_fewer_cannot_be():
    cache = GoldenCache(0)
    cache.put('a', code(40))
    assert len(cache) == 0
    with pytest.raises(ValueError, match='-1'):
        GoldenCache(-1)
