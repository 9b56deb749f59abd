// Files as one .zip, stored as they are: pictures are compressed already.

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? 0xedb88320 ^ (byte >>> 1) : byte >>> 1;
  return byte;
});

/**
 * @param {{ name: string, blob: Blob }[]} files
 * @returns {Promise<Blob>} an archive as PKWARE's APPNOTE 6.3.10 describes it, names in UTF-8
 */
export async function zip(files) {
  const [parts, directory] = [[], []];
  let offset = 0;
  for (const { name, blob } of files) {
    const encoded = new TextEncoder().encode(name);
    const checksum = crc32(new Uint8Array(await blob.arrayBuffer()));
    // version, UTF-8 names, stored, time, date, checksum, both sizes, length of the name, no extra field
    const common = [[20, 2], [0x0800, 2], [0, 2], ...now(), [checksum, 4], [blob.size, 4], [blob.size, 4], [encoded.length, 2], [0, 2]];
    const header = packed([[0x04034b50, 4], ...common]);
    parts.push(header, encoded, blob);
    // no comment, disk 0, attributes, where the file's header is
    directory.push(packed([[0x02014b50, 4], [20, 2], ...common, [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]]), encoded);
    offset += header.length + encoded.length + blob.size;
  }
  const length = directory.reduce((sum, part) => sum + part.length, 0);
  const count = [files.length, 2];
  const end = packed([[0x06054b50, 4], [0, 2], [0, 2], count, count, [length, 4], [offset, 4], [0, 2]]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}

function crc32(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = TABLE[(sum ^ byte) & 255] ^ (sum >>> 8);
  return ~sum >>> 0;
}

// Time and date as MS-DOS had them.
function now() {
  const time = new Date();
  const clock = (time.getHours() << 11) | (time.getMinutes() << 5) | (time.getSeconds() >> 1);
  return [[clock, 2], [((time.getFullYear() - 1980) << 9) | ((time.getMonth() + 1) << 5) | time.getDate(), 2]];
}

// Numbers of some bytes each, little-endian.
function packed(fields) {
  return Uint8Array.from(fields.flatMap(([value, count]) => Array.from({ length: count }, (_, k) => (value / 256 ** k) & 255)));
}
