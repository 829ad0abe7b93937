"""Data files are found locally, or downloaded and verified; a bad copy is reported and never kept."""

import gzip
import hashlib
import http.server
import threading

import pooch
import pytest

from dilated_rnn_np.tasks import files
from dilated_rnn_np.tasks.files import DataError, DataFile, locate, read

CONTENT = b"to be or not to be, " * 50
OTHER = b"that is another question. " * 50
GOOD = gzip.compress(CONTENT, mtime=0)
FLIPPED = GOOD[:20] + bytes([GOOD[20] ^ 1]) + GOOD[21:]


class Mirror(http.server.ThreadingHTTPServer):
    """Serves ``answers[path] = (body, content length)`` and records the requested paths."""

    daemon_threads = True

    def __init__(self):
        self.answers = {
            "/good": (GOOD, len(GOOD)),
            "/plain": (CONTENT, len(CONTENT)),
            "/cut-transfer": (GOOD[:30], len(GOOD)),
            "/cut-gzip": (GOOD[:30], 30),
            "/flipped": (FLIPPED, len(FLIPPED)),
            "/other": (gzip.compress(OTHER), len(gzip.compress(OTHER))),
            "/empty": (b"", 0),
        }
        self.asked = []
        self.closing = threading.Event()
        super().__init__(("127.0.0.1", 0), Answer)

    def url(self, path):
        return f"http://127.0.0.1:{self.server_port}{path}"


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path == "/hangs":
            self.server.closing.wait()
        elif self.path not in self.server.answers:
            self.send_error(404)
        else:
            body, length = self.server.answers[self.path]
            self.send_response(200)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def mirror():
    with Mirror() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.closing.set()
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache folder for each test, no $DILATED_RNN_DATA, and no proxy for the local mirror."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(pooch, "os_cache", lambda project: folder)
    monkeypatch.delenv(files.VARIABLE, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return folder


def a_file(*urls):
    return DataFile("play.txt", files.sha256_of(CONTENT), urls, folder="plays")


def contents_of(folder):
    """All files and folders in a folder, hidden ones included, except the data set's own subfolder."""
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*")} - {"plays"}


@pytest.mark.parametrize(("path", "saved_as"), [("/good", "plays/play.txt.gz"), ("/plain", "plays/play.txt")])
def test_a_download_is_kept_for_the_next_read(mirror, cache, path, saved_as):
    file = a_file(mirror.url(path))
    assert locate(file) is None
    assert read(file) == CONTENT
    assert contents_of(cache) == {saved_as}
    assert locate(file) == cache / saved_as
    assert read(file) == CONTENT
    assert mirror.asked == [path]


BAD = {
    "/cut-transfer": "IncompleteRead",
    "/cut-gzip": "its gzip stream ends early, after 30 bytes",
    "/flipped": "its gzip stream is damaged",
    "/other": f"has SHA-256 {hashlib.sha256(OTHER).hexdigest()}, expected {hashlib.sha256(CONTENT).hexdigest()}",
    "/empty": "(0 bytes) has SHA-256",
    "/missing": "404",
}


@pytest.mark.parametrize("path", BAD)
def test_a_bad_mirror_is_reported_with_its_reason_and_leaves_nothing(mirror, cache, path):
    with pytest.raises(DataError) as caught:
        read(a_file(mirror.url(path)))
    message = str(caught.value)
    for part in ("play.txt", mirror.url(path), BAD[path], str(cache / "plays"), "--data-dir", "$DILATED_RNN_DATA"):
        assert part in message
    assert contents_of(cache) == set()


@pytest.mark.parametrize("path", BAD)
def test_the_second_mirror_is_used_where_the_first_fails(mirror, cache, path):
    assert read(a_file(mirror.url(path), mirror.url("/good"), mirror.url("/plain"))) == CONTENT
    assert mirror.asked == [path, "/good"]
    assert contents_of(cache) == {"plays/play.txt.gz"}


def test_all_mirrors_are_listed_if_all_fail(mirror):
    urls = [mirror.url(path) for path in BAD]
    with pytest.raises(DataError) as caught:
        read(a_file(*urls))
    lines = str(caught.value).splitlines()
    for url, reason in zip(urls, BAD.values(), strict=True):
        assert any(url in line and reason in line for line in lines)


def test_a_mirror_that_hangs_times_out(mirror, cache, monkeypatch):
    monkeypatch.setattr(files, "TIMEOUT", 0.2)
    with pytest.raises(DataError, match="timed out"):
        read(a_file(mirror.url("/hangs")))
    assert contents_of(cache) == set()


def test_an_interrupted_download_leaves_nothing(cache, monkeypatch):
    seen = []

    class Interrupted:
        def __init__(self, **_):
            pass

        def __call__(self, url, output_file, pooch):
            with open(output_file, "wb") as out:
                out.write(GOOD[:30])
            seen.extend(contents_of(cache))
            raise KeyboardInterrupt

    monkeypatch.setattr(pooch, "HTTPDownloader", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        read(a_file("http://127.0.0.1/never"))
    assert len(seen) == 2 and not any("play.txt" in name for name in seen)  # the partial file never has the final name
    assert contents_of(cache) == set()


def test_folders_are_searched_in_order_and_a_found_file_is_not_downloaded(mirror, cache, tmp_path, monkeypatch):
    given, named = tmp_path / "given", tmp_path / "named"
    file = a_file(mirror.url("/good"))
    for folder in (given, named, cache):
        (folder / "plays").mkdir(parents=True)
        (folder / "plays" / "play.txt.gz").write_bytes(GOOD)
    monkeypatch.setenv(files.VARIABLE, str(named))
    for folder in (given, named, cache):
        path = folder / "plays" / "play.txt.gz"
        assert locate(file, data_dir=given) == path
        assert read(file, data_dir=given) == CONTENT
        path.unlink()
    assert mirror.asked == []
    assert read(file, data_dir=given) == CONTENT
    assert mirror.asked == ["/good"]
    assert contents_of(given) == contents_of(named) == set()  # only the cache folder is written to
    assert contents_of(cache) == {"plays/play.txt.gz"}


@pytest.mark.parametrize("place", ["play.txt", "play.txt.gz", "plays/play.txt", "plays/play.txt.gz"])
def test_a_file_is_found_gzipped_or_not_and_with_or_without_its_folder(tmp_path, place):
    (tmp_path / "plays").mkdir()
    (tmp_path / place).write_bytes(GOOD if place.endswith(".gz") else CONTENT)
    assert read(a_file(), data_dir=str(tmp_path)) == CONTENT


def test_a_gz_file_whose_content_is_not_compressed_is_read(tmp_path):
    (tmp_path / "play.txt.gz").write_bytes(CONTENT)
    assert read(a_file(), data_dir=tmp_path) == CONTENT


@pytest.mark.parametrize("raw", [GOOD[:30], FLIPPED, gzip.compress(OTHER), OTHER, b""])
def test_a_damaged_local_file_is_reported_and_not_changed(mirror, tmp_path, raw):
    path = tmp_path / "play.txt.gz"
    path.write_bytes(raw)
    with pytest.raises(DataError) as caught:
        read(a_file(mirror.url("/good")), data_dir=tmp_path)
    for part in (str(path), "Delete it", "--data-dir", "$DILATED_RNN_DATA"):
        assert part in str(caught.value)
    assert path.read_bytes() == raw
    assert mirror.asked == []


def test_every_flipped_bit_and_truncation_that_changes_the_content_is_reported(tmp_path):
    path = tmp_path / "play.txt.gz"
    flipped = [GOOD[:i] + bytes([GOOD[i] ^ 1 << bit]) + GOOD[i + 1 :] for i in range(len(GOOD)) for bit in range(8)]
    reported = 0
    for raw in flipped + [GOOD[:length] for length in range(len(GOOD))]:
        path.write_bytes(raw)
        try:
            assert read(a_file(), data_dir=tmp_path) == CONTENT  # a time stamp in the header is not content
        except DataError:
            reported += 1
    assert reported > 0.8 * (len(flipped) + len(GOOD))


def test_a_file_may_have_its_own_digest_function(tmp_path):
    def sorted_words(content):
        if b"{" in content:
            raise ValueError("it is not a list of words")
        return files.sha256_of(b" ".join(sorted(content.split())))

    file = DataFile("words", files.sha256_of(b"a b c"), (), digest_of=sorted_words)
    for content in (b"c a b", b"b c a"):
        (tmp_path / "words").write_bytes(content)
        assert read(file, data_dir=tmp_path) == content
    for content, reason in ((b"a b d", "has SHA-256"), (b"{}", "it is not a list of words")):
        (tmp_path / "words").write_bytes(content)
        with pytest.raises(DataError, match=reason):
            read(file, data_dir=tmp_path)


def test_a_named_folder_must_exist(tmp_path, monkeypatch):
    missing = tmp_path / "missing"
    with pytest.raises(DataError, match=r"data_dir must be an existing folder, got .*missing"):
        read(a_file(), data_dir=missing)
    monkeypatch.setenv(files.VARIABLE, str(missing))
    with pytest.raises(DataError, match=r"\$DILATED_RNN_DATA must be an existing folder, got .*missing"):
        read(a_file())
    assert not missing.exists()


def test_an_unwritable_cache_folder_is_reported(mirror, cache):
    cache.write_bytes(b"a file where the folder should be")
    with pytest.raises(DataError) as caught:
        read(a_file(mirror.url("/good")))
    for part in ("play.txt cannot be downloaded into", str(cache), "writable", "--data-dir", "$DILATED_RNN_DATA"):
        assert part in str(caught.value)
    assert mirror.asked == []
