"""Says of a PNG on standard input how wide and high it is, how many colours it has, and how much of it is not background.

Prints JSON. Reads what Chromium writes: 8 bits a channel, RGB or RGBA, not interlaced.
"""

import collections
import json
import struct
import sys
import zlib

data = sys.stdin.buffer.read()
assert data[:8] == b"\x89PNG\r\n\x1a\n", "no PNG"
at, packed, head = 8, b"", None
while at < len(data):
    (length,) = struct.unpack(">I", data[at : at + 4])
    kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
    if kind == b"IHDR":
        head = struct.unpack(">IIBBBBB", content)
    elif kind == b"IDAT":
        packed += content
    at += 12 + length

width, height, depth, colour, _, _, interlaced = head
assert depth == 8 and colour in (2, 6) and not interlaced, "another kind of PNG"
step = 3 if colour == 2 else 4
raw, stride = zlib.decompress(packed), width * step


def paeth(a, b, c):
    p = a + b - c
    return min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]


above, colours, last_column = bytearray(stride), collections.Counter(), collections.Counter()
for y in range(height):
    start = y * (stride + 1)
    how, row = raw[start], bytearray(raw[start + 1 : start + 1 + stride])
    if how == 2:
        row = bytearray((a + b) & 255 for a, b in zip(row, above))
    elif how:
        for x in range(stride):
            left = row[x - step] if x >= step else 0
            corner = above[x - step] if x >= step else 0
            guess = (left, 0, (left + above[x]) // 2, paeth(left, above[x], corner))[how - 1]
            row[x] = (row[x] + guess) & 255
    colours.update(bytes(row[x : x + 3]) for x in range(0, stride, step))
    above = row

background = colours.most_common(1)[0][1]
facts = {"width": width, "height": height, "colours": len(colours), "inked": 1 - background / (width * height)}
json.dump(facts, sys.stdout)
