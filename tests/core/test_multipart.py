"""Are the parts of a form found, and is anything else refused?"""

from __future__ import annotations

from contextlib import suppress

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.errors import InvalidInput
from tidings.core.multipart import FormPart, read_parts

KIND = "multipart/form-data; boundary=XX"
HEAD = b'--XX\r\nContent-Disposition: form-data; name="a"\r\n\r\n'


@given(st.binary(max_size=200), st.text(alphabet="ab .ä", min_size=1, max_size=8))
async def test_what_a_client_sends_is_read_byte_for_byte(content: bytes, name: str) -> None:
    form = aiohttp.MultipartWriter("form-data")
    part = form.append(content, {"Content-Type": "text/csv"})
    part.set_content_disposition("form-data", quote_fields=False, name="file", filename=name)
    other = form.append('{"format":"csv"}')
    other.set_content_disposition("form-data", name="metaData")
    raw = await form.as_bytes()
    found = read_parts(form.content_type, raw)
    assert found["file"] == FormPart(content, found["file"].file_name, "text/csv")
    assert found["metaData"].content == b'{"format":"csv"}'
    assert set(found) == {"file", "metaData"}


def test_of_several_parts_with_one_name_the_first_counts_and_what_stands_around_does_not() -> None:
    body = b"before\r\n" + HEAD + b"1\r\n" + HEAD + b"2\r\n--XX--\r\nafter"
    assert read_parts('multipart/form-data; boundary="XX"', body)["a"].content == b"1"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=", b""),
        (f"multipart/form-data; boundary={'x' * 71}", b""),
        (KIND, b""),
        (KIND, b"junk"),
        (KIND, HEAD + b"1"),
        (KIND, b"--XX\r\nno head"),
        (KIND, b"--XX\r\nContent-Disposition: form-data\r\n\r\n1\r\n--XX--"),
        (KIND, (HEAD + b"1\r\n") * 30 + b"--XX--"),
    ],
)
def test_what_is_no_form_is_refused(kind: str, body: bytes) -> None:
    with pytest.raises(InvalidInput):
        read_parts(kind, body)


@given(st.text(max_size=60), st.binary(max_size=100))
def test_nothing_breaks_it(kind: str, body: bytes) -> None:
    for each in (kind, f"multipart/form-data; boundary={kind}", KIND):
        for sent in (body, HEAD + body + b"\r\n--XX--", b"--XX\r\n" + body + b"\r\n\r\n1\r\n--XX--"):
            with suppress(InvalidInput):
                read_parts(each, sent)
