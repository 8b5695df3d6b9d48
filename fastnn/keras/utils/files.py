"""Files from elsewhere, kept in Keras' folder."""
import hashlib
import os
import tarfile
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import warnings
import zipfile

from fastnn.training.messages import show
from fastnn.training.progbar import Progbar


def keras_home():
    """Where Keras keeps its files: ``KERAS_HOME``, or ``~/.keras``."""
    return os.path.expanduser(os.environ.get("KERAS_HOME", "~/.keras"))


def is_file(path, file_hash, algorithm="auto"):
    """Whether a file has this hash."""
    sha = algorithm == "sha256" or algorithm == "auto" and len(file_hash) == 64
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256" if sha else "md5")
    return found.hexdigest() == str(file_hash)


def _inside(folder, *parts):
    """Whether a path stays within a folder."""
    folder = os.path.realpath(folder)
    path = os.path.realpath(os.path.join(folder, *parts))
    return os.path.commonpath([path, folder]) == folder


def _kept(members, folder, name_of, link_of=lambda member: None):
    """The members of an archive that stay within the folder; the others are named in a warning."""
    for member in members:
        name, link = name_of(member), link_of(member)
        if _inside(folder, name) and (link is None or _inside(folder, link)):
            yield member
        else:
            warnings.warn(f"Skipping invalid path during archive extraction: '{name}'.", stacklevel=4)


def _link_of(member):
    if member.islnk():
        return member.linkname
    return os.path.join(os.path.dirname(member.name), member.linkname) if member.issym() else None


def extract_archive(path, folder, archive_format="auto"):
    """Unpack a tar or zip file; False if it is neither. What points out of the folder is left out.

    Raises
    ------
    NotImplementedError
        A format that is neither "tar" nor "zip".
    """
    formats = ["tar", "zip"] if archive_format == "auto" else \
        [archive_format] if isinstance(archive_format, str) else archive_format or []
    for kind in formats:
        if kind not in ("tar", "zip"):
            raise NotImplementedError(f"archive_format={kind!r} is not implemented; 'tar' and 'zip' are")
        if kind == "tar" and tarfile.is_tarfile(path):
            with tarfile.open(path) as archive:
                safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
                archive.extractall(folder, _kept(archive, folder, lambda m: m.name, _link_of), **safe)
            return True
        if kind == "zip" and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                archive.extractall(folder, _kept(archive.infolist(), folder, lambda m: m.filename))
            return True
    return False


def _download(origin, target):
    """Fetch a file with a progress bar; nothing is left behind if that fails."""
    bar = None

    def progress(block, size, total):
        nonlocal bar
        bar = bar or Progbar(total if total > 0 else None)
        done = block * size
        bar.update(done if total <= 0 else min(done, total))
    part = target + ".part"
    try:
        urllib.request.urlretrieve(origin, part, progress)
        os.replace(part, target)
    except urllib.error.HTTPError as error:
        raise Exception(f"URL fetch failure on {origin}: {error.code} -- {error.msg}") from error
    except urllib.error.URLError as error:
        raise Exception(f"URL fetch failure on {origin}: {error.errno} -- {error.reason}") from error
    finally:
        if os.path.exists(part):
            os.remove(part)


def get_file(fname=None, origin=None, untar=False, md5_hash=None, file_hash=None, cache_subdir="datasets",
             hash_algorithm="auto", extract=False, archive_format="auto", cache_dir=None, force_download=False):
    """Path of a file that is downloaded unless it is in the cache.

    Parameters
    ----------
    fname : str, optional
        Name in the cache; that of the origin without it. For an archive to be extracted, the folder's.
    origin : str
        Address.
    untar, extract : bool
        Whether to extract an archive; then the folder's path is returned.
    md5_hash, file_hash : str, optional
        Hash that the file must have: MD5, or SHA-256.
    cache_subdir, cache_dir : str
        The cache is ``cache_dir/cache_subdir``; `cache_dir` is ``KERAS_HOME`` or ``~/.keras`` by default.
    hash_algorithm : {"auto", "md5", "sha256"}
    archive_format : {"auto", "tar", "zip", None}
    force_download : bool
        Whether to ignore the cache.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        No origin, a path as `fname`, or a file of another hash.
    Exception
        The download failed.

    Examples
    --------
    >>> keras.utils.get_file(origin="https://example.org/data.csv")  # doctest: +SKIP
    """
    if origin is None:
        raise ValueError('Please specify the "origin" argument (URL of the file to download).')
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    base = os.path.expanduser(keras_home() if cache_dir is None else cache_dir)
    if cache_dir is None:
        try:
            os.makedirs(base, exist_ok=True)
        except OSError:
            pass
    if not os.access(base, os.W_OK):
        base = os.path.join(tempfile.gettempdir(), ".keras")
    folder = os.path.join(base, cache_subdir)
    os.makedirs(folder, exist_ok=True)
    name = os.fspath(fname) if fname else os.path.basename(urllib.parse.urlsplit(origin).path)
    if not name:
        raise ValueError(f"Can't parse the file name from the origin provided: '{origin}'. Please specify the `fname` "
                         f"argument.")
    if fname and os.sep in name:
        raise ValueError(f"Paths are no longer accepted as the `fname` argument. To specify the file's parent "
                         f"directory, use the `cache_dir` argument. Received: fname={name}")
    target, unpacked = os.path.join(folder, name), None
    if extract or untar:
        if fname and "." in name:
            unpacked = os.path.join(folder, f"{name[:name.find('.')]}_extracted")
        else:
            unpacked, target = target, f"{target}_archive"
    there = os.path.exists(target) and not force_download
    if there and file_hash is not None and not is_file(target, file_hash, hash_algorithm):
        show(f"A local file was found, but it seems to be incomplete or outdated because the {hash_algorithm} file "
             f"hash does not match the original value of {file_hash} so we will re-download the data.")
        there = False
    if not there:
        show(f"Downloading data from {origin}")
        _download(origin, target)
        if file_hash is not None and not is_file(target, file_hash, hash_algorithm):
            raise ValueError(f"Incomplete or corrupted file detected. The {hash_algorithm} file hash does not match "
                             f"the provided value of {file_hash}.")
    if unpacked is None:
        return target
    if not extract_archive(target, unpacked, "tar" if untar else archive_format):
        warnings.warn("Could not extract archive.", stacklevel=2)
    return unpacked
