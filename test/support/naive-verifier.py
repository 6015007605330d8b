"""A second reader of the audit log's public form: the specifications word for word, nothing shared
with the programs that are tested against it.

    naive-verifier.py FOLDER OUT

Prints size and root hash over the entries and fails where they are not the checkpoint's. Writes into
OUT what openssl needs to check the signature: key.der, text, signature.
"""

import base64
import hashlib
import os
import struct
import sys


def root(leaves):
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + root(leaves[:split]) + root(leaves[split:])).digest()


def path(level, index, width):
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    name = "/".join(["x" + group for group in groups[:-1]] + [groups[-1]])
    return f"tile/{level}/{name}" + ("" if width == 256 else f".p/{width}")


def main(folder, out):
    def read(name):
        with open(os.path.join(folder, name), "rb") as file:
            return file.read()

    def write(name, content):
        with open(os.path.join(out, name), "wb") as file:
            file.write(content)

    name, key_hash, key = read("audit-key.txt").decode().strip().split("+", 2)
    key = base64.b64decode(key)
    assert key[0] == 1 and len(key) == 33
    assert hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8] == key_hash

    text, signatures = read("checkpoint").decode().split("\n\n")
    origin, size, expected = text.split("\n")
    mark, signer, signature = signatures.strip().split(" ")
    signature = base64.b64decode(signature)
    assert (mark, signer, origin) == ("\u2014", name, name)
    assert signature[:4].hex() == key_hash
    write("key.der", bytes.fromhex("302a300506032b6570032100") + key[1:])
    write("text", text.encode() + b"\n")
    write("signature", signature[4:])

    size = int(size)
    leaves = []
    for index in range(-(-size // 256)):
        width = min(256, size - index * 256)
        bundle = read(path("entries", index, width))
        at = 0
        for _ in range(width):
            (length,) = struct.unpack_from(">H", bundle, at)
            leaves.append(hashlib.sha256(b"\x00" + bundle[at + 2 : at + 2 + length]).digest())
            at += 2 + length
        assert at == len(bundle)
        assert read(path(0, index, width)) == b"".join(leaves[index * 256 :])
    assert len(leaves) == size
    assert base64.b64encode(root(leaves)).decode() == expected
    print(size, root(leaves).hex())


main(sys.argv[1], sys.argv[2])
