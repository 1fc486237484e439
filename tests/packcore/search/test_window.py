"""The chunk index and the object cache keep recently used entries within their memory."""

from packcore.search.window import BYTES_PER_CHUNK, ChunkIndex, ObjectCache, SizeOrder


def test_a_chunk_maps_to_its_newest_object():
    index = ChunkIndex(10**6)
    index.add([1, 2], 7)
    index.add([2], 8)
    assert index.look_up([1, 2, 3]) == [7, 8, None]
    assert (index.get(2), index.get(3)) == (8, None)


def test_the_index_never_grows_beyond_its_memory():
    memory = 4096 * BYTES_PER_CHUNK
    index = ChunkIndex(memory)
    for number in range(20_000):
        index.add([number], number)
        assert len(index) <= memory // BYTES_PER_CHUNK + 2


def test_what_came_lately_outlives_what_came_long_ago():
    index = ChunkIndex(4096 * BYTES_PER_CHUNK)
    for number in range(20_000):
        index.add([number], number)
    assert index.look_up([0, 19_999, 19_000]) == [None, 19_999, 19_000]


def test_the_cache_reads_again_what_it_had_to_drop():
    asked = []

    def read(index):
        asked.append(index)
        return bytes(1000)

    read_cached = ObjectCache(3500).reader(read, [b"%d" % number for number in range(5)])
    for index in (1, 2, 3, 1, 4, 1, 2):
        assert read_cached(index) == bytes(1000)
    assert asked == [1, 2, 3, 4, 2]


def test_an_object_larger_than_the_cache_is_still_returned():
    assert ObjectCache(10).reader(lambda index: bytes(100), [b"0", b"1"])(1) == bytes(100)


def test_what_one_search_has_read_another_finds_by_its_own_number():
    cache = ObjectCache(10_000)
    cache.reader(lambda index: b"abc"[index : index + 1], [b"A", b"B", b"C"])(2)
    assert cache.reader(lambda index: b"read again", [b"C"])(0) == b"c"


def test_versions_of_the_nearest_sizes_are_given_nearest_first():
    sizes = SizeOrder()
    for index, size in enumerate([100, 300, 310, 90, 500]):
        sizes.add(7, size, index)
    assert sizes.nearest(7, 305, 3) == [1, 2, 4]
    assert sizes.nearest(7, 1, 1) == [3]
    assert sizes.nearest(7, 305, 0) == []


def test_sizes_of_another_path_are_forgotten():
    sizes = SizeOrder()
    sizes.add(7, 100, 0)
    assert sizes.nearest(8, 100, 2) == []
    sizes.add(8, 100, 1)
    assert sizes.nearest(8, 100, 2) == [1]
    assert sizes.nearest(7, 100, 2) == []
