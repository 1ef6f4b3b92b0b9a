// Pictures for the documentation, small: the same PNG with a palette of at most 256 colours. Pages have few
// colours; what falls together are rare shades at the edges of letters.

import { crc32, deflateSync, inflateSync } from 'node:zlib';

const COLOURS_MAX = 256;

/** The pixels of a PNG as a browser writes it: 8 bits a channel, RGB or RGBA, not interlaced. */
function pixels(png) {
  const [parts, header] = [[], {}];
  for (let at = 8; at < png.length; ) {
    const [length, kind] = [png.readUInt32BE(at), png.toString('latin1', at + 4, at + 8)];
    const data = png.subarray(at + 8, at + 8 + length);
    if (kind === 'IHDR') Object.assign(header, { width: data.readUInt32BE(0), height: data.readUInt32BE(4), channels: { 2: 3, 6: 4 }[data[9]] });
    if (kind === 'IDAT') parts.push(data);
    at += 12 + length;
  }
  const { width, height, channels } = header;
  const [raw, stride] = [inflateSync(Buffer.concat(parts)), width * channels];
  const out = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y += 1) {
    const filter = raw[y * (stride + 1)];
    for (let x = 0; x < stride; x += 1) {
      const left = x >= channels ? out[y * stride + x - channels] : 0;
      const up = y > 0 ? out[(y - 1) * stride + x] : 0;
      const corner = y > 0 && x >= channels ? out[(y - 1) * stride + x - channels] : 0;
      const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
      const paeth = a <= b && a <= c ? left : b <= c ? up : corner;
      out[y * stride + x] = raw[y * (stride + 1) + 1 + x] + [0, left, up, (left + up) >> 1, paeth][filter];
    }
  }
  return { width, height, channels, data: out };
}

function chunk(kind, data) {
  const body = Buffer.concat([Buffer.from(kind, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** The same picture with a palette: its most frequent colours as they are, every other as the nearest of them. */
export function withPalette(png) {
  const { width, height, channels, data } = pixels(png);
  const colourAt = (at) => (data[at] << 16) | (data[at + 1] << 8) | data[at + 2];
  const counts = new Map();
  for (let at = 0; at < data.length; at += channels) counts.set(colourAt(at), (counts.get(colourAt(at)) ?? 0) + 1);
  const palette = [...counts].sort((one, other) => other[1] - one[1]).slice(0, COLOURS_MAX).map(([colour]) => [colour >> 16, (colour >> 8) & 255, colour & 255]);
  const nearest = (colour) => {
    const far = palette.map(([red, green, blue]) => (red - (colour >> 16)) ** 2 + (green - ((colour >> 8) & 255)) ** 2 + (blue - (colour & 255)) ** 2);
    return far.indexOf(Math.min(...far));
  };
  const places = new Map([...counts.keys()].map((colour) => [colour, nearest(colour)]));
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) rows[y * (width + 1) + 1 + x] = places.get(colourAt((y * width + x) * channels));
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3, 0, 0, 0], 8);
  const parts = [chunk('IHDR', head), chunk('PLTE', Buffer.from(palette.flat())), chunk('IDAT', deflateSync(rows, { level: 9 })), chunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([png.subarray(0, 8), ...parts]);
}
